"""`jaccard_distance` against sets and sums, and against the loop that clustering methods run."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from literal import dense_jaccard
from literal import neighbours as literal
from scipy import sparse

from lookalike.errors import UserError
from lookalike.metrics import RECIPES, jaccard_distance
from lookalike.metrics.jaccard import distances_below
from lookalike.metrics.neighbours import faiss_neighbours

GRID = list(itertools.product([1, 2, 5, 15, 60], [1, 3, 20, 60]))
LITERAL = {
    "spcl": literal.unit_jaccard,
    "zhong2017": lambda *arguments: literal.published(*arguments)[0],
}


def people(seed=0, images=45, dims=8, ids=6, noise=0.5):
    """Unit features around the centres of a few identities."""
    rng = np.random.default_rng(seed)
    feats = rng.standard_normal((ids, dims))[rng.integers(0, ids, images)]
    feats += noise * rng.standard_normal(feats.shape)
    return (feats / np.linalg.norm(feats, axis=1, keepdims=True)).astype(np.float32)


def dense(distances, absent=1):
    """The matrix that a sparse one stands for."""
    result = np.full(distances.shape, absent, np.float32)
    entries = distances.tocoo()
    result[entries.row, entries.col] = entries.data
    return result


def check(got, want):
    """The values, and that what is held explicitly is what lies below 1."""
    assert sparse.issparse(got)
    assert (got.format, got.dtype, got.shape) == ("csr", np.float32, want.shape)
    assert got.has_canonical_format
    assert got.nnz == (want < 1).sum()
    np.testing.assert_allclose(dense(got), want, rtol=0, atol=2e-6)
    assert (got.diagonal() == 0).all()
    np.testing.assert_array_equal(dense(got, 9) == 9, (dense(got, 9) == 9).T)
    np.testing.assert_allclose(dense(got), dense(got).T, rtol=0, atol=1e-6)
    assert got.data.min() >= 0


def test_recipes_are_held_to_a_literal_version_each():
    assert set(RECIPES) == set(LITERAL)


@pytest.mark.parametrize("recipe", LITERAL)
@pytest.mark.parametrize(("k1", "k2"), GRID)
def test_equals_the_literal_version(k1, k2, recipe):
    feats = people()
    check(jaccard_distance(feats, k1, k2, recipe=recipe), LITERAL[recipe](feats, k1, k2))


@pytest.mark.parametrize(("k1", "k2"), [(k1, k2) for k1, k2 in GRID if k2 <= k1])
def test_the_dense_loop_equals_the_literal_version(k1, k2):
    feats = people()
    want = literal.unit_jaccard(feats, k1, k2)
    np.testing.assert_allclose(
        dense_jaccard.jaccard_distance(feats, k1, k2), want, rtol=0, atol=2e-6
    )


@st.composite
def cases(draw):
    """Features whose lengths and inner products are exact: many ties and equal images."""
    images, dims = draw(st.integers(1, 24)), draw(st.sampled_from([1, 4, 16]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    feats = rng.choice([-1, 1], (images, dims)) / np.sqrt(dims)
    feats[rng.random(images) < draw(st.sampled_from([0, 0, 0.5, 0.9]))] = feats[0]
    feats = feats.astype(draw(st.sampled_from([np.float32, np.float64])))
    return feats, draw(st.integers(1, 30)), draw(st.integers(1, 12))


@settings(max_examples=300, deadline=None)
@given(cases(), st.sampled_from(sorted(LITERAL)))
@example((np.ones((1, 4), np.float32) / 2, 30, 6), "spcl")
@example((np.ones((20, 4), np.float32) / 2, 5, 3), "spcl")
@example((np.ones((20, 4), np.float32) / 2, 5, 3), "zhong2017")
def test_ties_and_equal_images_rank_by_index(case, recipe):
    check(jaccard_distance(*case, recipe=recipe), LITERAL[recipe](*case))


@pytest.mark.parametrize("recipe", LITERAL)
def test_all_zero_features(recipe):
    """At right angles to everything, or equal to one another: defined either way."""
    got = jaccard_distance(np.zeros((6, 3)), 3, 2, recipe=recipe)
    assert np.isfinite(got.data).all()
    assert (got.diagonal() == 0).all()


@pytest.mark.parametrize("below", [0.3, 0.6, 0.9])
def test_below_leaves_the_rest_out(below):
    feats = people(noise=0.8)
    want = jaccard_distance(feats, 10, 3)
    got = distances_below(below, feats, 10, 3, "spcl", "torch", None)
    assert 0 < got.nnz < want.nnz
    np.testing.assert_array_equal(dense(got), np.where(dense(want) < below, dense(want), 1))


def test_the_defaults_are_the_field_s():
    feats = people(images=80)
    want = jaccard_distance(feats, 30, 6, recipe="spcl")
    np.testing.assert_array_equal(dense(jaccard_distance(feats)), dense(want))


def test_equals_the_dense_loop_on_more_images():
    feats = people(1, images=700, dims=32, ids=40, noise=0.8)
    want = dense_jaccard.jaccard_distance(feats)
    np.testing.assert_allclose(dense(jaccard_distance(feats)), want, rtol=0, atol=1e-5)


def test_faiss_finds_the_same():
    pytest.importorskip("faiss")
    feats = people(2, images=300, dims=16, ids=12)
    got = jaccard_distance(feats, 20, 6, search="faiss")
    want = jaccard_distance(feats, 20, 6)
    np.testing.assert_allclose(dense(got), dense(want), rtol=0, atol=1e-5)


def test_faiss_loses_no_image_among_its_equals():
    pytest.importorskip("faiss")
    found = faiss_neighbours(torch.ones(60, 4), 5).indices.numpy()
    assert found[:, 0].tolist() == list(range(60))
    assert all(len(set(row)) == 5 for row in found)


def test_the_order_is_no_matter_without_ties():
    feats = people()
    p = np.random.default_rng(3).permutation(len(feats))
    want = dense(jaccard_distance(feats, 8, 3))[np.ix_(p, p)]
    np.testing.assert_allclose(dense(jaccard_distance(feats[p], 8, 3)), want, rtol=0, atol=2e-6)


@pytest.mark.parametrize("recipe", LITERAL)
@pytest.mark.parametrize("scale", [1e-30, 1e-18, 0.1, 7, 1e18, 1e30, 1e37])
def test_the_features_scale_is_no_matter(scale, recipe):
    feats = people()
    got = jaccard_distance(feats * np.float32(scale), 8, 3, recipe=recipe)
    want = jaccard_distance(feats, 8, 3, recipe=recipe)
    np.testing.assert_allclose(dense(got), dense(want), rtol=0, atol=1e-5)


def test_each_image_s_own_length_is_no_matter_to_the_cosine():
    feats = people()
    lengths = np.random.default_rng(4).uniform(0.1, 10, (len(feats), 1)).astype(np.float32)
    want, got = jaccard_distance(feats, 8, 3), jaccard_distance(feats * lengths, 8, 3)
    np.testing.assert_allclose(dense(got), dense(want), rtol=0, atol=1e-5)


def test_tensors_are_taken_and_inputs_left_as_they_were():
    feats = people()
    before, want = feats.copy(), dense(jaccard_distance(feats, 8, 3))
    np.testing.assert_array_equal(feats, before)
    tensor = torch.tensor(feats, requires_grad=True)
    np.testing.assert_array_equal(dense(jaccard_distance(tensor, 8, 3, device="cpu")), want)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("recipe", LITERAL)
def test_the_gpu_agrees(recipe):
    feats = np.random.default_rng(5).choice([-0.25, 0.25], (600, 16)).astype(np.float32)
    got = jaccard_distance(feats, recipe=recipe, device="cuda")
    want = jaccard_distance(feats, recipe=recipe)
    np.testing.assert_allclose(dense(got), dense(want), rtol=0, atol=2e-6)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_rows_that_are_not_finite_are_named(value):
    feats = people()
    feats[[1, 4], 2] = value
    with pytest.raises(UserError, match=r"Features .* rows \(1, 4\)"):
        jaccard_distance(feats)


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"feats": np.zeros((0, 8))}, UserError, "Features of shape .* empty"),
        ({"feats": np.zeros(8)}, ValueError, "2 dimensions"),
        ({"k1": 0}, ValueError, "k1"),
        ({"k2": 0}, ValueError, "k2"),
        ({"recipe": "spc"}, UserError, "did you mean 'spcl'"),
        ({"search": "fais"}, UserError, "did you mean 'faiss'"),
        ({"search": "faiss", "recipe": "zhong2017"}, ValueError, "largest distances"),
    ],
)
def test_bad_input_is_named(change, error, says):
    with pytest.raises(error, match=says):
        jaccard_distance(**{"feats": people()} | change)
