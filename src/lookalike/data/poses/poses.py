"""The one form of poses in memory: 18 OpenPose joints of every crop, in pixels, known or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# OpenPose's COCO order; right and left are the person's own.
JOINTS = (
    "nose", "neck",
    "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
    "right_eye", "left_eye", "right_ear", "left_ear",
)  # fmt: skip
# What each joint is called in a mirror: MIRROR[j] is joint j of the other side.
MIRROR = (0, 1, 5, 6, 7, 2, 3, 4, 11, 12, 13, 8, 9, 10, 15, 14, 17, 16)
# The skeleton's lines, as pairs of joints.
LIMBS = (
    (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12),
    (12, 13), (1, 0), (0, 14), (14, 16), (0, 15), (15, 17),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Poses:
    """The poses of N images; slicing gives `Poses`.

    joints: N×18×3 float32, of each joint x and y in pixels of its image file from its left and top
    edge (so that it lies in column int(x), row int(y)), and 1 if it is known; a missing joint is
    (0, 0, 0).
    sizes: N×2 int64, height and width of the image files in pixels.
    outside: N int64, how many joints are missing as the source has them outside the image.
    Raises ValueError on other shapes.
    """

    joints: NDArray[np.float32]
    sizes: NDArray[np.int64]
    outside: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        joints = np.array(self.joints, np.float32)
        sizes = np.array(self.sizes, np.int64).reshape(-1, 2)
        outside = np.zeros(len(sizes)) if self.outside is None else self.outside
        outside = np.array(outside, np.int64).reshape(-1)
        if joints.shape != (len(sizes), len(JOINTS), 3) or len(outside) != len(sizes):
            raise ValueError(
                f"Poses needs N×18×3 joints and N×2 sizes, got {joints.shape} and {sizes.shape}"
            )
        for name, column in (("joints", joints), ("sizes", sizes), ("outside", outside)):
            column.flags.writeable = False
            object.__setattr__(self, name, column)

    def __len__(self) -> int:
        return len(self.joints)

    def __getitem__(self, index: Any) -> Poses:
        if isinstance(index, (int, np.integer)):
            index = [index]
        assert self.outside is not None
        return Poses(self.joints[index], self.sizes[index], self.outside[index])

    def __add__(self, other: Poses) -> Poses:
        """The poses of both, one after the other."""
        columns = ("joints", "sizes", "outside")
        return Poses(*(np.concatenate([getattr(p, c) for p in (self, other)]) for c in columns))

    @staticmethod
    def unknown(n: int) -> Poses:
        """n poses without a known joint."""
        return Poses(np.zeros((n, len(JOINTS), 3), np.float32), np.ones((n, 2), np.int64))

    @property
    def known(self) -> NDArray[np.int64]:
        """How many joints of each image are known: N int64 from 0 to 18."""
        known: NDArray[np.int64] = (self.joints[:, :, 2] > 0).sum(1, dtype=np.int64)
        return known

    def at(self, height: int, width: int) -> NDArray[np.float32]:
        """The joints in images resized to height×width: N×18×3, as `joints`."""
        scale = np.ones((len(self), 1, 3), np.float32)
        scale[:, 0, 0] = width / self.sizes[:, 1]
        scale[:, 0, 1] = height / self.sizes[:, 0]
        return self.joints * scale


def cleaned(joints: NDArray[Any], sizes: NDArray[Any]) -> Poses:
    """`Poses` in which a joint that isn't finite or lies outside its image is missing.

    joints: N×18×3 numbers; a joint counts as known where its third number is above 0.
    """
    joints = np.array(joints, np.float32).reshape(-1, len(JOINTS), 3)
    height, width = np.array(sizes, np.float32).reshape(-1, 2).T[:, :, None]
    x, y = joints[..., 0], joints[..., 1]
    with np.errstate(invalid="ignore"):  # NaN is nowhere
        has_point = joints[..., 2] > 0
        known = has_point & (x >= 0) & (x < width) & (y >= 0) & (y < height)
    joints[..., 2] = known
    return Poses(np.where(known[..., None], joints, 0), sizes, (has_point & ~known).sum(1))
