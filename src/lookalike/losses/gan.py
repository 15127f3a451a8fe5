"""Least-squares adversarial losses (Mao et al. 2016, arXiv 1611.04076) over patch maps.

A discriminator's answer is a list of patch maps, one per scale, each B×1×h×w; the target is 1 for
real and 0 for generated. Every map counts with its mean, maps are summed.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from lookalike.losses.precision import full_precision


def lsgan_discriminator(fake: Sequence[Tensor], real: Sequence[Tensor]) -> Tensor:
    """Σ_scale mean D(fake)² + mean (D(real) − 1)²: a scalar; `fake` is of detached images."""
    zero = torch.stack([full_precision(p).square().mean() for p in fake]).sum()
    return zero + lsgan_generator(real)


def lsgan_generator(fake: Sequence[Tensor]) -> Tensor:
    """Σ_scale mean (D(fake) − 1)²: a scalar, to be weighted by the caller (DG-Net doubles it)."""
    return torch.stack([(full_precision(p) - 1).square().mean() for p in fake]).sum()
