"""`neighbours` where float32 can't tell them apart, and the products that all distances are of."""

import numpy as np
import pytest
import torch
from literal import neighbours as literal

from lookalike.metrics import jaccard_distance, rank, rerank
from lookalike.metrics.neighbours import centred, neighbours
from lookalike.metrics.products import no_tf32, products


def test_order_is_that_of_float64():
    """Two far groups: float32 distances within one are wrong by more than most of them differ."""
    rng = np.random.default_rng(0)
    feats = rng.standard_normal((300, 32))
    feats[:, 0] += rng.choice([-3000, 3000], 300)
    want = np.array(literal.neighbours(literal.squared_distances(feats)))[:, :21]
    found = neighbours(centred(torch.from_numpy(feats)), 21)
    np.testing.assert_array_equal(found.indices.numpy(), want)
    largest = literal.squared_distances(feats).max(1)
    np.testing.assert_allclose(found.farthest.numpy(), largest, rtol=1e-5)


def test_equal_features_rank_by_index():
    rng = np.random.default_rng(1)
    feats = rng.standard_normal((60, 65))[rng.integers(0, 60, 200)]
    want = np.array(literal.neighbours(literal.squared_distances(feats)))[:, :9]
    got = neighbours(centred(torch.from_numpy(feats)), 9).indices
    np.testing.assert_array_equal(got.numpy(), want)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("offset", [0, 30, 1000])
def test_what_all_features_have_in_common_is_no_matter(offset, dtype):
    rng = np.random.default_rng(2)
    feats = (rng.standard_normal((90, 64)) + offset).astype(dtype)
    want = literal.rerank(feats[:20].astype(float), feats[20:].astype(float), 8, 3, 0.3)
    np.testing.assert_allclose(rerank(feats[:20], feats[20:], 8, 3), want, rtol=0, atol=1e-5)
    dense = literal.published(feats.astype(float), 8, 3)[0]
    got = jaccard_distance(feats, 8, 3, "zhong2017")
    np.testing.assert_allclose(
        got.toarray()[got.toarray() > 0], dense[got.toarray() > 0], rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1e200, 1e300])
def test_float64_reaches_as_far_as_it_does(scale):
    rng = np.random.default_rng(3)
    q, g = rng.standard_normal((9, 8)), rng.standard_normal((40, 8))
    ids = rng.integers(1, 5, 9), rng.integers(1, 5, 40), np.zeros(9, int), np.ones(40, int)
    for metric in ("cosine", "euclidean"):
        want = rank(q, g, *ids, metric=metric)
        assert rank(q * scale, g * scale, *ids, metric=metric).mAP == want.mAP
    np.testing.assert_allclose(rerank(q * scale, g * scale), rerank(q, g), rtol=0, atol=1e-6)


def test_centring_keeps_whole_numbers_exact():
    feats = torch.randint(-9, 10, (50, 7), dtype=torch.float64) + 5
    moved = centred(feats)
    assert moved.mean(0).abs().max() < 0.02
    np.testing.assert_array_equal(
        torch.cdist(moved, moved, compute_mode="donot_use_mm_for_euclid_dist").square().round(),
        literal.squared_distances(feats.numpy()),
    )
    assert ((moved * 1024).frac() == 0).all()


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 7, 3), (5, 1, 512), (130, 70, 65), (0, 4, 3)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_products_are_inner_products(shape, dtype):
    c, g, d = shape
    rows, columns = torch.randn(c, d).to(dtype), torch.randn(g, d).to(dtype)
    want = rows.double() @ columns.double().T
    got = products(rows, columns)
    assert got.dtype == dtype
    torch.testing.assert_close(
        got.double(), want, rtol=0, atol=1e-4 if dtype.itemsize == 4 else 1e-12
    )


def test_tf32_is_off_for_products_only():
    matmul = torch.backends.cuda.matmul
    before = matmul.fp32_precision
    try:
        matmul.fp32_precision = "tf32"
        with no_tf32():
            assert matmul.fp32_precision == "ieee"
        assert matmul.fp32_precision == "tf32"
    finally:
        matmul.fp32_precision = before
