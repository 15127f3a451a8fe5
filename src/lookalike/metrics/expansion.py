"""Query expansion: a query becomes the mean of itself and its nearest gallery images."""

import torch
import torch.nn.functional as F
from torch import Tensor

from lookalike.metrics.distances import distance_rows, safe_features
from lookalike.metrics.inputs import Array, device_of, matrix
from lookalike.metrics.neighbours import nearest
from lookalike.metrics.products import chunks

TINY = 1e-30  # keeps an all-zero feature zero


def query_expansion(
    query_feats: Array,
    gallery_feats: Array,
    k: int = 5,
    alpha: float = 3.0,
    device: torch.device | str | None = None,
) -> Array:
    """Q×D features of length 1: each query with its `k` nearest gallery images by cosine.

    q' ∝ q + Σ max(q·g, 0)^α g over the k nearest g, all of length 1: α-query expansion (Radenović
    et al., TPAMI 2019); α = 0 is average query expansion, AQE (Chum et al., ICCV 2007). To augment
    the gallery likewise, give it as both sides (an image then counts itself once more). Computed on
    `device`, by default the queries'; a tensor there if the queries are a tensor, else an array.
    Raises ValueError on shapes and numbers out of range, `UserError` on empty or not finite
    features.
    """
    if k < 1 or alpha < 0:
        raise ValueError(f"Need k ≥ 1 and α ≥ 0, got {k} and {alpha}.")
    device = device_of(query_feats, device)
    query, gallery, _ = safe_features(
        matrix(query_feats, "Query features", device),
        matrix(gallery_feats, "Gallery features", device),
        "cosine",
    )
    whole = torch.arange(len(gallery), device=device)
    distances = distance_rows(query, gallery, whole, "cosine")
    means = torch.empty_like(query)
    for rows in chunks(len(query), len(gallery), device):
        dist = distances(rows)
        columns = nearest(dist, k)
        weight = (-dist.gather(1, columns)).clamp_(min=0) ** alpha
        neighbours = F.normalize(gallery[columns], dim=2, eps=TINY)
        means[rows] = query[rows] + torch.einsum("ck,ckd->cd", weight, neighbours)
    means = F.normalize(means, dim=1, eps=TINY)
    return means if isinstance(query_feats, Tensor) else means.cpu().numpy()
