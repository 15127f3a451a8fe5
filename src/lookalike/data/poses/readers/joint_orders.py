"""Points in somebody's order as the 18 joints of `lookalike.data.poses.poses`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.data.poses.poses import JOINTS
from lookalike.errors import UserError

Joints = NDArray[np.float32]
Size = tuple[float, float]

OPENPOSE_THRESHOLD = 0.05  # OpenPose and AlphaPose show no joint they are less sure of
THRESHOLD = 0.3  # MMPose's: estimators that place every joint, seen or not, are less sure of many

NECK = JOINTS.index("neck")
SHOULDERS = [JOINTS.index("right_shoulder"), JOINTS.index("left_shoulder")]
FACE = ("nose", "right_eye", "left_eye", "right_ear", "left_ear")  # what a format may lack
BETWEEN, LACKING = -1, -2  # for a point's number: between the shoulders; the format has none
COCO = (0, BETWEEN, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3)
# Our joint j is point ORDER[count][j] of a format with so many points.
ORDER = {
    17: COCO,
    18: tuple(range(18)),  # OpenPose's COCO model
    25: (*range(8), *range(9, 19)),  # OpenPose's BODY_25: 8 is the middle of the hips
    # COCO's 17 come first in these. Halpe's own neck isn't OpenPose's, the middle of the shoulders.
    23: COCO,  # COCO with feet
    26: COCO,  # Halpe's body
    68: COCO,  # Halpe without faces
    133: COCO,  # COCO-WholeBody
    136: COCO,  # Halpe
}


class Table(dict[str, Joints]):
    """Name of an image → 18×3 float32: x, y, 1 where known (else 0, 0, 0).

    sizes: height and width of the images that x and y are pixels of, by name, where the source
    states them.
    """

    def __init__(self, *args: Any, sizes: dict[str, Size] | None = None) -> None:
        super().__init__(*args)
        self.sizes = sizes or {}


def arranged(
    values: Any,
    where: str,
    order: Sequence[int] | None = None,
    width: int = 3,
    threshold: float = 0.0,
) -> Joints:
    """The 18 joints of one person: 18×3 float32.

    values: the points, P×width numbers, nested or flat: x, y and what is above 0, and not below
    `threshold`, where the point is known; of width 2, it is known where neither is negative.
    order: the point of each joint, by default from the number of points. Raises UserError, which
    begins with `where`.
    """
    try:
        points = np.asarray(values, np.float64).reshape(-1, width)
    except (OverflowError, TypeError, ValueError):
        raise UserError(f"{where}: not {width} numbers for each of the joints.") from None
    if order is None:
        if len(points) not in ORDER:
            counts = ", ".join(str(count) for count in sorted(ORDER) if count != len(JOINTS))
            raise UserError(f"{where}: {len(points)} points; a pose has 18 (or {counts}).")
        order = ORDER[len(points)]
    joints = np.zeros((len(JOINTS), 3), np.float64)
    at = np.array(order)
    joints[:, :2] = points[at, :2]
    if width == 3:
        joints[:, 2] = (points[at, 2] > 0) & (points[at, 2] >= threshold)
    else:
        joints[:, 2] = ~(points[at] < 0).any(1)
    joints[at == LACKING] = 0
    if order[NECK] == BETWEEN:
        sides = joints[SHOULDERS]
        joints[NECK] = (*sides[:, :2].mean(0), sides[:, 2].min())
    joints[joints[:, 2] == 0] = 0
    with np.errstate(over="ignore"):  # too far is infinitely far
        return joints.astype(np.float32)


def named_order(names: Sequence[str], where: str) -> tuple[int, ...]:
    """The point of each of our joints among points with these `names` ("left_eye", "L Eye" …).

    Joints of the face may be lacking (PoseTrack has no eyes). Raises UserError if others are.
    """
    points = [str(name).strip().lower().replace(" ", "_").replace("-", "_") for name in names]
    lacking = [joint for joint in JOINTS if joint not in (*FACE, "neck") and joint not in points]
    if lacking:
        raise UserError(f"{where}: no {lacking[0]} among the names of its key points.")
    order = {joint: points.index(joint) if joint in points else LACKING for joint in JOINTS}
    if "neck" not in points:
        order["neck"] = BETWEEN
    return tuple(order.values())


def merge(table: Table, more: Table, where: str) -> None:
    """Adds the poses of `more`; raises UserError where a name has another pose already."""
    for name, joints in more.items():
        old = table.setdefault(name, joints)
        if old is not joints and not np.array_equal(old, joints, equal_nan=True):
            raise UserError(f"{where}: '{name}' has two different poses.")
    table.sizes.update(more.sizes)


def stated_size(value: dict[str, Any], where: str) -> Size | None:
    """Height and width that JSON's `value` states of its image or canvas, if it does."""
    for end in ("canvas_", "image_", ""):
        size = value.get(f"{end}height"), value.get(f"{end}width")
        if size in ((None, None), (0, 0)):  # (some tools' word for unknown)
            continue
        if not all(isinstance(side, int | float) and 0 < side < np.inf for side in size):
            raise UserError(f"{where}: its size, {size[0]}×{size[1]}, isn't two numbers above 0.")
        return size  # type: ignore[return-value]  # as just seen
    return None
