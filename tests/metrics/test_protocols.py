"""What the protocols' names promise: pooled queries, ten halves, distractors; and the caveats."""

import re

import numpy as np
import pytest
import torch
from helpers.rankings import check, people
from hypothesis import given, settings
from hypothesis import strategies as st
from literal import ranking as literal

from lookalike.data.readers.common import half_split
from lookalike.errors import UserError
from lookalike.metrics import PROTOCOLS, bootstrap, caveat, rank, rank_distances
from lookalike.metrics.multi_query import pools_of
from lookalike.metrics.protocols import Protocol, effective

MULTI, SPLITS = "market1501-multi-query", "viper-10-splits"
SINGLE, TWENTY = "cuhk03-single-shot", "cuhk03-20-splits"


def pooled(q, q_pids, q_cams, metric):
    """The features of multi-query by definition: (means, pids, cameras, first rows)."""
    found = []
    for who in dict.fromkeys(zip(q_pids, q_cams, strict=True)):
        rows = [i for i, x in enumerate(zip(q_pids, q_cams, strict=True)) if x == who]
        feats = [q[i].astype(np.float64) for i in rows]
        if metric == "cosine":
            feats = [f / np.linalg.norm(f) for f in feats]
        found.append((sum(feats) / len(feats), *who, rows[0]))
    return [np.array(column) for column in zip(*found, strict=True)]


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("chunk", [None, 1, 5])
def test_multi_query_ranks_by_the_mean_feature(metric, chunk):
    q, g, q_pids, g_pids, q_cams, g_cams = people(queries=60, dtype=np.float64)
    mean, pids, cams, first = pooled(q, q_pids, q_cams, metric)
    assert len(first) < 40
    want = rank(mean, g, pids, g_pids, cams, g_cams, metric=metric)
    got = rank(q, g, q_pids, g_pids, q_cams, g_cams, protocol=MULTI, metric=metric, chunk=chunk)
    np.testing.assert_allclose(got.ap[first], want.ap, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(got.first_hit[first], want.first_hit)
    np.testing.assert_allclose(got.cmc, want.cmc, rtol=0, atol=1e-12)
    assert got.mAP == pytest.approx(want.mAP)
    assert got.num_valid == want.num_valid
    rest = np.setdiff1d(np.arange(len(q)), first)
    assert np.isnan(got.ap[rest]).all()
    assert np.isnan(got.inp[rest]).all()
    assert not got.first_hit[rest].any()


def test_multi_query_of_distances_is_that_of_features():
    q, g, *ids = people(queries=60, dtype=np.float64)
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (q, g)]
    cosine = 1 - unit[0] @ unit[1].T
    square = ((q[:, None] - g[None]) ** 2).sum(2)
    for metric, dist in (("cosine", cosine), ("euclidean", square)):
        want = rank(q, g, *ids, protocol=MULTI, metric=metric)
        got = rank_distances(dist, *ids, protocol=MULTI)
        np.testing.assert_array_equal(got.ap, want.ap)


def test_single_queries_make_multi_query_market1501_to_the_last_digit():
    q, g, *ids = people(queries=30)
    ids[0] = np.arange(1, 31)
    assert pools_of(ids[0], ids[2], multi_query=True) is None
    one, other = (rank(q, g, *ids, protocol=p) for p in (MULTI, "market1501"))
    assert one.row() == other.row()
    np.testing.assert_array_equal(one.ap, other.ap)


def test_large_and_small_features_have_means():
    """float32 sums of these would overflow, or come to nothing."""
    g = np.array([[1, 0], [0, 1]], np.float32)
    ids = np.array([1, 1]), np.array([1, 2]), np.array([0, 0]), np.array([1, 1])
    for scale in (3e38, 1e-45):
        q = np.array([[1, 0], [1, 0]], np.float32) * np.float32(scale)
        for metric in ("cosine", "euclidean"):
            assert rank(q, g * np.float32(scale), *ids, protocol=MULTI, metric=metric).mAP == 1
    far = np.array([[1, 3], [1, 3]], np.float32) * np.float32(1e38)
    assert rank_distances(far, *ids, protocol=MULTI).mAP == 1


