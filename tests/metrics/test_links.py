"""Must- and cannot-links: the two promises, and the split against a literal one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from literal import neighbours as literal
from scipy.sparse import csr_matrix

from lookalike.errors import UserError
from lookalike.metrics import cluster, pseudo_labels


def distances(seed, count=24):
    """Symmetric, no two alike; absent where far."""
    rng = np.random.default_rng(seed)
    points = rng.random((count, 2))
    dense = np.linalg.norm(points[:, None] - points, axis=2) + 1e-4
    np.fill_diagonal(dense, 1e-9)
    rows, columns = np.nonzero(dense < 0.6)
    return csr_matrix((dense[rows, columns].astype(np.float32), (rows, columns)), dense.shape)


@st.composite
def cases(draw):
    """Distances, and links that agree with a hidden truth."""
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    count = draw(st.integers(4, 24))
    truth = rng.integers(0, 4, count)
    pairs = rng.integers(0, count, (draw(st.integers(0, 20)), 2))
    same = truth[pairs[:, 0]] == truth[pairs[:, 1]]
    return distances(seed, count), pairs[same], pairs[~same]


def literal_links(near, eps, min_samples, must, cannot):
    """Sets of rows, by loops over all of them."""
    labels = cluster(near, eps, min_samples).labels
    units = [{i} for i in range(len(labels))]

    def join(sets, i, j):
        a, b = (next(s for s in sets if x in s) for x in (i, j))
        if a is not b:
            sets.remove(b)
            a |= b

    for i, j in must:
        join(units, i, j)
    groups = [set(unit) for unit in units]
    for i in range(len(labels)):
        for j in range(i):
            if labels[i] == labels[j] >= 0:
                join(groups, i, j)
    answer = []
    for group in groups:
        if not any(i in group and j in group for i, j in cannot):
            answer.append(group)
            continue
        pieces = [set(unit) for unit in units if unit <= group]
        edges = sorted(
            (near[i, j], i, j) for i in group for j in group if i < j and 0 < near[i, j] <= eps
        )
        for _, i, j in edges:
            a, b = (next(s for s in pieces if x in s) for x in (i, j))
            if a is not b and not any(
                (x in a and y in b) or (y in a and x in b) for x, y in cannot
            ):
                join(pieces, i, j)
        answer += pieces
    result = np.full(len(labels), -1)
    for number, group in enumerate(sorted((g for g in answer if len(g) > 1), key=min)):
        result[list(group)] = number
    return result


@settings(max_examples=200, deadline=None)
@given(cases())
def test_promises_and_the_literal_split(case):
    near, must, cannot = case
    got = cluster(near, 0.3, 3, must=must, cannot=cannot).labels
    for i, j in must:
        assert got[i] == got[j]
        assert i == j or got[i] >= 0
    for i, j in cannot:
        assert got[i] != got[j] or got[i] == -1
    want = literal_links(near, 0.3, 3, must.tolist(), cannot.tolist())
    assert literal.renumbered(got) == literal.renumbered(want)


@settings(max_examples=50, deadline=None)
@given(cases(), st.integers(0, 99))
def test_the_order_of_rows_is_no_matter_without_ties(case, seed):
    near, must, cannot = case
    order = np.random.default_rng(seed).permutation(near.shape[0])
    place = np.argsort(order)
    # min_samples 2: DBSCAN itself gives a border point to whichever cluster comes first.
    want = cluster(near, 0.3, 2, must=must, cannot=cannot).labels[order]
    moved = near[order][:, order].tocsr()
    got = cluster(moved, 0.3, 2, must=place[must], cannot=place[cannot]).labels
    assert literal.renumbered(got) == literal.renumbered(want)


def chain(*steps):
    """Rows in a line, each so far from the one before."""
    n = len(steps) + 1
    rows = np.arange(n - 1)
    dense = csr_matrix((np.array(steps, np.float32), (rows, rows + 1)), (n, n))
    return (dense + dense.T + csr_matrix(np.eye(n, dtype=np.float32) * 1e-9)).tocsr()


def test_a_cluster_is_torn_at_its_largest_distance():
    near = chain(0.1, 0.2, 0.4, 0.15, 0.12)
    assert cluster(near, 0.5, 2).labels.tolist() == [0] * 6
    got = cluster(near, 0.5, 2, cannot=[[0, 5]]).labels
    assert got.tolist() == [0, 0, 0, 1, 1, 1]


def test_must_linked_outliers_form_a_cluster_or_join_one():
    near = chain(0.1, 0.1, 0.9, 0.9, 0.9)
    assert cluster(near, 0.5, 2).labels.tolist() == [0, 0, 0, -1, -1, -1]
    assert cluster(near, 0.5, 2, must=[[3, 5]]).labels.tolist() == [0, 0, 0, 1, -1, 1]
    assert cluster(near, 0.5, 2, must=[[4, 1]]).labels.tolist() == [0, 0, 0, -1, 0, -1]


def test_who_is_left_alone_is_an_outlier():
    assert cluster(chain(0.1), 0.5, 2, cannot=[[0, 1]]).labels.tolist() == [-1, -1]


def test_pseudo_labels_take_links_too():
    rng = np.random.default_rng(0)
    feats = np.repeat(rng.standard_normal((4, 16)), 10, 0) + 0.1 * rng.standard_normal((40, 16))
    plain = pseudo_labels(feats, 0.6, k1=8, k2=3)
    got = pseudo_labels(feats, 0.6, k1=8, k2=3, must=[[0, 10]], cannot=[[20, 29]])
    assert plain.num_clusters == 4
    assert got.labels[0] == got.labels[10] >= 0
    assert got.labels[20] != got.labels[29]


@pytest.mark.parametrize(
    ("links", "says"),
    [
        ({"must": [[0, 1], [1, 2]], "cannot": [[2, 0]]}, "Rows 2 and 0 must not .* must-links"),
        ({"cannot": [[1, 1]]}, "row 1 with itself"),
        ({"must": [[0, 9]]}, "must names rows out of range: there are 3"),
        ({"cannot": [[-1, 0]]}, "cannot names rows out of range"),
        ({"must": [0, 1]}, "M×2"),
        ({"must": [[0.5, 1]]}, "M×2 whole numbers"),
    ],
)
def test_bad_links_are_named(links, says):
    with pytest.raises(UserError, match=says):
        cluster(chain(0.1, 0.1), 0.5, 2, **links)
