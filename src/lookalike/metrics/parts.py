"""Rankings of parts of the images, each as a benchmark of its own, put together as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from lookalike.errors import UserError
from lookalike.metrics.inputs import Array, Ids, Ints, ids, rankable
from lookalike.metrics.matches import NoMatchError, twins_among
from lookalike.metrics.protocols import Protocol, split_of
from lookalike.metrics.ranking_scores import Ranking
from lookalike.metrics.ranks import Floats
from lookalike.metrics.splits import drawn


class Part(NamedTuple):
    """Rows of the queries and of the gallery that are ranked together."""

    queries: Ints
    gallery: Ints


Ranked = Callable[[Part], Ranking]


def in_parts(rules: Protocol) -> bool:
    """Whether parts of the images are ranked, each as a benchmark of its own."""
    return bool(rules.draws and (rules.splits or rules.cameras_apart))


def of_part(
    part: Part, people: Ids, twins: Array | None, clothes: tuple[Array, Array] | None
) -> tuple[Ids, Ints | None, tuple[Ints, Ints] | None]:
    """Who is in a part, and its `twins` and `clothes`, which are those of all images."""
    q, g = part
    who = Ids(people.query_pids[q], people.gallery_pids[g],
              people.query_camids[q], people.gallery_camids[g])  # fmt: skip
    count, total = len(people.query_pids), len(people.gallery_pids)
    own = worn = None
    if twins is not None:
        own = twins_among(q, ids(twins, "twins", total)[g], count)
    if clothes is not None:
        worn = (
            ids(clothes[0], "The queries' clothes", count)[q],
            ids(clothes[1], "The gallery's clothes", total)[g],
        )
    return who, own, worn


def mean_of_splits(
    ranked: Ranked, people: Ids, protocol: str, rules: Protocol, splits: Sequence[Ints]
) -> Ranking:
    """The mean of the splits' numbers, whatever the number of their queries.

    ranked: gives a part's. splits: the identities of each; without as many as the rules ask for,
    they are drawn (`splits.drawn`) from those that queries and gallery share. A split's gallery has
    besides everybody who is in no split and no query. Raises UserError for a split that has no
    query with an answer.
    """
    q_pids, g_pids = people.query_pids, people.gallery_pids
    shared = np.intersect1d(q_pids[rankable(q_pids)], g_pids[rankable(g_pids)])
    if len(splits) != rules.splits:
        splits = drawn(shared, rules.splits, split_of(len(shared), rules))
    if not len(shared):  # whoever ranks all of them says why there is nobody to be found
        splits = [q_pids]
    everybody = np.union1d(shared, np.concatenate([np.asarray(pids) for pids in splits]))
    parts = []
    for pids in splits:
        others = np.setdiff1d(everybody, pids)
        queries = np.flatnonzero(np.isin(q_pids, pids))
        parts.append(Part(queries, np.flatnonzero(~np.isin(g_pids, others))))
    rankings = []
    for number, part in enumerate(parts):
        if not len(part.queries):
            raise UserError(f"Split {number} of {protocol} has no query: give all of its people.")
        try:
            rankings.append(ranked(part))
        except NoMatchError as error:
            raise UserError(f"Split {number} of {protocol}: {error}") from error
    return _mean(rankings, parts, people, protocol)


def _mean(
    rankings: Sequence[Ranking], parts: Sequence[Part], people: Ids, protocol: str
) -> Ranking:
    count, of_each = len(people.query_pids), rankings[0].cmc_ranks.shape[1]
    ranks = np.full((count, len(parts), of_each), -1)
    weights = np.ones(ranks.shape)
    ap, inp, first = (np.full((count, len(parts)), np.nan) for _ in range(3))
    for i, (ranking, part) in enumerate(zip(rankings, parts, strict=True)):
        rows = part.queries
        ranks[rows, i] = ranking.cmc_ranks
        weights[:, i] = 1 / ranking.num_valid
        ap[rows, i], inp[rows, i] = ranking.ap, ranking.inp
        first[rows, i] = np.where(ranking.first_hit > 0, ranking.first_hit, np.nan)
    of_query = np.where(np.isnan(ap), 0, weights[:, :, 0])
    answered = of_query.sum(1) > 0
    longest = max(len(ranking.cmc) for ranking in rankings)
    cmc = [np.pad(r.cmc, (0, longest - len(r.cmc)), mode="edge") for r in rankings]

    def mean(numbers: Floats) -> Floats:
        total = (of_query * np.nan_to_num(numbers)).sum(1)
        return np.where(answered, total / np.where(answered, of_query.sum(1), 1), np.nan)

    least = np.where(np.isnan(first), np.inf, first).min(1)
    return replace(
        rankings[0],
        mAP=float(np.mean([r.mAP for r in rankings])),
        cmc=np.mean(cmc, axis=0),
        mINP=float(np.mean([r.mINP for r in rankings])),
        num_valid=int(answered.sum()),
        ap=mean(ap),
        inp=mean(inp),
        first_hit=np.where(np.isfinite(least), least, 0).astype(np.int64),
        cmc_ranks=ranks.reshape(count, -1),
        weights=weights.reshape(count, -1),
        protocol=protocol,
    )


def cameras_apart(ranked: Ranked, whole: Ranking, people: Ids, protocol: str) -> Ranking:
    """The `whole` gallery's ranking, but for the CMC: every query's is that of a gallery without
    its own camera.

    ranked: gives a part's.
    """
    ranks = np.zeros((len(people.query_pids), 1), np.int64)
    length = len(whole.cmc)
    for camera in np.unique(people.query_camids):
        rows = np.flatnonzero(people.query_camids == camera)
        others = np.flatnonzero(people.gallery_camids != camera)
        if not rankable(people.gallery_pids[others]).any():
            continue  # nobody of these has an answer
        try:
            part = ranked(Part(rows, others)).cmc_ranks
        except NoMatchError:
            continue
        if ranks.shape[1] < part.shape[1]:
            ranks = np.repeat(ranks, part.shape[1], axis=1)
        ranks[rows] = part
    hits = ranks[ranks > 0]
    by_rank = np.bincount(np.minimum(hits, length + 1), minlength=length + 2)
    return replace(
        whole,
        cmc=by_rank[1 : length + 1].cumsum() / len(hits),
        cmc_ranks=ranks,
        weights=np.ones(ranks.shape),
        protocol=protocol,
    )
