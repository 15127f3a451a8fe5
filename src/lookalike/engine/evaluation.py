"""Features of a benchmark's people, and the numbers and ranked lists that follow from them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from lookalike.data import Benchmark, People
from lookalike.data.images import ImageTable
from lookalike.data.loader import image_batches
from lookalike.errors import UserError
from lookalike.methods.base import Model
from lookalike.metrics import order, rank

EXAMPLES = 8  # ranked lists in a report


def extract(model: Model, people: People, batch: int = 64, cache: Any = "auto") -> Tensor:
    """The features of all crops, in order: N×D float32 on the CPU."""
    device = next(model.parameters()).device
    table = ImageTable(people.paths, *model.size, cache=cache)
    hidden = not sys.stderr.isatty() or len(people) < 1000
    found = []
    with tqdm(total=len(people), desc="embed", unit="img", disable=hidden) as bar:
        for images in image_batches(table, batch):
            found.append(model.embed(images.to(device).float() / 255).float().cpu())
            bar.update(len(images))
    return torch.cat(found)


@dataclass(frozen=True)
class Evaluation:
    """rows: a line a feature of the results table. ranked: example lists of the last feature."""

    rows: list[dict[str, Any]]
    ranked: dict[str, Any]


def evaluate(
    models: Mapping[str, Model] | Model,
    bench: Benchmark,
    protocol: str | None = None,
    metric: str = "cosine",
    lists: bool = True,
) -> Evaluation:
    """The ranking of `bench` by every feature of the models: all their parts, then the whole.

    models: by the name that their rows get; one model's rows have its method's name.
    protocol: the benchmark's own by default. Raises UserError when a split is empty.
    """
    for split in ("query", "gallery"):
        if not len(getattr(bench, split)):
            raise UserError(f"{bench} has no {split} images to evaluate on.")
    if isinstance(models, Model):
        models = {models.method.name: models}
    protocol = protocol or bench.protocol
    q, g = bench.query, bench.gallery
    ids = (q.pids, g.pids, q.camids, g.camids)
    rows, ranked = [], {}
    for name, model in models.items():
        query, gallery = extract(model, q), extract(model, g)
        whole = " + ".join(model.parts) or name
        views = {p: (query[:, s], gallery[:, s]) for p, s in model.parts.items()}
        views[whole] = (model.as_query(query), gallery)
        for feature, (left, right) in views.items():
            ranking = rank(left, right, *ids, protocol=protocol, metric=metric)
            rows.append({
                "features": feature, "model": name, "data": str(bench), "protocol": protocol,
                "metric": metric, "queries": len(q), "valid_queries": ranking.num_valid,
                "gallery": len(g), **ranking.row(),
            })  # fmt: skip
        if lists:
            ranked = ranked_lists(views[whole], bench, ranking.ap, metric)
            ranked["features"] = whole
    return Evaluation(rows, ranked)


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
    return torch.linalg.vector_norm(query - gallery, dim=1)


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as text that fits 80 columns, in percent."""
    columns = ("mAP", "rank1", "rank5", "rank10", "mINP")
    width = max([len("features"), *(len(r["features"]) for r in rows)])
    lines = [f"{'features':<{width}}" + "".join(f"{c:>8}" for c in columns)]
    for row in rows:
        numbers = "".join(f"{100 * row[c]:8.2f}" for c in columns)
        lines.append(f"{row['features']:<{width}}{numbers}")
    first = rows[0]
    lines.append(f"protocol {first['protocol']}, {first['metric']} distance, "
                 f"{first['queries']} queries, {first['gallery']} gallery crops")  # fmt: skip
    return "\n".join(lines)
