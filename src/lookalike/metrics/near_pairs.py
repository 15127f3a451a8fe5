"""The pairs of sparse rows that share much, without adding up what all the others share."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

# Sums, and pairs of weights, at a time: few enough for a processor's cache. Candidates at a time.
CHUNK_SUMS, CHUNK_PAIRS, CHUNK_CANDIDATES = 1 << 17, 1 << 16, 1 << 12
SLACK = 0.1  # of a row's weight that is added up beyond what no near row can do without
ROUNDING = 1e-9  # of a bound, by sums of a row in another order
Ints = NDArray[np.int64]


class Pairs(NamedTuple):
    """P pairs of rows i ≤ j, and the weight that each shares: int64, int64, float64."""

    i: Ints
    j: Ints
    shared: NDArray[np.float64]


def near_pairs(weights: Any, least: float) -> Iterator[Pairs]:
    """The pairs of rows that share more than `least`, Σ_m min(V_im, V_jm), some at a time.

    weights: N×N csr of positives, whose rows sum to 1; a row is its own pair.
    least: in (0, 1). Of every row i a part is chosen that weighs 1 − `least` + SLACK. What a row j
    shares with that part, and the rest of row i, is more than i and j share: where this bound is
    `least` at most, the pair isn't near. That leaves a few candidates a row, whose sum is exact.
    """
    weights = weights.astype(np.float64)
    weights.sort_indices()
    with ThreadPoolExecutor(1) as second:  # sums of some candidates while the next are looked for
        waiting: Future[Pairs] | None = None
        for i, j in _gathered(_candidates(weights, least)):
            done, waiting = waiting, second.submit(_near, weights, i, j, least)
            if done is not None:
                yield done.result()
        if waiting is not None:
            yield waiting.result()


def _gathered(pairs: Iterator[tuple[Ints, Ints]]) -> Iterator[tuple[Ints, Ints]]:
    """The pairs, in parts of CHUNK_CANDIDATES and more."""
    rows, columns, count = [], [], 0
    for i, j in pairs:
        rows.append(i)
        columns.append(j)
        count += len(i)
        if count >= CHUNK_CANDIDATES:
            yield np.concatenate(rows), np.concatenate(columns)
            rows, columns, count = [], [], 0
    if rows:
        yield np.concatenate(rows), np.concatenate(columns)


def _near(weights: Any, i: Ints, j: Ints, least: float) -> Pairs:
    """Those of the pairs that share more than `least`."""
    parts = [slice(at, at + CHUNK_CANDIDATES) for at in range(0, len(i), CHUNK_CANDIDATES)]
    sums = [weights[i[part]].minimum(weights[j[part]]).sum(1) for part in parts]
    shared = np.concatenate([np.asarray(x, np.float64).ravel() for x in sums])
    near = shared > least
    return Pairs(i[near], j[near], shared[near])


def _candidates(weights: Any, least: float) -> Iterator[tuple[Ints, Ints]]:
    """Pairs of rows i ≤ j, all those that share more than `least` among them."""
    count = weights.shape[0]
    inverted = weights.tocsc()
    begins, ends = (x.astype(np.int64) for x in (inverted.indptr[:-1], inverted.indptr[1:]))
    part = _cheapest_part(weights, ends - begins, 1 - least + SLACK)
    starts, column = part.indptr.astype(np.int64), part.indices.astype(np.int64)
    needed = least - np.asarray(weights.sum(1)).ravel() + np.asarray(part.sum(1)).ravel() - ROUNDING
    # To the beginning of row i: the pairs of weights that meet in a column, if all rows counted.
    pairs = np.concatenate([[0], (ends - begins)[column].cumsum()])[starts]
    end = 0
    while end < count:
        begin, width = end, count - end
        end = int(np.searchsorted(pairs, pairs[begin] + 2 * CHUNK_PAIRS, "right")) - 1
        end = max(begin + 1, min(end, begin + CHUNK_SUMS // width, count))
        mine = slice(starts[begin], starts[end])
        first = begins[column[mine]]  # rows before `begin` have had their pairs
        length = ends[column[mine]] - first
        at = np.arange(length.sum())
        at += np.repeat(first - length.cumsum() + length, length)
        target = np.repeat(np.arange(end - begin) * width - begin, np.diff(starts[begin : end + 1]))
        target = np.repeat(target, length)
        target += inverted.indices.take(at)
        both = np.minimum(np.repeat(part.data[mine], length), inverted.data.take(at))
        shared = np.bincount(target, both, (end - begin) * width).reshape(-1, width)
        i, j = np.divmod(np.flatnonzero(shared > needed[begin:end, None]), width)
        upper = i <= j
        yield i[upper] + begin, j[upper] + begin
        done = slice(weights.indptr[begin], weights.indptr[end])
        begins += np.bincount(weights.indices[done], minlength=count)


def _cheapest_part(weights: Any, lengths: Ints, weight: float) -> Any:
    """The entries of every row that weigh `weight` together, in columns as short as can be: csr."""
    starts = weights.indptr
    each = np.diff(starts)
    cost = lengths[weights.indices] / weights.data  # of a unit of weight
    # One key for both, so that a fast sort does: it only chooses, so its last bits are no matter.
    order = np.argsort(np.repeat(np.arange(len(each)), each) + 0.5 * cost / cost.max())
    data = weights.data[order]
    before = data.cumsum() - data
    before -= np.repeat(before[starts[:-1]], each)
    chosen = before < weight
    kept = np.concatenate([[0], chosen.cumsum()])[starts]
    return csr_matrix((data[chosen], weights.indices[order][chosen], kept), weights.shape)
