"""Images of unknown persons (pid −2): no gallery ranks them, and they are no queries."""

import numpy as np
import pytest
import torch

from lookalike.errors import UserError
from lookalike.metrics import (
    PROTOCOLS,
    caveat,
    nearest_matches,
    rank,
    rank_distances,
    verify,
    verify_cameras,
)
from lookalike.metrics.inputs import JUNK, UNKNOWN
from lookalike.metrics.verification import Verification

CALLS = {
    "rank": rank,
    "nearest_matches": nearest_matches,
    "verify": verify,
    "verify_cameras": lambda *sides: verify_cameras(*sides, threshold=0.8),
}


def people(seed=0, queries=20, gallery=90, persons=5):
    """Features without ties, junk in the gallery, and rows of it that will be unknown persons."""
    rng = np.random.default_rng(seed)
    q, g = rng.standard_normal((queries, 6)), rng.standard_normal((gallery, 6))
    pids = rng.integers(1, persons + 1, queries), rng.integers(-1, persons + 1, gallery)
    cams = rng.integers(0, 3, queries), rng.integers(0, 3, gallery)
    return [q, g, *pids, *cams], np.sort(rng.choice(gallery, 30, replace=False))


def with_pids(sides, rows, pid):
    changed = sides[3].copy()
    changed[rows] = pid
    return [*sides[:3], changed, *sides[4:]]


def same(got, want):
    for name, value in vars(want).items():
        np.testing.assert_array_equal(getattr(got, name), value, err_msg=name)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_a_gallery_ranks_them_as_little_as_junk(protocol, metric):
    sides, rows = people()
    junk, unknown = (with_pids(sides, rows, pid) for pid in (JUNK, UNKNOWN))
    want = rank(*junk, protocol=protocol, metric=metric)
    same(rank(*unknown, protocol=protocol, metric=metric), want)
    assert want.mAP != rank(*sides, protocol=protocol, metric=metric).mAP
    dist = ((sides[0][:, None] - sides[1]) ** 2).sum(2)
    same(
        rank_distances(dist, *unknown[2:], protocol=protocol),
        rank_distances(dist, *junk[2:], protocol=protocol),
    )
    assert caveat(protocol, *unknown[2:5]) == caveat(protocol, *junk[2:5])


def test_lists_and_pairs_are_without_them():
    sides, rows = people()
    junk, unknown = (with_pids(sides, rows, pid) for pid in (JUNK, UNKNOWN))
    lists = nearest_matches(*unknown, top=90)
    assert not np.isin(lists.indices, rows).any()
    for got, want in zip(lists, nearest_matches(*junk, top=90), strict=True):
        np.testing.assert_array_equal(got, want)
    want = verify(*junk)
    assert isinstance(want, Verification)
    assert want.negatives < verify(*sides).negatives
    same(verify(*unknown), want)
    assert verify_cameras(*unknown, 0.8) == verify_cameras(*junk, 0.8)


@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor])
@pytest.mark.parametrize("name", CALLS)
def test_they_are_refused_as_queries(name, kind):
    sides, _ = people()
    sides[2][[3, 7]] = UNKNOWN
    with pytest.raises(UserError, match=r"2 of 20 queries isn't known \(pid −2, rows 3, 7\)"):
        CALLS[name](*map(kind, sides))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_they_are_refused_as_rows_of_given_distances(protocol):
    """Also where queries of one person and camera are one: the rows are the user's."""
    sides, _ = people()
    sides[2][9:] = UNKNOWN
    dist = np.zeros((20, 90))
    with pytest.raises(UserError, match=r"11 of 20 queries .* rows 9, 10, 11, 12, 13, …\)"):
        rank_distances(dist, *sides[2:], protocol=protocol)


def test_a_gallery_of_nobody_else_is_refused():
    sides, _ = people()
    with pytest.raises(UserError, match=r"unknown person \(pid −2\): there is nothing to rank"):
        rank(*with_pids(sides, slice(None), UNKNOWN))
    with pytest.raises(UserError, match="nothing to rank"):
        nearest_matches(*with_pids(with_pids(sides, slice(None), UNKNOWN), slice(5), JUNK))
