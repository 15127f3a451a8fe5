"""How good clusters are, for the log of a method that must not know it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import normalized_mutual_info_score


def describe_clusters(
    labels: NDArray[np.int64], truth: NDArray[np.int64] | None = None
) -> dict[str, Any]:
    """Numbers about N cluster labels, −1 for outliers.

    clusters, outliers: how many there are. With `truth`, the identities (those of 0 and below don't
    count): purity, the share of clustered crops that are of their cluster's commonest person; and
    NMI, the normalised mutual information, in [0, 1]. Both are left out where nothing is clustered.
    """
    inside = labels >= 0
    numbers: dict[str, Any] = {
        "clusters": len(np.unique(labels[inside])),
        "outliers": int((~inside).sum()),
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
    return numbers
