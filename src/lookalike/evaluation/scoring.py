"""The lines of a results table that follow from features: ranked, re-ranked, verified."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch

from lookalike.errors import UserError, unknown
from lookalike.metrics import (
    PROTOCOLS,
    Everyone,
    Ranking,
    bootstrap,
    caveat,
    everyone,
    query_expansion,
    rank,
    rank_distances,
    rerank,
    verifier_rerank,
    verify,
)
from lookalike.metrics.distances import METRICS, magnitudes
from lookalike.metrics.inputs import Array, matrix
from lookalike.metrics.matches import JUNK
from lookalike.metrics.network_reranking import Verifier
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
    intervals, 0 for none. verify: how many of each query's nearest the model's own verifier
    re-scores, for more rows; 0 for none, and with the Euclidean distance only.
    """

    rerank: tuple[int, int, float] | None = None
    expand: int = 0
    rates: bool = False
    confidence: float = 0.0
    verify: int = 0


PLAIN = Extras()


class Scored(NamedTuple):
    """What `score` gives. ranking: the first row's. sides: the features ranked, if so expanded.
    who: which images these are, where the protocol asks for others. notes: caveats by protocol."""

    rows: list[Row]
    ranking: Ranking
    sides: Sides
    who: Everyone | None
    notes: dict[str, str]


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
        if extras.verify and metric != "euclidean":
            raise UserError("A verifier re-scores the nearest by Euclidean distance: choose the "
                            "metric 'euclidean'.")  # fmt: skip


def score(
    sides: Sides,
    ids: Ids,
    protocols: Sequence[str],
    metric: str,
    extras: Extras,
    device: torch.device,
    clock: Stopwatch,
    twins: Array | None = None,
    verifier: Verifier | None = None,
) -> Scored:
    """A row for each protocol, then one for each again if re-ranked, and again if verified.

    sides: query and gallery features. ids: pids and camids in the order of `rank`. twins: which of
    the gallery are queries too, as in `everyone`. verifier: what `extras.verify` needs; without it
    there are no verified rows. A row has the keys protocol, metric, expand, rerank (its numbers, or
    None), verifier (how many it re-scored, or None), queries, valid_queries, gallery and those of
    `Ranking.row()`; as asked for, those of `Verification.row()` and unmeasurable (the rates that
    need more pairs) where it is neither re-ranked nor verified, and confidence and intervals.
    Raises as `rank` does.
    """
    found = []
    for asked in (False, True):
        if names := [name for name in protocols if PROTOCOLS[name].everyone_asks == asked]:
            who = everyone(ids[0], ids[1], twins) if asked else None
            given = (sides, ids) if who is None else joined(sides, ids, who)
            part = _score(*given, names, metric, extras, device, clock, verifier)
            found.append(part._replace(who=who))
    place = {name: i for i, name in enumerate(protocols)}
    first = min(found, key=lambda part: place[part.rows[0]["protocol"]])
    rows = [row for part in found for row in part.rows]
    rows.sort(key=lambda row: (bool(row["verifier"]), bool(row["rerank"]), place[row["protocol"]]))
    notes = {name: note for part in found for name, note in part.notes.items()}
    if merged := already_merged(ids, twins):
        for name in protocols:
            if not PROTOCOLS[name].everyone_asks:
                notes[name] = " ".join(filter(None, [notes.get(name), merged]))
    return first._replace(rows=rows, notes={name: notes[name] for name in place if name in notes})


def already_merged(ids: Ids, twins: Array | None) -> str:
    """The caveat of other protocols where the benchmark's own sides are open-reid's, or ""."""
    if twins is None or not (np.asarray(twins) >= 0).any():
        return ""
    who, real = everyone(ids[0], ids[1], twins), int((np.asarray(ids[1]) != JUNK).sum())
    if len(who.asked) != len(ids[0]) or len(who.gallery) != real:
        return ""
    return (
        f"all {len(who.asked):,} queries are gallery crops too: this is open-reid in all but name."
    )


def joined(sides: Sides, ids: Ids, who: Everyone) -> tuple[Sides, Ids]:
    """The sides and ids of those who ask and of those who are asked for."""
    cpu = torch.device("cpu")
    names = "Query features", "Gallery features"
    both = [matrix(side, name, cpu) for side, name in zip(sides, names, strict=True)]
    for side, name in zip(both, names, strict=True):
        magnitudes(side, name)  # while a row that is refused still has its own number
    feats = torch.cat(both)
    pids, cams = (np.concatenate([ids[i], ids[i + 1]]) for i in (0, 2))
    return (feats[who.asked], feats[who.gallery]), (
        pids[who.asked], pids[who.gallery], cams[who.asked], cams[who.gallery]
    )  # fmt: skip


def _score(
    sides: Sides,
    ids: Ids,
    protocols: Sequence[str],
    metric: str,
    extras: Extras,
    device: torch.device,
    clock: Stopwatch,
    verifier: Verifier | None,
) -> Scored:
    """As `score`, of sides that all these protocols rank as they are."""
    if extras.expand:
        with clock("expand"):
            sides = query_expansion(*sides, extras.expand, device=device), sides[1]
    plain: Row = {"metric": metric, "expand": extras.expand, "rerank": None, "verifier": None}
    with clock("rank"):
        first = under(protocols, ids, lambda name: rank(
            *sides, *ids, protocol=name, metric=metric, device=device))  # fmt: skip
    rankings = [(found, dict(plain)) for found in first]
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
        rankings += [(found, {**plain, "rerank": given}) for found in again]
    if extras.verify and verifier:
        # Junk would take the places of those that count among the nearest.
        real = np.flatnonzero(np.asarray(ids[1]) != JUNK)
        left = (ids[0], ids[1][real], ids[2], ids[3][real])
        with clock("verifier"):
            rescored = verifier_rerank(sides[0], sides[1][real], verifier, extras.verify, device)
        with clock("rank"):
            again = under(protocols, left, lambda name: rank_distances(
                rescored, *left, protocol=name))  # fmt: skip
        rankings += [(found, {**plain, "verifier": extras.verify}) for found in again]
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
    return Scored(rows, rankings[0][0], sides, None, caveats(protocols, ids))


def caveats(protocols: Sequence[str], ids: Ids) -> dict[str, str]:
    """The caveats of the protocols that have one; ids in the order of `rank`."""
    told = {name: caveat(name, *ids[:3]) for name in protocols}
    return {name: sentence for name, sentence in told.items() if sentence}


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
