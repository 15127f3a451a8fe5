"""How long a training step takes by how threads wait for each other, alone and beside other work.

    python benchmarks/threads.py [--steps 6] [--settings default passive …]

torch's threads are OpenMP's: one that has nothing to do spins before it sleeps, by default for
milliseconds. Beside another program the spinning ones take the processors from those that work. A
line a setting: the median step of a ResNet-50 (64 crops of 128×64, preset `quick` of ide) and of a
small DG-Net, on the idle machine and beside a busy process (`--others`). Each cell is a process of
its own, because OpenMP reads its environment once.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import time

SETTINGS = {  # what the environment says; "default" is what users have today
    "default": {},
    "passive": {"OMP_WAIT_POLICY": "PASSIVE"},
    "spin 1e3": {"GOMP_SPINCOUNT": "1000"},
    "spin 3e3": {"GOMP_SPINCOUNT": "3000"},
    "spin 1e4": {"GOMP_SPINCOUNT": "10000"},
    "spin 1e5": {"GOMP_SPINCOUNT": "100000"},
    "spin 1e6": {"GOMP_SPINCOUNT": "1000000"},
    "one thread": {"OMP_NUM_THREADS": "1"},
}
STEP = """
import json, sys, time
import numpy as np, torch
from lookalike.data import People
from lookalike.methods import METHODS
from lookalike.methods.stage import Given
from lookalike.data.batches import Crops
from lookalike.training.memory import keep_freed_memory
keep_freed_memory()
name, changes, count = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
method = METHODS[name].preset("quick", weights="none", stride_on="3x3", **changes).resolved()
people = People([str(i) for i in range(256)], np.arange(256) // 8 + 1, np.arange(256) % 4)
stages = {s.name: s for s in method.stages(Given(people))}
done = {}
for stage in stages.values():
    module = stage.build(done); module.stage = stage.name
    done[stage.name] = module.trained
module.train()
h, w = stage.size
def crops(index):
    images = torch.randint(0, 256, (len(index), h, w, 3), dtype=torch.uint8).permute(0, 3, 1, 2)
    i = torch.from_numpy(index)
    return Crops(images, i // 8, i % 4, i)
times = []
for step in range(count + 1):
    batch = {"step": step, **{k: crops(i) for k, i in stage.plan(step).items()}}
    start = time.perf_counter()
    module.training_step(batch)
    times.append(time.perf_counter() - start)
print(json.dumps(times[1:]))
"""
JOBS = {"ResNet-50": ("ide", {}), "DG-Net": ("dgnet", {"batch_size": 4, "backbone": "resnet18"})}


def busy() -> None:
    """Other work: one thread that never waits."""
    while True:
        pass


def step_seconds(name: str, environment: dict[str, str], steps: int) -> float:
    """The median step in a process with that environment."""
    method, changes = JOBS[name]
    argv = [sys.executable, "-c", STEP, method, json.dumps(changes), str(steps)]
    done = subprocess.run(argv, env={**os.environ, **environment}, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return statistics.median(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--settings", nargs="+", choices=list(SETTINGS), default=list(SETTINGS))
    parser.add_argument("--others", type=int, nargs="+", default=[0, 1], help="busy processes")
    parser.add_argument("--jobs", nargs="+", choices=list(JOBS), default=list(JOBS))
    args = parser.parse_args()
    print(f"{os.cpu_count()} processors; seconds a step, median of {args.steps}")
    heads = [f"{name}, {n} others" for name in args.jobs for n in args.others]
    print(f"{'':<12}" + "".join(f"{head:>22}" for head in heads))
    for setting in args.settings:
        cells = []
        for name in args.jobs:
            for count in args.others:
                others = [multiprocessing.Process(target=busy, daemon=True) for _ in range(count)]
                for other in others:
                    other.start()
                time.sleep(0.5)
                cells.append(step_seconds(name, SETTINGS[setting], args.steps))
                for other in others:
                    other.kill()
                    other.join()
        print(f"{setting:<12}" + "".join(f"{cell:>22.3f}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
