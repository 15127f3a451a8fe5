"""Two drawings of one person in one pose are one picture (FD-GAN, arXiv 1810.02936: L_sp)."""

import torch
from torch import Tensor

from lookalike.losses.precision import full_precision
from lookalike.parallel import mean_over_processes


def same_pose(first: Tensor, second: Tensor, positive: Tensor) -> Tensor:
    """Mean `|y₁ − y₂|` over the positive pairs of the global batch: a scalar; 0 if there is none.

    first, second: P×3×H×W; positive: P bool.
    """
    each = (full_precision(first) - full_precision(second)).abs().mean((1, 2, 3))
    count = mean_over_processes(positive.sum().to(each.dtype))
    return (each * positive).sum() / torch.where(count > 0, count, 1)
