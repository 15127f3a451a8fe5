"""Pairs that a benchmark leaves out: by a mask, by infinity, as twins, by cameras and clothes."""

import numpy as np
import pytest
from helpers.rankings import people
from literal import ranking as literal

from lookalike.errors import UserError
from lookalike.metrics import (
    PROTOCOLS,
    nearest_matches,
    rank,
    rank_distances,
    verify,
    verify_cameras,
)


def given(seed=0):
    """Distances of 30 queries and 80 gallery images, and whose they are."""
    q, g, *ids = people(queries=30, gallery=80, dtype=np.float64)
    dist = ((q[:, None] - g[None]) ** 2).sum(2)
    return dist, ids, np.random.default_rng(seed).random(dist.shape) < 0.3


def one_by_one(dist, ids, mask, protocol):
    """AP and first hit of every query in a gallery of its own, as if the others weren't there."""
    q_pids, g_pids, q_cams, g_cams = ids
    answers = []
    for i, row in enumerate(dist):
        left = np.flatnonzero(~mask[i])
        answer = literal.ask(row[left], q_pids[i], q_cams[i], g_pids[left], g_cams[left], protocol)
        answers.append((answer[0], answer[2]) if answer else (np.nan, 0))
    return map(np.array, zip(*answers, strict=True))


