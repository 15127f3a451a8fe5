"""Ranking as slowly and literally as the papers describe it: what the fast one is compared with."""

import math

import numpy as np

TRAPEZOIDS = ("market1501-trapezoid", "multi-query-trapezoid")
MULTI = ("market1501-multi-query", "multi-query-trapezoid")
SYSU = "sysu-mm01"
SINGLE, TWENTY, APART = "cuhk03-single-shot", "cuhk03-20-splits", "cuhk03-open-reid"


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
    if protocol == SYSU:  # where camera 3 is, camera 2 is too
        order = [j for j in order if not (cam == 3 and g_cams[j] == 2)]
    hits = [g_pids[j] == pid for j in order]
    if not any(hits):
        return None
    ap = (trapezoid if protocol in TRAPEZOIDS else mean_precision)(hits)
    last = len(hits) - hits[::-1].index(True)
    first = hits.index(True) + 1
    found = [one_of_each(order, hits, g_pids, draw) for draw in draws] or [first]
    if protocol == SYSU:  # every identity once, where it comes first
        found = [list(dict.fromkeys(g_pids[j] for j in order)).index(pid) + 1]
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


def part(queries, gallery, dist, q_pids, g_pids, q_cams, g_cams):
    """The single-shot ranking of some rows and columns, as if there were no others."""
    q, g = np.array(queries, int), np.array(gallery, int)
    if not len(q) or not len(g):
        return None
    return rank(dist[np.ix_(q, g)], q_pids[q], g_pids[g], q_cams[q], g_cams[g], SINGLE)


def twenty(splits, dist, q_pids, g_pids, *cams):
    """CUHK03's splits: each on its own, and the mean of them. splits: sets of identities."""
    shared = sorted({p for p in q_pids if p > -1} & {p for p in g_pids if p > -1})
    if not splits:
        for i in range(20):
            drawn = [shared[k] for k in np.random.RandomState(i).permutation(len(shared))]
            splits = [*splits, {*drawn[-100:]}]
    tested = set(shared).union(*splits)
    answers, of_query = [], [{} for _ in q_pids]
    for i, pids in enumerate(splits):
        queries = [row for row, p in enumerate(q_pids) if p in pids]
        gallery = [row for row, p in enumerate(g_pids) if p in pids or p not in tested]
        answer = part(queries, gallery, dist, q_pids, g_pids, *cams)
        if answer is None:
            return None
        answers.append(answer)
        for k, row in enumerate(queries):
            of_query[row][i] = [answer[name][k] for name in ("ap", "inp", "first_hit", "cmc_ranks")]
    found = {name: sum(a[name] for a in answers) / len(answers) for name in ("mAP", "mINP")}
    longest = max(len(a["cmc"]) for a in answers)
    lists = [[*a["cmc"], *[a["cmc"][-1]] * (longest - len(a["cmc"]))] for a in answers]
    valid = [[i for i, (ap, *_) in rows.items() if not math.isnan(ap)] for rows in of_query]
    for name, column in (("ap", 0), ("inp", 1)):
        found[name] = np.array([
            sum(rows[i][column] / answers[i]["num_valid"] for i in some)
            / sum(1 / answers[i]["num_valid"] for i in some) if some else math.nan
            for rows, some in zip(of_query, valid, strict=True)
        ])  # fmt: skip
    return found | {
        "cmc": np.mean(lists, axis=0),
        "num_valid": sum(map(bool, valid)),
        "first_hit": np.array([min([r[i][2] for i in v], default=0)
                               for r, v in zip(of_query, valid, strict=True)]),
        "cmc_ranks": np.array([
            np.concatenate([rows[i][3] if i in rows else [-1] * 10 for i in range(len(splits))])
            for rows in of_query
        ]).reshape(len(q_pids), -1),
    }  # fmt: skip


def apart(dist, q_pids, g_pids, q_cams, g_cams):
    """open-reid's CUHK03: the CMC without everybody from the query's own camera."""
    answer = rank(dist, q_pids, g_pids, q_cams, g_cams, "market1501")
    if answer is None:
        return None
    ranks = np.zeros((len(q_pids), 10), int)
    for camera in set(q_cams):
        rows = [i for i, c in enumerate(q_cams) if c == camera]
        others = [j for j, c in enumerate(g_cams) if c != camera]
        found = part(rows, others, dist, q_pids, g_pids, q_cams, g_cams)
        if found:
            ranks[rows] = found["cmc_ranks"]
    counted = ranks[ranks > 0]
    length = len(answer["cmc"])
    cmc = np.array([(counted <= k).mean() for k in range(1, length + 1)])
    return answer | {"cmc": cmc, "cmc_ranks": ranks}


def rank(dist, q_pids, g_pids, q_cams, g_cams, protocol, splits=()):
    """A dict of what `lookalike.metrics.Ranking` holds; None where no query has a match."""
    if protocol == TWENTY:
        return twenty(splits, dist, q_pids, g_pids, q_cams, g_cams)
    if protocol == APART:
        return apart(dist, q_pids, g_pids, q_cams, g_cams)
    queries, longest = len(q_pids), min(50, len(g_pids))
    repeats = 10 if protocol == SINGLE else 0
    draws = np.random.default_rng(0).random((queries, repeats, len(set(g_pids) - {-1})))
    if protocol == "viper-10-splits":
        answers = in_splits(dist, q_pids, g_pids, q_cams, g_cams)
    else:
        rows = mean_rows(dist, q_pids, q_cams) if protocol in MULTI else dist
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
    skipped = protocol in TRAPEZOIDS
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
