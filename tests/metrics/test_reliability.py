"""`reliable_labels` against sets and loops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.metrics import reliable_labels


def members(labels, i):
    return {i} if labels[i] < 0 else {j for j in range(len(labels)) if labels[j] == labels[i]}


def literal_reliable(tight, normal, loose, threshold=None):
    count, clusters = len(normal), sorted(set(normal) - {-1})

    def loss(i, other):
        a, b = members(normal, i), members(other, i)
        return 1 - len(a & b) / len(a | b)

    apart = {c: min(loss(i, loose) for i in range(count) if normal[i] == c) for c in clusters}
    spread = {c: min(loss(i, tight) for i in range(count) if normal[i] == c) for c in clusters}
    if threshold is None:
        order = sorted(apart.values())
        threshold = order[min(len(order) - 1, round(0.9 * len(order)))] if order else 0.0
    answer, number = [-1] * count, 0
    for c in clusters:
        rows = [i for i in range(count) if normal[i] == c]
        rows = [i for i in rows if apart[c] <= threshold and loss(i, tight) <= spread[c]]
        if len(rows) > 1:
            for i in rows:
                answer[i] = number
            number += 1
    return answer, threshold


labellings = st.integers(0, 20).flatmap(
    lambda n: st.tuples(
        *[st.lists(st.integers(-1, 4), min_size=n, max_size=n).map(consecutive) for _ in range(3)]
    )
)


def consecutive(labels):
    kept = sorted(set(labels) - {-1})
    return [kept.index(x) if x >= 0 else -1 for x in labels]


@settings(max_examples=200, deadline=None)
@given(labellings, st.sampled_from([None, 0.0, 0.3, 1.0]))
def test_equals_sets(labels, threshold):
    arrays = [np.array(x, np.int64) for x in labels]
    got = reliable_labels(*arrays, threshold)
    want, limit = literal_reliable(*labels, threshold)
    assert got.labels.tolist() == want
    assert got.threshold == pytest.approx(limit, abs=1e-12)


def test_clusters_that_never_change_stay():
    labels = np.array([0, 0, 1, 1, 1, -1])
    got = reliable_labels(labels, labels, labels)
    assert got.labels.tolist() == labels.tolist()
    assert got.threshold == 0


def test_a_cluster_that_grows_together_is_dissolved_and_a_loose_member_leaves():
    normal = np.array([0, 0, 0, 1, 1, 2, 2, 2])
    loose = np.array([0, 0, 0, 1, 1, 1, 1, 1])
    tight = np.array([0, 0, -1, 1, 1, 2, 2, 2])
    got = reliable_labels(tight, normal, loose, threshold=0.5)
    assert got.labels.tolist() == [0, 0, -1, -1, -1, 1, 1, 1]


def test_lengths_must_agree():
    with pytest.raises(ValueError, match="loose"):
        reliable_labels(np.zeros(3, int), np.zeros(3, int), np.zeros(2, int))
