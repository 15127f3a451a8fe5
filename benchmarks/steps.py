"""Steps without training at Market-1501's size, with the dense and literal versions beside ours.

    python benchmarks/steps.py [--scale 1]

12,936 images, 6 cameras. Neighbour centralisation with k 2, against all distances in one matrix,
sorted, and a loop over images and neighbours: in float32 for its time, in float64 for its numbers,
since a last bit decides which of two images is the second nearest. Then per-camera normalisation
and ID², against numpy one camera, and one person, after the other. Each side runs once, in a
process of its own. Time it on an idle machine. Exits with 1 if our centralisation takes more than
3 s or 0.5 GiB beside the features, or a number differs by 1e-5.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from people_features import Cost, crops, in_a_process, measured, print_costs, print_machine, verdict

from lookalike.metrics import centralise_neighbours, identity_density, normalise_cameras

IMAGES, K = 12936, 2
TIME_BAR, MEMORY_BAR, TOLERANCE = 3, 0.5, 1e-5  # seconds; GiB; of numbers
EXACT = "dense, float64"
Floats = NDArray[Any]


def unit(x: Floats) -> Floats:
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def dense_centralisation(feats: Floats) -> Floats:
    """All distances, sorted; then everybody's mutual neighbours, one after the other."""
    x = unit(feats)
    square = (x * x).sum(1)
    dist = square[:, None] + square - 2 * x @ x.T
    np.fill_diagonal(dist, -1)
    near = dist.argsort(1, kind="stable")[:, 1 : K + 1]
    sums = x.copy()
    for i in range(len(x)):
        for j in near[i]:
            if i in near[j]:
                sums[i] += x[j]
    return unit(sums)


def camera_loop(feats: Floats, camids: NDArray[np.int64]) -> Floats:
    out = feats.copy()
    for camera in np.unique(camids):
        own = feats[camids == camera]
        out[camids == camera] = (own - own.mean(0)) / (own.std(0) + 1e-6)
    return unit(out)


def person_loop(feats: Floats, pids: NDArray[np.int64]) -> Floats:
    x = unit(feats)
    means = []
    for pid in np.unique(pids):
        own = x[pids == pid]
        means.append(((own - own.mean(0)) ** 2).sum(1).mean())
    return np.array([np.mean(means)])


SIDES: dict[str, tuple[Any, Any, Any]] = {
    "dense": (dense_centralisation, camera_loop, person_loop),
    EXACT: (dense_centralisation, camera_loop, person_loop),
    "lookalike": (centralise_neighbours, normalise_cameras, identity_density),
}
STEPS = "centralisation", "cameras", "ID2"


def run_alone(side: str, scale: float, file: str) -> None:
    """Prints the cost of each step, and saves what came out."""
    feats, pids, camids = crops(round(IMAGES * scale), 1, scale)
    x = feats.astype(np.float64 if side == EXACT else np.float32)
    results, costs = {}, []
    for name, step, more in zip(STEPS, SIDES[side], ((), (camids,), (pids,)), strict=True):
        results[name], cost = measured(step, x, *more)
        costs.append(cost)
    np.savez(file, **{name: np.asarray(result) for name, result in results.items()})
    print(json.dumps(costs))


def main() -> int:
    parser = argparse.ArgumentParser(description="Time steps without training.")
    parser.add_argument("--scale", type=float, default=1, help="of the number of images and people")
    parser.add_argument("--alone", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.alone:
        side, file = arguments.alone
        run_alone(side, arguments.scale, file)
        return 0

    costs: dict[str, list[Cost]] = {}
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for side in SIDES:
            file = str(Path(folder) / f"{side}.npz")
            run = in_a_process(__file__, "--scale", arguments.scale, "--alone", side, file)
            costs[side], results[side] = [Cost(*cost) for cost in run], dict(np.load(file))
    print_machine(f"{len(results['dense']['cameras'])} images")
    for i, name in enumerate(STEPS):
        print(name)
        print_costs({side: of_side[i] for side, of_side in costs.items() if side != EXACT})
    differences = {
        f"largest difference from float64, {name}": (
            float(np.abs(results["lookalike"][name] - results[EXACT][name]).max()),
            TOLERANCE,
        )
        for name in STEPS
    }
    ours = costs["lookalike"][0]
    return verdict(
        {
            **differences,
            "seconds of neighbour centralisation": (ours.wall, TIME_BAR),
            "GiB that it adds": (ours.extra, MEMORY_BAR),
        }
    )


if __name__ == "__main__":
    sys.exit(main())