def test_bad_queries_are_named_by_their_own_rows():
    q, g, *ids = people()
    q[[5, 17], 0] = np.nan, -np.inf
    with pytest.raises(UserError, match=r"Query features .* in 2 of 40 rows \(5, 17\)"):
        rank(q, g, *ids, protocol=MULTI)
    dist = np.zeros((40, 300))
    dist[31, 2] = np.nan
    with pytest.raises(UserError, match=r"Distances .* in 1 of 40 rows \(31\)"):
        rank_distances(dist, *ids, protocol=MULTI)


def test_a_group_larger_than_the_chunk():
    q, g, *_ = people(queries=40, gallery=50)
    ids = np.ones(40, int), np.arange(50) % 5, np.arange(40) % 2, np.full(50, 7)
    dist = ((q[:, None] - g[None]) ** 2).sum(2)
    for chunk in (1, 2, None):
        check(
            rank_distances(dist, *ids, protocol=MULTI, chunk=chunk), literal.rank(dist, *ids, MULTI)
        )


def test_ten_splits_are_the_ten_splits_of_the_reader():
    """One image of each of 21 persons in either camera: the mean of ten rankings of a half each."""
    rng = np.random.default_rng(0)
    pids = np.arange(1, 22)
    dist = rng.permutation(21 * 21).reshape(21, 21).astype(float)
    zeros, ones = np.zeros(21, int), np.ones(21, int)
    got = rank_distances(dist, pids, pids, zeros, ones, protocol=SPLITS)
    rows = []
    for split in range(10):
        _, test = half_split([f"{p:06d}" for p in pids], split)
        half = np.flatnonzero(np.isin(pids, [int(p) for p in test]))
        assert len(half) == 10
        ids = pids[half], pids[half], zeros[half], ones[half]
        rows.append(rank_distances(dist[np.ix_(half, half)], *ids).row())
    assert got.row() == pytest.approx({key: np.mean([row[key] for row in rows]) for key in rows[0]})
    assert (got.cmc_ranks > 0).sum() == 100


@pytest.mark.parametrize("chunk", [None, 3])
def test_the_splits_of_a_benchmark_are_ranked_each_on_its_own(chunk):
    """CUHK03's twenty: the result is the mean of theirs, though they have unequal queries."""
    q, g, *ids = people(queries=60, dtype=np.float64)
    dist = ((q[:, None] - g[None]) ** 2).sum(2)
    rng = np.random.default_rng(4)
    splits = [rng.permutation(np.arange(1, 12))[: rng.integers(2, 7)] for _ in range(20)]
    got = rank_distances(dist, *ids, protocol=TWENTY, chunk=chunk, splits=splits)
    rows = []
    for pids in splits:
        others = np.setdiff1d(np.unique(np.concatenate([*splits, ids[0]])), pids)
        queries, gallery = np.isin(ids[0], pids), ~np.isin(ids[1], others)
        some = ids[0][queries], ids[1][gallery], ids[2][queries], ids[3][gallery]
        rows.append(rank_distances(dist[np.ix_(queries, gallery)], *some, protocol=SINGLE).row())
    assert len({len(pids) for pids in splits}) > 2
    assert got.row() == pytest.approx({key: np.mean([row[key] for row in rows]) for key in rows[0]})
    check(got, literal.rank(dist, *ids, TWENTY, [{*pids.tolist()} for pids in splits]))
    features = rank(q, g, *ids, protocol=TWENTY, metric="euclidean", splits=splits)
    check(features, {name: vars(got)[name] for name in ("mAP", "ap", "cmc", "weights")})
    drawn = rank_distances(dist, *ids, protocol=TWENTY, splits=splits[1:])  # not those of twenty
    single = rank_distances(dist, *ids, protocol=SINGLE)
    assert drawn.row() == pytest.approx(single.row())  # all 12 are in each split
    intervals = bootstrap(got, ids[0], level=0.99)
    assert all(low <= got.row()[key] <= high for key, (low, high) in intervals.items())


