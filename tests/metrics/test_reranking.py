"""`rerank` against sets and sums, the benchmarks' dense algorithm against the same, and errors."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from literal import dense_reranking
from literal import neighbours as literal

from lookalike.errors import UserError
from lookalike.metrics import jaccard_distance, products, reciprocal, rerank

GRID = list(itertools.product([1, 2, 5, 20, 60], [1, 3, 25, 60]))


def people(seed=0, queries=6, gallery=34, dims=8, ids=5, dtype=np.float32):
    """Features around the centres of a few identities, of both sides."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((ids, dims))
    crops = centres[rng.integers(0, ids, queries + gallery)]
    feats = (crops + 0.7 * rng.standard_normal(crops.shape)).astype(dtype)
    return feats[:queries], feats[queries:]


@pytest.mark.parametrize(("k1", "k2"), GRID)
@pytest.mark.parametrize("lambda_value", [0, 0.3, 1])
def test_equals_the_literal_version(k1, k2, lambda_value):
    query, gallery = people()
    want = literal.rerank(query, gallery, k1, k2, lambda_value)
    got = rerank(query, gallery, k1, k2, lambda_value)
    assert (got.dtype, got.shape) == (np.float32, (6, 34))
    np.testing.assert_allclose(got, want, rtol=0, atol=2e-6)
    dense = dense_reranking.rerank(query, gallery, k1, k2, lambda_value)
    np.testing.assert_allclose(dense, want, rtol=0, atol=2e-6)


@st.composite
def cases(draw):
    """Small integer features, so that distances are exact: many ties and equal images."""
    queries, gallery, dims = draw(st.integers(1, 5)), draw(st.integers(1, 20)), st.integers(1, 3)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    spread = draw(st.sampled_from([0, 1, 2, 9]))
    feats = rng.integers(-spread, spread + 1, (queries + gallery, draw(dims)))
    feats[rng.random(len(feats)) < draw(st.sampled_from([0, 0, 0.5, 0.9]))] = feats[0]
    feats = feats.astype(draw(st.sampled_from([np.float32, np.float64, np.int64])))
    k1, k2 = draw(st.integers(1, 25)), draw(st.integers(1, 12))
    return feats[:queries], feats[queries:], k1, k2, draw(st.sampled_from([0, 0.3, 1]))


@settings(max_examples=300, deadline=None)
@given(cases())
@example((np.ones((1, 4)), np.ones((1, 4)), 20, 6, 0.3))
@example((np.ones((3, 4)), np.ones((17, 4)), 4, 2, 0))
def test_ties_and_equal_images_rank_by_index(case):
    want = literal.rerank(*case)
    np.testing.assert_allclose(rerank(*case), want, rtol=0, atol=2e-6)
    if case[0].dtype.kind == "f":
        dense = dense_reranking.rerank(*case)
        np.testing.assert_allclose(dense, want, rtol=0, atol=2e-6)


def test_two_images_by_hand():
    """Each is in the other's set, at the largest distance; encodings are (1, 1/e) and (1/e, 1)."""
    query, gallery = np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]])
    shared = 2 / (1 + math.e)
    jaccard = 1 - shared / (2 - shared)
    assert rerank(query, gallery, k2=1)[0, 0] == pytest.approx(0.7 * jaccard + 0.3)
    assert rerank(query, gallery, k2=2)[0, 0] == pytest.approx(0.3)  # both encodings are the mean
    assert rerank(query, query)[0, 0] == 0


def test_the_defaults_are_the_paper_s():
    np.testing.assert_array_equal(rerank(*people()), rerank(*people(), 20, 6, 0.3))


def test_equals_the_dense_algorithm_on_more_images():
    query, gallery = people(1, queries=60, gallery=540, dims=32, ids=40)
    want = dense_reranking.rerank(query, gallery)
    np.testing.assert_allclose(rerank(query, gallery), want, rtol=0, atol=1e-5)


def test_many_equal_images():
    """More of them than a list of neighbours holds, and each is still its own first neighbour."""
    rng = np.random.default_rng(2)
    feats = rng.integers(-3, 4, (40, 3)).astype(np.float32)
    feats[5:25] = feats[0]
    want = literal.rerank(feats[:8], feats[8:], 4, 3, 0.3)
    np.testing.assert_allclose(rerank(feats[:8], feats[8:], 4, 3), want, rtol=0, atol=2e-6)


