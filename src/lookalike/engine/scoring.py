"""The lines of a results table that follow from features: ranked, re-ranked, verified."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch

from lookalike.errors import UserError, unknown
from lookalike.metrics import (
    PROTOCOLS,
    Ranking,
    bootstrap,
    query_expansion,
    rank,
    rank_distances,
    rerank,
    verify,
)
from lookalike.metrics.inputs import Array
from lookalike.metrics.keys import METRICS
from lookalike.metrics.protocols import Protocol, effective

Row = dict[str, Any]
Ids = tuple[Array, Array, Array, Array]  # pids and camids, in the order of `rank`
Sides = tuple[Array, Array]  # query and gallery features


@dataclass(frozen=True)
class Extras:
    """What to compute beside the plain ranking.

    rerank: k1, k2 and λ of k-reciprocal re-ranking, for more rows; with the cosine, of features
    of length 1. expand: neighbours of α-query expansion before everything else, 0 for none; with
    the cosine only. rates: TPR at fixed FPRs, and EER. confidence: the level of bootstrap
    intervals, 0 for none.
    """

    rerank: tuple[int, int, float] | None = None
    expand: int = 0
    rates: bool = False
    confidence: float = 0.0


PLAIN = Extras()


class Scored(NamedTuple):
    """What `score` gives. ranking: the first row's. sides: the features ranked, if so expanded."""

    rows: list[Row]
    ranking: Ranking
    sides: Sides


class Stopwatch:
    """seconds: how long each part took, all its turns together."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[part] = self.seconds.get(part, 0.0) + time.perf_counter() - start


def check(protocols: Sequence[str], metrics: Iterable[str], extras: Extras) -> None:
    """Raises UserError for what is unknown or doesn't go together, before anything is embedded."""
    for name in protocols:
        if name not in PROTOCOLS:
            raise unknown("protocol", name, PROTOCOLS)
    for metric in metrics:
        if metric not in METRICS:
            raise unknown("metric", metric, METRICS)
        if extras.expand and metric != "cosine":
            raise UserError("Query expansion is made of directions: choose the metric 'cosine'.")


def score(
    sides: Sides,
    ids: Ids,
    protocols: Sequence[str],
    metric: str,
    extras: Extras,
    device: torch.device,
    clock: Stopwatch,
) -> Scored:
    """A row for each protocol, then one for each again if re-ranked.

    sides: query and gallery features. ids: pids and camids in the order of `rank`. A row has the
    keys protocol, metric, expand, rerank (its numbers, or None), queries, valid_queries, gallery
    and those of `Ranking.row()`; as asked for, those of `Verification.row()` and unmeasurable (the
    rates that need more pairs) where it isn't re-ranked, and confidence and intervals.
    Raises as `rank` does.
    """
    if extras.expand:
        with clock("expand"):
            sides = query_expansion(*sides, extras.expand, device=device), sides[1]
    shared: Row = {"metric": metric, "expand": extras.expand}
    with clock("rank"):
        plain = under(protocols, ids, lambda name: rank(
            *sides, *ids, protocol=name, metric=metric, device=device))  # fmt: skip
    rankings = [(found, {**shared, "rerank": None}) for found in plain]
    if extras.rates:
        with clock("verify"):
            pairs = verify(*sides, *ids, metric=metric, device=device)
        few = [name for name, p in zip(pairs.row(), pairs.points, strict=False) if not p.measurable]
        for _, about in rankings:
            about.update(pairs.row(), unmeasurable=few)
    if extras.rerank:
        k1, k2, weight = extras.rerank
        with clock("rerank"):
            distances = rerank(*sides, k1, k2, weight, metric, device)
        with clock("rank"):
            again = under(protocols, ids, lambda name: rank_distances(
                distances, *ids, protocol=name))  # fmt: skip
        given = {"k1": k1, "k2": k2, "lambda": weight}
        rankings += [(found, {**shared, "rerank": given}) for found in again]
    rows = []
    for found, about in rankings:
        row = {"protocol": found.protocol, **about, "queries": len(sides[0]),
               "valid_queries": found.num_valid, "gallery": len(sides[1]),
               **found.row()}  # fmt: skip
        if extras.confidence:
            row["confidence"] = extras.confidence
            with clock("bootstrap"):
                row["intervals"] = bootstrap(found, ids[0], extras.confidence)
        rows.append(row)
    return Scored(rows, rankings[0][0], sides)


def under(protocols: Sequence[str], ids: Ids, count: Callable[[str], Ranking]) -> list[Ranking]:
    """A ranking for each protocol; those that come to the same for these queries count once."""
    counted: dict[Protocol, Ranking] = {}
    found = []
    for name in protocols:
        rules = effective(name, ids[0], ids[2])
        if rules not in counted:
            counted[rules] = count(name)
        found.append(replace(counted[rules], protocol=name))
    return found
