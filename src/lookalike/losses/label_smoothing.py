"""Cross-entropy with label smoothing (Szegedy et al. 2015, arXiv 1512.00567, section 7)."""

import torch.nn.functional as F
from torch import Tensor

from lookalike.losses.precision import full_precision


def cross_entropy(logits: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
    """The mean cross-entropy over the batch, a scalar in float32 or better.

    logits: B×K. labels: B int64 in [0, K). The target is 1 − ε + ε/K on the true class and ε/K
    on the others, ε = smoothing in [0, 1].
    """
    return F.cross_entropy(full_precision(logits), labels, label_smoothing=smoothing)
