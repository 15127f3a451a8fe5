"""`centralise_neighbours` against sets of neighbours and sums, one image after the other."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from literal import neighbours as slow

from lookalike.errors import UserError
from lookalike.metrics import centralise_neighbours, rank


def features(seed=0, count=60, dims=6):
    return np.random.default_rng(seed).standard_normal((count, dims))


def literal(feats, k):
    unit = [f / np.linalg.norm(f) for f in np.asarray(feats, np.float64)]
    order = slow.neighbours(slow.squared_distances(unit))
    near = [set(row[1 : k + 1]) for row in order]
    sums = [f + sum(unit[j] for j in near[i] if i in near[j]) for i, f in enumerate(unit)]
    with np.errstate(invalid="ignore"):  # opposite ones leave nothing
        return [s / np.linalg.norm(s) for s in sums]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("k", [1, 2, 4, 6, 59, 100])
def test_equals_the_literal_version(k, dtype):
    feats = features().astype(dtype)
    got = centralise_neighbours(feats, k)
    assert got.dtype == dtype
    np.testing.assert_allclose(got, literal(feats, k), rtol=0, atol=1e-6)
    tensor = centralise_neighbours(torch.from_numpy(feats).requires_grad_(), k)
    assert not tensor.requires_grad
    np.testing.assert_array_equal(tensor.numpy(), got)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 30), st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_ties_go_by_index(count, k, seed):
    """Features whose distances are exact, many of them equal."""
    rng = np.random.default_rng(seed)
    feats = rng.choice([-0.5, 0.5], (count, 4))
    sums = centralise_neighbours(feats, k)
    want = literal(feats, k)
    where = np.isfinite(want).all(1)  # of opposite neighbours nothing is left
    np.testing.assert_allclose(sums[where], np.array(want)[where], rtol=0, atol=1e-6)
    assert not sums[~where].any()


def test_the_default_is_two_neighbours():
    np.testing.assert_array_equal(
        centralise_neighbours(features()), centralise_neighbours(features(), 2)
    )


def test_by_hand():
    """1 and 2 are each other's nearest; 0's nearest is 1, who doesn't have it."""
    angles = np.array([0, 1, 1.5, 4])
    feats = np.stack([np.cos(angles), np.sin(angles)], 1)
    got = centralise_neighbours(3 * feats, 1)
    middle = np.array([0, 1.25, 1.25, 4])
    np.testing.assert_allclose(got, np.stack([np.cos(middle), np.sin(middle)], 1), atol=1e-12)


def test_without_mutual_neighbours_nothing_moves():
    """Each image's nearest is the one before it, whose nearest is nearer still; the first two
    excepted, which point the same way."""
    angles = np.cumsum([0, 0, *0.01 * 2.0 ** np.arange(6)])
    feats = np.stack([np.cos(angles), np.sin(angles)], 1)
    np.testing.assert_allclose(centralise_neighbours(feats, 1), feats, rtol=0, atol=1e-12)
    alone = features(count=1)
    np.testing.assert_allclose(centralise_neighbours(alone), alone / np.linalg.norm(alone))


def test_permuted_images_give_the_permuted_result():
    feats = features()
    order = np.random.default_rng(3).permutation(len(feats))
    got = centralise_neighbours(feats[order])
    np.testing.assert_allclose(got, centralise_neighbours(feats)[order], rtol=0, atol=1e-12)


def test_rankings_of_noisy_features_improve():
    rng = np.random.default_rng(1)
    pids = np.repeat(np.arange(1, 31), 10)
    feats = rng.standard_normal((31, 64))[pids] + 1.7 * rng.standard_normal((300, 64))
    asks = np.arange(300) % 10 < 3
    cams = np.arange(300)
    ids = [column[side] for column in (pids, cams) for side in (asks, ~asks)]
    moved = [centralise_neighbours(feats[side]) for side in (asks, ~asks)]
    assert rank(*moved, *ids).mAP > rank(feats[asks], feats[~asks], *ids).mAP + 0.03


@pytest.mark.parametrize("scale", [1e-30, 1e-18, 1e18, 1e30])
def test_very_small_and_large_features(scale):
    feats = features().astype(np.float32)
    got = centralise_neighbours(feats * np.float32(scale))
    np.testing.assert_allclose(got, centralise_neighbours(feats), rtol=0, atol=1e-5)


def test_features_of_nothing_stay_nothing():
    feats = features()
    feats[5] = 0
    got = centralise_neighbours(feats)
    assert np.isfinite(got).all()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_the_gpu_agrees_and_keeps_the_answer():
    got = centralise_neighbours(torch.from_numpy(features()).cuda())
    assert got.device.type == "cuda"
    np.testing.assert_allclose(got.cpu(), centralise_neighbours(features()), rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"feats": np.zeros((0, 5))}, UserError, r"Features of shape \(0, 5\) are empty"),
        ({"feats": np.full((9, 5), np.inf)}, UserError, "Features hold NaN or infinity in 9 of 9"),
        ({"feats": np.zeros(95)}, ValueError, "2 dimensions"),
        ({"k": 0}, ValueError, "Need k ≥ 1, got 0"),
    ],
)
def test_bad_input_is_named(change, error, says):
    with pytest.raises(error, match=says):
        centralise_neighbours(**{"feats": features()} | change)