@pytest.mark.parametrize("protocol", ["market1501", "market1501-trapezoid", "sysu-mm01"])
@pytest.mark.parametrize("how", ["mask", "inf", "minus", "both"])
def test_what_is_left_out_is_as_if_it_were_not_there(protocol, how):
    dist, ids, mask = given()
    want, first = one_by_one(dist, ids, mask, protocol)
    shown = {"mask": dist, "minus": np.where(mask, -np.inf, dist)}.get(
        how, np.where(mask & (how != "both" or mask[::-1]), np.inf, dist)
    )
    found = rank_distances(
        shown, *ids, protocol=protocol, left_out=mask if how in ("mask", "both") else None
    )
    np.testing.assert_allclose(found.ap, want, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(found.first_hit, first)
    assert not np.isinf(dist).any()  # the caller's own is as it was


@pytest.mark.parametrize("protocol", sorted(PROTOCOLS))
def test_an_empty_mask_changes_nothing(protocol):
    dist, ids, mask = given()
    want = rank_distances(dist, *ids, protocol=protocol)
    got = rank_distances(dist, *ids, protocol=protocol, left_out=np.zeros_like(mask))
    assert got.row() == want.row()
    some = rank_distances(dist, *ids, protocol=protocol, left_out=mask)
    assert some.row() != want.row()


def test_one_query_of_several_leaves_out_for_all():
    ids = np.array([1, 1]), np.array([1, 2, 1]), np.array([0, 0]), np.array([1, 1, 1])
    dist = np.array([[3.0, 1.0, 9.0], [3.0, 1.0, 9.0]])
    mask = np.array([[False, True, False], [False, False, False]])
    assert rank_distances(dist, *ids, "market1501-multi-query").row()["rank1"] == 0
    assert rank_distances(dist, *ids, "market1501-multi-query", left_out=mask).mAP == 1


def test_bad_masks_are_refused():
    dist, ids, mask = given()
    with pytest.raises(ValueError, match=r"left_out must be truths of shape \(30, 80\)"):
        rank_distances(dist, *ids, left_out=mask[:3])
    with pytest.raises(ValueError, match="left_out must be truths"):
        rank_distances(dist, *ids, left_out=mask.astype(int))
    broken = dist.copy()
    broken[4, 4] = np.nan
    with pytest.raises(UserError, match=r"NaN in 1 of 30 rows \(4\)"):
        rank_distances(broken, *ids)
    with pytest.raises(UserError, match="do not appear in gallery"):
        rank_distances(dist, *ids, left_out=np.ones_like(mask))


def test_half_precision_and_its_infinity():
    dist, ids, mask = given()
    half = np.where(mask, np.inf, dist).astype(np.float16)
    same = rank_distances(half.astype(np.float64), *ids)
    assert rank_distances(half, *ids).row() == same.row()


def copied(seed=3):
    """20 queries, of which 12 are in the gallery too as another camera's; and which these are."""
    rng = np.random.default_rng(seed)
    pids = rng.integers(1, 6, 20)
    q, g = rng.normal(size=(20, 5)), rng.normal(size=(40, 5))
    g_pids, g_cams, q_cams = rng.integers(1, 6, 40), rng.integers(0, 3, 40), rng.integers(0, 3, 20)
    twins = np.full(40, -1)
    twins[rng.permutation(40)[:12]] = rng.permutation(20)[:12]
    at = np.flatnonzero(twins >= 0)
    g[at], g_pids[at], g_cams[at] = q[twins[at]], pids[twins[at]], q_cams[twins[at]] + 7
    return (q, g, pids, g_pids, q_cams, g_cams), twins


@pytest.mark.parametrize("protocol", ["market1501", "market1501-trapezoid", "sysu-mm01"])
@pytest.mark.parametrize("chunk", [None, 3])
def test_a_query_does_not_find_itself(protocol, chunk):
    sides, twins = copied()
    dist = ((sides[0][:, None] - sides[1][None]) ** 2).sum(2)
    mask = twins[None] == np.arange(20)[:, None]
    want = rank_distances(dist, *sides[2:], protocol=protocol, left_out=mask)
    about = {"protocol": protocol, "chunk": chunk, "twins": twins}
    assert rank(*sides, metric="euclidean", **about).row() == want.row()
    assert rank_distances(dist, *sides[2:], **about).row() == want.row()
    assert rank(*sides, protocol=protocol, metric="euclidean").row()["rank1"] > want.row()["rank1"]


def test_twins_of_pooled_queries():
    sides, twins = copied()
    q, g, q_pids, g_pids, q_cams, g_cams = sides
    got = rank(*sides, protocol="market1501-multi-query", metric="euclidean", twins=twins)
    groups = list(dict.fromkeys(zip(q_pids, q_cams, strict=True)))
    rows = [[i for i in range(20) if (q_pids[i], q_cams[i]) == who] for who in groups]
    mean = np.stack([q[row].mean(0) for row in rows])
    dist = ((mean[:, None] - g[None]) ** 2).sum(2)
    mask = np.array([[twins[j] in row for j in range(40)] for row in rows])
    who = np.array(groups).T
    want = rank_distances(dist, who[0], g_pids, who[1], g_cams, left_out=mask)
    assert got.mAP == pytest.approx(want.mAP, abs=1e-12)


def test_twins_make_no_pairs_and_are_in_no_list():
    sides, twins = copied()
    with_them, without = (verify(*sides, metric="euclidean", twins=t) for t in (None, twins))
    assert with_them.positives - without.positives == 12
    assert with_them.negatives == without.negatives
    threshold = without.points[0].threshold
    pairs = verify_cameras(*sides, threshold, metric="euclidean", twins=twins)
    assert sum(pair.positives for pair in pairs) == without.positives
    assert sum(pair.negatives for pair in pairs) == without.negatives
    nearest = nearest_matches(*sides, metric="euclidean", top=40, twins=twins).indices
    for row, indices in enumerate(nearest):
        assert row not in twins[indices[indices >= 0]]


@pytest.mark.parametrize(
    ("protocol", "same"), [("clothes-changing", True), ("same-clothes", False)]
)
def test_clothes(protocol, same):
    dist, ids, _ = given()
    rng = np.random.default_rng(5)
    clothes = rng.integers(0, 2, 30), rng.integers(0, 2, 80)
    own = ids[0][:, None] == ids[1][None]
    worn = clothes[0][:, None] == clothes[1][None]
    want = rank_distances(dist, *ids, left_out=own & (worn == same))
    got = rank_distances(dist, *ids, protocol=protocol, clothes=clothes)
    assert got.row() == want.row()
    assert got.row() != rank_distances(dist, *ids).row()
    unknown = rank_distances(dist, *ids, protocol=protocol)
    assert unknown.row() == rank_distances(dist, *ids).row()  # and `caveat` says so


def test_sysu_mm01_by_hand():
    """Camera 3 doesn't meet camera 2; two images of one wrong person are one place of the CMC."""
    ids = np.array([1, 1]), np.array([1, 2, 2, 3, 1]), np.array([3, 6]), np.array([2, 1, 1, 4, 5])
    dist = np.array([[0.0, 1, 2, 3, 4], [0.0, 1, 2, 3, 4]])
    found = rank_distances(dist, *ids, protocol="sysu-mm01")
    assert found.cmc_ranks[:, 0].tolist() == [3, 1]
    assert found.first_hit.tolist() == [4, 1]
    assert found.ap.tolist() == [1 / 4, (1 + 2 / 5) / 2]
