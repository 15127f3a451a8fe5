"""Re-ranking with k-reciprocal encoding, dense: the peer of ours.

Z. Zhong, L. Zheng, D. Cao, S. Li: Re-ranking Person Re-identification with k-reciprocal Encoding,
CVPR 2017, written from the paper: all distances in one N×N matrix, sorted whole, an N×N matrix of
encoded neighbours and a loop over images. Tests hold it and ours to a literal version.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Sets = list[NDArray[np.int64]]


def rerank(
    query: NDArray[Any],
    gallery: NDArray[Any],
    k1: int = 20,
    k2: int = 6,
    lambda_value: float = 0.3,
) -> NDArray[Any]:
    """The final distances, Q×G, of Q×D and G×D features.

    An image is its own first neighbour; further ties go by index.
    """
    feats = np.concatenate([query, gallery])
    dist = squared_distances(feats)
    # Distances are symmetric, so that a row here is the column that is divided by its maximum.
    largest = dist.max(axis=1, keepdims=True)
    dist /= np.where(largest > 0, largest, 1)
    np.fill_diagonal(dist, -1)
    order = nearest(dist, max(k1 + 1, k2))
    np.fill_diagonal(dist, 0)

    near = reciprocal_sets(order, k1 + 1)
    half = reciprocal_sets(order, round(k1 / 2) + 1)
    encoded = np.zeros_like(dist)
    for i, own in enumerate(expanded_sets(near, half)):
        weight = np.exp(-dist[i, own])
        encoded[i, own] = weight / weight.sum()
    if k2 > 1:
        encoded = query_expansion(encoded, order[:, :k2])
    dist = dist[: len(query), len(query) :].copy()  # nothing else is needed below
    jaccard = jaccard_rows(encoded, len(query))[:, len(query) :]
    return (1 - lambda_value) * jaccard + lambda_value * dist


def squared_distances(feats: NDArray[Any]) -> NDArray[Any]:
    square = np.square(feats).sum(axis=1)
    dist = feats @ feats.T
    dist *= -2
    dist += square[:, None]
    dist += square
    return np.maximum(dist, 0, out=dist)


def nearest(dist: NDArray[Any], length: int) -> NDArray[np.int64]:
    """The columns of the `length` smallest entries of every row, in stable order."""
    order = np.argsort(dist, axis=1)[:, : length + 1]
    # A stable sort of whole rows takes several times as long, and only the rows need it whose
    # last neighbour is level with the next.
    order = np.sort(order, axis=1)
    values = np.take_along_axis(dist, order, axis=1)
    by_value = np.argsort(values, axis=1, kind="stable")
    order, values = (np.take_along_axis(x, by_value, axis=1) for x in (order, values))
    if order.shape[1] > length:
        level = values[:, length - 1] == values[:, length]
        order[level, :length] = np.argsort(dist[level], axis=1, kind="stable")[:, :length]
    return order[:, :length]


def reciprocal_sets(order: NDArray[np.int64], length: int) -> Sets:
    """R(i) (eq. 3) of every i: those of its first neighbours that have i among theirs."""
    order = order[:, :length]
    return [own[(order[own] == i).any(axis=1)] for i, own in enumerate(order)]


def expanded_sets(near: Sets, half: Sets) -> Sets:
    """R*(i) (eq. 4): R(i) with the half sets that share more than two thirds with it."""
    result = []
    for own in near:
        parts = [own]
        for j in own:
            shared = np.isin(half[j], own, assume_unique=True).sum()
            if 3 * shared > 2 * len(half[j]):
                parts.append(half[j])
        result.append(np.unique(np.concatenate(parts)))
    return result


def query_expansion(encoded: NDArray[Any], order: NDArray[np.int64]) -> NDArray[Any]:
    """Every row replaced by the mean of its first neighbours' (eq. 11)."""
    expanded = np.empty_like(encoded)
    for i, first in enumerate(order):
        expanded[i] = encoded[first].mean(axis=0)
    return expanded


def jaccard_rows(encoded: NDArray[Any], rows: int) -> NDArray[Any]:
    """The first `rows` rows of Jaccard distances (eq. 10): N×N rows that sum to 1 each."""
    members: Sets = [np.flatnonzero(column) for column in encoded.T]
    jaccard = np.empty((rows, len(encoded)), encoded.dtype)
    for i, row in enumerate(encoded[:rows]):
        least = np.zeros_like(row)
        for j in np.flatnonzero(row):
            least[members[j]] += np.minimum(row[j], encoded[members[j], j])
        jaccard[i] = 1 - least / (2 - least)
    return jaccard
