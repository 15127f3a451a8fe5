"""What is known of pairs: rows that must share a cluster, and rows that must not."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from lookalike.errors import UserError
from lookalike.metrics.inputs import Array, Ints


def linked_labels(labels: Ints, distances: Any, must: Ints, cannot: Ints) -> Ints:
    """N cluster labels that keep to links: clusters from 0 on by their first rows, −1 for outliers.

    labels: N, −1 for outliers. distances: N×N csr; an absent one is too far to join two rows. must,
    cannot: M×2 rows, from `links`. Clusters that a must-link joins become one; must-linked outliers
    join the cluster of their partner, or form one. A cluster with a forbidden pair falls into its
    rows (must-linked ones together), which are joined again by ascending distance, equal ones by
    row, unless that would join a forbidden pair: single linkage with refusals. A row that is left
    alone is an outlier. Raises `UserError` where must-links join a forbidden pair.
    """
    count = len(labels)
    unit = _components(count, must)
    same = unit[cannot[:, 0]] == unit[cannot[:, 1]]
    if same.any():
        i, j = cannot[same][0].tolist()
        raise UserError(
            f"Rows {i} and {j} must not share a cluster, but must-links join them: leave one out."
        )
    group = _components(count, np.concatenate([must, _chains(labels)]))
    torn = np.unique(group[cannot[:, 0]][group[cannot[:, 0]] == group[cannot[:, 1]]])
    if len(torn):
        inside = np.isin(group, torn)
        joined = _joined(unit, inside, group, distances, cannot)
        group = np.where(inside, joined + count, group)
    _, first, group, size = np.unique(
        group, return_index=True, return_inverse=True, return_counts=True
    )
    order = np.argsort(first[size > 1])
    number = np.full(len(size), -1)
    number[np.flatnonzero(size > 1)[order]] = np.arange(len(order))
    answer: Ints = number[group]
    return answer


def links(pairs: Array | None, name: str, count: int) -> Ints:
    """The M×2 rows of `pairs`, none for None; raises `UserError` on a shape or row out of range."""
    array = np.asarray([] if pairs is None else pairs)
    if array.size == 0:
        return np.empty((0, 2), np.int64)
    if array.ndim != 2 or array.shape[1] != 2 or array.dtype.kind not in "iu":
        raise UserError(f"{name} must be M×2 whole numbers, pairs of rows, not {array.shape}.")
    if array.min() < 0 or array.max() >= count:
        raise UserError(f"{name} names rows out of range: there are {count}, counted from 0.")
    if name == "cannot" and (alone := array[array[:, 0] == array[:, 1]]).size:
        raise UserError(f"cannot holds row {alone[0, 0]} with itself.")
    return array.astype(np.int64)


def _components(count: int, pairs: Ints) -> NDArray[np.int64]:
    graph = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), (count, count))
    component: NDArray[np.int64] = connected_components(graph, directed=False)[1].astype(np.int64)
    return component


def _chains(labels: Ints) -> Ints:
    """Pairs of rows that join each cluster."""
    rows = np.flatnonzero(labels >= 0)
    rows = rows[np.argsort(labels[rows], kind="stable")]
    same = labels[rows[1:]] == labels[rows[:-1]]
    return np.stack([rows[:-1][same], rows[1:][same]], 1)


def _joined(unit: Ints, inside: NDArray[np.bool_], group: Ints, near: Any, cannot: Ints) -> Ints:
    """A number for every row that those `inside` share with the rows they are joined with."""
    parent = list(range(int(unit.max()) + 1))

    def root(x: int) -> int:
        while parent[x] != x:
            parent[x] = parent[parent[x]]
            x = parent[x]
        return x

    foes: dict[int, set[int]] = {}  # of every unit that is its own root
    for a, b in unit[cannot].tolist():
        foes.setdefault(a, set()).add(b)
        foes.setdefault(b, set()).add(a)
    some = np.flatnonzero(inside)
    edges = near[some].tocoo()
    i, j, distance = some[edges.row], edges.col.astype(np.int64), edges.data
    held = (i < j) & (group[i] == group[j])
    i, j, distance = i[held], j[held], distance[held]
    order = np.lexsort((j, i, distance))
    for a, b in unit[np.stack([i, j], 1)[order]].tolist():
        a, b = root(a), root(b)
        if a == b or b in foes.get(a, ()):
            continue
        if len(foes.get(a, ())) < len(foes.get(b, ())):
            a, b = b, a
        parent[b] = a
        for foe in foes.pop(b, set()):
            foes[foe].discard(b)
            foes[foe].add(a)
            foes.setdefault(a, set()).add(foe)
    return np.array([root(x) for x in unit.tolist()])
