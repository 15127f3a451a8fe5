"""`rank` and `rank_distances` against the literal version, and what they say about bad input."""

import inspect

import numpy as np
import pytest
import torch
from helpers.rankings import NAMES, check, people
from hypothesis import given, settings
from hypothesis import strategies as st
from literal import ranking as literal

from lookalike.errors import UserError
from lookalike.metrics import rank, rank_distances
from lookalike.metrics.distances import distance_rows


@st.composite
def cases(draw):
    """A distance matrix with ids and cameras: ties, junk, distractors and unanswered queries."""
    queries, gallery = draw(st.integers(1, 7)), draw(st.integers(1, 30))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    levels = draw(st.sampled_from([1, 3, 10, 10**6]))
    dist = rng.integers(-levels, levels, (queries, gallery)) / draw(st.sampled_from([1, 7]))
    dist = dist.astype(draw(st.sampled_from([np.float32, np.float64])))
    people, cameras = draw(st.integers(1, 6)), draw(st.integers(1, 3))
    q_pids = rng.integers(draw(st.sampled_from([-1, 0, 1])), people + 1, queries)
    g_pids = rng.integers(draw(st.sampled_from([-1, 0, 1])), people + 1, gallery)
    return (
        dist,
        q_pids,
        g_pids,
        rng.integers(0, cameras, queries),
        rng.integers(0, cameras, gallery),
    )


@settings(max_examples=300, deadline=None)
@given(cases(), st.sampled_from(NAMES), st.sampled_from([None, 1, 2, 3]))
def test_equals_the_literal_version(case, protocol, chunk):
    want = literal.rank(*case, protocol)
    if want is None:
        with pytest.raises(UserError):
            rank_distances(*case, protocol=protocol, chunk=chunk)
    else:
        check(rank_distances(*case, protocol=protocol, chunk=chunk), want)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("protocol", NAMES)
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_features_rank_as_their_distances(metric, protocol, dtype):
    q, g, *ids = people(dtype=dtype)
    got = rank(q, g, *ids, protocol=protocol, metric=metric)
    a, b = q.astype(np.float64), g.astype(np.float64)
    if metric == "cosine":
        a, b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (a, b))
    # cosine: |a − b|² = 2 − 2 cos. Squared, so that means of rows are rows of the mean feature.
    dist = ((a[:, None] - b[None]) ** 2).sum(2)
    check(got, literal.rank(dist, *ids, protocol))
    assert (got.metric, got.protocol) == (metric, protocol)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_features_rank_as_their_own_float32_keys(metric):
    q, g, *ids = people(queries=12, dims=2)
    g[100:200] = g[0:100]  # duplicates of other people: exact ties
    keys = distance_rows(torch.tensor(q), torch.tensor(g), torch.arange(len(g)), metric)
    dist = keys(slice(0, len(q))).numpy()
    ids[1][ids[1] == -1] = 99  # no junk, so that both multiply the same matrices
    check(rank(q, g, *ids, metric=metric), literal.rank(dist, *ids, "market1501"))


@pytest.mark.parametrize("protocol", NAMES)
@pytest.mark.parametrize("chunk", [1, 2, 7, 39, 40, 1000])
def test_the_chunk_changes_nothing(protocol, chunk):
    rng = np.random.default_rng(1)
    q, g, *ids = people()
    # Small integers: every product and sum is exact, whatever order a matmul adds in; and so is
    # the mean of up to eight queries.
    q, g = 840 * rng.integers(-3, 4, q.shape), rng.integers(-3, 4, g.shape)
    want = rank(q, g, *ids, protocol=protocol, metric="euclidean")
    got = rank(q, g, *ids, protocol=protocol, metric="euclidean", chunk=chunk)
    for name in ("ap", "inp", "first_hit", "cmc", "mAP", "mINP", "num_valid"):
        np.testing.assert_array_equal(getattr(got, name), getattr(want, name))


def test_the_gallery_s_order_is_no_matter_without_ties():
    rng = np.random.default_rng(2)
    _, _, q_pids, g_pids, q_cams, g_cams = people()
    dist = rng.permuted(np.tile(np.arange(300.0), (40, 1)), axis=1)
    want = rank_distances(dist, q_pids, g_pids, q_cams, g_cams)
    p = rng.permutation(300)
    got = rank_distances(dist[:, p], q_pids, g_pids[p], q_cams, g_cams[p])
    for name in ("ap", "inp", "first_hit", "cmc"):
        np.testing.assert_array_equal(getattr(got, name), getattr(want, name))


