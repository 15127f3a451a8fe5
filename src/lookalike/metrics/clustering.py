"""Pseudo-identities: DBSCAN on sparse distances, at an eps that is given or follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, issparse
from torch import Tensor

from lookalike.errors import UserError
from lookalike.metrics.inputs import Array, device_of, ids, matrix
from lookalike.metrics.jaccard import distances_below, jaccard_distance
from lookalike.metrics.links import linked_labels, links

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

    @property
    def largest(self) -> int:
        """How many images the largest cluster has."""
        return int(np.bincount(self.labels[self.labels >= 0], minlength=1).max())


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
    must: Array | None = None,
    cannot: Array | None = None,
) -> Clusters:
    """The `Clusters` of N×D features by their Jaccard distances: `jaccard_distance` and `cluster`.

    Arguments and errors are theirs. At a given eps, larger distances are never held.
    """
    how = k1, k2, recipe, search, device
    if rho is not None:
        return cluster(jaccard_distance(feats, *how), eps, min_samples, rho, must, cannot)
    values = [0.6 if eps is None else eps]
    return clusters_over(feats, values, min_samples, *how, must, cannot)[0]


def clusters_over(
    feats: Array,
    eps_values: Sequence[float],
    min_samples: int = 4,
    k1: int = 30,
    k2: int = 6,
    recipe: str = "spcl",
    search: Literal["torch", "faiss"] = "torch",
    device: torch.device | str | None = None,
    must: Array | None = None,
    cannot: Array | None = None,
) -> list[Clusters]:
    """The `Clusters` of N×D features at every one of `eps_values`, in their order.

    As `pseudo_labels` gives them; distances are computed once. Raises `UserError` for no value.
    """
    if not len(eps_values):
        raise UserError("Give at least one eps.")
    for eps in eps_values:
        _check(eps, min_samples)
    below = min(1.0, max(eps_values) + MARGIN)
    distances = distances_below(below, feats, k1, k2, recipe, search, device)
    return [cluster(distances, eps, min_samples, None, must, cannot) for eps in eps_values]


def drop_single_camera(labels: Array, camids: Array) -> NDArray[np.int64]:
    """N labels where clusters that one camera alone saw are outliers, −1; the others are numbered
    on in their order.

    The camera debias of arXiv 2502.10195 (ICLR 2025). camids: N. Raises ValueError on shapes.
    """
    own = ids(labels, "labels", len(labels))
    cameras = np.unique(ids(camids, "camids", len(own)), return_inverse=True)[1]
    clustered = own >= 0
    pairs = np.unique(np.stack([own[clustered], cameras[clustered]], 1), axis=0)
    several = np.bincount(pairs[:, 0], minlength=1) > 1
    number = np.where(several, several.cumsum() - 1, -1)
    answer = np.full(len(own), -1, np.int64)
    answer[clustered] = number[own[clustered]]
    return answer


def cluster_means(feats: Array, labels: Array) -> Tensor:
    """The mean feature of every cluster, of length 1: C×D, where the N×D features are.

    A cluster memory's rows (Cluster Contrast, section 3.3). labels: N, clusters from 0 on; those
    below 0 are left out. A cluster without images is all zero. Raises ValueError on shapes.
    """
    x = matrix(feats, "Features", device_of(feats, None))
    own = torch.from_numpy(ids(labels, "labels", len(x))).to(x.device)
    clustered = own >= 0
    means = x.new_zeros(int(own.max()) + 1 if clustered.any() else 0, x.shape[1])
    return F.normalize(means.index_add_(0, own[clustered], x[clustered]))


def cluster(
    distances: Any,
    eps: float | None = None,
    min_samples: int = 4,
    rho: float | None = None,
    must: Array | None = None,
    cannot: Array | None = None,
) -> Clusters:
    """The `Clusters` that DBSCAN (Ester et al., KDD 1996) finds in N×N distances.

    distances: from `jaccard_distance`, a scipy.sparse matrix whose absent entries are 1; the labels
    are those of the dense matrix. eps: points at most so far apart are neighbours; below 1, by
    default 0.6. rho: instead of it, for `eps_by`. min_samples: neighbours that make a core point,
    itself included. Defaults: Cluster Contrast's and GCL's.

    must, cannot: M×2 pairs of rows that always, or never, share a cluster. Must-linked outliers
    join their partner's cluster, or form one; a cluster with a forbidden pair is split where its
    distances are largest (`links`). Raises ValueError for eps and rho, or for another kind of
    matrix; `UserError` for an eps at which absent distances count, and for links that name no row
    or contradict each other.
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
    labels = search.fit(graph).labels_.astype(np.int64)
    joins, bars = links(must, "must", len(labels)), links(cannot, "cannot", len(labels))
    if len(joins) or len(bars):
        labels = linked_labels(labels, graph, joins, bars)
    return Clusters(labels, float(eps))


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
