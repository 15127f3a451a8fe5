"""Structural dissimilarity in CIE-Lab: what DG-Net's tables call SSIM, higher being more diverse.

    DSSIM = (1 − SSIM) / 2   of the Lab images, 7×7 uniform window, sample covariance, range 100

A pair of equal pictures has 0. Against the target it is a distance (lower is better); between
pictures of one person it says how much these vary (higher is more diverse).
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lookalike.metrics.images.ssim import SMALLEST, uniform_ssim

# sRGB primaries and the white of D65 at 2°: X, Y, Z of R, G, B (IEC 61966-2-1).
TO_XYZ = ((0.412453, 0.357580, 0.180423),
          (0.212671, 0.715160, 0.072169),
          (0.019334, 0.119193, 0.950227))  # fmt: skip
WHITE = (0.95047, 1.0, 1.08883)
RANGE = 100.0  # of L; a and b are larger, but the released metric has one range for all three


def lab(images: Tensor) -> Tensor:
    """CIE-Lab of sRGB pictures from 0 to 255: B×3×H×W → B×3×H×W float64, L from 0 to 100."""
    rgb = images.double() / 255
    linear = torch.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    matrix = linear.new_tensor(TO_XYZ) / linear.new_tensor(WHITE)[:, None]
    xyz = torch.einsum("ij,bjhw->bihw", matrix, linear)
    f = torch.where(xyz > 0.008856, xyz.clamp(min=0) ** (1 / 3), 7.787 * xyz + 16 / 116)
    x, y, z = f.unbind(1)
    return torch.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), 1)


def lab_dssim(generated: Tensor, target: Tensor) -> Tensor:
    """The dissimilarity of B pairs, from 0 to 1: two B×3×H×W from 0 to 255 → B float64.

    Raises ValueError for other shapes and for pictures below 11×11.
    """
    if generated.shape != target.shape or min(generated.shape[2:]) < SMALLEST:
        raise ValueError(
            f"two equal B×3×H×W of 11×11 or more, got {tuple(generated.shape)}, "
            f"{tuple(target.shape)}"
        )
    return (1 - uniform_ssim(lab(generated), lab(target), RANGE)) / 2


def diversity_pairs(
    groups: NDArray[np.int64], each: int = 10, rounds: int = 5, seed: int = 0
) -> NDArray[np.int64]:
    """The pairs whose mean DSSIM is the diversity: rows of two pictures of one group, K×2 int64.

    groups: N, whose picture it is. Of every group with two pictures or more `each` random pairs of
    different ones, `rounds` times over (10 and 5 in DG-Net's metric).
    """
    random = np.random.default_rng(seed)
    order = np.argsort(groups, kind="stable")
    _, start, count = np.unique(groups[order], return_index=True, return_counts=True)
    start, count = start[count > 1], count[count > 1]
    shape = (rounds, len(start), each)
    first = random.integers(count[:, None], size=shape)
    second = random.integers(count[:, None] - 1, size=shape)
    second += second >= first
    rows = [order[start[:, None] + place].ravel() for place in (first, second)]
    return np.stack(rows, 1).astype(np.int64)
