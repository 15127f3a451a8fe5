"""Ranking as slowly and literally as the papers describe it: what the fast one is compared with."""

import math

import numpy as np


def valid_order(dist, pid, cam, g_pids, g_cams):
    """The valid gallery of one query, nearest first, ties by index."""
    order = sorted(range(len(dist)), key=lambda j: (dist[j], j))
    return [j for j in order if g_pids[j] != -1 and not (g_pids[j] == pid and g_cams[j] == cam)]


def mean_precision(hits):
    found, total = 0, 0.0
    for position, hit in enumerate(hits, 1):
        if hit:
            found += 1
            total += found / position
    return total / found


def trapezoid(hits):
    """Market-1501's own loop over every position of the list."""
    old_recall, old_precision, ap, found = 0.0, 1.0, 0.0, 0
    for position, hit in enumerate(hits, 1):
        found += hit
        recall, precision = found / sum(hits), found / position
        ap += (recall - old_recall) * (old_precision + precision) / 2
        old_recall, old_precision = recall, precision
    return ap


def one_of_each(order, hits, g_pids, draw):
    """The rank of the right image when one image of each identity is left of a query's list."""
    names = sorted({p for p in g_pids if p != -1})
    left = set()
    for name, u in zip(names, draw, strict=True):
        images = sorted(j for j in order if g_pids[j] == name)
        if images:
            left.add(images[math.floor(u * len(images))])
    right = {j for j, hit in zip(order, hits, strict=True) if hit}
    return next(i for i, j in enumerate((j for j in order if j in left), 1) if j in right)


def rank(dist, q_pids, g_pids, q_cams, g_cams, protocol):
    """A dict of what `lookalike.metrics.Ranking` holds; None where no query has a match."""
    queries, longest = len(q_pids), min(50, len(g_pids))
    ap, inp, first = [math.nan] * queries, [math.nan] * queries, [0] * queries
    curves = []
    repeats = 10 if protocol == "cuhk03-single-shot" else 0
    draws = np.random.default_rng(0).random((queries, repeats, len(set(g_pids) - {-1})))
    for i in range(queries):
        order = valid_order(dist[i], q_pids[i], q_cams[i], g_pids, g_cams)
        hits = [g_pids[j] == q_pids[i] for j in order]
        if not any(hits):
            continue
        ap[i] = (trapezoid if protocol == "market1501-trapezoid" else mean_precision)(hits)
        first[i] = hits.index(True) + 1
        last = len(hits) - hits[::-1].index(True)
        inp[i] = sum(hits) / last
        found = [one_of_each(order, hits, g_pids, draw) for draw in draws[i]] or [first[i]]
        curves.append([sum(f <= k for f in found) / len(found) for k in range(1, longest + 1)])
    if not curves:
        return None
    over = queries if protocol == "market1501-trapezoid" else len(curves)
    return {
        "mAP": np.nansum(ap) / over,
        "mINP": np.nansum(inp) / over,
        "cmc": np.sum(curves, axis=0) / over,
        "num_valid": len(curves),
        "ap": np.array(ap),
        "inp": np.array(inp),
        "first_hit": np.array(first),
    }
