"""From the coordinates of a source of poses to pixels of the image files."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lookalike.data.poses.readers.joint_orders import Size
from lookalike.errors import UserError

FRAME = (256, 176)  # height and width of Pose-Transfer's pictures of DeepFashion
IMAGE, UNIT, SIGNED = "image", "unit", "signed"
CHOICES = (
    f"HEIGHTxWIDTH in pixels, {IMAGE} (pixels of each image as it is), {UNIT} (0 to 1) or {SIGNED} "
    "(−1 to 1)"
)


def scaled(
    joints: NDArray[np.float32],
    sizes: NDArray[np.int64],
    stated: Sequence[Size | None],
    pose_size: str | None = None,
) -> NDArray[np.float32]:
    """The joints in pixels of their images: N×18×3, as `joints`.

    sizes: N×2, height and width of the image files. stated: the height and width that the source
    says x and y are pixels of, by image. pose_size: what somebody says instead: such a size,
    "256x128", for all; "image", each image's own; "unit", 0 to 1; "signed", −1 to 1.
    Raises UserError on another pose_size.
    """
    if pose_size == IMAGE:
        return joints
    joints = joints.copy()
    if pose_size == SIGNED:
        joints[..., :2] = (joints[..., :2] + 1) / 2
    bases = np.array(sizes, np.float64)
    if pose_size is not None:
        bases[:] = (1, 1) if pose_size in (UNIT, SIGNED) else parsed_size(pose_size)
    else:
        for row, size in enumerate(stated):
            if size is not None:
                bases[row] = size
    scale = (sizes / bases)[:, None, ::-1]
    with np.errstate(over="ignore", invalid="ignore"):  # far outside, or no number: missing
        joints[..., :2] *= scale
    if pose_size in (UNIT, SIGNED):  # 1 is the last pixel
        ends = np.nextafter(sizes[:, None, ::-1].astype(np.float32), np.float32(0))
        is_end = joints[..., :2] == sizes[:, None, ::-1]
        joints[..., :2] = np.where(is_end, ends, joints[..., :2])
    joints[joints[..., 2] == 0] = 0
    return joints


def centred(joints: NDArray[np.float32], sizes: NDArray[np.int64]) -> NDArray[np.float32]:
    """The joints that Pose-Transfer or PG² have of DeepFashion, in pixels of their images: N×18×3.

    Both count in pictures of 256×256, Pose-Transfer in the middle 176 columns: no joint lies beyond
    these then, and people stand in the middle of them. Pictures of another height (`img_highres`)
    are the same scaled, and those of another width cut, the middle in the middle.
    sizes: N×2, height and width of the images.
    """
    x = joints[..., 0][joints[..., 2] > 0]
    framed = len(x) > 0 and x.max() < FRAME[1]
    if not (sizes[:, 1] == FRAME[1]).all():  # else they are most likely as they are
        framed = framed and np.median(x) < (FRAME[0] + FRAME[1]) / 4
    width_there = FRAME[1] if framed else FRAME[0]
    joints = joints.copy()
    height, width = sizes.T[:, :, None].astype(np.float32)
    scale = height / FRAME[0]
    joints[..., 0] = joints[..., 0] * scale + (width - width_there * scale) / 2
    joints[..., 1] *= scale
    joints[joints[..., 2] == 0] = 0
    return joints


def parsed_size(text: str) -> tuple[int, int]:
    """Height and width in "256x128". Raises UserError on another text."""
    match = re.fullmatch(r"([1-9]\d{0,5})[x×]([1-9]\d{0,5})", text.strip(), re.IGNORECASE)
    if match is None:
        raise UserError(f"Option pose_size should be {CHOICES}, not '{text}'.")
    return int(match[1]), int(match[2])


def checked_pose_size(text: str) -> str:
    """`text` if it is a pose_size; UserError if it isn't."""
    if text not in (IMAGE, UNIT, SIGNED):
        parsed_size(text)
    return text


def checked_threshold(text: str) -> str:
    """`text` if it is a pose_threshold, a number from 0 to 1; UserError if it isn't."""
    try:
        inside = 0 <= float(text) <= 1
    except ValueError:
        inside = False
    if not inside:
        raise UserError(f"Option pose_threshold should be a number from 0 to 1, not '{text}'.")
    return text
