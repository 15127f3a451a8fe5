"""Features of a benchmark's people, and the numbers and ranked lists that follow from them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lookalike.data import Benchmark, People
from lookalike.engine.embedding import extract
from lookalike.errors import UserError, unknown
from lookalike.methods.base import Model
from lookalike.metrics import PROTOCOLS, order, rank
from lookalike.metrics.keys import METRICS

EXAMPLES = 8  # ranked lists in a report


@dataclass(frozen=True)
class Evaluation:
    """rows: a line a feature and protocol of the results table, the headline first.

    ranked: example lists of the headline's feature. seconds: how long "embed" and "rank" took.
    """

    rows: list[dict[str, Any]]
    ranked: dict[str, Any]
    seconds: dict[str, float]


def evaluate(
    models: Mapping[str, Model] | Model,
    bench: Benchmark,
    protocol: str | Sequence[str] | None = None,
    metric: str | None = None,
    lists: bool = True,
    batch: int = 64,
) -> Evaluation:
    """The ranking of `bench` by every feature of the models: the whole, then each of its parts.

    models: by the name that their rows get, in the order of their training; the last one is the
    headline and comes first. A single model's rows have its method's name.
    protocol: one or several; the benchmark's own by default. metric: "cosine" or "euclidean"; the
    model's own by default. batch: images embedded at a time.
    Raises UserError when a split is empty, and for an unknown protocol or metric.
    """
    for split in ("query", "gallery"):
        if not len(getattr(bench, split)):
            raise UserError(f"{bench} has no {split} images to evaluate on.")
    protocols = [protocol] if isinstance(protocol, str) else list(protocol or [bench.protocol])
    for name in protocols:
        if name not in PROTOCOLS:
            raise unknown("protocol", name, PROTOCOLS)
    if metric not in (None, *METRICS):
        raise unknown("metric", str(metric), METRICS)
    if isinstance(models, Model):
        models = {models.method.name: models}
    q, g = bench.query, bench.gallery
    ids = (q.pids, g.pids, q.camids, g.camids)
    rows: list[dict[str, Any]] = []
    ranked: dict[str, Any] = {}
    seconds = {"embed": 0.0, "rank": 0.0}
    for name, model in reversed(list(models.items())):
        start = time.perf_counter()
        query, gallery = (extract(model, people.paths, batch) for people in (q, g))
        embedded = time.perf_counter()
        whole = " + ".join(model.parts) or name
        views = {whole: (model.scored(query), model.scored(gallery))}
        views |= {part: (query[:, s], gallery[:, s]) for part, s in model.parts.items()}
        device = next(model.parameters()).device
        distance = metric or model.metric
        for feature, sides in views.items():
            for rules in protocols:
                ranking = rank(*sides, *ids, protocol=rules, metric=distance, device=device)
                rows.append({
                    "features": feature, "model": name, "data": str(bench), "protocol": rules,
                    "metric": distance, "queries": len(q), "valid_queries": ranking.num_valid,
                    "gallery": len(g), **ranking.row(),
                })  # fmt: skip
                if lists and not ranked:
                    ranked = ranked_lists(sides, bench, ranking.ap, distance)
                    ranked["features"] = feature
        seconds["embed"] += embedded - start
        seconds["rank"] += time.perf_counter() - embedded
    return Evaluation(rows, ranked, seconds)


def ranked_lists(
    features: tuple[Tensor, Tensor], bench: Benchmark, ap: np.ndarray[Any, Any], metric: str
) -> dict[str, Any]:
    """Lists of the ten first results: half of the worst queries', half of random ones'."""
    valid = np.flatnonzero(~np.isnan(ap))
    worst = valid[np.argsort(ap[valid], kind="stable")[: EXAMPLES // 2]]
    rest = np.setdiff1d(valid, worst)
    count = min(EXAMPLES - len(worst), len(rest))
    drawn = np.random.default_rng(0).choice(rest, count, replace=False) if count else rest
    chosen = np.concatenate([drawn, worst]).astype(int)
    q, g = bench.query[chosen], bench.gallery
    best = order(features[0][chosen], features[1], q.pids, g.pids, q.camids, g.camids,
                 metric=metric, top=10)  # fmt: skip

    def entry(people: People, i: int) -> dict[str, Any]:
        return {"path": str(people.paths[i]), "pid": int(people.pids[i]),
                "camid": int(people.camids[i])}  # fmt: skip

    lists = []
    for i, query in enumerate(chosen):
        found = best.indices[i][best.indices[i] >= 0]
        near = distances(features[0][query], features[1][found], metric)
        results = [
            {**entry(g, int(j)), "distance": float(d), "right": bool(right)}
            for j, d, right in zip(found, near, best.right[i], strict=False)
        ]
        lists.append({"query": entry(q, i), "ap": float(ap[query]), "results": results,
                      "kind": "random" if i < count else "worst"})  # fmt: skip
    return {"lists": lists}


def distances(query: Tensor, gallery: Tensor, metric: str) -> Tensor:
    """The distances of one query (D) to some gallery features (N×D): N."""
    if metric == "cosine":
        return 1 - F.cosine_similarity(query[None], gallery)
    found: Tensor = torch.linalg.vector_norm(query - gallery, dim=1)
    return found


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows as text of at most 80 columns, in percent; a feature's protocols stand together."""
    columns = ("mAP", "rank1", "rank5", "rank10", "mINP")
    several = len({row["protocol"] for row in rows}) > 1
    names = ("features", "protocol") if several else ("features",)
    widths = {name: max(len(name), *(len(row[name]) for row in rows)) for name in names}
    lines = ["  ".join(f"{n:<{w}}" for n, w in widths.items())
             + "".join(f"{column:>8}" for column in columns)]  # fmt: skip
    before = ""
    for row in rows:
        shown = dict(row, features="" if several and row["features"] == before else row["features"])
        before = row["features"]
        lines.append("  ".join(f"{shown[n]:<{w}}" for n, w in widths.items())
                     + "".join(f"{100 * row[column]:8.2f}" for column in columns))  # fmt: skip
    first = rows[0]
    rules = "" if several else f"protocol {first['protocol']}, "
    lines.append(f"{rules}{first['metric']} distance, {first['valid_queries']} of "
                 f"{first['queries']} queries valid, {first['gallery']} gallery crops")  # fmt: skip
    return "\n".join(lines)