def test_a_hundred_of_the_identities_are_in_a_drawn_split():
    pids, cams = np.arange(1, 104), np.zeros(103, int)
    dist = np.random.default_rng(0).random((103, 103))
    got = rank_distances(dist, pids, pids, cams, cams + 1, protocol=TWENTY)
    in_split = got.cmc_ranks.reshape(103, 20, 10)[:, :, 0] > 0
    assert (in_split.sum(0) == 100).all()
    assert len(np.unique(in_split, axis=1).T) > 10  # not always the same ones


def test_a_split_that_asks_nothing_is_named():
    ids = [np.array(x) for x in ([1, 2], [1, 2], [0, 0], [1, 0])]
    for pids, says in (([3], "Split 7 of .* has no query"), ([2], "Split 7 .* own camera")):
        splits = [np.array([1])] * 7 + [np.array(pids)] + [np.array([1])] * 12
        with pytest.raises(UserError, match=says):
            rank_distances(np.zeros((2, 2)), *ids, protocol=TWENTY, splits=splits)


def test_nobody_of_the_querys_own_camera_is_drawn():
    """open-reid's CUHK03: two nearer people whom only that camera saw count for the mAP alone."""
    ids = [np.array(x) for x in ([1], [2, 3, 1, 4], [0], [0, 0, 1, 1])]
    got, plain = (
        rank_distances(np.array([[1.0, 2.0, 3.0, 4.0]]), *ids, protocol=p)
        for p in ("cuhk03-open-reid", SINGLE)
    )
    assert (got.mAP, plain.mAP) == (pytest.approx(1 / 3), pytest.approx(1 / 3))
    assert (got.cmc.tolist(), plain.cmc.tolist()) == ([1, 1, 1, 1], [0, 0, 1, 1])
    assert set(got.cmc_ranks.ravel()) == {1}


def test_an_image_that_is_on_both_sides_finds_itself_in_no_part():
    q, g, *ids = people(queries=30)
    twins = np.full(len(g), -1)
    g[:30], ids[1][:30] = q, ids[0]  # as of other cameras
    ids[3][:30] = ids[2] + 1
    twins[:30] = np.arange(30)
    for protocol in (TWENTY, "cuhk03-open-reid"):
        got = rank(q, g, *ids, protocol=protocol, twins=twins)
        own = np.zeros((30, len(g)), bool)
        own[np.arange(30), np.arange(30)] = True
        dist = (
            -(q / np.linalg.norm(q, axis=1)[:, None]) @ (g / np.linalg.norm(g, axis=1)[:, None]).T
        )
        want = rank_distances(dist, *ids, protocol=protocol, left_out=own)
        assert got.mAP == pytest.approx(want.mAP)
        assert got.mAP < rank(q, g, *ids, protocol=protocol).mAP


def test_who_is_in_no_query_stays_in_every_split():
    """As in PRID 2011. Four persons are asked for; all others, and distractors, are nearer."""
    pids = np.arange(1, 5)
    g_pids = np.concatenate([pids, np.arange(101, 131), np.zeros(7, int)])
    dist = np.tile(np.concatenate([np.full(4, 9.0), np.ones(37)]), (4, 1))
    dist[np.arange(4), np.arange(4)] = 5
    ids = pids, g_pids, np.zeros(4, int), np.ones(41, int)
    got = rank_distances(dist, *ids, protocol=SPLITS)
    assert got.mAP == pytest.approx(1 / 38)
    assert set(got.cmc_ranks.ravel()) == {-1, 38}
    assert ((got.cmc_ranks > 0).sum(0) == 2).all()


