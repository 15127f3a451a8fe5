"""Synthetic features of people for the benchmarks, and what a run of theirs costs.

A crop's feature is its identity's centre plus noise of 2.5 times its length, of unit length; a
distractor's is noise alone. There are 751 identities, as in Market-1501's training set, and 6
cameras.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

IDENTITIES, CAMERAS, LENGTH, NOISE = 751, 6, 512, 2.5
BLOCK = 256  # crops at a time, so that making them doesn't set a process's peak memory
T = TypeVar("T")


class Crops(NamedTuple):
    """feats: N×LENGTH float32 of unit length. pids: N, from 1, 0 a distractor. camids: N."""

    feats: NDArray[np.float32]
    pids: NDArray[np.int64]
    camids: NDArray[np.int64]


class Cost(NamedTuple):
    """Seconds on the clock and of all cores; GiB that a run added to the peak, and the peak."""

    wall: float
    cpu: float
    extra: float
    peak: float


def crops(number: int, seed: int, scale: float = 1, distractors: int = 0) -> Crops:
    """`number` crops of the same 751 · `scale` people whatever the seed, then the distractors."""
    people = max(1, round(IDENTITIES * scale))
    centres = unit(np.random.default_rng(0).standard_normal((people, LENGTH), np.float32))
    rng = np.random.default_rng([1, seed])
    pids = np.concatenate([rng.integers(1, people + 1, number), np.zeros(distractors, np.int64)])
    feats = np.empty((len(pids), LENGTH), np.float32)
    for start in range(0, len(pids), BLOCK):
        pid = pids[start : start + BLOCK, None]
        noise = unit(rng.standard_normal((len(pid), LENGTH), np.float32))
        centre = np.where(pid > 0, centres[pid[:, 0] - 1], 0)
        feats[start : start + BLOCK] = unit(centre + np.float32(NOISE) * noise)
    return Crops(feats, pids, rng.integers(0, CAMERAS, len(pids)))


def unit(x: NDArray[np.float32]) -> NDArray[np.float32]:
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def peak_gib() -> float:
    """The process's peak resident memory."""
    if sys.platform == "linux":  # where getrusage starts at the parent's peak
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / (1 << 20)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 30 if sys.platform == "darwin" else 1 << 20)


def measured(run: Callable[..., T], *arguments: Any) -> tuple[T, Cost]:
    """What `run` returns, and its cost; `extra` is right only for a process's first large run."""
    before, start, busy = peak_gib(), time.perf_counter(), time.process_time()
    result = run(*arguments)
    wall, cpu, peak = time.perf_counter() - start, time.process_time() - busy, peak_gib()
    return result, Cost(wall, cpu, peak - before, peak)


def in_a_process(script: str, *arguments: object) -> Any:
    """The JSON that a script prints, from a process of its own."""
    command = [sys.executable, script, *map(str, arguments)]
    return json.loads(subprocess.check_output(command, text=True))


def print_machine(job: str) -> None:
    print(f"{job}; {os.cpu_count()} cores, {torch.get_num_threads()} threads, ", end="")
    print(f"numpy {np.__version__}, torch {torch.__version__}, load {os.getloadavg()[0]:.1f}")


def print_costs(costs: dict[str, Cost]) -> None:
    """A table with a row for each side; ratios are to the first one."""
    names = ("wall s", "ratio", "CPU s", "ratio", "extra GiB", "peak GiB")
    print(" " * 26 + "".join(f"{name:>10}" for name in names))
    first = next(iter(costs.values()))
    for name, cost in costs.items():
        wall, cpu = cost.wall / first.wall, cost.cpu / first.cpu
        row = (cost.wall, wall, cost.cpu, cpu, cost.extra, cost.peak)
        print(f"{name:26}" + "".join(f"{x:10.2f}" for x in row))


def verdict(bars: dict[str, tuple[float, float]]) -> int:
    """The script's exit status: 1 if a number is above its bar, else 0; prints every pair."""
    for name, (value, bar) in bars.items():
        print(f"{name}: {value:.3g}, bar {bar:g}: {'met' if value <= bar else 'MISSED'}")
    return int(any(not value <= bar for value, bar in bars.values()))
