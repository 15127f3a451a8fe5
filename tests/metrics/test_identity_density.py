"""ID² against loops over persons and their images."""

import numpy as np
import pytest
import torch

from lookalike.errors import UserError
from lookalike.metrics import identity_density


def literal(feats, pids):
    densities = []
    for pid in sorted({p for p in pids if p > 0}):
        own = [f / np.linalg.norm(f) for f, p in zip(feats, pids, strict=True) if p == pid]
        mean = sum(own) / len(own)
        densities.append(sum(((f - mean) ** 2).sum() for f in own) / len(own))
    return sum(densities) / len(densities)


def images():
    rng = np.random.default_rng(0)
    return rng.standard_normal((70, 6)), rng.integers(-2, 9, 70)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equals_the_literal_version(dtype):
    feats, pids = images()
    got = identity_density(feats.astype(dtype), pids)
    assert got == pytest.approx(literal(feats, pids), rel=1e-6)
    assert identity_density(torch.from_numpy(feats), torch.from_numpy(pids)) == pytest.approx(got)


def test_identical_features_have_none_and_opposite_ones_1():
    feats, pids = np.tile([[0.3, 2, 1]], (4, 1)), np.array([1, 1, 2, 2])
    assert identity_density(feats, pids) == pytest.approx(0, abs=1e-15)
    assert identity_density(np.array([[2.0, 0], [-5, 0]]), np.array([3, 3])) == pytest.approx(1)


def test_persons_weigh_the_same_whatever_their_images():
    feats = np.array([[1.0, 0], [-1, 0], *[[0, 1]] * 8])
    assert identity_density(feats, np.array([1, 1, *[2] * 8])) == pytest.approx(0.5)


def test_nobodys_images_dont_count():
    feats, pids = images()
    others = np.random.default_rng(1).standard_normal((6, 6))
    got = identity_density(np.concatenate([feats, others]), [*pids, -2, -2, -1, -1, 0, 0])
    assert got == pytest.approx(identity_density(feats, pids))


def test_permuted_images_have_the_same():
    feats, pids = images()
    order = np.random.default_rng(1).permutation(70)
    assert identity_density(feats[order], pids[order]) == pytest.approx(
        identity_density(feats, pids), rel=1e-12
    )


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_lengths_dont_matter(scale):
    feats, pids = images()
    scaled = (feats * scale).astype(np.float32)
    assert identity_density(scaled, pids) == pytest.approx(identity_density(feats, pids), rel=1e-5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_the_gpu_agrees():
    feats, pids = images()
    got = identity_density(feats, pids, device="cuda")
    assert got == pytest.approx(identity_density(feats, pids), rel=1e-9)


@pytest.mark.parametrize(
    ("feats", "pids", "error", "says"),
    [
        (np.zeros((0, 5)), [], UserError, r"Features of shape \(0, 5\) are empty"),
        (np.full((2, 5), np.nan), [1, 1], UserError, "Features hold NaN or infinity in 2 of 2"),
        (np.ones((3, 5)), [-1, 0, -2], UserError, "none of these images has a pid from 1 up"),
        (np.ones((3, 5)), [1, 2], ValueError, r"pids must have shape \(3,\)"),
        (np.ones((1, 5)), [1.0], ValueError, "pids must be whole numbers"),
    ],
)
def test_bad_input_is_named(feats, pids, error, says):
    with pytest.raises(error, match=says):
        identity_density(feats, pids)