@pytest.mark.parametrize("entries", [1, 7, 100, 1000])
def test_chunks_change_nothing(monkeypatch, entries):
    rng = np.random.default_rng(7)
    feats = rng.integers(-3, 4, (70, 5)).astype(np.float32)
    want, jaccard = rerank(feats[:20], feats[20:], 5, 3), jaccard_distance(feats, 5, 3)
    monkeypatch.setattr(products, "CHUNK_ENTRIES", {"cpu": entries})
    monkeypatch.setattr(reciprocal, "CHUNK_ENTRIES", entries)
    monkeypatch.setattr(reciprocal, "CHUNK_PAIRS", entries)
    np.testing.assert_array_equal(rerank(feats[:20], feats[20:], 5, 3), want)
    assert (jaccard_distance(feats, 5, 3) != jaccard).nnz == 0


def test_the_gallery_s_order_is_no_matter_without_ties():
    query, gallery = people()
    p = np.random.default_rng(3).permutation(len(gallery))
    want = rerank(query, gallery, 5, 3)[:, p]
    np.testing.assert_allclose(rerank(query, gallery[p], 5, 3), want, rtol=0, atol=2e-6)


@pytest.mark.parametrize("exponent", [-140, -100, -60, 60, 100, 120])
def test_a_power_of_two_changes_no_digit(exponent):
    rng = np.random.default_rng(4)
    query, gallery = (rng.integers(-3, 4, (n, 5)).astype(np.float32) for n in (6, 30))
    got = rerank(np.ldexp(query, exponent), np.ldexp(gallery, exponent), 5, 3)
    np.testing.assert_array_equal(got, rerank(query, gallery, 5, 3))


@pytest.mark.parametrize("scale", [1e-30, 1e-18, 1e18, 1e30, 1e37])
def test_very_small_and_large_features(scale):
    query, gallery = people()
    got = rerank(query * np.float32(scale), gallery * np.float32(scale))
    np.testing.assert_allclose(got, rerank(query, gallery), rtol=0, atol=1e-5)


@pytest.mark.parametrize("scale", [1e-30, 1, 1e30])
def test_the_cosine_compares_features_of_length_one(scale):
    query, gallery = people()
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (query, gallery)]
    rng = np.random.default_rng(6)
    longer = [x * (scale * rng.uniform(0.1, 10, (len(x), 1))).astype(np.float32) for x in unit]
    want = literal.rerank(*unit, 5, 3, 0.3)
    got = rerank(*longer, 5, 3, metric="cosine")
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-5)
    assert np.abs(rerank(*longer, 5, 3) - want).max() > 0.01


def test_tensors_and_arrays_of_any_precision():
    query, gallery = people()
    want = rerank(query, gallery)
    tensors = torch.tensor(query, requires_grad=True), torch.tensor(gallery)
    np.testing.assert_array_equal(rerank(*tensors, device="cpu"), want)
    double = rerank(query.astype(np.float64), gallery)
    assert double.dtype == np.float32
    np.testing.assert_allclose(double, want, rtol=0, atol=2e-6)


def test_inputs_are_left_as_they_were():
    query, gallery = people()
    before = query.copy(), gallery.copy()
    rerank(query, gallery)
    np.testing.assert_array_equal(query, before[0])
    np.testing.assert_array_equal(gallery, before[1])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_the_gpu_agrees():
    rng = np.random.default_rng(5)
    query, gallery = (rng.integers(-3, 4, (n, 6)).astype(np.float32) for n in (50, 700))
    got = rerank(query, gallery, device="cuda")
    np.testing.assert_allclose(got, rerank(query, gallery), rtol=0, atol=2e-6)


@pytest.mark.parametrize("side", ["Query", "Gallery"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_rows_that_are_not_finite_are_named(side, value):
    query, gallery = people()
    (query if side == "Query" else gallery)[[1, 4], 2] = value
    with pytest.raises(UserError, match=rf"{side} features .* rows \(1, 4\)"):
        rerank(query, gallery)


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"query_feats": np.zeros((0, 8))}, UserError, "Query features of shape .* empty"),
        ({"gallery_feats": np.zeros((0, 8))}, UserError, "Gallery features of shape .* empty"),
        ({"gallery_feats": np.zeros((3, 9))}, ValueError, "same length, got 8 and 9"),
        ({"query_feats": np.zeros(8)}, ValueError, "2 dimensions"),
        ({"metric": "cosin"}, UserError, "did you mean 'cosine'"),
        ({"k1": 0}, ValueError, "k1"),
        ({"k2": 0}, ValueError, "k2"),
        ({"lambda_value": -0.1}, ValueError, "λ"),
        ({"lambda_value": 1.1}, ValueError, "λ"),
    ],
)
def test_bad_input_is_named(change, error, says):
    query, gallery = people()
    with pytest.raises(error, match=says):
        rerank(**{"query_feats": query, "gallery_feats": gallery} | change)
