"""Poses of crops: the one form in memory, readers of every format, and an estimator.

In the order to read them: `poses`, the form; `with_poses`, a benchmark with those of its people,
`of_file`, those that a file has, with `match`, which name there is which image, `scale`, whose
pixels it counts in, and `plausible`, whether that can be; `readers`, the formats; `estimate`, poses
of images that have none.
"""

from lookalike.data.poses.poses import JOINTS, LIMBS, MIRROR, Poses, cleaned
from lookalike.data.poses.readers import read_poses

__all__ = ["JOINTS", "LIMBS", "MIRROR", "Poses", "cleaned", "read_poses"]
