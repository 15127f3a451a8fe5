"""Pseudo-identities: what settings mean, and what happens where there are none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lookalike.errors import UserError
from lookalike.methods.cc import ClusterContrast
from lookalike.methods.pseudo_identities import pseudo_identities, reliable_identities
from lookalike.metrics import pseudo_labels

SETTINGS = ClusterContrast(k1=8, k2=3)


def crowd(people: int = 6, images: int = 8, spread: float = 0.2) -> tuple[Tensor, Any, Any]:
    """Features of people, who they are, and cameras that take turns."""
    torch.manual_seed(0)
    pids = np.arange(people).repeat(images)
    centres = torch.randn(people, 16)
    features = F.normalize(centres[pids] + spread * torch.randn(len(pids), 16))
    return features, pids, np.tile(np.arange(images) % 3, people)


def same_partition(a: Any, b: Any) -> bool:
    return bool(((a[:, None] == a) == (b[:, None] == b)).all())


def test_people_who_are_apart_are_found() -> None:
    features, pids, camids = crowd()
    people = pseudo_identities(features, camids, SETTINGS, 0.6)
    assert same_partition(people.labels, pids)
    assert people.eps == 0.6
    assert not people.remarks


def test_a_shift_of_each_camera_is_taken_out() -> None:
    features, pids, camids = crowd(people=12)
    shift = 3 * torch.randn(3, 16)
    shifted = features * torch.tensor([1.0, 0.5, 2.0])[camids][:, None] + shift[camids]
    plain = pseudo_identities(shifted, camids, SETTINGS, 0.6)
    assert not same_partition(plain.labels, pids)
    settings = replace(SETTINGS, cameras="deviation")
    people = pseudo_identities(shifted, camids, settings, 0.6)
    assert same_partition(people.labels, pids)


def test_clusters_of_one_camera_are_dropped() -> None:
    features, pids, camids = crowd()
    camids = np.where(pids == 2, 1, camids)
    labels = pseudo_identities(
        features, camids, replace(SETTINGS, single_camera="drop"), 0.6
    ).labels
    assert (labels[pids == 2] == -1).all()
    assert (labels[pids != 2] >= 0).all()
    assert labels.max() == 4


@pytest.mark.parametrize("pids_seen", ["one camera", "a camera each"])
def test_where_no_cluster_has_two_cameras_they_are_kept(pids_seen: str) -> None:
    features, pids, camids = crowd()
    camids = camids * 0 if pids_seen == "one camera" else pids
    people = pseudo_identities(features, camids, replace(SETTINGS, single_camera="drop"), 0.6)
    assert same_partition(people.labels, pids)
    (remark,) = people.remarks
    assert "clusters that one camera alone saw are kept" in remark
    assert ("there is one camera" in remark) == (pids_seen == "one camera")


def test_eps_is_raised_until_there_are_clusters() -> None:
    features, _, camids = crowd(spread=0.4)
    settings = replace(SETTINGS, min_samples=8)
    assert pseudo_labels(features, eps=0.06, k1=8, k2=3, min_samples=8).num_clusters == 0
    people = pseudo_identities(features, camids, settings, 0.06)
    assert people.eps > 0.06
    assert people.labels.max() > 0
    assert people.remarks == [f"eps 0.06 makes no cluster: it is {people.eps:.3g} in this round."]
    few = pseudo_identities(features, camids, replace(settings, rho=0.001), 0)
    assert few.labels.max() > 0
    assert "makes no cluster" in few.remarks[0]


def test_eps_is_lowered_where_all_are_one() -> None:
    features, _, camids = crowd(people=2, images=6, spread=0.6)
    settings = replace(SETTINGS, k1=11, min_samples=2)
    assert pseudo_labels(features, eps=0.9, k1=11, k2=3, min_samples=2).num_clusters == 1
    people = pseudo_identities(features, camids, settings, 0.9)
    assert people.eps < 0.9
    assert people.labels.max() > 0
    assert "a single cluster" in people.remarks[0]


def test_nobody_can_be_told_apart() -> None:
    same = F.normalize(torch.ones(10, 4))
    with pytest.raises(UserError, match="These 10 images make no two clusters"):
        pseudo_identities(same, np.arange(10) % 2, SETTINGS, 0.6)


def test_eps_by_rho_and_by_itself() -> None:
    features, _, camids = crowd(spread=0.3)
    for settings, eps in ((replace(SETTINGS, rho=0.15), 0.6), (SETTINGS, 0.0)):
        people = pseudo_identities(features, camids, settings, eps)
        assert 0 < people.eps < 1
        assert people.labels.max() == 5


def test_links_hold() -> None:
    features, _, camids = crowd()
    must = np.array([[0, 8]])  # of persons 0 and 1
    cannot = np.array([[16, 17]])  # of person 2
    labels = pseudo_identities(features, camids, SETTINGS, 0.6, must, cannot).labels
    assert labels[0] == labels[8] >= 0
    assert labels[16] != labels[17]


def test_reliable_clusters_hold_beside_eps() -> None:
    features, _, camids = crowd(people=20, spread=0.35)
    people, threshold = reliable_identities(features, camids, SETTINGS, 0.5, 0.1, None)
    assert 0 <= threshold < 1
    plain = pseudo_identities(features, camids, SETTINGS, 0.5).labels
    kept = people.labels >= 0
    assert 0 < kept.sum() <= (plain >= 0).sum()
    assert (plain[kept] >= 0).all()
    again, same = reliable_identities(features, camids, SETTINGS, 0.5, 0.1, threshold)
    assert same == threshold
    assert (again.labels == people.labels).all()


def test_links_hold_whatever_is_dropped() -> None:
    features, pids, camids = crowd(people=20, spread=0.6)
    camids = np.where(pids < 3, 1, camids)  # persons 0, 1 and 2 are seen by one camera alone
    settings = replace(SETTINGS, single_camera="drop")
    free, threshold = reliable_identities(features, camids, settings, 0.5, 0.1, None)
    gone = np.flatnonzero((free.labels < 0) & (pids >= 3))
    must = np.array([[0, 1], *([row, pids[row] * 8 + k] for row in gone for k in (0, 7))])
    must = must[must[:, 0] != must[:, 1]]
    whole = np.setdiff1d(pids, [0, 1, 2, *pids[gone]]) * 8
    cannot = np.stack([whole, whole + 1], 1)
    assert len(must) > 10
    assert len(cannot) > 3
    assert (free.labels[cannot[:, 0]] == free.labels[cannot[:, 1]]).any()
    for margin in (0.1, None):
        if margin:
            labels = reliable_identities(
                features, camids, settings, 0.5, margin, threshold, must, cannot
            )[0].labels
        else:
            labels = pseudo_identities(features, camids, settings, 0.5, must, cannot).labels
        assert (labels[must] >= 0).all()
        assert (labels[must[:, 0]] == labels[must[:, 1]]).all()
        own = labels[cannot]
        assert ((own[:, 0] != own[:, 1]) | (own[:, 0] < 0)).all()
        assert set(np.flatnonzero(np.isin(labels, labels[0]))) == {0, 1}  # of a cluster that went
        numbers = np.unique(labels[labels >= 0])
        assert numbers.tolist() == list(range(len(numbers)))


def test_links_are_no_clusters_to_go_by() -> None:
    features, _, camids = crowd(spread=0.4)
    settings = replace(SETTINGS, min_samples=8)
    must = np.array([[0, 1], [8, 9]])  # which alone are two clusters
    people = pseudo_identities(features, camids, settings, 0.06, must)
    assert people.eps > 0.06
    assert people.labels.max() > 1 or (people.labels >= 0).sum() > 4
    one = pseudo_identities(features, camids, settings, 0.06, must[:1])
    assert one.eps == people.eps


def test_links_that_leave_nobody_apart() -> None:
    features, _, camids = crowd(people=2)
    must = np.array([[0, 8]])
    with pytest.raises(UserError, match="With these links 16 images make no two clusters"):
        pseudo_identities(features, camids, SETTINGS, 0.6, must)


def test_eps_beside_stays_a_distance() -> None:
    features, _, camids = crowd()
    people, _ = reliable_identities(features, camids, SETTINGS, 0.05, 0.4, None)
    assert people.labels.max() > 0
    assert reliable_identities(features, camids, SETTINGS, 0.95, 0.4, None)[0].eps > 0
