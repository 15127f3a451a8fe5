"""Poses as OpenPose writes them: people with pose_keypoints_2d, x, y and confidence of each."""

from __future__ import annotations

from typing import Any

import numpy as np

from lookalike.data.poses.poses import JOINTS
from lookalike.data.poses.readers.joint_orders import Joints, arranged
from lookalike.errors import UserError

KEYS = ("pose_keypoints_2d", "pose_keypoints")
END = "_keypoints"  # how OpenPose ends the name of an image's file


def is_openpose(value: Any) -> bool:
    """Is that the JSON of one image?"""
    return isinstance(value, dict) and "people" in value


def read_people(value: dict[str, Any], where: str) -> Joints:
    """The person whose points have the highest total confidence; nobody: all joints missing.

    18 points are those of OpenPose's COCO model, 25 of its BODY_25.
    """
    people = value["people"]
    if not isinstance(people, list) or not all(isinstance(person, dict) for person in people):
        raise UserError(f"{where}: 'people' isn't a list of people.")
    best, highest = np.zeros((len(JOINTS), 3), np.float32), 0.0
    for person in people:
        points = next((person[key] for key in KEYS if key in person), None)
        if points is None:
            raise UserError(f"{where}: a person has no {KEYS[0]}.")
        if not points:
            continue
        joints = arranged(points, where)
        score = float(np.asarray(points, np.float64).reshape(-1, 3)[:, 2].sum())
        if score > highest:
            best, highest = joints, score
    return best
