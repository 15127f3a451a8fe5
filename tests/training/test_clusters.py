"""What the log says of clusters, against loops over pairs."""

from itertools import combinations

import numpy as np
import pytest

from lookalike.training.clusters import describe_clusters


def literal(labels, truth):
    known = [i for i in range(len(labels)) if truth[i] > 0]
    one_person = {(i, j) for i, j in combinations(known, 2) if truth[i] == truth[j]}
    one_cluster = {(i, j) for i, j in combinations(known, 2) if labels[i] == labels[j] >= 0}
    both = len(one_person & one_cluster)
    persons = {truth[i] for i in known if labels[i] >= 0}
    pieces = {(truth[i], labels[i]) for i in known if labels[i] >= 0}
    return {
        "precision": both / len(one_cluster),
        "recall": both / len(one_person),
        "F-score": 2 * both / (len(one_cluster) + len(one_person)),
        "clusters a person": len(pieces) / len(persons),
    }


def test_pairs_equal_loops():
    rng = np.random.default_rng(0)
    for _ in range(20):
        labels, truth = rng.integers(-1, 5, 60), rng.integers(-1, 6, 60)
        got = describe_clusters(labels, truth)
        for name, value in literal(labels.tolist(), truth.tolist()).items():
            assert got[name] == pytest.approx(value, abs=1e-12), name
        assert got["largest"] == max((labels == c).sum() for c in range(5))


def test_the_truth_itself_is_perfect():
    truth = np.array([1, 1, 2, 2, 2])
    got = describe_clusters(truth - 1, truth)
    for name in ("purity", "NMI", "ARI", "precision", "recall", "F-score", "clusters a person"):
        assert got[name] == pytest.approx(1), name


def test_nothing_clustered_has_counts_alone():
    got = describe_clusters(np.full(4, -1), np.array([1, 1, 2, 2]))
    assert got == {"clusters": 0, "outliers": 4, "largest": 0}


def test_no_two_crops_of_anybody():
    got = describe_clusters(np.array([0, 1]), np.array([1, 2]))
    assert not {"precision", "recall", "F-score"} & got.keys()
