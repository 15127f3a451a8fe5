"""Pseudo-identities: DBSCAN on sparse distances, at an eps that is given or follows from them."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from lookalike.errors import UserError

BLOCK = 1024  # rows at a time


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


def cluster(
    distances: Any, eps: float = 0.6, min_samples: int = 4, rho: float | None = None
) -> Clusters:
    """The `Clusters` that DBSCAN (Ester et al., KDD 1996) finds in N×N distances.

    distances: from `jaccard_distance`, sparse, with absent ones too far; the labels are those of
    the dense matrix. eps: points at most so far apart are neighbours, below 1; with `rho`, `eps_by`
    gives it instead. min_samples: neighbours that make a core point, itself included. Defaults:
    Cluster Contrast's and GCL's. Raises `UserError` for an eps at which absent distances count.
    """
    from sklearn.cluster import DBSCAN

    if rho is not None:
        eps = eps_by(distances, rho)
    if not 0 < eps < 1:
        raise UserError(f"eps must lie between 0 and 1, the largest Jaccard distance, not {eps:g}.")
    _check_held(distances, eps)
    near = np.flatnonzero(distances.data <= eps)
    starts = np.searchsorted(near, distances.indptr)
    graph = csr_matrix((distances.data[near], distances.indices[near], starts), distances.shape)
    search = DBSCAN(eps=eps, min_samples=min_samples, metric="precomputed")
    return Clusters(search.fit(graph).labels_.astype(np.int64), float(eps))


def eps_by(distances: Any, rho: float) -> float:
    """The mean of the smallest fraction `rho` of the non-zero distances between two points.

    distances: all those below 1 of N points, from `jaccard_distance`; absent ones count as 1. The
    rule of Song et al. (Pattern Recognition 2020), MMT and GCL, which take 0.0012 to 0.002. Raises
    ValueError unless `rho` is in (0, 1], `UserError` where every distance is zero.
    """
    if not 0 < rho <= 1:
        raise ValueError(f"rho must be in (0, 1], got {rho}.")
    _check_held(distances, 1.0)
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


def _check_held(distances: Any, eps: float) -> None:
    """Raises `UserError` if distances up to `eps` were left out of the matrix by `below`."""
    below = getattr(distances, "below", 1.0)
    if eps > below:
        raise UserError(
            f"These Jaccard distances are only those below {below:g}, but those up to {eps:g} "
            "count: compute them with a larger `below`."
        )
