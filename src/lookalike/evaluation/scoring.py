"""The lines of a results table that follow from features: ranked, re-ranked, verified."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch

from lookalike.errors import UserError, unknown
from lookalike.evaluation.steps import NO_STEPS, Steps
from lookalike.metrics import (
    PROTOCOLS,
    Ranking,
    Sides,
    Verification,
    bootstrap,
    caveat,
    merged_sides,
    query_expansion,
    rank,
    rank_distances,
    rerank,
    verifier_rerank,
    verify,
)
from lookalike.metrics.distances import METRICS, magnitudes
from lookalike.metrics.inputs import Array, matrix, rankable
from lookalike.metrics.network_reranking import Verifier
from lookalike.metrics.protocols import Protocol, effective

Row = dict[str, Any]
Ids = tuple[Array, Array, Array, Array]  # pids and camids, in the order of `rank`
FeaturePair = tuple[Array, Array]  # of the queries and of the gallery


@dataclass(frozen=True)
class EvaluationOptions:
    """What to compute beside the plain ranking.

    rerank: k1, k2 and λ of k-reciprocal re-ranking, for more rows; with the cosine, of features
    of length 1. expand: neighbours of α-query expansion before everything else, 0 for none; with
    the cosine only. rates: TPR at fixed FPRs, and EER. confidence: the level of bootstrap
    intervals, 0 for none. verify: how many of each query's nearest the model's own verifier
    re-scores, for more rows; 0 for none, and with the Euclidean distance only. steps: what is done
    to the features before all that, beside rows of those that it is done to (`score_steps`).
    """

    rerank: tuple[int, int, float] | None = None
    expand: int = 0
    rates: bool = False
    confidence: float = 0.0
    verify: int = 0
    steps: Steps = NO_STEPS


PLAIN = EvaluationOptions()


class Scores(NamedTuple):
    """What `score` gives. rows: of the results table. ranking: the first row's. features: those
    that it ranks, the queries' perhaps expanded. sides: which images they are of, where the
    protocol merges the benchmark's sides. notes: caveats by protocol."""

    rows: list[Row]
    ranking: Ranking
    features: FeaturePair
    sides: Sides | None
    notes: dict[str, str]


class Stopwatch:
    """seconds: how long each part took, all its turns together. clock: gives the time, seconds."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.clock = clock
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        start = self.clock()
        yield
        self.seconds[part] = self.seconds.get(part, 0.0) + self.clock() - start


def check_options(
    protocols: Sequence[str], metrics: Iterable[str], options: EvaluationOptions
) -> None:
    """Raises UserError for what is unknown or doesn't go together, before anything is embedded."""
    for name in protocols:
        if name not in PROTOCOLS:
            raise unknown("protocol", name, PROTOCOLS)
    for metric in metrics:
        if metric not in METRICS:
            raise unknown("metric", metric, METRICS)
        if options.expand and metric != "cosine":
            raise UserError("Query expansion is made of directions: choose the metric 'cosine'.")
        if options.verify and metric != "euclidean":
            raise UserError(
                "A verifier re-scores the nearest by Euclidean distance: choose the metric "
                "'euclidean'."
            )
    if options.verify and options.steps:
        raise UserError(
            "A verifier compares features as its model makes them: leave out the verified rows, or "
            "the steps."
        )