def test_by_hand():
    """One query, two right images at ranks 1 and 3: every number worked out on paper."""
    dist = [[0.1, 0.2, 0.3, 0.05, 0.0]]
    ids = [1], [1, 2, 1, 1, -1], [0], [1, 1, 2, 0, 3]  # the fourth is junk, and so is the fifth
    plain = rank_distances(np.array(dist), *map(np.array, ids))
    assert plain.mAP == pytest.approx((1 + 2 / 3) / 2)
    assert plain.mINP == pytest.approx(2 / 3)
    assert plain.cmc.tolist() == [1.0] * 5
    assert plain.first_hit.tolist() == [1]
    market = rank_distances(np.array(dist), *map(np.array, ids), protocol="market1501-trapezoid")
    assert market.mAP == pytest.approx((1 + (1 / 2 + 2 / 3) / 2) / 2)


def test_skipped_queries_and_the_two_denominators():
    dist = np.zeros((2, 1))
    ids = np.array([1, 2]), np.array([1]), np.array([0, 0]), np.array([1])
    ours = rank_distances(dist, *ids)
    assert (ours.mAP, ours.mINP, ours.num_valid, ours.cmc.tolist()) == (1, 1, 1, [1])
    assert np.isnan(ours.ap).tolist() == np.isnan(ours.inp).tolist() == [False, True]
    assert ours.first_hit.tolist() == [1, 0]
    authors = rank_distances(dist, *ids, protocol="market1501-trapezoid")
    assert (authors.mAP, authors.cmc.tolist(), authors.num_valid) == (0.5, [0.5], 1)


def test_single_shot_finds_more_than_the_whole_gallery_does():
    q, g, *ids = people()
    whole, single = rank(q, g, *ids), rank(q, g, *ids, protocol="cuhk03-single-shot")
    assert single.mAP == whole.mAP
    assert single.cmc[-1] == 1.0  # 13 identities: the list is 13 long
    assert not np.array_equal(single.cmc, whole.cmc)


def test_cmc_is_fifty_long_and_the_row_reads_it():
    q, g, *ids = people()
    ranking = rank(q, g, *ids)
    assert ranking.cmc.shape == (50,)
    assert ranking.row() == {
        "mAP": ranking.mAP,
        "rank1": ranking.cmc[0],
        "rank5": ranking.cmc[4],
        "rank10": ranking.cmc[9],
        "rank20": ranking.cmc[19],
        "mINP": ranking.mINP,
    }
    short = rank_distances(np.zeros((1, 2)), *map(np.array, ([1], [2, 1], [0], [1, 1])))
    assert short.row() == {
        "mAP": 0.5, "rank1": 0.0, "rank5": 1.0, "rank10": 1.0, "rank20": 1.0, "mINP": 0.5
    }  # fmt: skip


def test_tensors_and_arrays_of_any_precision():
    q, g, *ids = people()
    want = rank(q, g, *ids).mAP
    tensors = [torch.tensor(x) for x in (q, g, *ids)]
    tensors[0].requires_grad_()
    assert rank(*tensors).mAP == want
    assert rank(q.astype(np.float64), g, *ids).mAP == pytest.approx(want, abs=1e-6)
    for half in (torch.float16, torch.bfloat16):
        got = rank(tensors[0].to(half), tensors[1].to(half), *ids)
        assert got.mAP == pytest.approx(want, abs=0.02)
    assert rank(q, g, *ids, device="cpu").mAP == want


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("protocol", NAMES)
def test_the_gpu_agrees(protocol):
    q, g, *ids = people(queries=200, gallery=3000, ids=40)
    rng = np.random.default_rng(1)
    q, g = 840 * rng.integers(-3, 4, q.shape), rng.integers(-3, 4, g.shape)  # exact, with ties
    want = rank(q, g, *ids, protocol=protocol, metric="euclidean")
    got = rank(q, g, *ids, protocol=protocol, metric="euclidean", device="cuda")
    np.testing.assert_array_equal(got.ap, want.ap)
    np.testing.assert_array_equal(got.cmc, want.cmc)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("scale", [1e-44, 1e-30, 1e-18, 1e18, 1e37])
def test_very_small_and_large_features(metric, scale):
    rng = np.random.default_rng(3)
    q, g, *ids = people()
    q, g = (rng.integers(-3, 4, x.shape).astype(np.float32) for x in (q, g))
    want = rank(q, g, *ids, metric=metric)
    got = rank(q * np.float32(scale), g * np.float32(scale), *ids, metric=metric)
    assert got.mAP == pytest.approx(want.mAP, abs=0.02 if scale == 1e-44 else 1e-3)
    assert got.mAP > 0


