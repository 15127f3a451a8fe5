"""Poses in files, whoever wrote them: `read_poses` tells the formats apart.

In the order to read them: `read`, which file has which format, and `any_json`, which JSON; `text`,
`openpose`, `coco` and `pickles`, a format each; `joint_orders`, how their points become our 18
joints.
"""

from lookalike.data.poses.readers.read import read_poses

__all__ = ["read_poses"]
