"""Contrast with a memory of what each cluster looks like to each camera.

The cross-camera contrast of Chen, Lagadec, Bremond, *ICE: Inter-instance Contrastive Encoding for
Unsupervised Person Re-identification*, ICCV 2021 (arXiv 2103.16364), after the camera-aware proxies
of Wang et al., AAAI 2021 (arXiv 2012.10674).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lookalike.losses.cluster_memory import turns
from lookalike.losses.precision import full_precision


class CameraProxies(nn.Module):
    """A unit vector for each pair of a cluster and a camera that saw it, P×D float32, in `rows`.

    clusters, cameras: P int64, whose each is. momentum: the share of the old vector that an update
    keeps. negatives: how many of the proxies of other clusters, the most similar, count against.
    """

    rows: Tensor
    clusters: Tensor
    cameras: Tensor

    def __init__(self, momentum: float = 0.2, negatives: int = 50) -> None:
        super().__init__()
        self.momentum, self.negatives = momentum, negatives
        self.register_buffer("rows", torch.empty(0, 0))
        self.register_buffer("clusters", torch.empty(0, dtype=torch.int64))
        self.register_buffer("cameras", torch.empty(0, dtype=torch.int64))

    def fill(self, features: Tensor, labels: Tensor, camids: Tensor) -> None:
        """The mean features of every cluster's images by each camera.

        features: N×D of length 1. labels: N int64, −1 for images of no cluster. camids: N int64.
        """
        inside = labels >= 0
        pairs, place = torch.unique(
            torch.stack([labels[inside], camids[inside]], 1), dim=0, return_inverse=True
        )
        rows = features.new_zeros(len(pairs), features.shape[1], dtype=torch.float32)
        rows.index_add_(0, place, features[inside].float())
        self.rows = F.normalize(rows)
        self.clusters, self.cameras = pairs.T.contiguous()

    def loss(
        self, features: Tensor, labels: Tensor, camids: Tensor, temperature: float = 0.07
    ) -> Tensor:
        """Mean over images, and over their clusters' proxies p of other cameras, of
        −log(exp(f·p/τ) / (exp(f·p/τ) + Σ exp(f·n/τ))), n the hardest negatives (ICE, eq. 6).

        features: B×D of length 1. labels, camids: B int64. Images whose cluster no other camera
        saw don't count; 0 where none does.
        """
        with torch.autocast(features.device.type, enabled=False):
            logits = full_precision(features) @ self.rows.clone().T / temperature
            own = labels[:, None] == self.clusters
            others = own & (camids[:, None] != self.cameras)
            count = others.sum(1)
            if not count.any():
                return logits.sum() * 0
            most = min(self.negatives, len(self.rows))
            hardest = logits.masked_fill(own, -torch.inf).topk(most, dim=1).values
            against = hardest.logsumexp(1, keepdim=True)
            terms = torch.where(others, F.softplus(against - logits), 0)
            seen = count > 0
            return (terms.sum(1)[seen] / count[seen]).mean()

    @torch.no_grad()
    def update(self, features: Tensor, labels: Tensor, camids: Tensor) -> None:
        """p ← m·p + (1 − m)·f at length 1, for a global batch in its order; images of no cluster
        move none."""
        own = (labels[:, None] == self.clusters) & (camids[:, None] == self.cameras)
        known = own.any(1)
        place = own[known].long().argmax(1)
        features, turn, m = features.detach()[known].to(self.rows), turns(place), self.momentum
        for k in range(int(turn.max()) + 1 if len(turn) else 0):
            now = turn == k
            at = place[now]
            self.rows[at] = F.normalize(m * self.rows[at] + (1 - m) * features[now])