def test_all_zero_features_tie_with_one_another():
    q, g, *ids = people()
    got = rank(0 * q, g, *ids)
    check(got, literal.rank(np.zeros((len(q), len(g))), *ids, "market1501"))


def test_inputs_are_left_as_they_were():
    q, g, *ids = people()
    ids[1][ids[1] == -1] = 1  # without junk no column is left out, which would be a copy
    before = [x.copy() for x in (q, g, *ids)]
    dist = np.random.default_rng(0).random((40, 300))
    kept = dist.copy()
    rank(q, g, *ids)
    rank_distances(dist, *ids)
    for x, y in zip((q, g, *ids, dist), (*before, kept), strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"protocol": "market"}, UserError, "did you mean 'market1501'"),
        ({"metric": "cos"}, UserError, "Unknown metric 'cos'"),
        ({"chunk": 0}, ValueError, "chunk must be at least 1"),
        ({"query_feats": np.zeros((0, 8))}, UserError, "Query features of shape"),
        ({"gallery_feats": np.zeros((0, 8))}, UserError, "nothing to rank"),
        ({"query_feats": np.zeros(8)}, ValueError, "2 dimensions"),
        ({"query_feats": np.zeros((40, 9))}, ValueError, "same length, got 9 and 8"),
        ({"gallery_pids": np.zeros(3, int)}, ValueError, r"gallery_pids must have shape \(300,\)"),
        ({"query_camids": np.zeros(40)}, ValueError, "query_camids must be whole numbers"),
        ({"gallery_pids": np.full(300, -1)}, UserError, "Every gallery image is junk"),
        ({"gallery_pids": np.full(300, 99)}, UserError, "no identity number occurs on both sides"),
    ],
)
def test_bad_input_is_named(change, error, says):
    arguments = dict(zip(inspect.signature(rank).parameters, people(), strict=False))
    for name, value in change.items():
        if name.endswith("_feats") and len(value) == 0:
            for kind in ("pids", "camids"):
                arguments[name.replace("feats", kind)] = np.zeros(0, int)
    with pytest.raises(error, match=says):
        rank(**arguments | change)


def test_a_single_camera_is_explained():
    q, g, q_pids, g_pids, q_cams, g_cams = people()
    with pytest.raises(UserError, match=r"do not appear in gallery \(40 of 40 .* own camera"):
        rank(q, g, q_pids, g_pids, 0 * q_cams, 0 * g_cams)


def test_rows_with_nan_are_named():
    q, g, *ids = people()
    g[[3, 7], 2] = np.nan, np.inf
    with pytest.raises(UserError, match=r"Gallery features .* in 2 of 300 rows \(3, 7\)"):
        rank(q, g, *ids)
    dist = np.zeros((40, 300))
    dist[5:, 9] = np.nan
    with pytest.raises(UserError, match=r"Distances .* in 35 of 40 rows \(5, 6, 7, 8, 9, …\)"):
        rank_distances(dist, *ids)


def test_autocast_changes_nothing() -> None:
    features = torch.nn.functional.normalize(torch.randn(9, 16, generator=torch.manual_seed(0)))
    ids = np.arange(9) % 3, np.arange(9) // 3
    arguments = features[:3], features, ids[0][:3], ids[0], ids[1][:3], ids[1]
    want = rank(*arguments)
    with torch.autocast("cpu", torch.bfloat16):
        got = rank(*arguments)
    assert got.row() == want.row()


@pytest.mark.parametrize("offset", [0.0, 30.0, 1000.0, -5000.0])
@pytest.mark.parametrize("chunk", [None, 7])
def test_a_large_common_offset_costs_no_digits(offset, chunk):
    """float32 as float64: |g|² − 2 q·g alone would round the differences away."""
    rng = np.random.default_rng(0)
    pids, g_pids = rng.integers(1, 20, 60), rng.integers(1, 20, 300)
    centre = rng.normal(size=(20, 32))
    q, g = (
        (centre[p] + rng.normal(size=(len(p), 32)) + offset).astype(np.float32)
        for p in (pids, g_pids)
    )
    ids = pids, g_pids, np.zeros(60, int), np.ones(300, int)
    want = rank(q.astype(np.float64), g.astype(np.float64), *ids, metric="euclidean")
    got = rank(q, g, *ids, metric="euclidean", chunk=chunk)
    np.testing.assert_allclose(got.ap, want.ap, rtol=0, atol=1e-9)
    assert want.mAP < 0.95
