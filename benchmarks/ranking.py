"""Ranking at Market-1501's size, with a clean vectorised numpy evaluation beside ours.

    python benchmarks/ranking.py [--repeats 5] [--scale 1]

3,368 queries and 15,913 gallery images. Both sides start from the features, and once more from the
distances, run in turn, and must agree. From features each pays its own library's matmul; what those
take alone stands at the end. Memory is what one evaluation adds to a process's peak, each in a
process of its own. Time it on an idle machine: threads that wait for one another suffer most from
others' work. Exits with 1 if ours takes more than half of the time from features, or adds more than
0.4 GiB.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from people_features import Cost, crops, in_a_process, measured, print_costs, print_machine, verdict

from lookalike.metrics import rank, rank_distances
from lookalike.metrics.products import products

QUERIES, GALLERY = 3368, 15913
TIME_BAR, MEMORY_BAR = 0.5, 0.4  # of the peer's seconds; GiB
Scores = dict[str, float]
Data = Sequence[NDArray[Any]]  # query and gallery features, pids, camids, in the order of `rank`
Side = Callable[[Data], Scores]


def features(scale: float, distractors: int = 0) -> Data:
    """Queries and gallery, `scale` times as many, with distractors in the gallery."""
    query = crops(round(QUERIES * scale), 1, scale)
    gallery = crops(round(GALLERY * scale), 2, scale, round(distractors * scale))
    return [x for pair in zip(query, gallery, strict=True) for x in pair]


def numpy_distances(data: Data, kind: Any = None) -> Scores:
    """The peer: one argsort of the whole matrix, no loop over queries. Overwrites the matrix."""
    dist, q_pids, g_pids, q_cams, g_cams = data
    same = q_pids[:, None] == g_pids
    junk = same & (q_cams[:, None] == g_cams)
    dist[junk] = np.inf
    order = np.argsort(dist, axis=1, kind=kind)
    right = np.take_along_axis(same & ~junk, order, axis=1)
    query, place = np.nonzero(right)
    count = np.bincount(query, minlength=len(dist))
    start = np.cumsum(count) - count
    k = np.arange(1, len(query) + 1) - start[query]
    valid = count > 0
    ap = np.bincount(query, k / (place + 1), minlength=len(dist))[valid] / count[valid]
    first = place[start[valid]] + 1
    inp = count[valid] / (place[start[valid] + count[valid] - 1] + 1)
    hit = {f"rank{n}": float(np.mean(first <= n)) for n in (1, 5, 10)}
    return {"mAP": float(ap.mean()), **hit, "mINP": float(inp.mean())}


def peer(data: Data) -> Scores:
    query, gallery, *ids = data
    return numpy_distances([-(query @ gallery.T), *ids])


def ours(data: Data) -> Scores:
    query, gallery, q_pids, g_pids, q_cams, g_cams = data
    return rank(query, gallery, q_pids, g_pids, q_cams, g_cams).row()


def our_distances(data: Data) -> Scores:
    dist, q_pids, g_pids, q_cams, g_cams = data
    return rank_distances(dist, q_pids, g_pids, q_cams, g_cams).row()


RUNS: dict[str, Side] = {
    "features: numpy argsort": peer,
    "features: lookalike": ours,
    "distances: numpy argsort": numpy_distances,
    "distances: lookalike": our_distances,
}


def given(name: str, data: Data) -> Data:
    """What the run of this name starts from."""
    query, gallery, *ids = data
    return data if name.startswith("features") else [-(query @ gallery.T), *ids]


def same(a: Scores, b: Scores, tolerance: float) -> None:
    for name, value in a.items():
        assert abs(value - b[name]) <= tolerance, f"{name}: {value} and {b[name]} differ"


def print_products(data: Data) -> None:
    """Seconds of all inner products, 256 queries at a time: three libraries' in one process."""
    query, gallery = (torch.from_numpy(x) for x in data[:2])
    ways: dict[str, Callable[[torch.Tensor], Any]] = {
        "ours": lambda rows: products(rows, gallery),
        "torch's matmul": lambda rows: rows @ gallery.T,
        "numpy's": lambda rows: rows.numpy() @ data[1].T,
    }
    took = {}
    for name, way in ways.items():
        turns = []
        for _ in range(4):
            start = time.perf_counter()
            for rows in query.split(256):
                way(rows)
            turns.append(time.perf_counter() - start)
        took[name] = median(turns)
    print("inner products: " + ", ".join(f"{name} {s:.2f} s" for name, s in took.items()))


def main() -> int:
    parser = argparse.ArgumentParser(description="Time ranking against numpy.")
    parser.add_argument("--repeats", type=int, default=5, help="evaluations of each side")
    parser.add_argument("--scale", type=float, default=1, help="of the number of images and people")
    parser.add_argument("--alone", choices=RUNS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    scale, repeats, name = arguments.scale, arguments.repeats, arguments.alone
    if name:
        print(json.dumps(measured(RUNS[name], given(name, features(scale)))[1]))
        return 0

    alone = {n: Cost(*in_a_process(__file__, "--scale", scale, "--alone", n)) for n in RUNS}
    data = features(scale)
    costs: dict[str, list[Cost]] = {name: [] for name in RUNS}
    scores: dict[str, Scores] = {}
    for _ in range(repeats):
        for name, run in RUNS.items():
            scores[name], cost = measured(run, given(name, data))
            costs[name].append(cost)
    exact = scores["distances: lookalike"]
    same(exact, numpy_distances(given("distances", data), "stable"), 1e-12)
    # Two libraries' matmuls differ in the last bit and plain argsort isn't stable, so that a near
    # tie may fall the other way.
    for other in scores.values():
        same(exact, other, 1e-6)

    print_machine(f"{len(data[0])} queries x {len(data[1])}, median of {repeats}")
    table = {}
    for name, memory in alone.items():
        wall, cpu = (median(cost[i] for cost in costs[name]) for i in range(2))
        table[name] = memory._replace(wall=wall, cpu=cpu)
    for start in ("features", "distances"):
        print_costs({name: cost for name, cost in table.items() if name.startswith(start)})
    print("scores: " + "  ".join(f"{k} {100 * v:.3f}" for k, v in exact.items()))
    print_products(data)
    numpy, lookalike = table["features: numpy argsort"], table["features: lookalike"]
    return verdict(
        {
            "wall seconds from features, of numpy's": (lookalike.wall / numpy.wall, TIME_BAR),
            "extra GiB from features": (lookalike.extra, MEMORY_BAR),
        }
    )


if __name__ == "__main__":
    sys.exit(main())
