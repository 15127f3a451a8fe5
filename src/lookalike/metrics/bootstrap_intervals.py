"""Confidence intervals of a ranking's numbers, by bootstrap over identities."""

import numpy as np

from lookalike.metrics.inputs import Array, ids
from lookalike.metrics.protocols import protocol_named
from lookalike.metrics.ranking import Ranking

COUNTS = 1 << 22  # resampled identities at a time: 32 MiB


def bootstrap(
    ranking: Ranking, query_pids: Array, level: float = 0.95, resamples: int = 1000, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """The percentile interval (low, high) of every number in `ranking.row()`, under its keys.

    Every resample draws as many identities as count in the ranking, with replacement, and takes
    them with all their queries; the interval has `level` of the resampled numbers inside (Efron and
    Tibshirani 1993, chapter 13). Identities, because the queries of one person wear the same
    clothes and have the same right entries: they succeed and fail together, and intervals from
    resampled queries would be too narrow. The gallery and the draws or splits of the protocol stay
    as they are, so this is the spread from who is asked for; it is not that between trainings.

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
    share = hit.mean(1)
    parts = {
        "mAP": np.nan_to_num(share * ranking.ap),
        **{f"rank{k}": (hit & (ranks <= k)).mean(1) for k in (1, 5, 10)},
        "mINP": np.nan_to_num(share * ranking.inp),
    }
    weight = counts.mean(1)
    # Nobody without a weight: a resample of such identities alone would have no mean.
    asked = weight > 0
    _, person = np.unique(pids[asked], return_inverse=True)
    people = int(person.max()) + 1
    table = np.stack([weight, *parts.values()], axis=1)[asked]
    sums = np.zeros((people, table.shape[1]))
    np.add.at(sums, person, table)

    random, found = np.random.default_rng(seed), []
    for start in range(0, resamples, step := max(1, COUNTS // people)):
        times = random.multinomial(
            people, np.full(people, 1 / people), min(step, resamples - start)
        )
        totals = times @ sums
        found.append(totals[:, 1:] / totals[:, :1])
    tail = (1 - level) / 2
    low, high = np.quantile(np.concatenate(found), [tail, 1 - tail], axis=0)
    return {key: (float(a), float(b)) for key, a, b in zip(parts, low, high, strict=True)}
