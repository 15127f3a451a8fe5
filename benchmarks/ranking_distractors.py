"""Ranking against 500,000 distractors, and what the gallery's size does to its memory.

    python benchmarks/ranking_distractors.py [--scale 1]

3,368 queries against Market-1501's 15,913 gallery images, and against those and 500,000 distractors
of pid 0, each in a process of its own. The first 20 queries must agree with numpy's argsort. Exits
with 1 if the larger gallery adds 0.1 GiB more to its process's peak than the smaller one.
"""

import argparse
import json
import sys

from people_features import Cost, in_a_process, measured, print_costs, print_machine, verdict
from ranking import GALLERY, QUERIES, features, ours, peer, same

DISTRACTORS, CHECKED = 500_000, 20
GROWTH_BAR = 0.1  # GiB


def main() -> int:
    parser = argparse.ArgumentParser(description="Time ranking against 500,000 distractors.")
    parser.add_argument("--scale", type=float, default=1, help="of the number of images and people")
    parser.add_argument("--distractors", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    scale = arguments.scale
    if arguments.distractors is not None:
        data = features(scale, arguments.distractors)
        scores, cost = measured(ours, data)
        few = [x[:CHECKED] if i % 2 == 0 else x for i, x in enumerate(data)]
        same(ours(few), peer(few), 1e-4)  # near ties may fall the other way, as in `ranking`
        print(json.dumps([scores, cost]))
        return 0

    print_machine(f"{round(QUERIES * scale)} queries")
    costs, found = {}, {}
    for distractors in (0, DISTRACTORS):
        run = in_a_process(__file__, "--scale", scale, "--distractors", distractors)
        name = f"gallery of {round(GALLERY * scale) + round(distractors * scale):,}"
        found[name], costs[name] = run[0], Cost(*run[1])
    print_costs(costs)
    for name, scores in found.items():
        print(f"{name}: " + "  ".join(f"{k} {100 * v:.3f}" for k, v in scores.items()))
    entries = round(QUERIES * scale) * round((GALLERY + DISTRACTORS) * scale)
    print(f"a matrix of distances and its argsort would be {entries * 12 / 2**30:.1f} GiB")
    small, large = costs.values()
    return verdict({"more extra GiB by the distractors": (large.extra - small.extra, GROWTH_BAR)})


if __name__ == "__main__":
    sys.exit(main())
