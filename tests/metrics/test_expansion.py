"""`query_expansion` against a loop over queries and what they find."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from literal import neighbours as literal

from lookalike.errors import UserError
from lookalike.metrics import query_expansion, rank


def features(seed=0, queries=7, gallery=40, dims=6):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((queries, dims)), rng.standard_normal((gallery, dims))


def literal_expansion(query, gallery, k, alpha):
    return [literal.expand_query(q, gallery, k, alpha) for q in query]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("k", [1, 5, 40, 100])
@pytest.mark.parametrize("alpha", [0, 1, 3, 0.5])
def test_equals_the_literal_version(k, alpha, dtype):
    query, gallery = (x.astype(dtype) for x in features())
    got = query_expansion(query, gallery, k, alpha)
    assert got.dtype == dtype
    want = literal_expansion(query.astype(float), gallery.astype(float), k, alpha)
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-6)


@st.composite
def cases(draw):
    """Features whose lengths and inner products are exact: ties go by index."""
    queries, gallery = draw(st.integers(1, 5)), draw(st.integers(1, 20))
    dims = draw(st.sampled_from([1, 4, 16]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return [rng.choice([-1.0, 1.0], (n, dims)) / np.sqrt(dims) for n in (queries, gallery)]


@settings(max_examples=200, deadline=None)
@given(cases(), st.integers(1, 25))
def test_ties_go_by_index(case, k):
    query, gallery = case
    # The query alone is never cancelled by what is less than its opposite.
    got = query_expansion(query, gallery, k, alpha=2)
    np.testing.assert_allclose(got, literal_expansion(query, gallery, k, 2), rtol=0, atol=1e-6)


def test_by_hand():
    query, gallery = np.array([[2.0, 0]]), np.array([[0, 3.0], [5, 0], [-1, 0]])
    got = query_expansion(query, gallery, k=2, alpha=0)  # itself twice, and the one above
    np.testing.assert_allclose(got, [[2 / 5**0.5, 1 / 5**0.5]], atol=1e-7)
    np.testing.assert_allclose(query_expansion(query, gallery, k=3), [[1, 0]], atol=1e-7)


def test_the_defaults():
    query, gallery = features()
    want = query_expansion(query, gallery, 5, 3)
    np.testing.assert_array_equal(query_expansion(query, gallery), want)


def test_rankings_of_noisy_queries_improve():
    rng = np.random.default_rng(1)
    q_pids, g_pids = np.arange(30), np.repeat(np.arange(30), 10)
    centres = rng.standard_normal((30, 64))
    query = centres + 2 * rng.standard_normal((30, 64))
    gallery = centres[g_pids] + 1.5 * rng.standard_normal((300, 64))
    ids = q_pids, g_pids, np.zeros(30, int), np.ones(300, int)
    plain, expanded = rank(query, gallery, *ids), query_expansion(query, gallery)
    assert rank(expanded, gallery, *ids).mAP > plain.mAP + 0.05


@pytest.mark.parametrize("scale", [1e-30, 1e-18, 1e18, 1e30])
def test_very_small_and_large_features(scale):
    query, gallery = (x.astype(np.float32) for x in features())
    got = query_expansion(query * np.float32(scale), gallery * np.float32(scale))
    np.testing.assert_allclose(got, query_expansion(query, gallery), rtol=0, atol=1e-5)


def test_inputs_are_left_as_they_were():
    query, gallery = features()
    before = query.copy(), gallery.copy()
    query_expansion(query, gallery)
    np.testing.assert_array_equal(query, before[0])
    np.testing.assert_array_equal(gallery, before[1])
    tensors = torch.tensor(query, requires_grad=True), torch.tensor(gallery)
    assert not query_expansion(*tensors, device="cpu").requires_grad


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_the_gpu_agrees_and_keeps_the_answer():
    query, gallery = features()
    got = query_expansion(query, gallery, device="cuda")
    assert got.device.type == "cuda"
    np.testing.assert_allclose(got.cpu(), query_expansion(query, gallery), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"query_feats": np.zeros((0, 6))}, UserError, "Query features of shape .* empty"),
        ({"gallery_feats": np.zeros((0, 6))}, UserError, "Gallery features of shape .* empty"),
        ({"query_feats": np.full((2, 6), np.nan)}, UserError, r"Query features .* \(0, 1\)"),
        ({"gallery_feats": np.full((2, 6), np.inf)}, UserError, r"Gallery features .* \(0, 1\)"),
        ({"gallery_feats": np.zeros((3, 9))}, ValueError, "same length, got 6 and 9"),
        ({"k": 0}, ValueError, "k ≥ 1"),
        ({"alpha": -1}, ValueError, "α ≥ 0"),
    ],
)
def test_bad_input_is_named(change, error, says):
    query, gallery = features()
    with pytest.raises(error, match=says):
        query_expansion(**{"query_feats": query, "gallery_feats": gallery} | change)
