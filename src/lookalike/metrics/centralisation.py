"""Features moved towards those whose neighbours they are: NFC of Pose2ID (CVPR 2025)."""

from __future__ import annotations

import torch
from torch import Tensor

from lookalike.metrics.distances import magnitudes, unit
from lookalike.metrics.inputs import Array, device_of, matrix
from lookalike.metrics.neighbours import centred, neighbours


def centralise_neighbours(
    feats: Array, k: int = 2, device: torch.device | str | None = None
) -> Array:
    """N×D features of length 1: each with those that are its neighbours as it is theirs.

    f̂ᵢ ∝ fᵢ + Σ fⱼ over j ∈ M(i), all f of length 1; M(i) holds those of the `k` nearest of i (i
    left out) that have i among their own k nearest: neighbour feature centralisation (arXiv
    2503.00938) with k₁ = k₂ = k. Exact: distances in float64, equal ones by index. An image without
    such a neighbour stays as it is. From k = 6 on the first places suffer. Computed on `device`, by
    default where `feats` is; a tensor there if `feats` is one, else an array.
    Raises ValueError on shapes and for k below 1, `UserError` on empty or not finite features.
    """
    if k < 1:
        raise ValueError(f"Need k ≥ 1, got {k}.")
    x = matrix(feats, "Features", device_of(feats, device))
    x = unit(x, magnitudes(x, "Features"))
    total = x.clone()
    for other, mutual in mutual_neighbours(x, k):
        total += torch.where(mutual[:, None], x[other], 0)
    total = unit(total, magnitudes(total, "Features"))
    return total if isinstance(feats, Tensor) else total.cpu().numpy()


def mutual_neighbours(x: Tensor, k: int) -> list[tuple[Tensor, Tensor]]:
    """The r-th nearest of N images (N int64) and whether that is mutual (N bool), r = 1 … k.

    x: N×D. Mutual is whom each finds among the k nearest of the other.
    """
    indices = neighbours(centred(x), k + 1).indices.to(x.device)[:, 1:]
    own = torch.arange(len(x), device=x.device)[:, None]
    return [(other, (indices[other] == own).any(1)) for other in indices.T]
