"""mAP, CMC and mINP of a gallery, a chunk of queries at a time.

The scores of a query depend only on the ranks of its few right entries; `counting` finds those.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lookalike.metrics import counting
from lookalike.metrics.counting import single_shot_ranks
from lookalike.metrics.inputs import Array, device_of, matrix, refuse_rows
from lookalike.metrics.keys import Keys, ranking_keys
from lookalike.metrics.labels import Labels, group, mark, no_valid_match
from lookalike.metrics.protocols import Protocol, protocol_named

LONGEST_CMC = 50


@dataclass(frozen=True, eq=False)
class Ranking:
    """How well a gallery ranks: fractions in [0, 1], averaged over queries as `protocol` says.

    mAP, mINP: floats; INP is the number of right entries over the rank of the last (Ye et al.
    2021). cmc: min(50, G) floats, rank-1 first. num_valid: queries with a right entry.
    ap, inp: Q floats, NaN for skipped queries. first_hit: Q int64, the rank of the first right
    entry in the whole gallery from 1, 0 for skipped queries. metric: "" for given distances.
    """

    mAP: float
    cmc: NDArray[np.float64]
    mINP: float
    num_valid: int
    ap: NDArray[np.float64]
    inp: NDArray[np.float64]
    first_hit: NDArray[np.int64]
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
    Memory is a few times chunk × G floats, `chunk` being queries at a time. `device` defaults to
    the queries'. Raises ValueError on shapes, `UserError` on unknown names, empty or not finite
    features, and where no query has a valid match.
    """
    rules = protocol_named(protocol)
    device = device_of(query_feats, device)
    query = matrix(query_feats, "Query features", device)
    gallery = matrix(gallery_feats, "Gallery features", device)
    shape = (len(query), len(gallery))
    labels = group(query_pids, gallery_pids, query_camids, gallery_camids, shape, device)
    keys = ranking_keys(query, gallery, labels.kept, metric)
    return _rank(keys, labels, rules, chunk, protocol, metric)


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

    Raises `UserError` too where the matrix holds NaN or infinity.
    """
    rules = protocol_named(protocol)
    device = device_of(distances, device)
    # The matrix stays where it is; only a chunk at a time moves to `device`.
    given = matrix(distances, "Distances", device_of(distances, None))
    finite = given.amax(1).isfinite() & given.amin(1).isfinite()
    refuse_rows(~finite, "Distances", "NaN or infinity")
    shape = (given.shape[0], given.shape[1])
    labels = group(query_pids, gallery_pids, query_camids, gallery_camids, shape, device)
    kept = labels.kept.to(given.device)

    def keys(rows: slice) -> Tensor:
        part = given[rows]
        return (part if len(kept) == shape[1] else part[:, kept]).to(device, copy=True)

    return _rank(keys, labels, rules, chunk, protocol, "")


def _rank(
    keys: Keys, labels: Labels, rules: Protocol, chunk: int | None, protocol: str, metric: str
) -> Ranking:
    """Counts chunk by chunk, then averages as `rules` say."""
    queries, longest = labels.shape[0], min(LONGEST_CMC, labels.shape[1])
    ap, inp = np.full(queries, np.nan), np.full(queries, np.nan)
    first = np.zeros(queries, np.int64)
    matched = np.zeros((queries, max(1, rules.repeats)), np.int64)  # the ranks that CMC counts
    random = np.random.default_rng(0)
    for rows in labels.chunks(chunk, rules.repeats * len(labels.sizes)):
        columns, right, junk = labels.own(rows)
        dist = mark(keys(rows), columns, junk, torch.inf)
        ranks = counting.ranks(dist, columns, right).cpu().numpy()
        ap[rows], inp[rows], first[rows] = _scores(ranks, rules)
        if rules.repeats:
            draws = random.random((len(ranks), rules.repeats, len(labels.sizes)))
            shots = single_shot_ranks(dist, columns, right, draws, labels, rows)
            matched[rows] = shots.cpu().numpy()
        else:
            matched[rows, 0] = first[rows]
    answered = first > 0
    if not answered.any():
        raise no_valid_match(labels)
    hits = matched[answered]
    over = queries if rules.count_skipped else len(hits)
    by_rank = np.bincount(np.minimum(hits, longest + 1).ravel(), minlength=longest + 2)
    return Ranking(
        mAP=float(ap[answered].sum() / over),
        cmc=by_rank[1 : longest + 1].cumsum() / (over * hits.shape[1]),
        mINP=float(inp[answered].sum() / over),
        num_valid=len(hits),
        ap=ap,
        inp=inp,
        first_hit=first,
        protocol=protocol,
        metric=metric,
    )


def _scores(
    ranks: NDArray[np.int64], rules: Protocol
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """AP, INP and the first hit of every row of ranks (C×S, `NEVER` where there is none)."""
    ranks = np.sort(ranks, axis=1)
    there = ranks < counting.NEVER
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
