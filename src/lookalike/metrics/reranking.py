"""k-reciprocal re-ranking of a gallery, with the published numbers and memory linear in N·k."""

import numpy as np
import torch
from numpy.typing import NDArray

from lookalike.metrics.distances import magnitudes, safe_features, squared_distances, unit
from lookalike.metrics.inputs import Array, device_of, matrix
from lookalike.metrics.neighbours import centred, neighbours
from lookalike.metrics.products import chunks
from lookalike.metrics.reciprocal import encodings, expanded_sets, overlaps


def rerank(
    query_feats: Array,
    gallery_feats: Array,
    k1: int = 20,
    k2: int = 6,
    lambda_value: float = 0.3,
    metric: str = "euclidean",
    device: torch.device | str | None = None,
) -> NDArray[np.float32]:
    """The re-ranked distances of Q×D queries to a G×D gallery: Q×G float32, for `rank_distances`.

    d* = (1 − λ) J + λ d̃ (Zhong et al., CVPR 2017, eq. 12), J the Jaccard distance of the encoded
    k-reciprocal neighbours among all N = Q + G images, and d̃ the squared Euclidean distance of the
    features, divided by the query's largest one among the N. metric: "euclidean" takes features as
    they are, "cosine" brings them to length 1 first. k1: neighbours beside the image itself; k2:
    neighbours, the image itself included, over which encodings are averaged (1: none); λ:
    `lambda_value`, 1 leaves d̃ alone. An image is its own first neighbour, and equal distances rank
    by index, queries first.

    Distances and searches run on `device` (a CPU or CUDA), by default the queries'; the sets on the
    CPU, where the answer is. Beside it, memory grows with N·k1 and is a few copies of the features,
    one of them in float64. Raises ValueError on shapes and numbers out of range, `UserError` on an
    unknown metric, and on empty or not finite features.
    """
    if k1 < 1 or k2 < 1 or not 0 <= lambda_value <= 1:
        raise ValueError(f"Need k1, k2 ≥ 1 and λ in [0, 1], got {k1}, {k2} and {lambda_value}.")
    device = device_of(query_feats, device)
    query, gallery, _ = safe_features(
        matrix(query_feats, "Query features", device),
        matrix(gallery_feats, "Gallery features", device),
        metric,
    )
    if metric == "cosine":
        gallery = unit(gallery, magnitudes(gallery, "Gallery features"))
    feats, queries = centred(torch.cat([query, gallery])), len(query)
    near = neighbours(feats, max(k1 + 1, k2))
    sets = expanded_sets(near.indices, k1 + 1, round(k1 / 2) + 1)
    weights = encodings(feats, near.indices, sets, k2, near.farthest.cpu().numpy())
    query, gallery = feats[:queries].float(), feats[queries:].float()
    square = squared_distances(query, gallery, torch.arange(len(gallery), device=device))
    farthest = torch.where(near.farthest > 0, near.farthest, 1)[:queries, None]
    answer = np.empty((queries, len(gallery)), np.float32)
    for rows in chunks(queries, len(gallery), device):
        answer[rows] = (square(rows) / farthest[rows] * lambda_value).cpu().numpy()
    for rows, shared in overlaps(weights, queries, queries):
        answer[rows] += (1 - lambda_value) * (1 - shared / (2 - shared))
    return answer
