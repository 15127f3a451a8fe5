"""Poses of anybody's crops, by MediaPipe's pose model: `estimate_folder` writes a table of them.

In the order to read them: `in_folder`, the whole job; `pose`, the pose in one crop; `landmarker`,
the model; `poses_csv`, the table; `worker`, a process that estimates.
"""

from lookalike.data.poses.estimate.in_folder import EstimationSummary, estimate_folder

__all__ = ["EstimationSummary", "estimate_folder"]
