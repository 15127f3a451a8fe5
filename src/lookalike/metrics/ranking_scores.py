"""What comes of a ranking: the numbers of all queries, and of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RANKS = (1, 5, 10, 20)  # in every table


@dataclass(frozen=True, eq=False)
class Ranking:
    """How well a gallery ranks: fractions in [0, 1], averaged over queries as `protocol` says.

    mAP, mINP: floats; INP is the number of right entries over the rank of the last (Ye et al.
    2021). cmc: min(50, G) floats, rank-1 first. num_valid: queries with a right entry.
    ap, inp: Q floats, NaN for skipped queries; with splits, the mean over those that a query is in.
    first_hit: Q int64, the rank of the first right entry in the whole gallery from 1, 0 for skipped
    queries. Several queries that are one (`multi_query`) have it in the row of the first.
    cmc_ranks: Q×R int64, the ranks that the CMC counts: one, or one for each draw or split; 0 where
    there is no right entry, −1 where the query takes no part. weights: Q×R, how much each of these
    counts; not alike where the result is a mean of splits: then `first_hit` is the least of theirs.
    metric: "" for given distances.
    """

    mAP: float
    cmc: NDArray[np.float64]
    mINP: float
    num_valid: int
    ap: NDArray[np.float64]
    inp: NDArray[np.float64]
    first_hit: NDArray[np.int64]
    cmc_ranks: NDArray[np.int64]
    weights: NDArray[np.float64]
    protocol: str
    metric: str

    def row(self) -> dict[str, float]:
        """One line of a results table: mAP, rank1, 5, 10 and 20, and mINP as fractions."""
        at = {f"rank{k}": float(self.cmc[min(k, len(self.cmc)) - 1]) for k in RANKS}
        return {"mAP": self.mAP, **at, "mINP": self.mINP}
