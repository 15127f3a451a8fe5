"""Whether two images are of one person, as a loss (FD-GAN, arXiv 1810.02936: L_v)."""

import torch.nn.functional as F
from torch import Tensor

from lookalike.losses.label_smoothing import cross_entropy
from lookalike.losses.precision import full_precision


def verification(logits: Tensor, same: Tensor) -> Tensor:
    """The mean cross-entropy of a verifier's logits against `same`, N bool: a scalar.

    logits: N×2, "same" the second, or N×1, of a sigmoid.
    """
    if logits.shape[1] == 2:
        return cross_entropy(logits, same.long())
    logits = full_precision(logits[:, 0])
    return F.binary_cross_entropy_with_logits(logits, same.to(logits.dtype))