def test_first_hits_of_splits_are_those_of_the_whole_gallery():
    q, g, *ids = people()
    got, whole = (rank(q, g, *ids, protocol=p) for p in (SPLITS, "market1501"))
    asked = (got.cmc_ranks > 0).any(1)
    np.testing.assert_array_equal(got.first_hit, np.where(asked, whole.first_hit, 0))
    assert (got.ap[asked] >= whole.ap[asked] - 1e-12).all()  # fewer wrong entries


@pytest.mark.parametrize("rules", [{"multi_query": True}, {"splits": 10}, {"draws": 3}, {}])
def test_counting_the_skipped_goes_with_every_other_rule(monkeypatch, rules):
    """Zeros for the queries asked without an answer, none for those that nobody asks."""
    monkeypatch.setitem(PROTOCOLS, "left-out", Protocol(**rules))
    monkeypatch.setitem(PROTOCOLS, "counted", Protocol(**rules, count_skipped=True))
    q, g, *ids = people(gallery=45)
    for who, where in ((ids[0], ids[2]), (ids[1], ids[3])):  # a person whom one camera saw
        who[:3], where[:3] = 50, 1
    without, counted = (rank(q, g, *ids, protocol=p) for p in ("left-out", "counted"))
    ranks = without.cmc_ranks
    answered, asked = (ranks > 0).sum(), (ranks >= 0).sum()
    assert 0 < answered < asked
    assert (asked < ranks.size) == bool(rules.get("multi_query") or rules.get("splits"))
    for key, value in without.row().items():
        assert counted.row()[key] == pytest.approx(value * answered / asked)
    one = bootstrap(counted, ids[0], level=0.9)
    assert all(low <= counted.row()[key] <= high for key, (low, high) in one.items())


def test_one_identity_is_a_split_of_its_own():
    one = rank_distances(np.zeros((1, 1)), *map(np.array, ([3], [3], [0], [1])), protocol=SPLITS)
    assert one.mAP == 1
    assert caveat(SPLITS, *map(np.array, ([3], [3], [0]))).startswith("1 identities, 1 a split")


def test_splits_without_a_match_say_so():
    """Of 21 persons only one was seen by another camera, and that one is in no split."""
    halves = [np.random.RandomState(i).permutation(21)[11:] for i in range(10)]
    (left,) = set(range(21)) - set(np.concatenate(halves))
    pids, cams = np.arange(1, 22), np.zeros(21, int)
    seen = np.where(np.arange(21) == left, 1, 0)
    with pytest.raises(UserError, match=r"None of the 10 splits .* too few identities"):
        rank_distances(np.zeros((21, 21)), pids, pids, cams, seen, protocol=SPLITS)


@pytest.mark.parametrize("protocol", sorted(PROTOCOLS))
def test_queries_of_pid_0_are_a_person_under_every_protocol(protocol):
    """Whose images the distractors are: another number would change nothing."""
    q, g, q_pids, g_pids, *cams = people(queries=60)
    q_pids[q_pids == 1] = 0
    g_pids[g_pids == 0] = 1  # nobody else's
    g_pids[g_pids == 1] = 0
    assert (q_pids == 0).any()
    want = rank(q, g, *(np.where(x == 0, 1, x) for x in (q_pids, g_pids)), *cams, protocol=protocol)
    numbers = {name: value for name, value in vars(want).items() if not isinstance(value, str)}
    check(rank(q, g, q_pids, g_pids, *cams, protocol=protocol), numbers)