def score(
    features: FeaturePair,
    ids: Ids,
    protocols: Sequence[str],
    metric: str,
    options: EvaluationOptions,
    device: torch.device,
    clock: Stopwatch,
    twins: Array | None = None,
    verifier: Verifier | None = None,
    clothes: tuple[Array, Array] | None = None,
    splits: Sequence[Sequence[int]] = (),
) -> Scores:
    """A row for each protocol, then one for each again if re-ranked, and again if verified.

    ids: pids and camids in the order of `rank`. twins: which of the gallery are queries too, as in
    `merged_sides`: no query finds itself, and a note says how many would. clothes, splits: as in
    `rank`. verifier: what `options.verify` needs; without it there are no verified rows. A
    row has the keys protocol, metric, expand, rerank (its numbers, or None), verifier (how many it
    re-scored, or None), queries, valid_queries, gallery and those of `Ranking.row()`; with the
    options for them, those of `Verification.row()` and unmeasurable (the rates that need more
    pairs) where it is neither re-ranked nor verified, and confidence and intervals.
    Raises as `rank` does.
    """
    tables = []
    of_each = [np.array(pids, np.int64) for pids in splits]
    for merges in (False, True):
        names = [name for name in protocols if PROTOCOLS[name].merges_sides == merges]
        if not names:
            continue
        sides = merged_sides(ids[0], ids[1], twins) if merges else None
        feats, people, worn = features, ids, clothes
        own = None if twins is None else np.asarray(twins)
        if sides:
            feats, people = of_sides(features, ids, sides)
            own = None  # its camera is the query's own, so that it is left out
            if clothes:
                both = np.concatenate([np.asarray(x) for x in clothes])
                worn = both[sides.queries], both[sides.gallery]
        about_images: dict[str, Any] = {"twins": own, "clothes": worn, "splits": of_each}
        if options.expand:
            with clock("expand"):
                feats = query_expansion(*feats, options.expand, device=device), feats[1]
        plain: Row = {"metric": metric, "expand": options.expand, "rerank": None, "verifier": None}
        with clock("rank"):
            count = partial(rank, *feats, *people, metric=metric, device=device, **about_images)
            rankings = [
                (plain, ranking) for ranking in under_each(names, people, count, bool(worn))
            ]
        if options.rates:
            with clock("verify"):
                pairs = verify(*feats, *people, metric=metric, device=device, twins=own)
            rankings = [({**about, **rates_row(pairs)}, ranking) for about, ranking in rankings]
        if options.rerank:
            k1, k2, weight = options.rerank
            with clock("rerank"):
                distances = rerank(*feats, k1, k2, weight, metric, device)
            about = {**plain, "rerank": {"k1": k1, "k2": k2, "lambda": weight}}
            with clock("rank"):
                count = partial(rank_distances, distances, *people, **about_images)
                rankings += [(about, r) for r in under_each(names, people, count, bool(worn))]
        if options.verify and verifier:
            # Junk would take the places of those that count among the nearest.
            rows = np.flatnonzero(rankable(np.asarray(people[1])))
            valid = (people[0], people[1][rows], people[2], people[3][rows])
            with clock("verifier"):
                distances = verifier_rerank(
                    feats[0], feats[1][rows], verifier, options.verify, device
                )
            about = {**plain, "verifier": options.verify}
            with clock("rank"):
                about_images = {
                    "twins": None if own is None else own[rows],
                    "clothes": (worn[0], np.asarray(worn[1])[rows]) if worn else None,
                    "splits": of_each,
                }
                count = partial(rank_distances, distances, *valid, **about_images)
                rankings += [(about, r) for r in under_each(names, valid, count, bool(worn))]
        table = [ranking_row(about, ranking, feats) for about, ranking in rankings]
        if options.confidence:
            for row, (_, ranking) in zip(table, rankings, strict=True):
                row["confidence"] = options.confidence
                with clock("bootstrap"):
                    row["intervals"] = bootstrap(ranking, people[0], options.confidence)
        notes = caveats(names, people, bool(worn), len(splits))
        tables.append(Scores(table, rankings[0][1], feats, sides, notes))
    note = " ".join(filter(None, [merged_caveat(ids, twins), copies_note(ids, twins)]))
    return in_order(tables, protocols, note)


def score_distances(
    distances: Array,
    ids: Ids,
    protocols: Sequence[str],
    options: EvaluationOptions,
    device: torch.device,
    clock: Stopwatch,
    clothes: tuple[Array, Array] | None = None,
) -> Scores:
    """As `score`, of given Q×G distances: plain rows, whose metric is "given".

    Raises `UserError` for options and protocols that need features.
    """
    if options.rerank or options.expand or options.rates or options.verify or options.steps:
        raise UserError(
            "Re-ranking, expansion, rates, verifiers and steps need features, and these are "
            "distances: leave them out, or give features."
        )
    for name in protocols:
        if PROTOCOLS[name].merges_sides:
            raise UserError(
                f"{name} ranks queries among themselves too, so it needs features, not distances "
                "of queries to the gallery: choose another protocol."
            )
    with clock("rank"):
        count = partial(rank_distances, distances, *ids, device=device, clothes=clothes)
        rankings = under_each(protocols, ids, count, bool(clothes))
    about: Row = {"metric": "given", "expand": 0, "rerank": None, "verifier": None}
    rows = [ranking_row(about, ranking, (ids[0], ids[1])) for ranking in rankings]
    if options.confidence:
        for row, ranking in zip(rows, rankings, strict=True):
            row["confidence"] = options.confidence
            with clock("bootstrap"):
                row["intervals"] = bootstrap(ranking, ids[0], options.confidence)
    notes = caveats(protocols, ids, bool(clothes))
    return Scores(rows, rankings[0], (ids[0], ids[1]), None, notes)


