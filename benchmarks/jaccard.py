"""Jaccard distances and clusters at Market-1501's size, with a dense loop over rows beside ours.

    python benchmarks/jaccard.py [--scale 1]

12,936 training images, k1 30, k2 6, then DBSCAN with eps 0.6 and 4 images; ours once in these two
steps and once in `pseudo_labels`, which holds no larger distances. Each side runs once, in a
process of its own: the dense one as usual, with float32 and faiss, for its time, and in float64 for
its numbers, since a last bit of float32 decides which of two images is the k1-th neighbour. Then 20
small random sets. Labels must be the same up to renumbering. Time it on an idle machine. Exits with
1 if our distances take more than 4 s or 1 GiB, one differs by 1e-5, or labels differ; or if a
round's clustering (distances, DBSCAN, the means of a memory) takes more than a tenth of the dense
one's time, or 1.5 GiB. The dense side makes its means by a loop over clusters.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from people_features import (
    Cost,
    crops,
    in_a_process,
    measured,
    print_costs,
    print_machine,
    unit,
    verdict,
)
from scipy import sparse
from sklearn.cluster import DBSCAN

sys.path.append(str(Path(__file__).parents[1] / "tests"))  # the literal version
from literal import dense_jaccard

from lookalike.metrics import cluster, cluster_means, jaccard_distance, pseudo_labels

IMAGES, K1, K2, EPS, MIN_SAMPLES = 12936, 30, 6, 0.6, 4
SETS = 20
TIME_BAR, MEMORY_BAR, TOLERANCE = 4, 1, 1e-5  # seconds; GiB; of distances
ROUND_BAR, ROUND_MEMORY_BAR = 0.1, 1.5  # of the dense round's time; GiB
EXACT, AT_ONCE = "dense, float64", "lookalike, at once"


def dense_cluster(distances: NDArray[Any], eps: float = EPS) -> list[int]:
    search = DBSCAN(eps=eps, min_samples=MIN_SAMPLES, metric="precomputed")
    return renumbered(search.fit_predict(distances))


def our_cluster(distances: Any, eps: float = EPS) -> list[int]:
    return renumbered(cluster(distances, eps, MIN_SAMPLES).labels)


def our_round(feats: NDArray[np.float32]) -> NDArray[np.int64]:
    labels = pseudo_labels(feats, EPS, MIN_SAMPLES, k1=K1, k2=K2).labels
    cluster_means(feats, labels)
    return labels


def dense_means(feats: NDArray[Any], labels: NDArray[np.int64]) -> list[NDArray[Any]]:
    return [feats[labels == c].mean(0) for c in range(labels.max() + 1)]


SIDES: dict[str, Any] = {
    "dense": (dense_jaccard.jaccard_distance, dense_cluster),
    EXACT: (dense_jaccard.jaccard_distance, dense_cluster),
    "lookalike": (jaccard_distance, our_cluster),
}


def run_alone(side: str, scale: float, file: str) -> None:
    """Prints the cost of the distances, of the clusters, and the labels; saves the distances."""
    feats = crops(round(IMAGES * scale), 1, scale).feats
    if side == AT_ONCE:
        labels, cost = measured(our_round, feats)
        print(json.dumps([cost, cost, cost, renumbered(labels)]))
        return
    distance, clusters = SIDES[side]
    if side == EXACT:
        feats = feats.astype(np.float64)
        feats /= np.linalg.norm(feats, axis=1, keepdims=True)
    dist, cost = measured(distance, feats, K1, K2)
    labels, second = measured(clusters, dist)
    _, third = measured(dense_means, feats, np.array(labels))
    if isinstance(dist, np.ndarray):
        with open(file, "wb") as out:
            np.save(out, dist)
    else:
        with open(file, "wb") as out:
            sparse.save_npz(out, dist, compressed=False)
    print(json.dumps([cost, second, third, labels]))


def renumbered(labels: Any) -> list[int]:
    """Clusters in the order of their first images; −1 stays."""
    numbers = {-1: -1}
    return [numbers.setdefault(int(label), len(numbers) - 1) for label in labels]


def largest_difference(dense: NDArray[Any], ours: Any) -> float:
    """Of all pairs; what is absent from ours is 1."""
    largest = 0.0
    for start in range(0, len(dense), 512):
        rows = ours[start : start + 512].tocoo()
        block = np.ones(rows.shape)
        block[rows.row, rows.col] = rows.data
        largest = max(largest, float(np.abs(block - dense[start : start + 512]).max()))
    return largest


def differing_sets() -> int:
    """How many of the small random sets the two sides cluster differently."""
    rng, differing = np.random.default_rng(0), 0
    for _ in range(SETS):
        images, people, length = (int(rng.integers(*r)) for r in ((300, 1001), (10, 80), (16, 129)))
        centres = unit(rng.standard_normal((people, length), np.float32))
        noise = unit(rng.standard_normal((images, length), np.float32))
        spread = np.float32(rng.uniform(0.3, 2))
        feats = unit(centres[rng.integers(0, people, images)] + spread * noise)
        k1, eps = int(rng.choice([10, 15, 20, 30])), float(rng.uniform(0.4, 0.7))
        dense = dense_cluster(dense_jaccard.jaccard_distance(feats, k1, K2), eps)
        ours = our_cluster(jaccard_distance(feats, k1, K2), eps)
        differing += dense != ours
    return differing


def main() -> int:
    parser = argparse.ArgumentParser(description="Time Jaccard distances against a dense loop.")
    parser.add_argument("--scale", type=float, default=1, help="of the number of images and people")
    parser.add_argument("--alone", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.alone:
        side, file = arguments.alone
        run_alone(side, arguments.scale, file)
        return 0

    distances, clusters, labels, each, difference = {}, {}, {}, 0.0, np.inf
    rounds = {}
    with tempfile.TemporaryDirectory() as folder:
        dense = Path(folder) / "dense.npy"
        for side in (EXACT, *(side for side in SIDES if side != EXACT), AT_ONCE):
            file = dense if side == EXACT else Path(folder) / "other"
            run = in_a_process(__file__, "--scale", arguments.scale, "--alone", side, file)
            distances[side], clusters[side], labels[side] = Cost(*run[0]), Cost(*run[1]), run[3]
            parts = [Cost(*x) for x in (run[:1] if side == AT_ONCE else run[:3])]
            rounds[side] = Cost(
                sum(x.wall for x in parts),
                sum(x.cpu for x in parts),
                sum(x.extra for x in parts),
                max(x.peak for x in parts),
            )
            if side == "lookalike":
                ours = sparse.load_npz(file)
                difference = largest_difference(np.load(dense, mmap_mode="r"), ours)
                each = ours.nnz / ours.shape[0]

    print_machine(f"{len(labels['dense'])} images")
    print("Jaccard distances")
    print_costs({side: distances[side] for side in SIDES})
    print("DBSCAN")
    print_costs({side: clusters[side] for side in SIDES})
    print("A round's clustering: distances, DBSCAN, means")
    print_costs({side: rounds[side] for side in ("dense", AT_ONCE)})
    print(f"lookalike: {each:.0f} distances below 1 an image")
    found = labels[EXACT]
    others = sum(a != b for a, b in zip(found, labels["dense"], strict=True))
    print(f"float32 labels {others} images otherwise than float64")
    print(f"{max(found) + 1} clusters, {found.count(-1)} outliers")
    bars: dict[str, tuple[float, float]] = {
        "seconds": (distances["lookalike"].wall, TIME_BAR),
        "extra GiB": (distances["lookalike"].extra, MEMORY_BAR),
        "largest difference from float64": (difference, TOLERANCE),
    }
    dense_round, our = rounds["dense"], rounds[AT_ONCE]
    bars["a round's seconds, of the dense one's"] = our.wall / dense_round.wall, ROUND_BAR
    bars["a round's extra GiB"] = our.extra, ROUND_MEMORY_BAR
    for side in ("lookalike", AT_ONCE):
        differing = sum(a != b for a, b in zip(found, labels[side], strict=True))
        bars[f"{side}: images with other labels"] = differing, 0
    bars[f"of {SETS} random sets, with other labels"] = differing_sets(), 0
    return verdict(bars)


if __name__ == "__main__":
    sys.exit(main())