@pytest.mark.parametrize("protocol", sorted(PROTOCOLS))
@pytest.mark.parametrize("single", [False, True])
def test_equal_effective_rules_are_equal_results(protocol, single):
    q, g, *ids = people(queries=60)
    if single:
        rows = np.unique(np.stack([ids[0], ids[2]]), axis=1, return_index=True)[1]
        q, ids[0], ids[2] = q[rows], ids[0][rows], ids[2][rows]
    got = rank(q, g, *ids, protocol=protocol)
    for name in PROTOCOLS:
        alike = effective(protocol, ids[0], ids[2]) == effective(name, ids[0], ids[2])
        other = rank(q, g, *ids, protocol=name)
        same = got.row() == other.row() and np.array_equal(got.cmc_ranks, other.cmc_ranks)
        assert alike == same
    plain = {"market1501", "distractors-500k", "open-reid", "clothes-changing", "same-clothes"}
    plain |= {MULTI} if single else set()
    plainly = effective(protocol, ids[0], ids[2]) == PROTOCOLS["market1501"]
    assert plainly == (protocol in plain)


@pytest.mark.parametrize(
    ("protocol", "q_pids", "g_pids", "q_cams", "says"),
    [
        ("market1501", [1], [2], [0], ""),
        ("market1501-trapezoid", [1], [2], [0], ""),
        ("distractors-500k", [1], [1, 0, 0, -1], [0], "the gallery has 2 distractors .pid 0., not"),
        ("distractors-500k", [1], [1, *[0] * 500_000], [0], ""),
        (MULTI, [1, 1, 2], [1], [0, 1, 0], "every identity and camera has one query: as market"),
        (MULTI, [1, 1, 2], [1], [0, 0, 0], ""),
        ("cuhk03-single-shot", [1], [1, 5, 5, 0, -1], [0], "has 2 identities; CUHK03's .* has 100"),
        ("cuhk03-single-shot", [1], range(1, 101), [0], ""),
        (SPLITS, range(1, 14), range(-1, 12), [0] * 13, "^11 identities, 5 a split; VIPeR has 632"),
        (
            SPLITS,
            range(13),
            range(-1, 12),
            [0] * 13,
            "^12 identities, 6 a split; .* 1 query has pi",
        ),
        (SPLITS, range(632), range(632), [0] * 632, "^1 query has pid 0, .* right for it.$"),
        ("cuhk03-single-shot", range(100), range(100), [0] * 100, "^1 query has pid 0"),
        (
            "market1501",
            [0, 2, 0],
            [2],
            [0, 0, 0],
            "^2 queries have pid 0, the number of distractor",
        ),
        (
            MULTI,
            [0, 2, 0],
            [2],
            [0, 0, 1],
            "as market1501. 2 queries have pid 0, .* right for them.$",
        ),
        ("distractors-500k", [0], [1, 0], [0], "has 1 distractors .* but name. 1 query has pid 0"),
        (SPLITS, range(1, 633), range(1, 633), [0] * 632, ""),
        ("multi-query-trapezoid", [1, 2], [1], [0, 1], "one query: as market1501-trapezoid.$"),
        ("sysu-mm01", [1, 2], [1, 2], [3, 6], ""),
        ("sysu-mm01", [1, 2], [1, 2], [2, 5], "^cameras should have SYSU-MM01's own numbers"),
        ("clothes-changing", [1], [1], [0], "^nobody's clothes are known"),
        ("open-reid", [1, 2], [1, 1, 2, 0, -1], [0, 0], "^2 queries, but the gallery has 3 images"),
        ("open-reid", [1, 1, 2, -1], [1, 1, 2, 0, -1, 3], [0, 0, 1, 1], ""),
        ("cuhk03-open-reid", [1], [1, 5], [0], "has 2 identities; CUHK03's .* has 100"),
        (
            TWENTY,
            range(1, 131),
            range(1, 131),
            [0] * 130,
            "^who is in which split isn't known: 100 "
            "of 130 identities are drawn for each of the 20.$",
        ),
        ("open-reid", [1, 2], [3], [0, 0], "^2 queries, but the gallery has 0 images of their ide"),
    ],
)
def test_caveats(protocol, q_pids, g_pids, q_cams, says):
    found = caveat(protocol, *(np.array(x) for x in (q_pids, g_pids, q_cams)))
    assert (found == "") == (says == "")
    assert re.search(says, found)
    assert found.count("\n") == 0


