"""Features of a benchmark's people, and the numbers and ranked lists that follow from them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lookalike.data import Benchmark, People
from lookalike.engine.embedding import extract
from lookalike.engine.features import read_features
from lookalike.engine.scoring import PLAIN, Extras, Stopwatch, check, score
from lookalike.errors import UserError
from lookalike.methods.base import Model
from lookalike.metrics import caveat, order

WIDTH = 80  # columns of a table
EXAMPLES = 8  # ranked lists in a report
COLUMNS = ("mAP", "rank1", "rank5", "rank10", "mINP")


@dataclass(frozen=True)
class Evaluation:
    """rows: a line a feature and protocol of the results table, the headline first.

    ranked: example lists of the headline's feature. seconds: how long each part took. notes: what
    keeps a protocol's rows from being what its name promises, by protocol.
    """

    rows: list[dict[str, Any]]
    ranked: dict[str, Any]
    seconds: dict[str, float]
    notes: dict[str, str]


def evaluate(
    models: Mapping[str, Model] | Model,
    bench: Benchmark,
    protocol: str | Sequence[str] | None = None,
    metric: str | None = None,
    lists: bool = True,
    batch: int = 64,
    extras: Extras = PLAIN,
) -> Evaluation:
    """The ranking of `bench` by every feature of the models: the whole, then each of its parts.

    models: by the name that their rows get, in the order of their training; the last one is the
    headline and comes first. A single model's rows have its method's name.
    protocol: one or several; the benchmark's own by default. metric: "cosine" or "euclidean"; the
    model's own by default. batch: images embedded at a time. extras: what else to compute.
    Raises UserError when a split is empty, for an unknown protocol or metric, and to expand queries
    for another metric than the cosine.
    """
    for split in ("query", "gallery"):
        if not len(getattr(bench, split)):
            raise UserError(f"{bench} has no {split} images to evaluate on.")
    protocols = [protocol] if isinstance(protocol, str) else list(protocol or [bench.protocol])
    if isinstance(models, Model):
        models = {models.method.name: models}
    check(protocols, [metric or model.metric for model in models.values()], extras)
    q, g = bench.query, bench.gallery
    ids = (q.pids, g.pids, q.camids, g.camids)
    rows: list[dict[str, Any]] = []
    ranked: dict[str, Any] = {}
    clock = Stopwatch()
    for name, model in reversed(list(models.items())):
        with clock("embed"):
            query, gallery = (extract(model, people.paths, batch) for people in (q, g))
        whole = " + ".join(model.parts) or name
        views = {whole: (model.scored(query), model.scored(gallery))}
        views |= {part: (query[:, s], gallery[:, s]) for part, s in model.parts.items()}
        device = next(model.parameters()).device
        distance = metric or model.metric
        for feature, sides in views.items():
            found, ranking = score(sides, ids, protocols, distance, extras, device, clock)
            rows += [{"features": feature, "model": name, "data": str(bench), **row}
                     for row in found]  # fmt: skip
            if lists and not ranked:
                ranked = ranked_lists(sides, bench, ranking.ap, distance)
                ranked["features"] = feature
    return Evaluation(rows, ranked, clock.seconds, caveats(protocols, ids))


def evaluate_features(
    files: Sequence[str | Path],
    protocol: str | Sequence[str] = "market1501",
    metric: str = "cosine",
    extras: Extras = PLAIN,
    device: torch.device | str = "cpu",
) -> Evaluation:
    """The ranking of features that any model wrote; files as in `read_features`, the rest as above.

    Raises UserError as `read_features` and `evaluate` do.
    """
    protocols = [protocol] if isinstance(protocol, str) else list(protocol)
    check(protocols, [metric], extras)
    clock = Stopwatch()
    with clock("read"):
        given = read_features(files)
    sides = given.query, given.gallery
    found, _ = score(sides, given.ids, protocols, metric, extras, torch.device(device), clock)
    about = {"features": Path(files[0]).stem, "model": "", "data": " ".join(map(str, files))}
    rows = [{**about, **row} for row in found]
    return Evaluation(rows, {}, clock.seconds, caveats(protocols, given.ids))


def caveats(protocols: Sequence[str], ids: Sequence[Any]) -> dict[str, str]:
    """The caveats of the protocols that have one; ids in the order of `rank`."""
    q_pids, g_pids, q_cams, _ = ids
    told = {name: caveat(name, q_pids, g_pids, q_cams) for name in protocols}
    return {name: sentence for name, sentence in told.items() if sentence}


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
        return {"path": os.path.abspath(people.paths[i]), "pid": int(people.pids[i]),
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


def table(found: Evaluation) -> str:
    """The rows as text of at most 80 columns, in percent; a feature's protocols stand together."""
    rows = found.rows
    several = len({row["protocol"] for row in rows}) > 1
    names = ("features", "protocol") if several else ("features",)
    room = WIDTH - 8 * len(COLUMNS)
    if several:
        room -= 2 + max(len(row["protocol"]) for row in rows)
    shown, before = [], ""
    for row in rows:
        name = "  re-ranked" if row["rerank"] else row["features"]
        short = name if len(name) <= room else name[: room - 1] + "…"
        shown.append({**row, "features": "" if several and name == before else short})
        before = name
    widths = {name: max(len(name), *(len(row[name]) for row in shown)) for name in names}
    lines = ["  ".join(f"{n:<{w}}" for n, w in widths.items())
             + "".join(f"{column:>8}" for column in COLUMNS)]  # fmt: skip
    for row in shown:
        lines.append("  ".join(f"{row[n]:<{w}}" for n, w in widths.items()) + _percent(row))
        for i, end in enumerate(("  from", "  to")):
            if "intervals" in row:
                interval = {name: ends[i] for name, ends in row["intervals"].items()}
                lines.append(f"{end:<{len(lines[0]) - 8 * len(COLUMNS)}}" + _percent(interval))
    rates = [name for name in rows[0] if name.startswith("TPR@") or name == "EER"]
    if rates:
        few = rows[0]["unmeasurable"]
        heads = [rate + "*" * (rate in few) for rate in rates]
        lines += ["", f"{'features':<{widths['features']}}" + "".join(f"{h:>10}" for h in heads)]
        lines += [f"{row['features']:<{widths['features']}}"
                  + "".join(f"{100 * row[rate]:10.2f}" for rate in rates)
                  for row in shown if row["features"] and not row["rerank"]]  # fmt: skip
        if few:
            lines.append("* fewer pairs of two people than the rate needs: before the nearest one")
    first = rows[0]
    rules = "" if several else f"{first['protocol']}, "
    lines += folded(
        f"{rules}{first['metric']} distance, {first['valid_queries']} of {first['queries']} "
        f"queries valid, {first['gallery']} gallery crops"
    )
    if first["expand"]:
        lines.append(f"queries expanded with their {first['expand']} nearest gallery crops")
    if again := rows[-1]["rerank"]:
        lines.append(f"re-ranked with k1 {again['k1']}, k2 {again['k2']}, λ {again['lambda']:g}")
    if "intervals" in first:
        lines.append(f"from, to: {100 * first['confidence']:g} % intervals over identities")
    for name, note in found.notes.items():
        lines += folded(f"{name}: {note}")
    return "\n".join(lines)


def folded(text: str) -> list[str]:
    """The text as lines of at most 80 columns, broken between words."""
    return wrap(text, WIDTH, subsequent_indent="  ", break_on_hyphens=False)


def _percent(numbers: Mapping[str, float]) -> str:
    return "".join(f"{100 * numbers[column]:8.2f}" for column in COLUMNS)
