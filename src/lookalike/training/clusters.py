"""How good clusters are, for the log of a method that must not know it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score


def describe_clusters(
    labels: NDArray[np.int64], truth: NDArray[np.int64] | None = None
) -> dict[str, Any]:
    """Numbers about N cluster labels, −1 for outliers.

    clusters, outliers: how many there are; largest: crops of the largest cluster, 0 for none. With
    `truth`, the identities (those of 0 and below don't count): purity, the share of clustered crops
    that are of their cluster's commonest person; NMI and ARI, the normalised mutual information and
    the adjusted Rand index of clustered crops, at most 1; precision, the share of pairs of crops
    in one cluster that are of one person; recall, the share of the pairs of one person's crops,
    outliers too, that are in one cluster; F-score, their harmonic mean; clusters a person: the mean
    over those who are in any. All these are left out where nothing is clustered; precision, recall
    and F-score where they would divide by no pair.
    """
    inside = labels >= 0
    numbers: dict[str, Any] = {
        "clusters": len(np.unique(labels[inside])),
        "outliers": int((~inside).sum()),
        "largest": int(np.bincount(labels[inside], minlength=1).max()),
    }
    if truth is None:
        return numbers
    known = inside & (truth > 0)
    if known.any():
        _, cluster = np.unique(labels[known], return_inverse=True)
        _, person = np.unique(truth[known], return_inverse=True)
        pairs, counts = np.unique(np.stack([cluster, person]), axis=1, return_counts=True)
        commonest = np.zeros(cluster.max() + 1, np.int64)
        np.maximum.at(commonest, pairs[0], counts)
        numbers["purity"] = float(commonest.sum() / known.sum())
        numbers["NMI"] = float(normalized_mutual_info_score(person, cluster))
        numbers["ARI"] = float(adjusted_rand_score(person, cluster))
        together = _pairs(counts)
        in_clusters = _pairs(np.bincount(cluster))
        of_persons = _pairs(np.unique(truth[truth > 0], return_counts=True)[1])
        if in_clusters:
            numbers["precision"] = together / in_clusters
        if of_persons:
            numbers["recall"] = together / of_persons
        if in_clusters and of_persons:
            numbers["F-score"] = 2 * together / (in_clusters + of_persons)
        numbers["clusters a person"] = len(counts) / len(np.unique(person))
    return numbers


def _pairs(sizes: NDArray[np.int64]) -> int:
    """How many pairs groups of these sizes hold."""
    return int((sizes * (sizes - 1) // 2).sum())
