"""`cluster` against DBSCAN on the dense matrix, and eps by ρ against a sorted triangle."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from literal import dense_jaccard
from literal import neighbours as literal
from scipy import sparse
from sklearn.cluster import DBSCAN

from lookalike.errors import UserError
from lookalike.metrics import cluster, eps_by, jaccard_distance, pseudo_labels


def people(seed):
    """A random set: unit features, k1 and eps."""
    rng = np.random.default_rng(seed)
    images, ids, dims = rng.integers(100, 300), rng.integers(5, 40), rng.integers(8, 64)
    feats = rng.standard_normal((ids, dims))[rng.integers(0, ids, images)]
    feats += rng.uniform(0.3, 1.5) * rng.standard_normal(feats.shape)
    feats /= np.linalg.norm(feats, axis=1, keepdims=True)
    return feats.astype(np.float32), int(rng.choice([8, 15, 20, 30])), rng.uniform(0.3, 0.8)


def dense_labels(distances, eps, min_samples=4):
    search = DBSCAN(eps=eps, min_samples=min_samples, metric="precomputed")
    return literal.renumbered(search.fit_predict(distances))


def held_below_1(distances):
    """The sparse matrix for a dense one, zeros explicit."""
    row, column = np.nonzero(distances < 1)
    values = distances[row, column]
    return sparse.csr_matrix((values, (row, column)), distances.shape, np.float32)


@pytest.mark.parametrize("seed", range(20))
def test_labels_are_those_of_the_dense_matrix(seed):
    feats, k1, eps = people(seed)
    want = dense_labels(dense_jaccard.jaccard_distance(feats, k1, 6), eps)
    got = cluster(jaccard_distance(feats, k1, 6), eps)
    assert literal.renumbered(got.labels) == want
    assert (got.labels.dtype, got.eps) == (np.int64, eps)
    assert (got.num_clusters, got.num_outliers) == (max(want) + 1, want.count(-1))


def test_the_random_sets_are_worth_comparing():
    """Together they have clusters, outliers and sets of both."""
    found = [cluster(jaccard_distance(f, k1, 6), eps) for f, k1, eps in map(people, range(20))]
    assert sum(f.num_clusters > 1 and f.num_outliers > 0 for f in found) >= 10


@st.composite
def matrices(draw):
    """Symmetric distances in tenths: many equal to eps, to one another and to zero."""
    count = draw(st.integers(1, 25))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    distances = np.triu(rng.integers(draw(st.sampled_from([0, 3, 5])), 11, (count, count)), 1)
    return ((distances + distances.T) / 10).astype(np.float32)


@settings(max_examples=300, deadline=None)
@given(matrices(), st.sampled_from([0.1, 0.5, 0.6, 0.95]), st.integers(1, 6))
def test_labels_of_ties_and_zeros(distances, eps, min_samples):
    got = cluster(held_below_1(distances), eps, min_samples).labels
    assert literal.renumbered(got) == dense_labels(distances, eps, min_samples)


def test_by_hand():
    """Four points in a row, an equal pair, and one alone."""
    distances = np.ones((7, 7), np.float32)
    for i, j in [(0, 1), (1, 2), (2, 3)]:
        distances[i, j] = distances[j, i] = 0.5
    distances[4, 5] = distances[5, 4] = 0
    np.fill_diagonal(distances, 0)
    found = cluster(held_below_1(distances), 0.5, 2)
    assert found.labels.tolist() == [0, 0, 0, 0, 1, 1, -1]
    assert (found.num_clusters, found.num_outliers) == (2, 1)
    assert cluster(held_below_1(distances), 0.5, 4).num_clusters == 0
    assert cluster(held_below_1(distances), 0.49, 2).num_clusters == 1


def test_the_defaults_are_cluster_contrast_s():
    feats, *_ = people(0)
    distances = jaccard_distance(feats)
    np.testing.assert_array_equal(cluster(distances).labels, cluster(distances, 0.6, 4).labels)


def test_no_warnings_and_the_distances_are_left_as_they_were():
    feats, k1, eps = people(1)
    distances = jaccard_distance(feats, k1)
    before = distances.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cluster(distances, eps)
        cluster(distances, rho=0.002)
    for part in ("data", "indices", "indptr"):
        np.testing.assert_array_equal(getattr(distances, part), getattr(before, part))


@pytest.mark.parametrize("rho", [1e-6, 0.002, 0.02, 0.5, 1])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_eps_by_rho(seed, rho):
    feats, k1, _ = people(seed)
    distances = jaccard_distance(feats, k1, 6)
    dense = np.ones(distances.shape, np.float32)
    entries = distances.tocoo()
    dense[entries.row, entries.col] = entries.data
    assert eps_by(distances, rho) == pytest.approx(literal.eps(dense, rho), abs=1e-6)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_eps_by_rho_is_that_of_the_literal_distances(seed):
    feats, k1, _ = people(seed)
    dense = literal.unit_jaccard(feats, k1, 6)
    dense[dense < 1e-6] = 0  # equal rows, but for rounding
    got = eps_by(jaccard_distance(feats, k1, 6), 0.01)
    assert got == pytest.approx(literal.eps(dense, 0.01), abs=1e-5)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("recipe", ["spcl", "zhong2017"])
def test_labels_of_features_are_those_of_their_distances(seed, recipe):
    feats, k1, _ = people(seed)
    distances = jaccard_distance(feats, k1, 6, recipe)
    some = np.random.default_rng(seed).choice(distances.data[distances.data > 0], 3)
    for how in (*({"eps": float(eps)} for eps in some), {"rho": 0.01}, {"rho": 0.01}, {}):
        want = cluster(distances, min_samples=3, **how)
        got = pseudo_labels(feats, min_samples=3, k1=k1, recipe=recipe, **how)
        assert (got.eps, got.labels.tolist()) == (want.eps, want.labels.tolist())


def test_ties_at_eps_count():
    """Features in a lattice have many equal Jaccard distances: each in turn is eps."""
    rng = np.random.default_rng(0)
    for _ in range(2):  # 300 of them; without a margin for rounding one in fifteen goes wrong
        feats = rng.choice([-0.5, 0.5], (38, 4))
        distances = jaccard_distance(feats, 11, 2)
        for eps in np.unique(distances.data)[1:]:
            want = cluster(distances, float(eps)).labels
            np.testing.assert_array_equal(
                pseudo_labels(feats, float(eps), k1=11, k2=2).labels, want
            )


@pytest.mark.parametrize("kind", [sparse.coo_matrix, sparse.csc_array])
def test_any_sparse_format_will_do(kind):
    feats, k1, eps = people(2)
    distances = jaccard_distance(feats, k1)
    want = cluster(distances, eps).labels
    np.testing.assert_array_equal(cluster(kind(distances), eps).labels, want)
    assert eps_by(kind(distances), 0.01) == eps_by(distances, 0.01)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"distances": np.zeros((3, 3))}, "must be a scipy.sparse matrix"),
        ({"eps": 0.5, "rho": 0.1}, "not both"),
        ({"min_samples": 0}, "min_samples must be at least 1"),
    ],
)
def test_mistakes_are_named(change, says):
    with pytest.raises(ValueError, match=says):
        cluster(**{"distances": held_below_1(np.zeros((3, 3)))} | change)


@settings(max_examples=200, deadline=None)
@given(matrices(), st.floats(1e-3, 1))
def test_eps_by_rho_of_ties_and_zeros(distances, rho):
    if np.triu(distances, 1).any():
        got = eps_by(held_below_1(distances), rho)
        assert got == pytest.approx(literal.eps(distances, rho), abs=1e-6)
    else:
        with pytest.raises(UserError, match="no two points differ"):
            eps_by(held_below_1(distances), rho)


def test_eps_may_come_from_rho():
    feats, k1, _ = people(3)
    distances = jaccard_distance(feats, k1, 6)
    found, eps = cluster(distances, rho=0.01), eps_by(distances, 0.01)
    assert found.eps == eps
    np.testing.assert_array_equal(found.labels, cluster(distances, eps).labels)


@pytest.mark.parametrize("eps", [0, -1, 1, 1.5, float("nan")])
def test_eps_must_leave_the_absent_out(eps):
    with pytest.raises(UserError, match="eps must lie between 0 and 1"):
        cluster(held_below_1(np.zeros((3, 3), np.float32)), eps)


@pytest.mark.parametrize("rho", [0, -0.1, 1.1])
def test_rho_is_a_fraction(rho):
    with pytest.raises(ValueError, match="rho"):
        eps_by(held_below_1(np.zeros((3, 3), np.float32)), rho)
