"""Batches of clusters: who is in them, and how often."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from lookalike.data.cluster_samplers import ClusterImages
from lookalike.errors import UserError

RNG = np.random.default_rng(0)
LABELS = RNG.integers(-1, 12, 200)
CAMIDS = RNG.integers(0, 4, 200)


def one_pass(sampler: ClusterImages) -> np.ndarray:
    steps = -(-sampler.images_per_pass // sampler.batch_size)
    return np.concatenate([sampler.batch(k) for k in range(steps)])[: sampler.images_per_pass]


def test_a_pass_has_k_images_of_every_cluster() -> None:
    sampler = ClusterImages(LABELS, CAMIDS, 16, 4, seed=1)
    images = one_pass(sampler)
    assert Counter(LABELS[images].tolist()) == dict.fromkeys(range(12), 4)
    groups = images.reshape(-1, 4)
    assert (LABELS[groups] == LABELS[groups[:, :1]]).all()
    assert all(len(set(group)) == 4 for group in groups.tolist())


def test_others_are_of_other_cameras() -> None:
    groups = one_pass(ClusterImages(LABELS, CAMIDS, 16, 4, seed=1)).reshape(-1, 4)
    assert (CAMIDS[groups[:, 1:]] != CAMIDS[groups[:, :1]]).all()
    groups = one_pass(ClusterImages(LABELS, None, 16, 4, seed=1)).reshape(-1, 4)
    assert (CAMIDS[groups[:, 1:]] == CAMIDS[groups[:, :1]]).any()


def test_few_images_are_repeated_and_one_image_is_drawn_once() -> None:
    labels = np.array([0, 0, 0, 1, 2, 2, -1])
    camids = np.array([0, 1, 1, 0, 3, 3, 0])
    sampler = ClusterImages(labels, camids, 3, 6, seed=0)
    assert sampler.images_per_pass == 6 + 1 + 6
    counts = Counter(one_pass(sampler).tolist())
    assert counts[3] == 1
    assert counts[6] == 0
    assert counts[4] + counts[5] == 6
    first = [i for i in one_pass(sampler).tolist() if labels[i] == 2]
    assert set(first[1:]) == {9 - first[0]}  # one camera: the other image, never itself again


def test_batches_go_on_over_the_end_of_a_pass() -> None:
    sampler = ClusterImages(LABELS, CAMIDS, 20, 4, seed=3)
    stream = np.concatenate([sampler.batch(k) for k in range(12)])
    passes = stream.reshape(-1, sampler.images_per_pass)
    for images in passes:
        assert Counter(LABELS[images].tolist()) == dict.fromkeys(range(12), 4)
    assert (passes[0] != passes[1]).any()


def test_pure_in_seed_and_step() -> None:
    one, two = (ClusterImages(LABELS, CAMIDS, 16, 4, seed=s) for s in (5, 5))
    again = [one.batch(k) for k in (7, 2, 7)]
    assert (again[0] == again[2]).all()
    assert (two.batch(2) == again[1]).all()
    other = ClusterImages(LABELS, CAMIDS, 16, 4, seed=6)
    assert (other.batch(2) != again[1]).any()


def test_every_image_comes_equally_often() -> None:
    labels = np.repeat(np.arange(10), 8)
    sampler = ClusterImages(labels, None, 40, 4, seed=0)
    counts = np.bincount(np.concatenate([sampler.batch(k) for k in range(2000)]), minlength=80)
    assert counts.sum() == 80_000
    assert np.abs(counts / 1000 - 1).max() < 0.1


def test_fewer_clusters_than_a_batch_has() -> None:
    sampler = ClusterImages(np.array([0, 0, 0, 0]), None, 16, 4, seed=0)
    assert set(sampler.batch(0).tolist()) == {0, 1, 2, 3}


def test_no_cluster() -> None:
    with pytest.raises(UserError, match="cluster"):
        ClusterImages(np.full(9, -1), None, 4, 2, seed=0)
