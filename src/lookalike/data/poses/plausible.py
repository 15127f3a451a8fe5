"""Whether a table of poses can be in pixels of its images: told by all poses together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lookalike.data.poses.poses import JOINTS
from lookalike.data.poses.scale import IMAGE, SIGNED, UNIT
from lookalike.errors import UserError

HEADS = [JOINTS.index(name) for name in ("nose", "neck", "right_eye", "left_eye")]
ANKLES = [JOINTS.index(name) for name in ("right_ankle", "left_ankle")]
NORMALISED = 1.25  # a normalised coordinate, also of a joint somewhat outside, is at most this
MOST = 0.95  # of a table's coordinates, if all are normalised
MAX_OUTSIDE = 0.3  # of a table's joints
MAX_BEYOND = 0.08  # of them beyond the right and lower edge, if hardly any is before the others
MIN_SPAN = 0.55  # of a crop's height, head to ankles, in half of the whole bodies: 0.8 is usual
MIN_REACH = 0.75  # of height or width, of the joint furthest to the lower right
FEW = 5  # poses, fewer of which say nothing of a table


def check_pixels(
    joints: NDArray[np.float32],
    in_pixels: NDArray[np.float32],
    sizes: NDArray[np.int64],
    pose_size: str | None,
    where: str,
) -> None:
    """Raises UserError, which begins with `where`, unless the poses can be what they should be.

    joints: N×18×3 as the source has them. in_pixels: the same scaled to the images. sizes: N×2,
    heights and widths of the images. With pose_size "image" somebody has said that they are right,
    and one joint inside its image is enough.
    """
    known = joints[..., 2] > 0
    if not known.any():
        return
    if pose_size is None:
        refuse_normalised(joints, where)
    points = in_pixels[..., :2] / sizes[:, None, ::-1]  # 0…1 inside
    with np.errstate(invalid="ignore"):
        inside = known & (points >= 0).all(2) & (points < 1).all(2)
    reason = "" if pose_size == IMAGE else _implausible(points, known, inside)
    if not inside.any():
        reason = "has no joint that lies inside its image"
    if not reason:
        return
    rows = np.nonzero(known.any(1))[0]
    height, width = np.median(sizes[rows], 0).astype(int)
    right, bottom = (_largest(joints[..., axis][known]) for axis in (0, 1))
    raise UserError(
        f"{where} {reason}: its coordinates reach x {right:.4g} and y {bottom:.4g}, the images are "
        f"{height}×{width} (height×width). Say of which size they are pixels by option "
        f"pose_size=HEIGHTxWIDTH, or pose_size={IMAGE} if they are right as they are."
    )


def refuse_normalised(joints: NDArray[np.float32], where: str) -> None:
    """Raises UserError, which begins with `where`, if the coordinates are normalised: N×18×3."""
    points = joints[joints[..., 2] > 0][:, :2]
    near = np.abs(points).max(1) <= NORMALISED
    if not len(points) or near.mean() < MOST or np.ptp(points[near]) == 0:
        return
    signed = (points[near] < 0).any(1).mean() > 1 - MOST
    lowest, name = ("−1", SIGNED) if signed else ("0", UNIT)
    raise UserError(
        f"{where} has coordinates from {lowest} to 1, not pixels of the image files: option "
        f"pose_size={name} of the data scales them."
    )


def _implausible(
    points: NDArray[np.float64], known: NDArray[np.bool_], inside: NDArray[np.bool_]
) -> str:
    """What shows that the poses are in other pixels; "" if nothing does.

    points: N×18×2, as shares of width and height. known, inside: N×18.
    """
    poses = known.any(1)
    if poses.sum() < FEW:
        return ""
    outside = 1 - inside.sum() / known.sum()
    with np.errstate(invalid="ignore"):
        beyond = (known & (points >= 1).any(2)).sum() / known.sum()
        before = (known & (points < 0).any(2)).sum() / known.sum()
    if outside > MAX_OUTSIDE or (beyond > MAX_BEYOND and before < beyond / 10):
        return f"isn't in pixels of the image files: {outside:.0%} of its joints lie outside them"
    whole = inside[:, HEADS].any(1) & inside[:, ANKLES].any(1)
    y = np.where(inside, points[..., 1], np.nan)
    if whole.sum() >= max(FEW, poses.sum() / 4):
        span = float(np.median(np.nanmax(y[whole], 1) - np.nanmin(y[whole], 1)))
        if 0 < span < MIN_SPAN:
            return (
                "isn't in pixels of the image files: from head to ankles people span only "
                f"{span:.0%} of the images' height"
            )
    reach = points[inside]
    if len(reach) and np.ptp(reach) > 0 and (np.quantile(reach, 0.99, axis=0) < MIN_REACH).all():
        return "isn't in pixels of the image files: all its joints lie to their upper left"
    return ""


def _largest(values: NDArray[np.float32]) -> float:
    """The largest but for a hundredth, which may be strays."""
    finite = values[np.isfinite(values)]
    return float(np.quantile(finite, 0.99)) if len(finite) else float("nan")
