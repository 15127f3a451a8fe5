"""Clusters at several eps, those of one camera, their means, and an eps chosen by their number."""

import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score

from lookalike.errors import UserError
from lookalike.metrics import (
    choose_eps,
    cluster_means,
    clusters_over,
    drop_single_camera,
    pseudo_labels,
)

EPS = (0.35, 0.5, 0.65)


def people(noise=0.7, ids=12, each=12):
    rng = np.random.default_rng(0)
    centres = np.repeat(rng.standard_normal((ids, 32)), each, 0)
    return centres + noise * rng.standard_normal(centres.shape), np.repeat(np.arange(ids), each)


def test_at_every_eps_as_alone():
    feats, _ = people()
    every = clusters_over(feats, EPS, k1=10, k2=3)
    for got, eps in zip(every, EPS, strict=True):
        want = pseudo_labels(feats, eps, k1=10, k2=3)
        assert got.eps == want.eps == eps
        np.testing.assert_array_equal(got.labels, want.labels)


def test_no_eps_is_named():
    with pytest.raises(UserError, match="at least one eps"):
        clusters_over(people()[0], [])


def test_clusters_of_one_camera_are_dropped():
    labels = [0, 0, 1, 1, 2, 2, 2, -1, -1]
    camids = [5, 5, 5, 2, 7, 7, 2, 1, 2]
    got = drop_single_camera(np.array(labels), np.array(camids))
    assert got.tolist() == [-1, -1, 0, 0, 1, 1, 1, -1, -1]
    assert drop_single_camera(np.array([-1, -1]), np.array([1, 2])).tolist() == [-1, -1]


def test_dropping_equals_a_loop():
    rng = np.random.default_rng(1)
    for _ in range(50):
        count = int(rng.integers(1, 40))
        labels = np.unique(rng.integers(0, 8, count), return_inverse=True)[1]
        labels[rng.random(count) < 0.2] = -1
        camids, want, number = rng.integers(1, 4, count), [-1] * count, 0
        for c in range(labels.max() + 1):
            rows = [i for i in range(count) if labels[i] == c]
            if len({int(camids[i]) for i in rows}) > 1:
                for i in rows:
                    want[i] = number
                number += 1
        assert drop_single_camera(labels, camids).tolist() == want


def test_means_equal_a_loop():
    feats, labels = people()
    labels[::5] = -1
    got = cluster_means(torch.from_numpy(feats), labels)
    for c in range(labels.max() + 1):
        mean = feats[labels == c].mean(0)
        np.testing.assert_allclose(got[c].numpy(), mean / np.linalg.norm(mean), atol=1e-12)
    assert len(got) == labels.max() + 1
    assert cluster_means(feats, np.full(len(feats), -1)).shape == (0, 32)


def test_the_most_clusters_are_chosen():
    feats, truth = people()
    choice = choose_eps(feats, k1=10, k2=3)
    numbers = [point.clusters for point in choice.curve]
    best = numbers.index(max(numbers))
    assert choice.eps == choice.curve[best].eps == choice.clusters.eps
    assert choice.clusters.num_clusters == max(numbers)
    assert adjusted_rand_score(truth, choice.clusters.labels) > 0.8
    for point, eps in zip(choice.curve, sorted(x.eps for x in choice.curve), strict=True):
        alone = pseudo_labels(feats, eps, k1=10, k2=3)
        sizes = np.bincount(alone.labels[alone.labels >= 0], minlength=1)
        assert point.clusters == alone.num_clusters
        assert point.outliers == (alone.labels < 0).mean()
        assert point.largest == sizes.max()


def test_clusters_of_one_camera_do_not_count():
    feats, truth = people()
    camids = np.where(truth < 6, 1, np.arange(len(truth)) % 2)
    choice = choose_eps(feats, camids, k1=10, k2=3)
    assert 0 < choice.clusters.num_clusters <= 7
    assert (choice.clusters.labels[truth < 6] == -1).all()


def test_no_cluster_at_any_eps_is_named():
    with pytest.raises(UserError, match="gives a cluster"):
        choose_eps(np.eye(3), min_samples=4)