def test_no_caveat_where_the_splits_are_known():
    pids = np.arange(1, 8)
    assert caveat(TWENTY, pids, pids, pids, splits=20) == ""
    assert caveat(TWENTY, pids, pids, pids, splits=10).startswith("who is in which split")


def test_a_caveat_of_an_unknown_protocol():
    with pytest.raises(UserError, match="did you mean 'viper-10-splits'"):
        caveat("viper-10", *[np.array([1])] * 3)


EXACT = np.array([[1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 1, 0], [1, 1, 1, 1], [1, -1, 1, -1],
                  [-1, -1, 1, 1], [-1, 0, 0, 0], [-1, -1, -1, -1]], np.float32)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(sorted(PROTOCOLS)),
    st.sampled_from([None, 1, 2]),
    st.booleans(),
)
def test_cosine_of_any_float32_magnitude(seed, protocol, chunk, duplicates):
    """Rows of lengths from denormal to 2^127 whose cosines are exact multiples of a quarter."""
    rng = np.random.default_rng(seed)
    queries, gallery = rng.integers(1, 7), rng.integers(1, 25)
    which = rng.integers(0, len(EXACT), queries), rng.integers(0, 3 if duplicates else 8, gallery)
    cosines = EXACT @ EXACT.T
    lengths = np.linalg.norm(EXACT, axis=1)
    cosines /= lengths[:, None] * lengths
    q_pids, q_cams = rng.integers(-1, 5, queries), rng.integers(0, 2, queries)
    if PROTOCOLS[protocol].multi_query:  # pairs of one direction, so that no mean is rounded
        q_cams = np.arange(queries) // 2
        q_pids = np.repeat(q_pids, 2)[:queries]
        which[0][:] = np.repeat(which[0], 2)[:queries]
    ids = q_pids, rng.integers(-1, 5, gallery), q_cams, rng.integers(0, 2, gallery)
    sides = [np.ldexp(EXACT[rows], rng.integers(-149, 128, len(rows))[:, None]) for rows in which]
    sides = [side.astype(np.float32) for side in sides]
    compare(-cosines[np.ix_(*which)], sides, ids, protocol, "cosine", chunk)


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(sorted(PROTOCOLS)),
    st.sampled_from([None, 1, 2]),
    st.sampled_from([-149, -148, -130, -126, -75, -41, 0, 40, 63, 64, 100, 126]),
)
def test_euclidean_of_any_float32_magnitude(seed, protocol, chunk, exponent):
    """Small integers times a power of two, from the smallest denormal to 2.6e38."""
    rng = np.random.default_rng(seed)
    queries, gallery = rng.integers(1, 7), rng.integers(1, 25)
    q, g = (rng.integers(-3, 4, (rows, 3)).astype(float) for rows in (queries, gallery))
    q_pids, q_cams = rng.integers(-1, 5, queries), rng.integers(0, 2, queries)
    if PROTOCOLS[
        protocol
    ].multi_query:  # a mean of two may be half an integer, which the denormals haven't got
        q, g = 2 * np.sign(q), np.sign(g)
        q_cams, q_pids = np.arange(queries) // 2, np.repeat(q_pids, 2)[:queries]
    ids = q_pids, rng.integers(-1, 5, gallery), q_cams, rng.integers(0, 2, gallery)
    dist = ((q[:, None] - g[None]) ** 2).sum(2)
    sides = [np.ldexp(x, exponent).astype(np.float32) for x in (q, g)]
    compare(dist, sides, ids, protocol, "euclidean", chunk)


def compare(dist, sides, ids, protocol, metric, chunk):
    want = literal.rank(dist, *ids, protocol)
    if want is None:
        with pytest.raises(UserError):
            rank(*sides, *ids, protocol=protocol, metric=metric, chunk=chunk)
    else:
        check(rank(*sides, *ids, protocol=protocol, metric=metric, chunk=chunk), want)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(sorted(PROTOCOLS)))
