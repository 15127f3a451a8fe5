"""The R1 gradient penalty (Mescheder et al. 2018, arXiv 1801.04406) as DG-Net uses it."""

from collections.abc import Sequence

import torch
from torch import Tensor

from lookalike.losses.precision import full_precision


def r1_penalty(patches: Sequence[Tensor], real: Tensor, weight: float = 0.01) -> Tensor:
    """weight · Σ_scale mean_batch ‖∂(Σ_patches D_scale(real)) / ∂real‖²: a scalar with its graph.

    patches: a discriminator's maps for `real`, one per scale. real: B×C×H×W that requires grad
    and from which the maps were computed. No factor ½; run the discriminator in float32.
    """
    penalty = full_precision(real.new_zeros(()))
    for p in patches:
        (slope,) = torch.autograd.grad(full_precision(p).sum(), real, create_graph=True)
        penalty = penalty + full_precision(slope).square().sum() / len(real)
    return weight * penalty
