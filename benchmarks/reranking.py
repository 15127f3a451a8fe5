"""Re-ranking at Market-1501's size, with the published dense algorithm beside ours.

    python benchmarks/reranking.py [--scale 1]

3,368 queries and 15,913 gallery images, k1 20, k2 6, λ 0.3. Each side runs once, in a process of
its own, which then ranks by what came out. The dense algorithm runs as usual, in float32, for its
time, and once more in float64 (15 GiB) for its numbers: which of two images is the k1-th neighbour
hangs on a last bit of float32, and moves a row by hundredths. Time it on an idle machine. Exits
with 1 if ours takes more than 0.2 of the float32 time, its process more than 2 GiB, or a distance
differs from the float64 one by 1e-5.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from people_features import Cost, in_a_process, measured, print_costs, print_machine, verdict
from ranking import features

sys.path.append(str(Path(__file__).parents[1] / "tests"))  # the literal version
from literal import dense_reranking

from lookalike.metrics import rank_distances, rerank

TIME_BAR, MEMORY_BAR, TOLERANCE = 0.2, 2, 1e-5  # of the peer's seconds; GiB; of distances
SIDES: dict[str, tuple[Callable[..., NDArray[Any]], type]] = {
    "dense": (dense_reranking.rerank, np.float32),
    "dense, float64": (dense_reranking.rerank, np.float64),
    "lookalike": (rerank, np.float32),
}


def run_alone(side: str, scale: float, file: str) -> None:
    """Prints the scores and the cost, and saves the distances."""
    query, gallery, *ids = features(scale)
    function, kind = SIDES[side]
    dist, cost = measured(function, query.astype(kind), gallery.astype(kind))
    np.save(file, dist)
    print(json.dumps([rank_distances(dist, *ids).row(), cost]))


def main() -> int:
    parser = argparse.ArgumentParser(description="Time re-ranking against the dense algorithm.")
    parser.add_argument("--scale", type=float, default=1, help="of the number of images and people")
    parser.add_argument("--alone", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.alone:
        side, file = arguments.alone
        run_alone(side, arguments.scale, file)
        return 0

    scores, costs, dist = {}, {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for side in SIDES:
            file = str(Path(folder) / f"{side}.npy")
            run = in_a_process(__file__, "--scale", arguments.scale, "--alone", side, file)
            scores[side], costs[side], dist[side] = run[0], Cost(*run[1]), np.load(file)
    exact = dist["dense, float64"]
    differences = {side: float(np.abs(d - exact).max()) for side, d in dist.items()}
    queries, gallery = dist["dense"].shape
    print_machine(f"{queries} queries x {gallery}")
    print_costs(costs)
    for side, row in scores.items():
        print(f"{side}: " + "  ".join(f"{k} {100 * v:.3f}" for k, v in row.items()))
    print(f"largest difference of dense from its float64: {differences['dense']:.1e}")
    ours = costs["lookalike"]
    return verdict(
        {
            "largest difference from float64": (differences["lookalike"], TOLERANCE),
            "wall seconds, of the dense algorithm's": (ours.wall / costs["dense"].wall, TIME_BAR),
            "GiB of the whole process": (ours.peak, MEMORY_BAR),
        }
    )


if __name__ == "__main__":
    sys.exit(main())
