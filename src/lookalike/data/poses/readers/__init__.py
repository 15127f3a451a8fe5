"""Poses in files, whoever wrote them: `read_poses` tells the formats apart."""

from lookalike.data.poses.readers.read import read_poses

__all__ = ["read_poses"]
