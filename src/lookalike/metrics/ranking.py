"""mAP, CMC and mINP of a gallery, a chunk of queries at a time.

The scores of a query depend only on the ranks of its few right entries; `ranks` counts those.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lookalike.errors import UserError
from lookalike.metrics.distances import DistanceRows, distance_rows
from lookalike.metrics.inputs import (
    Array,
    checked_ids,
    device_of,
    matrix,
    prepared,
    refuse_rows,
)
from lookalike.metrics.matches import Matches, fill, find_matches, no_valid_match
from lookalike.metrics.multi_query import pools_of
from lookalike.metrics.protocols import protocol_named
from lookalike.metrics.ranks import right_ranks, scores, single_shot_ranks
from lookalike.metrics.splits import draw, split_scores

LONGEST_CMC = 50


@dataclass(frozen=True, eq=False)
class Ranking:
    """How well a gallery ranks: fractions in [0, 1], averaged over queries as `protocol` says.

    mAP, mINP: floats; INP is the number of right entries over the rank of the last (Ye et al.
    2021). cmc: min(50, G) floats, rank-1 first. num_valid: queries with a right entry.
    ap, inp: Q floats, NaN for skipped queries; with splits, the mean over those that a query is in.
    first_hit: Q int64, the rank of the first right entry in the whole gallery from 1, 0 for skipped
    queries. Several queries that are one (`multi_query`) have it in the row of the first.
    cmc_ranks: Q×R int64, the ranks that the CMC counts: one, or one for each draw or split; 0 where
    there is no right entry, −1 where the query takes no part. metric: "" for given distances.
    """

    mAP: float
    cmc: NDArray[np.float64]
    mINP: float
    num_valid: int
    ap: NDArray[np.float64]
    inp: NDArray[np.float64]
    first_hit: NDArray[np.int64]
    cmc_ranks: NDArray[np.int64]
    protocol: str
    metric: str

    def row(self) -> dict[str, float]:
        """One line of a results table: mAP, rank1, rank5, rank10 and mINP as fractions."""
        at = {f"rank{k}": float(self.cmc[min(k, len(self.cmc)) - 1]) for k in (1, 5, 10)}
        return {"mAP": self.mAP, **at, "mINP": self.mINP}


def rank(
    query_feats: Array,
    gallery_feats: Array,
    query_pids: Array,
    gallery_pids: Array,
    query_camids: Array,
    gallery_camids: Array,
    protocol: str = "market1501",
    metric: str = "cosine",
    chunk: int | None = None,
    device: torch.device | str | None = None,
) -> Ranking:
    """The `Ranking` of a gallery (G×D features) by its distances to the queries (Q×D).

    Features are numpy arrays or tensors; pids and camids are Q and G whole numbers; `metric` is
    "cosine" or "euclidean"; `protocol` is a name in `PROTOCOLS`, where the tie rule is too.
    Junk (pid −1) and unknown persons (pid −2) of the gallery are left out.
    Memory is a few times chunk × G floats, `chunk` being queries at a time. `device` defaults to
    the queries'. Raises ValueError on shapes, `UserError` on unknown names, empty or not finite
    features, queries of unknown persons, and where no query has a valid match.
    """
    rules = protocol_named(protocol)
    query, gallery, ids = prepared(
        query_feats, gallery_feats, query_pids, gallery_pids, query_camids, gallery_camids, device
    )
    pools = pools_of(ids.query_pids, ids.query_camids, rules.multi_query)
    queries = pools.first if pools else np.arange(len(query))
    if pools:
        query = pools.mean_features(query, metric)
    matches = find_matches(ids.of_queries(queries), query.device)
    distances = distance_rows(query, gallery, matches.valid, metric)
    return _rank(distances, matches, queries, len(ids.query_pids), chunk, protocol, metric)


def rank_distances(
    distances: Array,
    query_pids: Array,
    gallery_pids: Array,
    query_camids: Array,
    gallery_camids: Array,
    protocol: str = "market1501",
    chunk: int | None = None,
    device: torch.device | str | None = None,
) -> Ranking:
    """The `Ranking` of a given matrix of distances, Q×G, small is near (see `rank`).

    Under "market1501-multi-query" the rows of one identity and camera are averaged. That ranks as
    the mean features do where distances are cosine (1 − cos) or squared Euclidean ones.
    Raises `UserError` too where the matrix holds NaN or infinity.
    """
    rules = protocol_named(protocol)
    device = device_of(distances, device)
    # The matrix stays where it is; only a chunk at a time moves to `device`.
    whole = matrix(distances, "Distances", device_of(distances, None))
    finite = whole.amax(1).isfinite() & whole.amin(1).isfinite()
    refuse_rows(~finite, "Distances", "NaN or infinity")
    shape = (len(whole), whole.shape[1])
    ids = checked_ids(query_pids, gallery_pids, query_camids, gallery_camids, shape)
    pools = pools_of(ids.query_pids, ids.query_camids, rules.multi_query)
    queries = pools.first if pools else np.arange(shape[0])
    matches = find_matches(ids.of_queries(queries), device)
    valid = matches.valid.to(whole.device)

    def rows_of(rows: slice) -> Tensor:
        part = pools.mean_rows(whole, rows) if pools else whole[rows]
        return (part if len(valid) == shape[1] else part[:, valid]).to(device, copy=True)

    return _rank(rows_of, matches, queries, shape[0], chunk, protocol, "")


def _rank(
    distances: DistanceRows,
    matches: Matches,
    queries: NDArray[np.int64],
    count: int,
    chunk: int | None,
    protocol: str,
    metric: str,
) -> Ranking:
    """Counts chunk by chunk, then averages as the protocol's rules say.

    distances and matches have a row for each of the `queries`, which are rows of all `count`.
    """
    rules, longest = protocol_named(protocol), min(LONGEST_CMC, matches.shape[1])
    ap, inp = np.full(count, np.nan), np.full(count, np.nan)
    first = np.zeros(count, np.int64)
    cmc_ranks = np.full((count, max(1, rules.draws, rules.splits)), -1)
    splits = draw(rules.splits, matches) if rules.splits else None
    random = np.random.default_rng(0)
    for rows in matches.chunks(chunk, rules.draws * len(matches.sizes)):
        columns, right, junk = matches.of_queries(rows)
        dist = fill(distances(rows), columns, junk, torch.inf)
        ranks = right_ranks(dist, columns, right).cpu().numpy()
        at = queries[rows]
        ap[at], inp[at], first[at] = scores(ranks, rules)
        if rules.draws:
            draws = random.random((len(ranks), rules.draws, len(matches.sizes)))
            shots = single_shot_ranks(dist, columns, right, draws, matches, rows)
            cmc_ranks[at] = shots.cpu().numpy()
        elif splits:
            ap[at], inp[at], cmc_ranks[at] = split_scores(dist, columns, right, splits, rows, rules)
        else:
            cmc_ranks[at, 0] = first[at]
    hit = cmc_ranks > 0
    if not first.any():
        raise no_valid_match(matches)
    if not hit.any():
        raise UserError(
            f"None of the {rules.splits} splits of {protocol} has a query with a right entry in "
            "another camera: there are too few identities, so choose another protocol."
        )
    first[~hit.any(1)] = 0
    lists = int((cmc_ranks >= 0 if rules.count_skipped else hit).sum())
    by_rank = np.bincount(np.minimum(cmc_ranks[hit], longest + 1), minlength=longest + 2)
    share, over = hit.mean(1), lists / cmc_ranks.shape[1]
    return Ranking(
        mAP=float(np.nansum(share * ap) / over),
        cmc=by_rank[1 : longest + 1].cumsum() / lists,
        mINP=float(np.nansum(share * inp) / over),
        num_valid=int(hit.any(1).sum()),
        ap=ap,
        inp=inp,
        first_hit=first,
        cmc_ranks=cmc_ranks,
        protocol=protocol,
        metric=metric,
    )
