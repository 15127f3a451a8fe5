"""Confidence intervals of means over pairs, by bootstrap over the people in them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray


def mean_intervals(
    values: Mapping[str, NDArray[np.float64]],
    groups: NDArray[np.int64],
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, tuple[float, float]]:
    """The percentile interval (low, high) of the mean of every column of `values`.

    values: columns of N numbers, a number a pair. groups: N, whose pair it is: every resample draws
    as many persons, with replacement, and takes them with all their pairs, since the pairs of one
    person are alike. Raises ValueError on other levels and without pairs.
    """
    if not 0 < level < 1 or not len(groups):
        raise ValueError(f"level must be in (0, 1) and there must be pairs, got {level}")
    _, person = np.unique(groups, return_inverse=True)
    people = int(person.max()) + 1
    table = np.stack([np.ones(len(groups)), *values.values()], axis=1)
    sums = np.zeros((people, table.shape[1]))
    np.add.at(sums, person, table)
    random = np.random.default_rng(seed)
    totals = np.empty((resamples, table.shape[1]))
    for k in range(resamples):  # a row at a time: every pair may be a group of its own
        totals[k] = random.multinomial(people, np.full(people, 1 / people)) @ sums
    tail = (1 - level) / 2
    low, high = np.quantile(totals[:, 1:] / totals[:, :1], [tail, 1 - tail], axis=0)
    return {key: (float(a), float(b)) for key, a, b in zip(values, low, high, strict=True)}
