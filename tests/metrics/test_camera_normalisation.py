"""`normalise_cameras` against loops over images and dimensions, and what it promises."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.errors import UserError
from lookalike.metrics import camera_statistics, normalise_cameras, rank


def images(seed=0, cameras=(30, 45, 20), dims=5):
    """Features of so many images of each camera, mixed, and the cameras."""
    rng = np.random.default_rng(seed)
    camids = rng.permutation(np.repeat(np.arange(len(cameras)) * 3, cameras))
    return rng.standard_normal((len(camids), dims)) + rng.standard_normal(dims), camids


def literal(feats, camids, deviation=True):
    rows = []
    for f, camera in zip(feats, camids, strict=True):
        own = [g for g, c in zip(feats, camids, strict=True) if c == camera]
        row = []
        for d in range(len(f)):
            values = [g[d] for g in own]
            mean = sum(values) / len(values)
            square = sum((v - mean) ** 2 for v in values) / len(values)
            if len(own) < 2 or camera < 0:
                row.append(f[d])
            elif deviation and len(own) >= 20:
                row.append((f[d] - mean) / (square**0.5 + 1e-6))
            else:
                row.append(f[d] - mean)
        length = sum(v * v for v in row) ** 0.5
        rows.append([v / length if length else v for v in row])
    return rows


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.sampled_from([1, 2, 3, 19, 20, 25]), min_size=1, max_size=4),
    st.integers(1, 6),
    st.booleans(),
    st.integers(0, 1000),
)
def test_equals_the_literal_version(cameras, dims, deviation, seed):
    feats, camids = images(seed, cameras, dims)
    got = normalise_cameras(feats, camids - 3 * (seed % 2), deviation)
    want = literal(feats, camids - 3 * (seed % 2), deviation)
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_arrays_stay_arrays_and_tensors_tensors(dtype):
    feats, camids = images()
    got = normalise_cameras(feats.astype(dtype), camids)
    assert got.dtype == dtype
    np.testing.assert_allclose(got, literal(feats, camids), rtol=0, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(got, axis=1), 1, atol=1e-6)
    x = torch.from_numpy(feats.astype(dtype)).requires_grad_()
    tensor = normalise_cameras(x, torch.from_numpy(camids))
    assert not tensor.requires_grad
    np.testing.assert_array_equal(tensor.numpy(), got)
    np.testing.assert_array_equal(x.detach().numpy(), feats.astype(dtype))


def test_an_affine_map_of_a_cameras_features_is_undone():
    feats, camids = images()
    rng = np.random.default_rng(1)
    want = normalise_cameras(feats, camids)
    for camera in np.unique(camids):
        rows = camids == camera
        feats[rows] = feats[rows] * rng.uniform(0.5, 4, 5) + 10 * rng.standard_normal(5)
    np.testing.assert_allclose(normalise_cameras(feats, camids), want, rtol=0, atol=1e-5)
    moved = feats + np.random.default_rng(2).standard_normal((9, 5))[camids]
    np.testing.assert_allclose(
        normalise_cameras(moved, camids, deviation=False),
        normalise_cameras(feats, camids, deviation=False),
        rtol=0,
        atol=1e-9,
    )


def test_the_unshifted_ranking_comes_back():
    """40 people in front of 4 cameras, each of which scales and shifts what it sees."""
    rng = np.random.default_rng(0)
    pids, camids = np.repeat(np.arange(1, 41), 8), np.tile(np.arange(4), 80)
    people = rng.standard_normal((41, 16))
    feats = people[pids] + 0.8 * rng.standard_normal((320, 16))
    shifted = feats * rng.uniform(0.3, 3, (4, 16))[camids]
    shifted += 5 * rng.standard_normal((4, 16))[camids]
    asks = np.arange(320) % 8 < 2
    ids = [column[side] for column in (pids, camids) for side in (asks, ~asks)]

    def ranking(x):
        return rank(x[asks], x[~asks], *ids)

    want = ranking(normalise_cameras(feats, camids))
    got = ranking(normalise_cameras(shifted, camids))
    np.testing.assert_array_equal(got.ap, want.ap)
    np.testing.assert_array_equal(got.first_hit, want.first_hit)
    assert ranking(shifted).mAP < 0.5 * ranking(feats).mAP < got.mAP  # it was lost


def test_permuted_images_give_the_permuted_result():
    feats, camids = images()
    order = np.random.default_rng(3).permutation(len(feats))
    got = normalise_cameras(feats[order], camids[order])
    np.testing.assert_allclose(got, normalise_cameras(feats, camids)[order], rtol=0, atol=1e-12)


def test_one_camera_is_centring_and_scaling_of_the_whole():
    feats, _ = images()
    want = (feats - feats.mean(0)) / (feats.std(0) + 1e-6)
    want /= np.linalg.norm(want, axis=1, keepdims=True)
    got = normalise_cameras(feats, np.full(len(feats), 7))
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-12)


def test_statistics_say_what_happens_to_which_camera():
    feats, camids = images(cameras=(20, 19, 2, 1))
    found = camera_statistics(feats, camids)
    assert found.cameras.tolist() == [0, 3, 6, 9]
    assert found.counts.tolist() == [20, 19, 2, 1]
    assert (found.centred_only.tolist(), found.untouched.tolist()) == ([3, 6], [9])
    centred = camera_statistics(feats, camids, deviation=False)
    assert (centred.centred_only.tolist(), centred.untouched.tolist()) == ([0, 3, 6], [9])
    got = normalise_cameras(feats, camids)[camids == 9]
    alone = feats[camids == 9]
    np.testing.assert_allclose(got, alone / np.linalg.norm(alone), rtol=0, atol=1e-12)


def test_kept_statistics_normalise_what_comes_later():
    feats, camids = images()
    kept = camera_statistics(feats, camids)
    want = normalise_cameras(feats, camids)
    np.testing.assert_array_equal(kept.normalise(feats[4:9], camids[4:9]), want[4:9])
    strange = kept.normalise(torch.from_numpy(feats[:2]), np.array([5, -1]))  # unknown cameras
    of_length_1 = feats[:2] / np.linalg.norm(feats[:2], axis=1, keepdims=True)
    np.testing.assert_allclose(strange, of_length_1, rtol=0, atol=1e-12)
    with pytest.raises(ValueError, match="statistics of 5 dimensions, not of 4"):
        kept.normalise(feats[:, :4], camids)


def test_a_dimension_that_is_constant_in_a_camera_is_nothing_there():
    feats, camids = images()
    feats = feats.astype(np.float32)
    feats[:, 2] = np.float32(0.1)
    got = normalise_cameras(feats, camids)
    assert not got[:, 2].any()
    feats[:] = feats[0]
    assert not normalise_cameras(feats, camids).any()  # nothing is left of anybody


@pytest.mark.parametrize("scale", [1e-100, 1e-20, 1e100, 1e200])
def test_very_small_and_large_features(scale):
    feats, camids = images()
    got = normalise_cameras(feats * scale, camids)
    # What is far below 1e-6 is hardly scaled.
    want = literal(feats, camids, deviation=scale > 1)
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_the_gpu_agrees_and_keeps_the_answer():
    feats, camids = images()
    got = normalise_cameras(torch.from_numpy(feats).cuda(), camids)
    assert got.device.type == "cuda"
    np.testing.assert_allclose(got.cpu(), normalise_cameras(feats, camids), rtol=0, atol=1e-9)
    assert isinstance(normalise_cameras(feats, camids, device="cuda"), np.ndarray)


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"feats": np.zeros((0, 5))}, UserError, r"Features of shape \(0, 5\) are empty"),
        ({"feats": np.full((95, 5), np.nan)}, UserError, r"Features hold NaN .* 95 of 95 rows"),
        ({"feats": np.zeros(95)}, ValueError, "2 dimensions"),
        ({"camids": np.zeros(4, int)}, ValueError, r"camids must have shape \(95,\)"),
        ({"camids": np.zeros(95)}, ValueError, "camids must be whole numbers"),
    ],
)
def test_bad_input_is_named(change, error, says):
    feats, camids = images()
    with pytest.raises(error, match=says):
        normalise_cameras(**{"feats": feats, "camids": camids} | change)
