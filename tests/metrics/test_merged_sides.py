"""`merged_sides` against sets of files, and what the protocol open-reid makes of the two sides."""

import numpy as np
import pytest
import torch
from helpers.rankings import check, people
from hypothesis import given, settings
from hypothesis import strategies as st
from literal import ranking as literal

from lookalike.errors import UserError
from lookalike.metrics import caveat, merged_sides, rank
from lookalike.metrics.inputs import JUNK, UNKNOWN


def test_market1501_has_the_counts_of_the_authors_files():
    """3,368 queries of 750 people against 15,913 crops without junk, 2,798 of them of nobody."""
    rng = np.random.default_rng(0)
    g_pids = np.repeat([-1, 0], [3_819, 2_798])
    g_pids = np.concatenate([g_pids, np.arange(1, 751), rng.integers(1, 751, 13_115 - 750)])
    q_pids = np.concatenate([np.arange(1, 751), rng.integers(1, 751, 3_368 - 750)])
    sides = merged_sides(q_pids, g_pids)
    assert (len(sides.queries), len(sides.gallery)) == (16_483, 19_281)
    both = np.concatenate([q_pids, g_pids])
    asked, g = both[sides.queries], both[sides.gallery]
    assert (asked.min(), g.min(), (g == 0).sum()) == (1, 0, 2_798)
    cams = np.zeros(len(asked), int)
    assert caveat("open-reid", asked, g, cams) == ""
    told = caveat("open-reid", q_pids, g_pids, cams[: len(q_pids)])
    assert told.startswith("3,368 queries, but the gallery has 13,115 images of their identities")


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_rows_are_those_of_the_literal_sets(seed):
    """Files with a person each; some are in both splits, and count once."""
    rng = np.random.default_rng(seed)
    person = dict(enumerate(rng.integers(-1, 6, 30).tolist()))  # file → person
    query = rng.permutation(30)[: rng.integers(1, 12)].tolist()
    gallery = rng.permutation(30)[: rng.integers(1, 30)].tolist()
    files = [*query, *gallery]
    pids = [np.array([person[f] for f in side], int) for side in (query, gallery)]
    twins = np.array([query.index(f) if f in query else -1 for f in gallery])
    sides = merged_sides(*pids, twins)
    pool = {f for f in files if person[f] != -1}
    persons = {person[f] for f in query}
    for rows, want in (
        (sides.gallery, pool),
        (sides.queries, {f for f in pool if person[f] in persons}),
    ):
        found = [files[row] for row in rows]
        assert len(found) == len(set(found))
        assert set(found) == want
        assert (np.diff(rows) > 0).all()
    assert (merged_sides(*pids).gallery < len(files)).all()


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_every_image_of_the_queries_people_asks_for_all_others(metric):
    q, g, q_pids, g_pids, q_cams, g_cams = people(ids=9, dtype=np.float64)
    q_pids[q_pids > 6] = 6  # the gallery knows people for whom nobody asks
    sides = merged_sides(q_pids, g_pids)
    feats, pids, cams = (np.concatenate(x) for x in ((q, g), (q_pids, g_pids), (q_cams, g_cams)))
    got = rank(
        feats[sides.queries],
        feats[sides.gallery],
        pids[sides.queries],
        pids[sides.gallery],
        cams[sides.queries],
        cams[sides.gallery],
        "open-reid",
        metric,
    )
    keep = [i for i in range(len(pids)) if pids[i] != -1]
    ask = [i for i in keep if pids[i] in set(q_pids.tolist())]
    assert len(q) < len(ask) < len(keep)
    a = feats / np.linalg.norm(feats, axis=1, keepdims=True) if metric == "cosine" else feats
    dist = ((a[ask][:, None] - a[keep][None]) ** 2).sum(2)
    check(got, literal.rank(dist, pids[ask], pids[keep], cams[ask], cams[keep], "market1501"))
    # Nobody finds the image that asks: it is of the same person and camera.
    assert got.mAP < 1
    assert got.mAP != rank(q, g, q_pids, g_pids, q_cams, g_cams, "open-reid", metric).mAP


def test_the_average_precision_is_scikit_learns_without_ties():
    from sklearn.metrics import average_precision_score

    rng = np.random.default_rng(1)
    feats = rng.standard_normal((40, 6))
    pids, cams = rng.integers(1, 6, 40), rng.integers(0, 3, 40)
    got = rank(feats, feats, pids, pids, cams, cams, "open-reid", "euclidean")
    for i in range(40):
        valid = (pids != pids[i]) | (cams != cams[i])
        dist = ((feats[i] - feats) ** 2).sum(1)[valid]
        right = pids[valid] == pids[i]
        if right.any():
            assert got.ap[i] == pytest.approx(average_precision_score(right, -dist), abs=1e-12)


def test_tensors_lists_and_odd_shapes():
    want = merged_sides(np.array([1, 2]), np.array([2, 0, -1, 3]))
    assert [x.tolist() for x in want] == [[0, 1, 2], [0, 1, 2, 3, 5]]
    for kind in (torch.tensor, list):
        found = merged_sides(kind([1, 2]), kind([2, 0, -1, 3]))
        assert [x.tolist() for x in found] == [x.tolist() for x in want]
    twin = merged_sides(np.array([1, 2]), np.array([2, 0, -1, 3]), [1, -1, -1, -1])
    assert [x.tolist() for x in twin] == [[0, 1], [0, 1, 3, 5]]
    with pytest.raises(ValueError, match="twins"):
        merged_sides(np.array([1, 2]), np.array([2, 0]), np.array([1]))
    with pytest.raises(ValueError, match="whole numbers"):
        merged_sides(np.array([1.5]), np.array([2]))


def test_unknown_persons_are_left_out_of_the_gallery_and_no_queries():
    sides = merged_sides(np.array([1, 2]), np.array([2, UNKNOWN, JUNK, 0]))
    assert [rows.tolist() for rows in sides] == [[0, 1, 2], [0, 1, 2, 5]]
    with pytest.raises(UserError, match=r"1 of 2 queries isn't known \(pid −2, rows 1\)"):
        merged_sides(np.array([1, UNKNOWN]), np.array([2, 1]))
