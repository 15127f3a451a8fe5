"""Pixel by pixel: mean absolute difference, PSNR, and pictures cut out by a mask."""

from __future__ import annotations

import torch
from torch import Tensor

ROUNDING = 1 / 12  # the mean squared error of rounding to whole numbers


def l1(generated: Tensor, target: Tensor) -> Tensor:
    """The mean absolute difference of B pairs, 0 to 255: B float64."""
    return (generated.double() - target.double()).abs().flatten(1).mean(1)


def psnr(generated: Tensor, target: Tensor) -> Tensor:
    """The peak signal-to-noise ratio 10·log₁₀(255² / MSE) of B pairs in dB: B float64.

    The error counts as at least that of rounding to whole numbers, 1/12: two equal pictures have
    58.92 dB, not infinitely many.
    """
    error = (generated.double() - target.double()).square().flatten(1).mean(1)
    return 10 * torch.log10(255.0**2 / error.clamp(min=ROUNDING))


def masked(images: Tensor, masks: Tensor) -> Tensor:
    """B×3×H×W uint8 pictures times B×1×H×W masks in [0, 1], truncated to uint8.

    The rest is black and counts as perfect agreement where two are compared over the full frame:
    so does PG²'s mask-SSIM.
    """
    return (images.double() * masks.double()).to(torch.uint8)
