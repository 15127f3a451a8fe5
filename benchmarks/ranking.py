"""Ranking at Market-1501's size, with a clean vectorised numpy evaluation beside ours.

    python benchmarks/ranking.py [--repeats 5]

Unit features of 3,368 queries and 15,913 gallery images, 512 long: an identity's centre plus noise
of 2.5 times its length; 751 identities, 6 cameras. Both sides start from the features, and once
more from the distances, run in turn, and must agree. From features both pay the same matmul. Memory
is what one evaluation adds to a process's peak, each in a process of its own. Time it on an idle
machine: threads that wait for one another suffer most from others' work. Exits with 1 if ours
takes more than 0.6 of the time from features, or adds more than 0.4 GiB.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lookalike.metrics import rank, rank_distances

QUERIES, GALLERY, LENGTH, IDENTITIES, CAMERAS, NOISE = 3368, 15913, 512, 751, 6, 2.5
TIME_BAR, MEMORY_BAR = 0.6, 0.4  # of the peer's seconds; GiB
Scores = dict[str, float]
Data = Sequence[NDArray[Any]]  # query and gallery features, pids, camids, in the order of `rank`


def unit(x: NDArray[Any]) -> NDArray[np.float32]:
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    return x.astype(np.float32)


def features(seed: int = 0) -> Data:
    rng = np.random.default_rng(seed)
    centres = unit(rng.standard_normal((IDENTITIES + 1, LENGTH)))
    pids = [rng.integers(1, IDENTITIES + 1, n) for n in (QUERIES, GALLERY)]
    noise = [unit(rng.standard_normal((n, LENGTH))) for n in (QUERIES, GALLERY)]
    feats = [unit(centres[p] + NOISE * x) for p, x in zip(pids, noise, strict=True)]
    camids = [rng.integers(0, CAMERAS, n) for n in (QUERIES, GALLERY)]
    return *feats, *pids, *camids


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


SIDES: dict[str, Callable[[Data], Scores]] = {"numpy argsort": peer, "lookalike": ours}


def peak_gib() -> float:
    """The process's peak resident memory; Linux counts in KiB, macOS in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 30 if sys.platform == "darwin" else 1 << 20)


def extra_memory(side: str, file: str) -> None:
    """Prints what one evaluation of `side` adds to the peak of a process that holds its input."""
    data = load(file)
    before = peak_gib()
    SIDES[side](data)
    print(peak_gib() - before)


def in_a_process(*arguments: str) -> str:
    return subprocess.check_output([sys.executable, __file__, *arguments], text=True)


def load(file: str) -> Data:
    with np.load(file) as saved:
        return [saved[name] for name in saved.files]


def same(a: Scores, b: Scores, tolerance: float) -> None:
    for name, value in a.items():
        assert abs(value - b[name]) <= tolerance, f"{name}: {value} and {b[name]} differ"


def main() -> int:
    parser = argparse.ArgumentParser(description="Time ranking against numpy.")
    parser.add_argument("--repeats", type=int, default=5, help="evaluations of each side")
    parser.add_argument("--save", help=argparse.SUPPRESS)
    parser.add_argument("--memory", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.save:
        np.savez(arguments.save, *features())
        return 0
    if arguments.memory:
        extra_memory(*arguments.memory)
        return 0

    # Before anything large: a process starts with its parent's peak.
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "features.npz")
        in_a_process("--save", file)
        extra = {side: float(in_a_process("--memory", side, file)) for side in SIDES}
        data = load(file)

    dist, ids = -(data[0] @ data[1].T), data[2:]
    runs: dict[str, tuple[Callable[[Data], Scores], Callable[[], Data]]] = {
        "features: numpy argsort": (peer, lambda: data),
        "features: lookalike": (ours, lambda: data),
        "distances: numpy argsort": (numpy_distances, lambda: [dist.copy(), *ids]),
        "distances: lookalike": (our_distances, lambda: [dist, *ids]),
    }
    wall: dict[str, list[float]] = {name: [] for name in runs}
    cpu: dict[str, list[float]] = {name: [] for name in runs}
    scores: dict[str, Scores] = {}
    for _ in range(arguments.repeats):
        for name, (run, prepare) in runs.items():
            given = prepare()
            start, busy = time.perf_counter(), time.process_time()
            scores[name] = run(given)
            wall[name].append(time.perf_counter() - start)
            cpu[name].append(time.process_time() - busy)
    exact = scores["distances: lookalike"]
    same(exact, numpy_distances([dist, *ids], "stable"), 1e-12)
    # Two libraries' matmuls differ in the last bit and plain argsort isn't stable, so that a near
    # tie may fall the other way.
    for other in scores.values():
        same(exact, other, 1e-6)

    print(f"{QUERIES} queries x {GALLERY} gallery x {LENGTH}, {os.cpu_count()} cores, ", end="")
    print(f"{torch.get_num_threads()} threads, median of {arguments.repeats}")
    print(f"numpy {np.__version__}, torch {torch.__version__}; load {os.getloadavg()[0]:.1f}")
    print(f"{'from':26}{'wall s':>10}{'ratio':>9}{'CPU s':>10}{'ratio':>9}{'extra GiB':>12}")
    for name in runs:
        start_at, side = name.split(": ")
        a, b = (median(t[name]) / median(t[f"{start_at}: numpy argsort"]) for t in (wall, cpu))
        memory = f"{extra[side]:12.2f}" if start_at == "features" else ""
        print(
            f"{name:26}{median(wall[name]):10.2f}{a:9.2f}{median(cpu[name]):10.2f}{b:9.2f}{memory}"
        )
    print("scores: " + "  ".join(f"{k} {100 * v:.3f}" for k, v in exact.items()))
    ratio = median(wall["features: lookalike"]) / median(wall["features: numpy argsort"])
    passed = ratio <= TIME_BAR and extra["lookalike"] <= MEMORY_BAR
    print(f"bars from features: wall ratio <= {TIME_BAR}, extra <= {MEMORY_BAR} GiB: ", end="")
    print("met" if passed else "MISSED")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
