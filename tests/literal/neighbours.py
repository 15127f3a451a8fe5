"""Re-ranking, Jaccard distances and eps as sets and sums: what the fast ones are compared with."""

import math

import numpy as np


def squared_distances(x):
    """N×N in float64, of differences: exact for small integers."""
    x = np.asarray(x, np.float64)
    return ((x[:, None] - x[None]) ** 2).sum(2)


def neighbours(dist):
    """For every row all columns, nearest first: itself, then by distance, then by index."""
    n = len(dist)
    return [sorted(range(n), key=lambda j: (j != i, dist[i][j], j)) for i in range(n)]


def reciprocal(order, length):
    """For every image the set of those among its first `length` that have it among theirs."""
    first = [set(row[:length]) for row in order]
    return [{j for j in first[i] if i in first[j]} for i in range(len(order))]


def expanded(near, half):
    """Every reciprocal set with the half sets that lie in it by more than two thirds."""
    sets = []
    for own in near:
        chosen = [half[j] for j in own if 3 * len(half[j] & own) > 2 * len(half[j])]
        sets.append(own.union(*chosen))
    return sets


def jaccard_of(dist, order, near, half, k2):
    """N×N Jaccard distances of the sets, weighted by exp(−dist), after local query expansion."""
    n = len(dist)
    weights = [dict.fromkeys(range(n), 0.0) for _ in range(n)]
    for i, members in enumerate(expanded(near, half)):
        total = sum(math.exp(-dist[i][j]) for j in members)
        for j in members:
            weights[i][j] = math.exp(-dist[i][j]) / total
    vectors = []
    for i in range(n):
        group = order[i][:k2]
        vectors.append([sum(weights[g][j] for g in group) / len(group) for j in range(n)])
    rows = np.array(vectors)
    result = np.empty((n, n))
    for i, a in enumerate(rows):
        least, most = np.minimum(a, rows).sum(1), np.maximum(a, rows).sum(1)
        result[i] = 1 - least / most
    return result


def half_length(k1):
    """k1/2 to the nearest whole number, half to even, and the image itself."""
    return round(k1 / 2) + 1


def published(feats, k1, k2):
    """N×N Jaccard distances as re-ranking has them, and the distances they come from."""
    dist = squared_distances(feats)
    largest = dist.max(1, keepdims=True)
    dist = np.divide(dist, largest, out=np.zeros_like(dist), where=largest > 0)
    order = neighbours(dist)
    near, half = reciprocal(order, k1 + 1), reciprocal(order, half_length(k1))
    return jaccard_of(dist, order, near, half, k2), dist


def rerank(query, gallery, k1, k2, lambda_value):
    """Q×G re-ranked distances."""
    jaccard, dist = published(np.concatenate([query, gallery]), k1, k2)
    final = (1 - lambda_value) * jaccard + lambda_value * dist
    return final[: len(query), len(query) :]


def unit_jaccard(feats, k1, k2):
    """N×N Jaccard distances as clustering methods take them, of features of any length."""
    x = np.asarray(feats, np.float64)
    cosine = (x @ x.T) / np.outer(np.linalg.norm(x, axis=1), np.linalg.norm(x, axis=1))
    dist = 2 - 2 * cosine
    order = [row[:k1] for row in neighbours(dist)]  # a search for k1 images
    near, half = reciprocal(order, k1), reciprocal(order, half_length(k1))
    return jaccard_of(dist, order, near, half, k2)


def eps(dense, rho):
    """The mean of the smallest round(ρ·n), at least one, of the n above the diagonal but zeros."""
    above = np.triu(dense.astype(np.float64), 1)
    above = np.sort(above[above > 0])
    return above[: max(1, round(rho * len(above)))].mean()


def expand_query(query, gallery, k, alpha):
    """A query of length 1 after α-query expansion by its k nearest of a gallery, an image a row."""
    q = query / np.linalg.norm(query)
    unit = [g / np.linalg.norm(g) for g in gallery]
    order = sorted(range(len(unit)), key=lambda j: (-(q @ unit[j]), j))
    total = q.copy()
    for j in order[:k]:
        total += max(q @ unit[j], 0) ** alpha * unit[j]
    return total / np.linalg.norm(total)


def renumbered(labels):
    """Cluster numbers in the order of their first images; −1 stays."""
    numbers = {-1: -1}
    return [numbers.setdefault(label, len(numbers) - 1) for label in labels]
