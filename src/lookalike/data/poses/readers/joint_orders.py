"""Points in somebody's order as the 18 joints of `lookalike.data.poses.poses`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.data.poses.poses import JOINTS
from lookalike.errors import UserError

Joints = NDArray[np.float32]
Table = dict[str, Joints]
"""Name of an image → 18×3 float32: x, y in pixels, 1 where known (else 0, 0, 0)."""

NECK = JOINTS.index("neck")
SHOULDERS = [JOINTS.index("right_shoulder"), JOINTS.index("left_shoulder")]
# Our joint j is point ORDER[count][j] of a format with so many points; −1: between the shoulders.
ORDER = {
    17: (0, -1, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3),  # COCO
    18: tuple(range(18)),  # OpenPose's COCO model
    25: (*range(8), *range(9, 19)),  # OpenPose's BODY_25: 8 is the middle of the hips
}


def arranged(values: Any, where: str, order: Sequence[int] | None = None, width: int = 3) -> Joints:
    """The 18 joints of one person: 18×3 float32.

    values: the points, P×width numbers, nested or flat: x, y and what is above 0 where the point is
    known; of width 2, it is known where neither is negative. order: the point of each joint, by
    default from the number of points. Raises UserError, which begins with `where`.
    """
    try:
        points = np.asarray(values, np.float64).reshape(-1, width)
    except (OverflowError, TypeError, ValueError):
        raise UserError(f"{where}: not {width} numbers for each of the joints.") from None
    if order is None:
        if len(points) not in ORDER:
            raise UserError(f"{where}: {len(points)} points; a pose has 18 (or 17 or 25).")
        order = ORDER[len(points)]
    joints = np.zeros((len(JOINTS), 3), np.float64)
    at = np.array(order)
    joints[:, :2] = points[at, :2]
    joints[:, 2] = (points[at, 2] > 0) if width == 3 else ~(points[at] < 0).any(1)
    if order[NECK] < 0:
        sides = joints[SHOULDERS]
        joints[NECK] = (*sides[:, :2].mean(0), sides[:, 2].min())
    joints[joints[:, 2] == 0] = 0
    with np.errstate(over="ignore"):  # too far is infinitely far
        return joints.astype(np.float32)


def named_order(names: Sequence[str], where: str) -> tuple[int, ...]:
    """The point of each of our joints among points with these `names` ("left_eye", "L Eye" …)."""
    points = [str(name).strip().lower().replace(" ", "_").replace("-", "_") for name in names]
    lacking = [joint for joint in JOINTS if joint != "neck" and joint not in points]
    if lacking:
        raise UserError(f"{where}: no {lacking[0]} among the names of its key points.")
    return tuple(points.index(joint) if joint in points else -1 for joint in JOINTS)


def merge(table: Table, more: Table, where: str) -> None:
    """Adds the poses of `more`; raises UserError where a name has another pose already."""
    for name, joints in more.items():
        old = table.setdefault(name, joints)
        if old is not joints and not np.array_equal(old, joints, equal_nan=True):
            raise UserError(f"{where}: '{name}' has two different poses.")
