"""Contrast with a memory of images: one vector each, of which classes are the means.

Ge, Zhu, Chen, Zhao, Li, *Self-paced Contrastive Learning with Hybrid Memory for Domain Adaptive
Object Re-ID*, NeurIPS 2020 (arXiv 2006.02713).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lookalike.losses.cluster_memory import turns
from lookalike.losses.precision import full_precision


class InstanceMemory(nn.Module):
    """A unit vector for each of N images, N×D float32, in the buffer `rows`.

    Each image belongs to a class, `classes` (N int64 in [0, C)): a cluster, or itself alone where
    it is in none. momentum: the share of the old vector that an update keeps.
    """

    rows: Tensor
    classes: Tensor

    def __init__(self, momentum: float = 0.2) -> None:
        super().__init__()
        self.momentum = momentum
        self.register_buffer("rows", torch.empty(0, 0))
        self.register_buffer("classes", torch.empty(0, dtype=torch.int64))

    def fill(self, rows: Tensor) -> None:
        """Forgets what there was; rows: N×D, one for each image."""
        self.rows = F.normalize(rows.detach().float())

    def divide(self, labels: Tensor) -> None:
        """The classes of a round. labels: N int64, a cluster's number, −1 for an image in none."""
        alone = labels < 0
        _, clusters = torch.unique(labels[~alone], return_inverse=True)
        self.classes = torch.empty_like(labels)
        self.classes[~alone] = clusters
        first = int(clusters.max()) + 1 if len(clusters) else 0
        self.classes[alone] = first + torch.arange(int(alone.sum()), device=labels.device)

    def loss(self, features: Tensor, index: Tensor, temperature: float = 0.05) -> Tensor:
        """Mean over B images of −log softmax(mean over the class's vectors of f·v / τ) (eq. 1).

        features: B×D of length 1. index: B int64, which images they are of. The released code
        exponentiates without taking off the largest; this doesn't overflow.
        """
        count = int(self.classes.max()) + 1
        sums = self.rows.new_zeros(count, self.rows.shape[1])
        sums.index_add_(0, self.classes, self.rows)
        means = sums / self.classes.bincount(minlength=count)[:, None]
        with torch.autocast(features.device.type, enabled=False):
            logits = full_precision(features) @ means.T / temperature
            return F.cross_entropy(logits, self.classes[index])

    @torch.no_grad()
    def update(self, features: Tensor, index: Tensor) -> None:
        """v ← m·v + (1 − m)·f at length 1 for the images of a global batch, in its order (eq. 4).

        features: B×D of length 1. index: B int64; an image that is there twice moves twice.
        """
        features, turn, m = features.detach().to(self.rows), turns(index), self.momentum
        for k in range(int(turn.max()) + 1):
            now = turn == k
            rows = index[now]
            self.rows[rows] = F.normalize(m * self.rows[rows] + (1 - m) * features[now])
