"""Adversarial losses: the target is 1 for real and 0 for generated.

Least squares (Mao et al. 2016, arXiv 1611.04076) over patch maps: a discriminator's answer is a
list of maps, one per scale, each B×1×h×w. Every map counts with its mean, maps are summed.

Cross-entropy (Goodfellow et al. 2014, arXiv 1406.2661) over logits of any shape: the mean. The
generator's form is the non-saturating one, −log D(fake). The minimax game itself, log D(real) +
log(1 − D(fake)), is over patch maps again.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from lookalike.losses.precision import full_precision


def lsgan_discriminator(fake: Sequence[Tensor], real: Sequence[Tensor]) -> Tensor:
    """Σ_scale mean D(fake)² + mean (D(real) − 1)²: a scalar; `fake` is of detached images."""
    zero = torch.stack([full_precision(p).square().mean() for p in fake]).sum()
    return zero + lsgan_generator(real)


def lsgan_generator(fake: Sequence[Tensor]) -> Tensor:
    """Σ_scale mean (D(fake) − 1)²: a scalar, to be weighted by the caller (DG-Net doubles it)."""
    return torch.stack([(full_precision(p) - 1).square().mean() for p in fake]).sum()


def bce(logits: Tensor, target: float) -> Tensor:
    """The mean cross-entropy of sigmoid(logits) against `target` in [0, 1]: a scalar."""
    logits = full_precision(logits)
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def bce_discriminator(
    fake: Tensor, real: Tensor, targets: tuple[float, float] = (0.0, 1.0)
) -> Tensor:
    """BCE(fake, targets[0]) + BCE(real, targets[1]): a scalar; `fake` is of detached images."""
    return bce(fake, targets[0]) + bce(real, targets[1])


def bce_generator(fake: Tensor) -> Tensor:
    """mean −log σ(fake): a scalar, to be weighted by the caller."""
    return bce(fake, 1.0)


def log_discriminator(fake: Sequence[Tensor], real: Sequence[Tensor]) -> Tensor:
    """−Σ_scale (mean log σ(real) + mean log(1 − σ(fake))): a scalar; `fake`: of detached images."""
    return torch.stack([bce_discriminator(f, r) for f, r in zip(fake, real, strict=True)]).sum()


def log_generator(fake: Sequence[Tensor]) -> Tensor:
    """Σ_scale mean log(1 − σ(fake)): a scalar below 0, the minimax game's own form for a generator.

    Its gradient fades where the discriminator is sure, which `bce_generator` mends.
    """
    return -torch.stack([bce(p, 0.0) for p in fake]).sum()


Gan = Literal["lsgan", "log"]
Maps = Sequence[Tensor]
# Over patch maps: what the discriminator descends (fake, real), and what the generator does (fake)
GANS: Mapping[Gan, tuple[Callable[[Maps, Maps], Tensor], Callable[[Maps], Tensor]]] = {
    "lsgan": (lsgan_discriminator, lsgan_generator),
    "log": (log_discriminator, log_generator),
}


def smooth_targets(smooth: bool, swapped: float = 0.0) -> tuple[float, float]:
    """A discriminator's targets for generated and real images at this update: (0, 1) or, smooth, a
    draw from [0, 0.3] and one from [0.7, 1] that change places with probability `swapped`."""
    if not smooth:
        return 0.0, 1.0
    a, b, u = torch.rand(3).tolist()
    real, fake = 0.7 + 0.3 * a, 0.3 * b
    return (real, fake) if u < swapped else (fake, real)
