"""Poses of crops: the one form in memory, readers of every format, and an estimator."""

from lookalike.data.poses.poses import JOINTS, LIMBS, MIRROR, Poses, cleaned
from lookalike.data.poses.readers import read_poses

__all__ = ["JOINTS", "LIMBS", "MIRROR", "Poses", "cleaned", "read_poses"]
