"""Poses of anybody's crops, by MediaPipe's pose model: `estimate_folder` writes a table of them."""

from lookalike.data.poses.estimate.in_folder import Estimated, estimate_folder

__all__ = ["Estimated", "estimate_folder"]
