"""Pseudo-identities: DBSCAN on sparse distances, at an eps that is given or follows from them."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, issparse

from lookalike.errors import UserError
from lookalike.metrics.inputs import Array
from lookalike.metrics.jaccard import distances_below, jaccard_distance

BLOCK = 1024  # rows at a time
MARGIN = 1e-6  # more than a distance is wrong by


class Clusters(NamedTuple):
    """labels: N int64, clusters from 0 on, −1 for outliers. eps: the distance that joins two."""

    labels: NDArray[np.int64]
    eps: float

    @property
    def num_clusters(self) -> int:
        return int(self.labels.max(initial=-1)) + 1

    @property
    def num_outliers(self) -> int:
        return int((self.labels == -1).sum())


def pseudo_labels(
    feats: Array,
    eps: float | None = None,
    min_samples: int = 4,
    rho: float | None = None,
    k1: int = 30,
    k2: int = 6,
    recipe: str = "spcl",
    search: Literal["torch", "faiss"] = "torch",
    device: torch.device | str | None = None,
) -> Clusters:
    """The `Clusters` of N×D features by their Jaccard distances: `jaccard_distance` and `cluster`.

    Arguments and errors are theirs. At a given eps, larger distances are never held.
    """
    how = feats, k1, k2, recipe, search, device
    if rho is None:
        eps = 0.6 if eps is None else eps
        _check(eps, min_samples)
        return cluster(distances_below(min(1.0, eps + MARGIN), *how), eps, min_samples)
    return cluster(jaccard_distance(*how), eps, min_samples, rho)


def cluster(
    distances: Any, eps: float | None = None, min_samples: int = 4, rho: float | None = None
) -> Clusters:
    """The `Clusters` that DBSCAN (Ester et al., KDD 1996) finds in N×N distances.

    distances: from `jaccard_distance`, a scipy.sparse matrix whose absent entries are 1; the labels
    are those of the dense matrix. eps: points at most so far apart are neighbours; below 1, by
    default 0.6. rho: instead of it, for `eps_by`. min_samples: neighbours that make a core point,
    itself included. Defaults: Cluster Contrast's and GCL's. Raises ValueError for both or for
    another kind of matrix, `UserError` for an eps at which absent distances count.
    """
    from sklearn.cluster import DBSCAN

    if not issparse(distances):
        raise ValueError("distances must be a scipy.sparse matrix: in a dense one zeros get lost.")
    if eps is not None and rho is not None:
        raise ValueError("Give eps or rho, not both.")
    distances = distances.tocsr()
    if rho is not None:
        eps = eps_by(distances, rho)
    eps = 0.6 if eps is None else eps
    _check(eps, min_samples)
    near = np.flatnonzero(distances.data <= eps)
    starts = np.searchsorted(near, distances.indptr)
    graph = csr_matrix((distances.data[near], distances.indices[near], starts), distances.shape)
    search = DBSCAN(eps=eps, min_samples=min_samples, metric="precomputed")
    return Clusters(search.fit(graph).labels_.astype(np.int64), float(eps))


def _check(eps: float, min_samples: int) -> None:
    if not 0 < eps < 1:
        raise UserError(f"eps must lie between 0 and 1, the largest Jaccard distance, not {eps:g}.")
    if min_samples < 1:
        raise ValueError(f"min_samples must be at least 1, got {min_samples}.")


def eps_by(distances: Any, rho: float) -> float:
    """The mean of the smallest fraction `rho` of the non-zero distances between two points.

    distances: all those below 1 of N points, from `jaccard_distance`; absent ones count as 1. The
    rule of Song et al. (Pattern Recognition 2020), MMT and GCL, which take 0.0012 to 0.002. Raises
    ValueError unless `rho` is in (0, 1], `UserError` where every distance is zero.
    """
    if not 0 < rho <= 1:
        raise ValueError(f"rho must be in (0, 1], got {rho}.")
    distances = distances.tocsr()
    count = distances.shape[0]
    pairs = count * (count - 1) // 2
    most = max(1, round(rho * pairs))
    smallest = np.empty(0, np.float32)
    for first in range(0, count, BLOCK):
        part = distances[first : first + BLOCK].tocoo()
        upper = part.data[part.col > part.row + first]
        some = upper[upper > 0]
        pairs -= len(upper) - len(some)
        smallest = np.concatenate([smallest, some])
        if len(smallest) > most:
            smallest = np.partition(smallest, most - 1)[:most]
    if not pairs:
        raise UserError("There is no eps in these distances: no two points differ.")
    top = max(1, round(rho * pairs))
    smallest = np.sort(smallest)[:top]
    return float((smallest.sum(dtype=np.float64) + top - len(smallest)) / top)
