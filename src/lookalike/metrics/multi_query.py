"""Several queries as one: the mean of a person's crops in one camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lookalike.metrics.distances import unit
from lookalike.metrics.inputs import refuse_rows


@dataclass(frozen=True, eq=False)
class Pools:
    """The queries by identity and camera, P pools in the order of their first queries.

    order: Q query indices, pool by pool. start, size: P, where a pool starts in `order` and how
    many queries it has. first: P, the index of a pool's first query.
    """

    order: NDArray[np.int64]
    start: NDArray[np.int64]
    size: NDArray[np.int64]
    first: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.first)

    @property
    def of_query(self) -> NDArray[np.int64]:
        """Which pool each of the Q queries is in."""
        pool = np.empty_like(self.order)
        pool[self.order] = np.repeat(np.arange(len(self)), self.size)
        return pool

    def mean_features(self, query: Tensor, metric: str) -> Tensor:
        """The mean of every pool's features, Q×D → P×D; for "cosine" each is of length 1 before.

        Raises `UserError` that names the queries with NaN or infinity.
        """
        refuse_rows(~query.isfinite().all(1), "Query features", "NaN or infinity")
        feats = query.cpu()  # not every device has float64
        if metric == "cosine":
            feats = unit(feats, feats.abs().amax(1))
        mean = self._mean(feats, slice(0, len(self)))
        return mean.to(query.device, query.dtype)

    def mean_rows(self, distances: Tensor, rows: slice) -> Tensor:
        """The mean of the distances of every pool in `rows`, Q×G → C×G."""
        return self._mean(distances, rows).to(distances.dtype)

    def _mean(self, values: Tensor, rows: slice) -> Tensor:
        """The mean of `values` (Q×N) over every pool in `rows`, in float64: no sum overflows."""
        start, size = self.start[rows], self.size[rows]
        total = values.new_zeros((len(start), values.shape[1]), dtype=torch.float64)
        for nth in range(size.max()):  # one query of every pool at a time: no more memory than that
            pools = np.flatnonzero(size > nth)
            total[pools] += values[self.order[start[pools] + nth]]
        return total.div_(torch.from_numpy(size).to(total.device)[:, None])


def pools_of(pids: NDArray[np.int64], camids: NDArray[np.int64], multi_query: bool) -> Pools | None:
    """The `Pools` of Q queries; None where every query stands for itself."""
    _, first, which, size = np.unique(
        np.stack([pids, camids]), axis=1, return_index=True, return_inverse=True, return_counts=True
    )
    if not multi_query or len(first) == len(pids):
        return None
    by_first = np.argsort(first)
    place = np.empty_like(by_first)
    place[by_first] = np.arange(len(first))
    size = size[by_first]
    order = np.argsort(place[which.reshape(-1)], kind="stable")
    return Pools(order, size.cumsum() - size, size, first[by_first])
