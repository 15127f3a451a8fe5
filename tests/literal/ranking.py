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


def ask(dist, pid, cam, g_pids, g_cams, protocol, draws=()):
    """AP, INP, the first hit and the ranks that CMC counts, of one query; None without a match."""
    order = valid_order(dist, pid, cam, g_pids, g_cams)
    hits = [g_pids[j] == pid for j in order]
    if not any(hits):
        return None
    ap = (trapezoid if protocol == "market1501-trapezoid" else mean_precision)(hits)
    last = len(hits) - hits[::-1].index(True)
    first = hits.index(True) + 1
    found = [one_of_each(order, hits, g_pids, draw) for draw in draws] or [first]
    return ap, sum(hits) / last, first, found


def mean_rows(dist, q_pids, q_cams):
    """Queries of one identity and camera as one: the first one's row is their mean, others None."""
    rows, sharing = [], {}
    for i, who in enumerate(zip(q_pids, q_cams, strict=True)):
        sharing.setdefault(who, []).append(i)
    for i, who in enumerate(zip(q_pids, q_cams, strict=True)):
        mean = sum(dist[j].astype(np.float64) for j in sharing[who]) / len(sharing[who])
        rows.append(mean.astype(dist.dtype) if sharing[who][0] == i else None)
    return rows


def halves(q_pids, g_pids):
    """The identities left out of each of VIPeR's ten splits, and those tested on."""
    shared = sorted({p for p in q_pids if p != -1} & {p for p in g_pids if p != -1})
    count = 1 if len(shared) == 1 else len(shared) // 2
    for split in range(10):
        drawn = [shared[k] for k in np.random.RandomState(split).permutation(len(shared))]
        yield set(drawn[: len(shared) - count]), set(drawn[len(shared) - count :])


def in_splits(dist, q_pids, g_pids, q_cams, g_cams):
    """As `ask`, for all queries: means over the splits that have a match for the query."""
    answers = []
    for i, pid in enumerate(q_pids):
        whole = ask(dist[i], pid, q_cams[i], g_pids, g_cams, "market1501")
        aps, inps, found = [], [], []
        for others, tested in halves(q_pids, g_pids):
            if pid not in tested:
                found.append(-1)
                continue
            left = [j for j in range(len(g_pids)) if g_pids[j] not in others]
            answer = ask(dist[i][left], pid, q_cams[i], g_pids[left], g_cams[left], "market1501")
            found.append(answer[2] if answer else 0)
            if answer:
                aps.append(answer[0])
                inps.append(answer[1])
        if aps:
            answers.append((sum(aps) / len(aps), sum(inps) / len(inps), whole[2], found))
        else:
            answers.append((math.nan, math.nan, 0, found))
    return answers


def rank(dist, q_pids, g_pids, q_cams, g_cams, protocol):
    """A dict of what `lookalike.metrics.Ranking` holds; None where no query has a match."""
    queries, longest = len(q_pids), min(50, len(g_pids))
    repeats = 10 if protocol == "cuhk03-single-shot" else 0
    draws = np.random.default_rng(0).random((queries, repeats, len(set(g_pids) - {-1})))
    if protocol == "viper-10-splits":
        answers = in_splits(dist, q_pids, g_pids, q_cams, g_cams)
    else:
        rows = mean_rows(dist, q_pids, q_cams) if protocol == "market1501-multi-query" else dist
        answers = []
        for i in range(queries):
            answer = None
            if rows[i] is not None:
                who = q_pids[i], q_cams[i]
                answer = ask(rows[i], *who, g_pids, g_cams, protocol, draws[i])
            nothing = [0 if rows[i] is not None else -1] * max(1, repeats)
            answers.append(answer or (math.nan, math.nan, 0, nothing))
    ap, inp, first, found = zip(*answers, strict=True)
    # Every ranked list counts once: one a query, or one for each of its draws or splits.
    counted = [f for ranks in found for f in ranks if f > 0]
    if not counted:
        return None
    width = len(found[0])
    skipped = protocol == "market1501-trapezoid"
    over = sum(f >= 0 for ranks in found for f in ranks) if skipped else len(counted)
    lists = [sum(f > 0 for f in ranks) for ranks in found]
    return {
        "mAP": sum(a * n for a, n in zip(ap, lists, strict=True) if n) / over,
        "mINP": sum(a * n for a, n in zip(inp, lists, strict=True) if n) / over,
        "cmc": np.array([sum(f <= k for f in counted) / over for k in range(1, longest + 1)]),
        "num_valid": sum(n > 0 for n in lists),
        "ap": np.array(ap),
        "inp": np.array(inp),
        "first_hit": np.array(first),
        "cmc_ranks": np.array(found).reshape(queries, width),
    }
