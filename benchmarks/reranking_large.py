"""Re-ranking at MSMT17's size, where the dense algorithm's matrices fit few machines.

    python benchmarks/reranking_large.py [--scale 1]

11,659 queries and 82,161 gallery images, k1 20, k2 6, λ 0.3, in a process of its own, beside
ranking by cosine from the same features. The answer is 3.6 GiB; exits with 1 if the process needs
more than 6 GiB beside it.
"""

import argparse
import json
import sys

import numpy as np
from people_features import (
    Cost,
    crops,
    in_a_process,
    measured,
    print_costs,
    print_machine,
    verdict,
)

from lookalike.metrics import rank, rank_distances, rerank

QUERIES, GALLERY = 11659, 82161
MEMORY_BAR = 6  # GiB beside the answer


def run_alone(scale: float) -> None:
    """Prints the cost, and the scores by cosine and re-ranked."""
    query, q_pids, q_camids = crops(round(QUERIES * scale), 1, scale)
    gallery, g_pids, g_camids = crops(round(GALLERY * scale), 2, scale)
    ids = q_pids, g_pids, q_camids, g_camids
    dist, cost = measured(rerank, query, gallery)
    assert dist.shape == (len(query), len(gallery)), dist.shape
    assert np.isfinite([dist.min(), dist.max()]).all(), "distances are not finite"
    scores = {"cosine": rank(query, gallery, *ids), "re-ranked": rank_distances(dist, *ids)}
    print(json.dumps([cost, {name: ranking.row() for name, ranking in scores.items()}]))


def main() -> int:
    parser = argparse.ArgumentParser(description="Time re-ranking of a large gallery.")
    parser.add_argument("--scale", type=float, default=1, help="of the number of images and people")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    scale = arguments.scale
    if arguments.alone:
        run_alone(scale)
        return 0

    queries, gallery = round(QUERIES * scale), round(GALLERY * scale)
    print_machine(f"{queries} queries x {gallery}")
    run = in_a_process(__file__, "--scale", scale, "--alone")
    cost = Cost(*run[0])
    print_costs({"lookalike": cost})
    for name, row in run[1].items():
        print(f"{name}: " + "  ".join(f"{k} {100 * v:.3f}" for k, v in row.items()))
    # float32 distances and their int64 argsort live at the same time.
    dense = (queries + gallery) ** 2 * 12 / 2**30
    print(f"dense distances and their argsort would be {dense:.0f} GiB")
    answer = queries * gallery * 4 / 2**30
    return verdict({"GiB of the process beside the answer": (cost.peak - answer, MEMORY_BAR)})


if __name__ == "__main__":
    sys.exit(main())
