"""Divergence from a teacher's soft labels (DG-Net, arXiv 1904.07223, eq. 8: L_prim)."""

import torch.nn.functional as F
from torch import Tensor

from lookalike.losses.precision import full_precision


def soft_target_kl(logits: Tensor, targets: Tensor) -> Tensor:
    """KL(q ‖ softmax(logits)), summed over the classes and averaged over the batch: a scalar.

    logits: B×K. targets: B×K probabilities q, rows sum to 1; zeros count as 0·log 0 = 0.
    """
    log_p = F.log_softmax(full_precision(logits), dim=1)
    return F.kl_div(log_p, full_precision(targets), reduction="batchmean")
