"""The inception score: whether pictures show clear things, and many different ones."""

from __future__ import annotations

import torch
from torch import Tensor

SPLITS = 10


def inception_score(logits: Tensor, splits: int = SPLITS) -> tuple[float, float]:
    """exp E KL(p(y|x) ‖ p(y)) (Salimans et al. 2016): its mean and standard deviation over splits.

    logits: N×K of the pictures in order, which is cut into `splits` consecutive parts; the standard
    deviation is the population's. Raises ValueError for fewer pictures than splits.
    """
    n = len(logits)
    if n < splits:
        raise ValueError(f"{splits} splits need as many pictures, got {n}")
    log_p = torch.log_softmax(logits.double(), 1)
    scores = []
    for k in range(splits):
        part = log_p[k * n // splits : (k + 1) * n // splits]
        p = part.exp()
        marginal = p.mean(0).clamp(min=torch.finfo(p.dtype).tiny).log()
        scores.append((p * (part - marginal)).sum(1).mean().exp())
    values = torch.stack(scores)
    return float(values.mean()), float(values.std(correction=0))
