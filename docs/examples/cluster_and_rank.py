"""Pseudo-identities of all images, then the ranking of queries, from features on disk.

    python cluster_and_rank.py train.npz query.npz gallery.npz

The files are what `lookalike embed MODEL --data DATA --split SPLIT --out FILE` writes. The pids in
them only judge the clusters; clustering itself sees features alone.
"""

import sys
import time

import numpy as np
from sklearn.metrics import adjusted_rand_score

from lookalike.metrics import cluster, jaccard_distance, rank, rank_distances, rerank

train, query, gallery = (np.load(file) for file in sys.argv[1:])
everyone = np.concatenate([side["features"] for side in (train, query, gallery)])
pids = np.concatenate([side["pids"] for side in (train, query, gallery)])
seen = np.arange(len(pids)) < len(train["pids"])

start = time.perf_counter()
distances = jaccard_distance(everyone, k1=30, k2=6)
print(f"Jaccard distances of {len(everyone)} images: {time.perf_counter() - start:.1f} s,", end=" ")
print(f"{distances.nnz / len(everyone):.0f} below 1 an image")

for how in ({"eps": 0.5}, {"eps": 0.6}, {"rho": 0.002}):
    start = time.perf_counter()
    clusters = cluster(distances, **how)
    seconds = time.perf_counter() - start
    scores = []
    for part in (seen, ~seen):
        joined = part & (clusters.labels >= 0)
        scores.append(adjusted_rand_score(pids[joined], clusters.labels[joined]))
    print(f"eps {clusters.eps:.3f}: {clusters.num_clusters} clusters of", end=" ")
    print(f"{len(np.unique(pids))} persons,")
    print(f"  {clusters.num_outliers} outliers, {seconds:.1f} s; adjusted Rand index", end=" ")
    print(f"{scores[0]:.3f} on images trained on, {scores[1]:.3f} on others")

columns = ("pids", "camids")
ids = [side[column] for column in columns for side in (query, gallery)]
for name, ranking in (
    ("ranked", rank(query["features"], gallery["features"], *ids)),
    (
        "re-ranked",
        rank_distances(rerank(query["features"], gallery["features"], metric="cosine"), *ids),
    ),
):
    row = ranking.row()
    print(f"{name}: mAP {100 * row['mAP']:.1f}, rank-1 {100 * row['rank1']:.1f}", end=", ")
    print(f"mINP {100 * row['mINP']:.1f}")