def of_sides(features: FeaturePair, ids: Ids, sides: Sides) -> tuple[FeaturePair, Ids]:
    """The features and ids of the images that `sides` makes queries and gallery."""
    cpu = torch.device("cpu")
    names = "Query features", "Gallery features"
    both = [matrix(side, name, cpu) for side, name in zip(features, names, strict=True)]
    for side, name in zip(both, names, strict=True):
        magnitudes(side, name)  # while a row that is refused still has its own number
    feats = torch.cat(both)
    pids, cams = (np.concatenate([ids[i], ids[i + 1]]) for i in (0, 2))
    q, g = sides
    return (feats[q], feats[g]), (pids[q], pids[g], cams[q], cams[g])


def under_each(
    protocols: Sequence[str], ids: Ids, count: Callable[..., Ranking], clothes: bool = False
) -> list[Ranking]:
    """A ranking for each protocol; those that come to the same for these queries count once.

    count: gives the ranking under its keyword argument `protocol`. clothes: whether they are known.
    """
    by_rules: dict[Protocol, Ranking] = {}
    rankings = []
    for name in protocols:
        rules = effective(name, ids[0], ids[2], clothes)
        if rules not in by_rules:
            by_rules[rules] = count(protocol=name)
        rankings.append(replace(by_rules[rules], protocol=name))
    return rankings


def rates_row(pairs: Verification) -> Row:
    """The columns of TPR and EER; unmeasurable: the rates for which there are too few pairs."""
    names = zip(pairs.row(), pairs.points, strict=False)
    return {**pairs.row(), "unmeasurable": [name for name, p in names if not p.measurable]}


def ranking_row(about: Row, ranking: Ranking, features: FeaturePair) -> Row:
    """A line of the results table: what it is about, how many images, the ranking's numbers."""
    return {
        "protocol": ranking.protocol,
        **about,
        "queries": len(features[0]),
        "valid_queries": ranking.num_valid,
        "gallery": len(features[1]),
        **ranking.row(),
    }


def in_order(tables: Sequence[Scores], protocols: Sequence[str], note: str) -> Scores:
    """One `Scores` of several: plain rows, re-ranked, verified, each in the protocols' order.

    note: a caveat of the protocols that don't merge sides, or "".
    """
    place = {name: i for i, name in enumerate(protocols)}
    first = min(tables, key=lambda table: place[table.rows[0]["protocol"]])
    rows = [row for table in tables for row in table.rows]
    rows.sort(key=lambda row: (bool(row["verifier"]), bool(row["rerank"]), place[row["protocol"]]))
    notes = {name: text for table in tables for name, text in table.notes.items()}
    if note:
        for name in protocols:
            if not PROTOCOLS[name].merges_sides:
                notes[name] = " ".join(filter(None, [notes.get(name), note]))
    return first._replace(rows=rows, notes={name: notes[name] for name in place if name in notes})


def merged_caveat(ids: Ids, twins: Array | None) -> str:
    """The caveat of other protocols where the benchmark's own sides are open-reid's, or ""."""
    if twins is None or not (np.asarray(twins) >= 0).any():
        return ""
    queries, gallery = map(len, merged_sides(ids[0], ids[1], twins))
    if queries != len(ids[0]) or gallery != int(rankable(np.asarray(ids[1])).sum()):
        return ""
    return f"all {queries:,} queries are gallery crops too: this is open-reid in all but name."


def copies(ids: Ids, twins: Array | None) -> int:
    """How many gallery images are a query that would find itself: under another camera."""
    if twins is None:
        return 0
    q_pids, g_pids, q_cams, g_cams = map(np.asarray, ids)
    rows = np.flatnonzero(np.asarray(twins) >= 0)
    own = np.asarray(twins)[rows]
    return int(((q_pids[own] == g_pids[rows]) & (q_cams[own] != g_cams[rows])).sum())


def copies_note(ids: Ids, twins: Array | None) -> str:
    """What is said where queries are left out of their own lists, or ""."""
    if not (count := copies(ids, twins)):
        return ""
    are = "gallery image is a query" if count == 1 else "gallery images are queries"
    return f"{count:,} {are} too, as of another camera: left out where it would find itself."


def caveats(
    protocols: Sequence[str], ids: Ids, clothes: bool = False, splits: int = 0
) -> dict[str, str]:
    """The caveats of the protocols that have one; ids in the order of `rank`."""
    sentences = {name: caveat(name, *ids[:3], clothes, splits) for name in protocols}
    return {name: sentence for name, sentence in sentences.items() if sentence}
