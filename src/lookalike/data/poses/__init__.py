"""Poses of crops: the one form in memory, readers of every format, and an estimator."""

from lookalike.data.poses.form import JOINTS, LIMBS, MIRROR, Poses, cleaned

__all__ = ["JOINTS", "LIMBS", "MIRROR", "Poses", "cleaned"]
