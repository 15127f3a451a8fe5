"""The distance of pictures and codes that most generators descend."""

import torch.nn.functional as F
from torch import Tensor

from lookalike.losses.precision import full_precision


def l1_distance(x: Tensor, y: Tensor) -> Tensor:
    """``mean |x − y|`` of two tensors of one shape: a scalar, in float32 or better."""
    return F.l1_loss(full_precision(x), full_precision(y))
