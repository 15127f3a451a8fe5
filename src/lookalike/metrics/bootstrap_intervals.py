"""Confidence intervals of means, by bootstrap over identities: of a ranking's numbers, of pairs'.

Percentile intervals (Efron and Tibshirani 1993, chapter 13). Every resample draws as many
identities as there are, with replacement, and takes each with all its queries or pairs. Identities,
because the images of one person wear the same clothes: they succeed and fail together, and
intervals from resampled images would be too narrow.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lookalike.metrics.inputs import Array, ids
from lookalike.metrics.protocols import protocol_named
from lookalike.metrics.ranking_scores import RANKS, Ranking

COUNTS = 1 << 22  # resampled identities at a time: 32 MiB

Floats: TypeAlias = NDArray[np.float64]
Intervals: TypeAlias = dict[str, tuple[float, float]]


def bootstrap(
    ranking: Ranking, query_pids: Array, level: float = 0.95, resamples: int = 1000, seed: int = 0
) -> Intervals:
    """The percentile interval (low, high) of every number in `ranking.row()`, under its keys.

    The interval has `level` of the resampled numbers inside. Resampled are the identities that
    count in the ranking, with all their queries. The gallery and the draws or splits of the
    protocol stay as they are, so this is the spread from the choice of queries; it is not that
    between trainings.

    query_pids: Q whole numbers, those of the ranking. level: in (0, 1). Raises ValueError on other
    levels, on shapes, and without resamples.
    """
    if not 0 < level < 1 or resamples < 1:
        raise ValueError(
            f"level must be in (0, 1) and resamples from 1 up, got {level}, {resamples}."
        )
    pids = ids(query_pids, "query_pids", len(ranking.ap))
    ranks = ranking.cmc_ranks
    hit = ranks > 0
    counts = (ranks >= 0) if protocol_named(ranking.protocol).count_skipped else hit
    lists = ranking.weights
    share = (hit * lists).mean(1)
    parts = {
        "mAP": np.nan_to_num(share * ranking.ap),
        **{f"rank{k}": ((hit & (ranks <= k)) * lists).mean(1) for k in RANKS},
        "mINP": np.nan_to_num(share * ranking.inp),
    }
    weight = (counts * lists).mean(1)
    # Nobody without a weight: a resample of such identities alone would have no mean.
    some = weight > 0
    columns = {key: part[some] for key, part in parts.items()}
    block = COUNTS // len(np.unique(pids[some]))
    return _intervals(columns, weight[some], pids[some], level, resamples, seed, block)


def mean_intervals(
    values: Mapping[str, Floats],
    groups: NDArray[np.int64],
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Intervals:
    """The percentile interval (low, high) of the mean of every column of `values`.

    values: columns of N numbers, a number a pair. groups: N, whose pair it is: resampled are
    persons, with all their pairs. Raises ValueError on other levels and without pairs.
    """
    if not 0 < level < 1 or not len(groups):
        raise ValueError(f"level must be in (0, 1) and there must be pairs, got {level}")
    # One resample at a time: every pair may be a group of its own.
    return _intervals(values, np.ones(len(groups)), groups, level, resamples, seed, block=1)


def _intervals(
    columns: Mapping[str, Floats],
    weight: Floats,
    groups: NDArray[np.int64],
    level: float,
    resamples: int,
    seed: int,
    block: int,
) -> Intervals:
    """The interval of every Σ column / Σ weight (N numbers each) when whole `groups` (N) are drawn.

    block: how many resamples at a time. Other sizes round the sums differently.
    """
    _, group = np.unique(groups, return_inverse=True)
    count = int(group.max()) + 1
    table = np.stack([weight, *columns.values()], axis=1)
    sums = np.zeros((count, table.shape[1]))
    np.add.at(sums, group, table)
    random, chances = np.random.default_rng(seed), np.full(count, 1 / count)
    means = []
    for start in range(0, resamples, step := max(1, block)):
        times = random.multinomial(count, chances, min(step, resamples - start))
        totals = times @ sums
        means.append(totals[:, 1:] / totals[:, :1])
    tail = (1 - level) / 2
    low, high = np.quantile(np.concatenate(means), [tail, 1 - tail], axis=0)
    return {key: (float(a), float(b)) for key, a, b in zip(columns, low, high, strict=True)}
