"""Features of a benchmark's people, and the numbers and ranked lists that follow from them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from lookalike.data import Benchmark, People
from lookalike.errors import UserError
from lookalike.evaluation.adapt_statistics import adapt_statistics
from lookalike.evaluation.features import extract, same_images
from lookalike.evaluation.foreign_features import read_features
from lookalike.evaluation.scoring import (
    PLAIN,
    EvaluationOptions,
    Stopwatch,
    check_options,
    score_distances,
)
from lookalike.evaluation.step_scores import score_steps
from lookalike.methods.model import Model
from lookalike.metrics import Ranking, Sides, nearest_matches
from lookalike.metrics.matches import twins_among
from lookalike.metrics.network_reranking import Verifier

EXAMPLES = 8  # ranked lists in a report


@dataclass(frozen=True)
class Evaluation:
    """rows: a line a feature and protocol of the results table, the headline first.

    ranked: example lists of the headline's feature, as its plain rows rank. seconds: how long each
    part took. notes: what keeps a protocol's rows from being what its name promises, by protocol.
    images: how many were embedded. queries: what each query scored in the first row, its data,
    path, pid and camid, its AP and INP in [0, 1], and the rank of its first right entry as the CMC
    counts it, from 1, the least of several draws. Those without any are left out; features from
    files have none at all.
    """

    rows: list[dict[str, Any]]
    ranked: dict[str, Any]
    seconds: dict[str, float]
    notes: dict[str, str]
    images: int = 0
    queries: list[dict[str, Any]] = field(default_factory=list)


def evaluate(
    models: Mapping[str, Model] | Model,
    bench: Benchmark,
    protocol: str | Sequence[str] | None = None,
    metric: str | None = None,
    lists: bool = True,
    batch: int = 64,
    options: EvaluationOptions = PLAIN,
) -> Evaluation:
    """The ranking of `bench` by every feature of the models: the whole, then each of its parts.

    models: by the name that their rows get, in the order of their training; the last one is the
    headline and comes first. A single model's rows have its method's name.
    protocol: one or several; the benchmark's own by default. metric: "cosine" or "euclidean"; the
    model's own by default. batch: images embedded at a time. options: what else to compute; steps
    are taken for the whole feature and for each part on its own.
    An image that is in both splits is embedded once. Raises UserError when a split is empty, for an
    unknown protocol or metric, to expand queries for another metric than the cosine, and to verify
    by a model that can't or for another metric than the Euclidean.
    """
    for split in ("query", "gallery"):
        if not len(getattr(bench, split)):
            raise UserError(f"{bench} has no {split} images to evaluate on.")
    protocols = [protocol] if isinstance(protocol, str) else list(protocol or [bench.protocol])
    if isinstance(models, Model):
        models = {models.method.name: models}
    for model in models.values():
        if not model.embeds:
            raise UserError(
                f"A model of {model.method.name} makes pictures of people and has no features to "
                "compare: judge its pictures with `lookalike quality`."
            )
    check_options(protocols, [metric or model.metric for model in models.values()], options)
    verifiers = {name: verifier_of(model) for name, model in models.items()}
    if options.verify and not any(verifiers.values()):
        raise UserError(
            f"The model {' and '.join(models)} has no verifier: don't ask for verified rows, or "
            "evaluate one that learned to compare pairs, as FD-GAN's does."
        )
    q, g = bench.query, bench.gallery
    ids = (q.pids, g.pids, q.camids, g.camids)
    twins = same_images(q.paths, g.paths)
    rows: list[dict[str, Any]] = []
    ranked: dict[str, Any] = {}
    notes: dict[str, str] = {}
    queries: list[dict[str, Any]] = []
    clock = Stopwatch()
    for name, model in reversed(list(models.items())):
        with clock("embed"):
            query, gallery = embedded(model, bench, twins, batch)
        moved = query, gallery
        if options.steps.adabn:
            with clock("adapt"):
                others = g[twins < 0]
                adapted = adapt_statistics(model, [*q.paths, *others.paths], batch)
            with clock("embed"):
                moved = embedded(adapted, bench, twins, batch)
        whole = " + ".join(model.parts) or name
        views = {whole: slice(None), **model.parts}
        device = next(model.parameters()).device
        distance = metric or model.metric
        for feature, part in views.items():
            # A verifier compares whole features.
            verifier = verifiers[name] if feature == whole else None
            sides, after = ((x[:, part], y[:, part]) for x, y in ((query, gallery), moved))
            scores = score_steps(sides, after, ids, protocols, distance, options, device, clock,
                                 twins, verifier=verifier, splits=bench.splits)  # fmt: skip
            rows += [{"features": feature, "model": name, "data": str(bench), **row}
                     for row in scores.rows]  # fmt: skip
            notes |= scores.notes
            judged = bench if scores.sides is None else merged_benchmark(bench, scores.sides)
            if not queries:
                queries = query_results(judged, scores.ranking)
            if lists and not ranked:
                first, second = (torch.as_tensor(side).cpu() for side in scores.features)
                own = twins if scores.sides is None else None
                ranked = ranked_lists((first, second), judged, scores.ranking.ap, distance, own)
                ranked["features"] = feature
    images = len(models) * (len(q) + int((twins < 0).sum())) * (1 + options.steps.adabn)
    return Evaluation(rows, ranked, clock.seconds, notes, images, queries)


def verifier_of(model: Model) -> Verifier | None:
    """What tells the probability that two features are of one person, if the model has it."""
    return None if "verifier" in model.without else getattr(model, "verify", None)


def embedded(
    model: Model, bench: Benchmark, twins: NDArray[np.int64], batch: int
) -> tuple[Tensor, Tensor]:
    """The features of queries and gallery; those of the gallery's `twins` are the queries'."""
    query = extract(model, bench.query.paths, batch)
    gallery = query[torch.from_numpy(np.maximum(twins, 0))]
    others = twins < 0
    if others.any():
        gallery[torch.from_numpy(others)] = extract(model, bench.gallery[others].paths, batch)
    return query, gallery


def merged_benchmark(bench: Benchmark, sides: Sides) -> Benchmark:
    """The benchmark with the images that `sides` makes its queries and gallery."""
    q, g = bench.query, bench.gallery
    both = q + g
    return replace(bench, query=both[sides.queries], gallery=both[sides.gallery])


def evaluate_features(
    files: Sequence[str | Path],
    protocol: str | Sequence[str] = "market1501",
    metric: str = "cosine",
    options: EvaluationOptions = PLAIN,
    device: torch.device | str = "cpu",
    keys: Sequence[str] = (),
    lists: Sequence[str | Path] = (),
    queries: int = 0,
    encoding: str = "",
) -> Evaluation:
    """The ranking of features that any model wrote; files, keys, lists, queries and encoding as in
    `read_features`, the rest as above. Distances are ranked as they are, whatever the metric.

    The rows have the files' names without their suffixes.

    Raises UserError as `read_features` and `evaluate` do.
    """
    protocols = [protocol] if isinstance(protocol, str) else list(protocol)
    check_options(protocols, [metric], options)
    if options.steps.adabn:
        raise UserError("The step adabn is done to a model, and these are features: leave it out.")
    clock = Stopwatch()
    with clock("read"):
        given = read_features(files, keys, lists, queries, encoding)
    sides, place = (given.query, given.gallery), torch.device(device)
    if given.distances is not None:
        scores = score_distances(
            given.distances, given.ids, protocols, options, place, clock, given.clothes
        )
    else:
        scores = score_steps(sides, sides, given.ids, protocols, metric, options, place, clock,
                             given.twins, clothes=given.clothes)  # fmt: skip
    stems = ", ".join(Path(file).stem for file in files)
    about = {"features": stems, "model": "", "data": " ".join(map(str, files))}
    rows = [{**about, **row} for row in scores.rows]
    notes = scores.notes
    if given.steps:
        text = f"the features come after the steps {', '.join(given.steps)}."
        notes = {name: " ".join(filter(None, [notes.get(name), text])) for name in protocols}
    return Evaluation(rows, {}, clock.seconds, notes)


def query_results(bench: Benchmark, ranking: Ranking) -> list[dict[str, Any]]:
    """What each query with a right entry scored, as `Evaluation.queries` has it."""
    people = bench.query
    return [
        {
            "data": str(bench),
            "path": os.fspath(people.paths[i]),
            "pid": int(people.pids[i]),
            "camid": int(people.camids[i]),
            "ap": float(ranking.ap[i]),
            "inp": float(ranking.inp[i]),
            "rank": int(ranking.cmc_ranks[i][ranking.cmc_ranks[i] > 0].min()),
        }
        for i in np.flatnonzero(~np.isnan(ranking.ap)).tolist()
    ]


def ranked_lists(
    features: tuple[Tensor, Tensor],
    bench: Benchmark,
    ap: np.ndarray[Any, Any],
    metric: str,
    twins: NDArray[np.int64] | None = None,
) -> dict[str, Any]:
    """Lists of the ten first results: half of the worst queries', half of random ones'."""
    valid = np.flatnonzero(~np.isnan(ap))
    worst = valid[np.argsort(ap[valid], kind="stable")[: EXAMPLES // 2]]
    rest = np.setdiff1d(valid, worst)
    count = min(EXAMPLES - len(worst), len(rest))
    drawn = np.random.default_rng(0).choice(rest, count, replace=False) if count else rest
    chosen = np.concatenate([drawn, worst]).astype(int)
    q, g = bench.query[chosen], bench.gallery
    ids = q.pids, g.pids, q.camids, g.camids
    own = None if twins is None else twins_among(chosen, twins, len(bench.query))
    best = nearest_matches(features[0][chosen], features[1], *ids, metric=metric, top=10, twins=own)

    def entry(people: People, i: int) -> dict[str, Any]:
        return {"path": os.path.abspath(people.paths[i]), "pid": int(people.pids[i]),
                "camid": int(people.camids[i])}  # fmt: skip

    lists = []
    for i, query in enumerate(chosen):
        rows = best.indices[i][best.indices[i] >= 0]
        near = distances(features[0][query], features[1][rows], metric)
        results = [
            {**entry(g, int(j)), "distance": float(d), "right": bool(right)}
            for j, d, right in zip(rows, near, best.right[i], strict=False)
        ]
        lists.append({"query": entry(q, i), "ap": float(ap[query]), "results": results,
                      "kind": "random" if i < count else "worst"})  # fmt: skip
    return {"lists": lists}


def distances(query: Tensor, gallery: Tensor, metric: str) -> Tensor:
    """The distances of one query (D) to some gallery features (N×D): N."""
    if metric == "cosine":
        return 1 - F.cosine_similarity(query[None], gallery)
    lengths: Tensor = torch.linalg.vector_norm(query - gallery, dim=1)
    return lengths
