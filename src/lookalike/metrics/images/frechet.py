"""The Fréchet distance between two sets of features, each taken as a Gaussian."""

from __future__ import annotations

import torch
from torch import Tensor


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """``|μa − μb|² + Tr(Σa + Σb − 2(ΣaΣb)^½)`` of N×D, M×D features (Heusel et al. 2017, eq. 6).

    Sample covariances. With centred, scaled features Σa = AᵀA and Σb = BᵀB the trace of the root is
    the sum of the singular values of ABᵀ: exact also where there are fewer features than
    dimensions, which the root of the product is not. In float64 on the features' device.
    Raises ValueError for fewer than two features and for other shapes.
    """
    if a.dim() != 2 or b.dim() != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise ValueError(f"N×D and M×D with N, M ≥ 2, got {tuple(a.shape)} and {tuple(b.shape)}")
    means, roots = [], []
    for features in (a.double(), b.double()):
        mean = features.mean(0)
        root = (features - mean) / (len(features) - 1) ** 0.5
        if len(root) > root.shape[1]:
            root = torch.linalg.qr(root, mode="r").R
        means.append(mean)
        roots.append(root)
    cross = torch.linalg.svdvals(roots[0] @ roots[1].T).sum()
    spread = sum(root.square().sum() for root in roots)
    distance = (means[0] - means[1]).square().sum() + spread - 2 * cross
    return max(0.0, float(distance))  # rounding may leave equal sets a hair below
