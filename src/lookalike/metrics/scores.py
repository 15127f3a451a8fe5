"""AP, INP and the first hit of queries, from the ranks of their right entries."""

import numpy as np
from numpy.typing import NDArray

from lookalike.metrics.protocols import Protocol
from lookalike.metrics.ranks import NEVER

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def scores(ranks: Ints, rules: Protocol) -> tuple[Floats, Floats, Ints]:
    """AP, INP and the first hit of every row of ranks (C×S, `NEVER` where there is none).

    C each; NaN, NaN and 0 for a row without any.
    """
    ranks = np.sort(ranks, axis=1)
    there = ranks < NEVER
    count = there.sum(1)
    k = np.broadcast_to(np.arange(1, ranks.shape[1] + 1), ranks.shape)[there]
    row, at = np.nonzero(there)[0], ranks[there]
    precision = k / at
    if rules.ap == "trapezoid":
        before = np.where(at == 1, 1.0, (k - 1) / np.maximum(at - 1, 1))
        precision = (before + precision) / 2
    # bincount adds in order, so that a chunk's padding changes no digit.
    total = np.bincount(row, precision, minlength=len(ranks))
    some = np.maximum(count, 1)
    last = np.take_along_axis(ranks, some[:, None] - 1, axis=1)[:, 0]
    ap = np.where(count > 0, total / some, np.nan)
    inp = np.where(count > 0, count / last, np.nan)
    return ap, inp, np.where(count > 0, ranks[:, 0], 0)
