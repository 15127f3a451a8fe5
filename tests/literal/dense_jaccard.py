"""Jaccard distances for clustering as the unsupervised methods compute them: the peer of ours.

Self-paced Contrastive Learning (Ge et al., NeurIPS 2020), Cluster Contrast (Dai et al., ACCV 2022)
and GCL (Chen et al., CVPR 2021) all use this form of k-reciprocal encoding: neighbours by faiss,
then a loop over images on dense N×N matrices. Beside the re-ranking of `dense_reranking`, a list
of neighbours has k1 entries with the image itself, and weights come from distances as they are.
"""

from typing import Any

import faiss
import numpy as np
from literal.dense_reranking import (
    expanded_sets,
    jaccard_rows,
    nearest,
    query_expansion,
    reciprocal_sets,
    squared_distances,
)
from numpy.typing import NDArray


def jaccard_distance(feats: NDArray[Any], k1: int = 30, k2: int = 6) -> NDArray[Any]:
    """N×N distances in [0, 1] of N×D unit features, computed in their precision.

    float64 features are searched in float64, which faiss can't.
    """
    if feats.dtype == np.float64:
        dist = squared_distances(feats)
        np.fill_diagonal(dist, -1)
        order = nearest(dist, min(k1, len(feats)))
        del dist
    else:
        order = neighbours(feats, k1)
    near = reciprocal_sets(order, k1)
    half = reciprocal_sets(order, round(k1 / 2) + 1)
    encoded = np.zeros((len(feats), len(feats)), feats.dtype)
    for i, own in enumerate(expanded_sets(near, half)):
        weight = np.exp(2 * (feats[own] @ feats[i]) - 2)
        encoded[i, own] = weight / weight.sum()
    if k2 > 1:
        encoded = query_expansion(encoded, order[:, :k2])
    jaccard = jaccard_rows(encoded, len(feats))
    return np.maximum(jaccard, 0, out=jaccard)


def neighbours(feats: NDArray[Any], k: int) -> NDArray[np.int64]:
    """The k nearest of every image, nearest first; an image is its own first neighbour."""
    index = faiss.IndexFlatL2(feats.shape[1])
    index.add(feats)
    _, found = index.search(feats, min(k, len(feats)))
    own = np.arange(len(feats))
    # Among many equal images it may be missing.
    found[~(found == own[:, None]).any(axis=1), -1] = own[~(found == own[:, None]).any(axis=1)]
    first = np.argsort(found != own[:, None], axis=1, kind="stable")
    return np.take_along_axis(found, first, axis=1)
