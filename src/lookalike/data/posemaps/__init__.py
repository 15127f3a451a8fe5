"""Poses as pictures, a batch at a time on any device: heat-maps and discs (`maps`), and the body's
mask (`mask`).

Everywhere `joints` are B×18×3: x and y in pixels of a height×width image, and above 0 if the joint
is known. A joint lies in column int(x), row int(y); one outside the image counts as missing.
"""

from lookalike.data.posemaps.maps import (
    PoseAug,
    augmented_maps,
    disc_maps,
    draw_sigmas,
    flip_joints,
    gaussian_maps,
)
from lookalike.data.posemaps.mask import pose_mask

__all__ = [
    "PoseAug",
    "augmented_maps",
    "disc_maps",
    "draw_sigmas",
    "flip_joints",
    "gaussian_maps",
    "pose_mask",
]