def test_the_order_of_queries_and_of_the_gallery_is_no_matter(seed, protocol):
    """Without ties, also of the means of several rows, which whole numbers would have; of the
    single-shot protocol only what isn't drawn."""
    rng = np.random.default_rng(seed)
    q, g = rng.integers(1, 9), rng.integers(1, 40)
    dist = rng.random((q, g))
    q_pids, g_pids = rng.integers(-1, 5, q), rng.integers(-1, 5, g)
    q_cams, g_cams = rng.integers(0, 3, q), rng.integers(0, 3, g)
    if literal.rank(dist, q_pids, g_pids, q_cams, g_cams, protocol) is None:
        return
    want = rank_distances(dist, q_pids, g_pids, q_cams, g_cams, protocol=protocol)
    a, b = rng.permutation(q), rng.permutation(g)
    got = rank_distances(dist[np.ix_(a, b)], q_pids[a], g_pids[b], q_cams[a], g_cams[b], protocol)
    drawn = PROTOCOLS[protocol].draws
    for key, value in want.row().items():
        if not (drawn and key.startswith("rank")):
            assert got.row()[key] == pytest.approx(value, abs=1e-12)
    if not PROTOCOLS[protocol].multi_query:  # there the first of a group may be another
        np.testing.assert_allclose(got.ap, want.ap[a], rtol=0, atol=1e-12)
        np.testing.assert_array_equal(got.first_hit, want.first_hit[a])


@pytest.mark.parametrize("protocol", sorted(PROTOCOLS))
def test_edges_of_every_protocol(protocol):
    none = np.zeros(0, int)
    some, cams = np.array([1, 1, 2]), np.array([0, 1, 2])
    for q, g in ((np.zeros((0, 4)), np.ones((3, 4))), (np.ones((3, 4)), np.zeros((0, 4)))):
        ids = [none if not len(x) else some for x in (q, g)]
        where = [none if not len(x) else cams for x in (q, g)]
        with pytest.raises(UserError, match=r"features of shape .* nothing to rank"):
            rank(q, g, *ids, *where, protocol=protocol)
        with pytest.raises(UserError, match=r"Distances of shape .* nothing to rank"):
            rank_distances(np.zeros((len(q), len(g))), *ids, *where, protocol=protocol)
    for bad, side in ((0, "Query"), (1, "Gallery")):
        feats = [np.ones((3, 4), np.float32) for _ in range(2)]
        feats[bad][1, 2] = np.nan
        with pytest.raises(UserError, match=rf"{side} features hold NaN .* 1 of 3 rows \(1\)"):
            rank(*feats, some, some, cams, cams + 1, protocol=protocol)
    # all junk: every right entry is from the query's own camera
    with pytest.raises(UserError, match="only from their own camera"):
        rank_distances(np.zeros((3, 3)), some, some, 0 * cams, 0 * cams, protocol=protocol)
    with pytest.raises(UserError, match="no identity number occurs on both sides"):
        rank_distances(np.zeros((3, 3)), some, some + 5, cams, cams, protocol=protocol)
    # a single right entry for a single query
    one = rank(np.eye(2)[:1], np.eye(2), *map(np.array, ([1], [1, 2], [0], [1, 1])), protocol)
    assert set(one.row().values()) == {1.0}
    assert one.num_valid == 1


@pytest.mark.parametrize("protocol", sorted(PROTOCOLS))
def test_tensors_lists_and_arrays_are_the_same(protocol):
    q, g, *ids = people()
    want = rank(q, g, *ids, protocol=protocol).row()
    tensors = [torch.tensor(x) for x in (q, g, *ids)]
    assert rank(*tensors, protocol=protocol).row() == want
    assert rank(q, g, *(x.tolist() for x in ids), protocol=protocol).row() == want
