"""Poses as OpenPose writes them: people with pose_keypoints_2d, x, y and confidence of each."""

from __future__ import annotations

from typing import Any

import numpy as np

from lookalike.data.poses.poses import JOINTS
from lookalike.data.poses.readers.joint_orders import (
    OPENPOSE_THRESHOLD,
    Joints,
    Table,
    arranged,
    stated_size,
)
from lookalike.errors import UserError

PEOPLE = ("people", "bodies")  # the second as AlphaPose's format "cmu" has it
KEYS = ("pose_keypoints_2d", "pose_keypoints", "joints")
NAMES = ("name", "image_name", "image_path", "file_name", "image_id")
END = "_keypoints"  # how OpenPose ends the name of an image's file


def is_openpose(value: Any) -> bool:
    """Is that the JSON of one image?"""
    return isinstance(value, dict) and any(key in value for key in PEOPLE)


def read_openpose(
    value: dict[str, Any], name: str | None, where: str, threshold: float | None
) -> Table:
    """The pose of the one image that `value` is of; `name` is its name if it doesn't say.

    Its size is that of the canvas that `value` states, if it does.
    """
    name = next((value[key] for key in NAMES if isinstance(value.get(key), str)), name)
    if name is None:
        raise UserError(f"{where}: no 'name' of its image.")
    size = stated_size(value, where)
    joints = _surest(value, where, OPENPOSE_THRESHOLD if threshold is None else threshold)
    return Table({name: joints}, sizes={} if size is None else {name: size})


def _surest(value: dict[str, Any], where: str, threshold: float) -> Joints:
    """The person whose points have the highest total confidence; nobody: all joints missing.

    18 points are those of OpenPose's COCO model, 25 of its BODY_25.
    """
    key = next(key for key in PEOPLE if key in value)
    people = value[key]
    if not isinstance(people, list) or not all(isinstance(person, dict) for person in people):
        raise UserError(f"{where}: '{key}' isn't a list of people.")
    best, highest = np.zeros((len(JOINTS), 3), np.float32), 0.0
    for person in people:
        points = next((person[key] for key in KEYS if key in person), None)
        if points is None:
            raise UserError(f"{where}: a person has no {KEYS[0]}.")
        if not points:
            continue
        joints = arranged(points, where, threshold=threshold)
        score = float(np.asarray(points, np.float64).reshape(-1, 3)[:, 2].sum())
        if score > highest:
            best, highest = joints, score
    return best
