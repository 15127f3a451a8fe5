"""Contrast with a memory of clusters: one vector each, pulled along by the cluster's images.

Dai, Wang, Yuan, Liu, Zhu, Tan, *Cluster Contrast for Unsupervised Person Re-Identification*, ACCV
2022 (arXiv 2103.11568).
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lookalike.losses.precision import full_precision

MemoryUpdate = Literal["sequential", "hard", "mean"]


class ClusterMemory(nn.Module):
    """A unit vector for each of C clusters, C×D float32, in the buffer `rows`.

    momentum: the share m of the old vector that an update keeps. update: what of a batch moves a
    cluster's vector c. "sequential", as released: every image in its turn, c ← m·c + (1 − m)·f, so
    that with a small m the last one counts most; "hard": the one least like c alone (eq. 5, from
    the first versions); "mean": once, by the mean of its images. Each update ends at length 1.
    """

    rows: Tensor

    def __init__(self, momentum: float = 0.1, update: MemoryUpdate = "sequential") -> None:
        super().__init__()
        self.momentum, self.how = momentum, update
        self.register_buffer("rows", torch.empty(0, 0))

    def fill(self, rows: Tensor) -> None:
        """Forgets what there was; rows: C×D, one for each cluster."""
        self.rows = F.normalize(rows.detach().float())

    def loss(self, features: Tensor, labels: Tensor, temperature: float = 0.05) -> Tensor:
        """Mean over B images of −log softmax(f·c / τ) at their cluster (eq. 2).

        features: B×D of length 1. labels: B int64 in [0, C).
        """
        with torch.autocast(features.device.type, enabled=False):
            # A copy, because the update comes before the gradient is taken.
            logits = full_precision(features) @ self.rows.clone().T / temperature
            return F.cross_entropy(logits, labels)

    @torch.no_grad()
    def update(self, features: Tensor, labels: Tensor) -> None:
        """Moves the vectors of the clusters of a global batch, in its order: B×D of length 1."""
        features = features.detach().to(self.rows)
        if self.how == "mean":
            clusters, place = torch.unique(labels, return_inverse=True)
            sums = features.new_zeros(len(clusters), features.shape[1])
            sums.index_add_(0, place, features)
            counts = place.bincount(minlength=len(clusters))
            self._pull(clusters, sums / counts[:, None])
        elif self.how == "hard":
            likeness = (features * self.rows[labels]).sum(1)
            order = likeness.argsort(stable=True)
            turn = turns(labels[order])
            first = order[turn == 0]
            self._pull(labels[first], features[first])
        else:
            turn = turns(labels)
            for k in range(int(turn.max()) + 1):
                now = turn == k
                self._pull(labels[now], features[now])

    def _pull(self, clusters: Tensor, towards: Tensor) -> None:
        """c ← m·c + (1 − m)·f at length 1, for different clusters."""
        m = self.momentum
        self.rows[clusters] = F.normalize(m * self.rows[clusters] + (1 - m) * towards)


def turns(labels: Tensor) -> Tensor:
    """How many of the labels before it are equal to each: B int64."""
    order = labels.argsort(stable=True)
    _, counts = torch.unique_consecutive(labels[order], return_counts=True)
    start = counts.cumsum(0) - counts
    places = torch.arange(len(labels), device=labels.device)
    turn = torch.empty_like(labels)
    turn[order] = places - start.repeat_interleave(counts)
    return turn
