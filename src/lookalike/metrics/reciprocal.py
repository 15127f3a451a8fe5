"""k-reciprocal neighbours as sparse rows: the sets, their expansion, their weights, their overlap.

Zhong et al., "Re-ranking person re-identification with k-reciprocal encoding" (CVPR 2017), whose
N×N arrays hold a hundred numbers a row that aren't zero. Here only those are stored.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags
from torch import Tensor

from lookalike.metrics.neighbours import pair_squares

# Overlaps, and pairs of weights, at a time: few enough for a processor's cache.
CHUNK_ENTRIES, CHUNK_PAIRS = 1 << 16, 1 << 16
Floats: TypeAlias = NDArray[np.float64]


def expanded_sets(index: Tensor, near: int, half: int) -> Any:
    """The expanded k-reciprocal set R* of every feature (eq. 4): an N×N csr matrix of positives.

    index: N×k neighbours. i and j are reciprocal if each is among the first `near` neighbours of
    the other. The set of the first `half` of such a j joins if more than 2/3 of it are in i's: the
    paper has "at least", its authors' code and everybody's since "more".
    """
    sets, halves = _reciprocal(index, near), _reciprocal(index, half)
    common = (sets @ halves.T).multiply(sets).tocoo()
    size = np.diff(halves.indptr)
    joins = 3 * common.data > 2 * size[common.col]
    joining = csr_matrix((common.data[joins], (common.row[joins], common.col[joins])), sets.shape)
    return (sets + joining @ halves).tocsr()


def encodings(feats: Tensor, index: Tensor, sets: Any, k2: int, largest: Any = None) -> Any:
    """The weights V of the `sets`, averaged over the first `k2` neighbours: N×N csr, rows sum to 1.

    A weight is exp(−d²) (eq. 7) with d the Euclidean distance of the features (N×D), over the sum
    of its row; d² is divided by its row's `largest` (N) if that is given. Then local query
    expansion (eq. 11).
    """
    sets.sort_indices()
    pairs = (torch.from_numpy(x).to(feats.device).long() for x in (sets.indptr, sets.indices))
    square = pair_squares(feats, *pairs).cpu().numpy()
    if largest is not None:
        square /= np.repeat(np.where(largest > 0, largest, 1), np.diff(sets.indptr))
    weights = csr_matrix((np.exp(-square), sets.indices, sets.indptr), sets.shape)
    weights = diags(1 / np.asarray(weights.sum(1), np.float64).ravel()) @ weights
    if k2 > 1:
        weights = _neighbour_matrix(index, k2) @ weights / min(k2, index.shape[1])
    return weights.astype(np.float32)


def overlaps(weights: Any, first: int, queries: int) -> Iterator[tuple[slice, Floats]]:
    """The shared weight Σ_m min(V_im, V_jm) of rows i and j, a few rows i at a time.

    weights: N×N csr. Gives slices of the rows i < `queries`, each with the overlaps with all rows
    j ≥ `first`: C×(N − first) float64.
    """
    inverted = weights[first:].tocsc()
    width = inverted.shape[0]
    start, column = (x.astype(np.int64) for x in (weights.indptr, weights.indices))
    begins, row = inverted.indptr.astype(np.int64), inverted.indices
    length = np.diff(begins)
    # To the beginning of row i: the pairs of weights that meet in a column.
    pairs = np.concatenate([[0], length[column].cumsum()])[start]
    end = 0
    while end < queries:
        begin = end
        end = int(np.searchsorted(pairs, pairs[begin] + CHUNK_PAIRS, "right")) - 1
        end = max(begin + 1, min(end, begin + CHUNK_ENTRIES // width, queries))
        mine = slice(start[begin], start[end])
        own = column[mine]
        count = length[own]
        at = np.arange(pairs[end] - pairs[begin])
        at += np.repeat(begins[own] - count.cumsum() + count, count)
        target = np.repeat(np.arange(end - begin) * width, np.diff(start[begin : end + 1]))
        target = np.repeat(target, count)
        target += row.take(at)
        least = np.minimum(np.repeat(weights.data[mine], count), inverted.data.take(at))
        shared = np.bincount(target, least, (end - begin) * width)
        yield slice(begin, end), shared.astype(np.float64, copy=False).reshape(-1, width)


def _neighbour_matrix(index: Tensor, k: int) -> Any:
    """The 0/1 matrix of everybody's first `k` neighbours, N×N csr."""
    columns = index[:, :k].numpy()
    starts = np.arange(0, columns.size + 1, columns.shape[1])
    ones = np.ones(columns.size, np.float32)
    return csr_matrix((ones, columns.ravel(), starts), (len(columns), len(columns)))


def _reciprocal(index: Tensor, k: int) -> Any:
    near = _neighbour_matrix(index, k)
    return near.multiply(near.T).tocsr()
