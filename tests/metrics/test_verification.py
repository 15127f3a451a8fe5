"""`verify` and `verify_cameras` against literal versions that look at every pair."""

import inspect
import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.errors import UserError
from lookalike.metrics import verify, verify_cameras
from lookalike.metrics.pair_counts import count_pairs
from lookalike.metrics.verification import between, equal_error


def people(seed=0, queries=30, gallery=60, dims=2, ids=5, cameras=3, low=-1, spread=3):
    """Small integer features: Euclidean distances are exact in any order of adding; many tie."""
    rng = np.random.default_rng(seed)
    q = rng.integers(-spread, spread + 1, (queries, dims)).astype(np.float32)
    g = rng.integers(-spread, spread + 1, (gallery, dims)).astype(np.float32)
    q_pids, g_pids = rng.integers(1, ids + 1, queries), rng.integers(low, ids + 1, gallery)
    return (
        q,
        g,
        q_pids,
        g_pids,
        rng.integers(0, cameras, queries),
        rng.integers(0, cameras, gallery),
    )


def distances(q, g, metric):
    q, g = q.astype(float), g.astype(float)
    if metric == "euclidean":
        square = ((q[:, None] - g) ** 2).sum(2)
        # torch's root: in float32 it is not always numpy's to the last digit.
        return torch.tensor(square, dtype=torch.float32).sqrt().numpy()
    return np.array([[1 - a @ b / (np.linalg.norm(a) * np.linalg.norm(b)) for b in g] for a in q])


def pairs(q, g, q_pids, g_pids, q_cams, g_cams, metric="euclidean"):
    """The distances of the positive and of the negative pairs."""
    dist, positives, negatives = distances(q, g, metric).tolist(), [], []
    for i in range(len(q)):
        for j in range(len(g)):
            if g_pids[j] == -1 or q_pids[i] == -1:
                continue
            if g_pids[j] != q_pids[i]:
                negatives.append(dist[i][j])
            elif g_cams[j] != q_cams[i]:
                positives.append(dist[i][j])
    return positives, negatives


def share(values, threshold):
    return sum(v < threshold for v in values) / len(values)


def literal_eer(positives, negatives):
    """Walks along the ROC through every distance there is, until FPR reaches FNR."""
    before = (0.0, 1.0)
    for t in [*sorted({*positives, *negatives}), math.inf]:
        here = (share(negatives, t), 1 - share(positives, t))
        if here[0] >= here[1]:
            (x0, y0), (x1, y1) = before, here
            if (x1, y1) == (x0, y0):
                return x1
            part = (y0 - x0) / ((x1 - x0) + (y0 - y1))
            return x0 + part * (x1 - x0)
        before = here
    raise AssertionError


RATES = (0.5, 0.29, 0.1, 0.01, 0.0)


@settings(max_examples=300, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 12),
    st.integers(1, 25),
    st.sampled_from([1, 2, 6]),
    st.sampled_from([-1, 0, 1]),
    st.sampled_from([None, 1, 2, 5]),
)
def test_equals_the_literal_version(seed, queries, gallery, ids, low, chunk):
    case = people(seed, queries, gallery, ids=ids, low=low)
    if low == -1:
        case[2][::3] = -1
    positives, negatives = pairs(*case)
    if not positives or not negatives:
        with pytest.raises(UserError):
            verify(*case, metric="euclidean", chunk=chunk)
        return
    found = verify(*case, fpr=RATES, metric="euclidean", chunk=chunk)
    assert (found.positives, found.negatives) == (len(positives), len(negatives))
    for rate, point in zip(RATES, found.points, strict=True):
        place = math.floor(Fraction(str(rate)) * len(negatives))
        assert point.threshold == sorted(negatives)[place]
        assert point.target_fpr == rate
        assert point.fpr == share(negatives, point.threshold) <= rate
        assert point.tpr == share(positives, point.threshold)
        assert point.measurable == (rate * len(negatives) >= 1)
    assert len(found.fpr) == len(found.tpr) == len(found.thresholds) == 2 * len({*positives}) + 2
    for x, y, t in zip(found.fpr, found.tpr, found.thresholds, strict=True):
        assert (x, y) == (share(negatives, t), share(positives, t))
    assert found.eer == pytest.approx(literal_eer(positives, negatives), abs=1e-12)
    for values, density in (
        (positives, found.positive_density),
        (negatives, found.negative_density),
    ):
        want, _ = np.histogram(values, found.edges, density=True)
        np.testing.assert_allclose(density, want, rtol=1e-12)
        assert (density * np.diff(found.edges)).sum() == pytest.approx(1)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 25), st.sampled_from([-1, 1]))
def test_every_camera_pair_equals_its_literal_version(seed, queries, gallery, low):
    case = people(seed, queries, gallery, ids=3, low=low)
    if (case[3] == -1).all():
        assert verify_cameras(*case, 3.0, metric="euclidean") == []
        return
    found = {
        (c.query_camera, c.gallery_camera): c
        for c in verify_cameras(*case, 3.0, fpr=0.2, metric="euclidean")
    }
    q, g, q_pids, g_pids, q_cams, g_cams = case
    for a in range(3):
        for b in range(3):
            i, j = q_cams == a, g_cams == b
            positives, negatives = pairs(q[i], g[j], q_pids[i], g_pids[j], q_cams[i], g_cams[j])
            assert ((a, b) in found) == bool(positives or negatives)
            if (a, b) not in found:
                continue
            c = found[a, b]
            assert (c.positives, c.negatives) == (len(positives), len(negatives))
            assert c.tpr == (share(positives, 3.0) if positives else None)
            assert c.fpr == (share(negatives, 3.0) if negatives else None)
            own = sorted(negatives)[len(negatives) // 5] if negatives else None
            assert c.own_threshold == own
            assert c.measurable == (len(negatives) >= 5)
            both = positives and negatives
            assert c.own_tpr == (share(positives, own) if both else None)
            want = literal_eer(positives, negatives) if both else None
            assert c.eer == (pytest.approx(want, abs=1e-12) if both else None)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_agrees_with_scikit_learn(metric, dtype):
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(1)
    _, _, *ids = people(dims=4, low=0)
    centres = rng.standard_normal((6, 4))
    q, g = (
        (centres[pids] + 0.5 * rng.standard_normal((len(pids), 4))).astype(dtype)
        for pids in ids[:2]
    )
    positives, negatives = pairs(q, g, *ids, metric=metric)
    found = verify(q, g, *ids, metric=metric)
    right = [1] * len(positives) + [0] * len(negatives)
    fpr, tpr, _ = metrics.roc_curve(right, [-d for d in positives + negatives])
    ours = np.unique(np.stack([found.fpr, found.tpr], 1), axis=0)
    for x, y in zip(fpr, tpr, strict=True):  # its vertices are the corners: ours has them all
        assert np.abs(ours - (x, y)).sum(1).min() < 1e-12
    area = np.trapezoid(found.tpr, found.fpr)
    assert area == pytest.approx(metrics.auc(fpr, tpr), abs=1e-12)
    assert 0.7 < area < 1
    assert found.points[0].threshold == pytest.approx(
        sorted(negatives)[len(negatives) // 100], abs=1e-6
    )
    assert found.edges[0] == 0
    assert found.edges[-1] >= max(positives + negatives)
    assert found.metric == metric


@pytest.mark.parametrize("chunk", [1, 2, 7, 29, 30, 1000])
@pytest.mark.parametrize("threads", [1, 3])
def test_chunks_and_threads_change_nothing(chunk, threads):
    case = people(dims=4)
    want = verify(*case, metric="euclidean")
    cameras = verify_cameras(*case, 2.5, metric="euclidean")
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        same(verify(*case, metric="euclidean", chunk=chunk), want)
        assert verify_cameras(*case, 2.5, metric="euclidean", chunk=chunk) == cameras
    finally:
        torch.set_num_threads(before)


def same(got, want):
    for name, value in vars(want).items():
        np.testing.assert_array_equal(getattr(got, name), value, err_msg=name)


def test_the_order_of_the_images_is_no_matter():
    q, g, q_pids, g_pids, q_cams, g_cams = case = people(dims=4)
    rng = np.random.default_rng(0)
    i, j = rng.permutation(len(q)), rng.permutation(len(g))
    got = verify(q[i], g[j], q_pids[i], g_pids[j], q_cams[i], g_cams[j], metric="euclidean")
    same(got, verify(*case, metric="euclidean"))


def test_many_negatives_are_kept_no_longer_than_they_may_be_needed():
    """Enough chunks for the buffer of the nearest negatives to be pruned many times over."""
    case = people(3, queries=200, gallery=500, dims=3, ids=50, spread=20)
    _, negatives = pairs(*case)
    for rate in (0.0, 1e-4, 1e-2, 0.3, 0.999):
        found = verify(*case, fpr=[rate], metric="euclidean", chunk=1)
        want = sorted(negatives)[math.floor(Fraction(str(rate)) * len(negatives))]
        assert found.points[0].threshold == want


def test_a_camera_pair_s_counts_add_up_to_the_whole():
    case = people(5, queries=60, gallery=100, dims=4)
    whole = verify(*case, fpr=[0.1], metric="euclidean")
    cameras = verify_cameras(*case, whole.points[0].threshold, metric="euclidean")
    assert sum(c.positives for c in cameras) == whole.positives
    assert sum(c.negatives for c in cameras) == whole.negatives
    assert sum(round(c.negatives * c.fpr) for c in cameras) == round(
        whole.negatives * whole.points[0].fpr
    )
    within = [c for c in cameras if c.query_camera == c.gallery_camera]
    assert len(within) == 3
    assert all(c.positives == 0 and c.tpr is c.own_tpr is c.eer is None for c in within)
    assert all(c.own_threshold is not None for c in within)


def by_hand():
    """One query at 0, positives at 1 and 3, negatives at 2, 3, 4 and 5; two junk images at 0."""
    gallery = np.array([[1], [3], [2], [3], [4], [5], [0], [0]])
    return (
        np.zeros((1, 1)),
        gallery,
        np.array([7]),
        np.array([7, 7, 1, 2, 0, 0, -1, 7]),
        np.array([0]),
        np.array([1, 2, 0, 1, 2, 0, 1, 0]),
    )


def test_by_hand():
    found = verify(*by_hand(), fpr=(0.5, 0.25, 0.1), metric="euclidean")
    assert (found.positives, found.negatives) == (2, 4)
    assert [p.threshold for p in found.points] == [4, 3, 2]
    assert [p.fpr for p in found.points] == [0.5, 0.25, 0]
    assert [p.tpr for p in found.points] == [1, 0.5, 0.5]
    assert [p.measurable for p in found.points] == [True, True, False]
    assert found.fpr.tolist() == [0, 0, 0, 0.25, 0.5, 1]
    assert found.tpr.tolist() == [0, 0, 0.5, 0.5, 1, 1]
    # From (0.25, 0.5) to (0.5, 0): FPR = FNR a third of the way, just above the distance 3.
    assert found.eer == pytest.approx(1 / 3)
    assert found.eer_threshold == pytest.approx(3)
    assert found.row() == {"TPR@5e-1": 1, "TPR@2.5e-1": 0.5, "TPR@1e-1": 0.5, "EER": found.eer}


def test_the_threshold_of_the_equal_error_lies_on_the_line_between_two_vertices():
    fpr, tpr = np.array([0, 0.1, 0.5, 1]), np.array([0, 0.6, 0.8, 1])
    eer, threshold = equal_error(fpr, tpr, np.array([0, 1.0, 2.0, np.inf]))
    assert eer == pytest.approx(0.1 + 0.4 / 2)
    assert threshold == pytest.approx(1.5)


@pytest.mark.parametrize("worse", [False, True])
def test_perfectly_right_and_perfectly_wrong(worse):
    q, _, *ids = by_hand()
    apart = np.where(ids[1] == 7, 1, 9)[:, None]
    found = verify(q, 10 - apart if worse else apart, *ids, fpr=[0], metric="euclidean")
    assert found.eer == float(worse)
    assert found.points[0].tpr == float(not worse)


def test_the_rate_is_the_number_its_decimals_say():
    rng = np.random.default_rng(0)
    g = np.concatenate([[[0.5]], rng.permutation(100)[:, None] + 1])
    ids = [1], [1] + [2] * 100, [0], [1] * 101
    # 0.29 · 100 is 28.999… in binary: the 29th of the sorted negatives would be one too few.
    found = verify(np.zeros((1, 1)), g, *map(np.array, ids), fpr=[0.29], metric="euclidean")
    assert found.points[0].fpr == 0.29


def test_tensors_of_any_precision_and_inputs_left_alone():
    case = people(dims=4)
    before = [x.copy() for x in case]
    want = verify(*case, metric="euclidean")
    tensors = [torch.tensor(x) for x in case]
    tensors[0].requires_grad_()
    same(verify(*tensors, metric="euclidean", device="cpu"), want)
    half = verify(tensors[0].half(), tensors[1].half(), *tensors[2:], metric="euclidean")
    same(half, want)
    double = verify(*(x.astype(float) for x in case[:2]), *case[2:], metric="euclidean")
    assert double.eer == want.eer
    for x, y in zip(case, before, strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("scale", [1e-30, 1e-18, 1e18, 1e37])
def test_very_small_and_large_features(metric, scale):
    q, g, *ids = people(dims=4)
    want = verify(q, g, *ids, metric=metric)
    got = verify(q * np.float32(scale), g * np.float32(scale), *ids, metric=metric)
    factor = scale if metric == "euclidean" else 1
    assert got.eer == pytest.approx(want.eer, abs=0.02)
    assert got.eer_threshold == pytest.approx(want.eer_threshold * factor, rel=1e-2)
    # float32's own rounding moves distances across a bin's edge, but none away.
    assert (got.negative_density * np.diff(got.edges)).sum() == pytest.approx(1)


def test_the_bins_reach_from_no_distance_to_the_largest_there_can_be():
    case = people(dims=2)
    longest = sum(np.linalg.norm(x.astype(float), axis=1).max() for x in case[:2])
    edges = verify(*case, metric="euclidean").edges
    np.testing.assert_allclose(edges, np.linspace(0, longest, 201), rtol=1e-6)
    np.testing.assert_allclose(verify(*case).edges, np.linspace(0, 2, 201), rtol=1e-15)


def test_the_nearest_negatives_are_all_there():
    """Each chunk's negatives are a little nearer than those before, at the edge of what is kept."""
    steps = np.arange(400, 0, -1)
    q, pids = (steps + 1000.0)[:, None], np.ones(400, int)
    found = count_pairs(
        q,
        np.zeros((3, 1)),
        pids,
        np.array([1, 2, 3]),
        0 * pids,
        np.array([1, 1, 1]),
        0.05,
        metric="euclidean",
        chunk=1,
    )
    assert found.nearest.tolist() == np.repeat(np.arange(1001.0, 1400), 2)[:41].tolist()


@pytest.mark.parametrize("threshold", [2.0, 0.1, np.float64(np.float32(0.7)) + 1e-12])
def test_a_threshold_between_two_numbers_of_float32(threshold):
    """0.1 and 0.7 aren't float32 numbers; what is below the threshold is below it exactly."""
    near = np.float32([0.1, 0.7, 2.0])
    values = np.sort(
        np.concatenate([near, np.nextafter(near, 9), np.nextafter(near, np.float32(0))])
    )
    g = np.concatenate([values[:, None], values[:, None]])
    pids, cams = np.repeat([1, 2], 9), np.ones(18, int)
    q = np.zeros((2, 1), np.float32)
    found = count_pairs(
        q,
        g,
        np.array([1, 1]),
        pids,
        np.array([0, 0]),
        cams,
        0.0,
        float(threshold),
        metric="euclidean",
    )
    assert found.positives[::2].tolist() == values.tolist()  # so 1-D distances are exact
    assert found.under == 2 * sum(float(v) < threshold for v in values)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("chunk", [None, 1, 2, 7])
@pytest.mark.parametrize("dims", [3, 100, 512])
def test_pairs_of_equal_features_tie(metric, chunk, dims):
    """Every image is there twice, as two people: each positive has a negative just as far."""
    rng = np.random.default_rng(0)
    q, g = (rng.standard_normal((n, dims)).astype(np.float32) for n in (9, 15))
    mine, theirs = np.repeat([1, 2, 3], 3), np.repeat([1, 2, 3], 5)
    pids = np.concatenate([theirs, np.array([0, 2, 3, 1])[theirs]])
    sides = q, np.concatenate([g, g]), mine, pids, np.zeros(9, int), np.ones(30, int)
    found, whole = (count_pairs(*sides, 0.5, metric=metric, chunk=c) for c in (chunk, None))
    assert len(found.positives) == 9 * 5 * 2
    assert (found.upto > found.below).all()
    for name in ("positives", "nearest", "below", "upto"):
        assert torch.equal(getattr(found, name), getattr(whole, name))


def test_the_pairs_of_one_gallery_image_tie_with_those_of_its_copy():
    rng = np.random.default_rng(0)
    q, g = (rng.standard_normal((n, 100)).astype(np.float32) for n in (9, 1))
    ids = np.ones(9, int), np.array([1, 2]), np.zeros(9, int), np.ones(2, int)
    found = count_pairs(q, np.concatenate([g, g]), *ids, 0.999)
    assert torch.equal(found.positives, found.nearest)


@pytest.mark.parametrize("scale", [1e-36, 1e37])
@pytest.mark.parametrize("dims", [4, 512])
def test_distances_beyond_float32_are_neither_lost_nor_infinite(dims, scale):
    rng = np.random.default_rng(0)
    _, _, *ids = people()
    q, g = (rng.integers(-9, 10, (n, dims)).astype(np.float32) for n in (30, 60))
    want = verify(q, g, *ids, metric="euclidean")
    unit = float(np.float32(2.0 ** round(np.log2(scale))))
    got = verify(q * np.float32(unit), g * np.float32(unit), *ids, metric="euclidean")
    assert np.isfinite(got.thresholds[:-1]).all()
    np.testing.assert_array_equal(got.thresholds, want.thresholds * unit)
    np.testing.assert_array_equal(got.edges, want.edges * unit)
    np.testing.assert_allclose(got.negative_density, want.negative_density / unit, rtol=1e-12)
    assert (got.negatives, got.eer, got.eer_threshold) == (
        want.negatives,
        want.eer,
        pytest.approx(want.eer_threshold * unit),
    )
    cameras = verify_cameras(
        q * np.float32(unit),
        g * np.float32(unit),
        *ids,
        got.points[0].threshold,
        metric="euclidean",
    )
    assert sum(round(c.negatives * c.fpr) for c in cameras) == round(
        want.negatives * want.points[0].fpr
    )


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("power", [-660, 660])
def test_very_small_and_large_float64(metric, power):
    """Without ties: a gallery of such magnitudes is brought to length 1 before its cosines are
    taken and others after, so that cosines that are equal may differ in their last digits."""
    _, _, *ids = people(dims=8)
    rng = np.random.default_rng(0)
    q, g = (rng.standard_normal((len(pids), 8)) for pids in ids[:2])
    unit = 2.0**power
    want = verify(q, g, *ids, metric=metric)
    assert len(want.thresholds) == 2 * want.positives + 2
    got = verify(q * unit, g * unit, *ids, metric=metric)
    np.testing.assert_array_equal(got.fpr, want.fpr)
    np.testing.assert_array_equal(got.tpr, want.tpr)
    assert got.eer == want.eer
    unit = unit if metric == "euclidean" else 1
    np.testing.assert_allclose(got.thresholds, want.thresholds * unit, rtol=1e-9)


@pytest.mark.parametrize("scale", [1e307, 1e-312])
def test_distances_beyond_float64_are_refused(scale):
    q, g, *ids = people(dims=300)
    q, g = q.astype(float), g.astype(float)
    with pytest.raises(UserError, match="float64 can't hold their Euclidean distances"):
        verify(q * scale, g * scale, *ids, metric="euclidean")
    verify(q * scale, g * scale, *ids)


def test_the_threshold_of_no_error_lies_midway():
    q, _, *ids = by_hand()
    found = verify(q, np.where(ids[1] == 7, 1.0, 9.0)[:, None], *ids, metric="euclidean")
    assert (found.eer, found.eer_threshold) == (0, 5)
    assert [between(1.0, np.nextafter(1.0, 2)), between(0.0, 1.0)] == [np.nextafter(1.0, 2), 0.5]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_the_gpu_agrees():
    case = people(queries=200, gallery=3000, ids=40)
    same(verify(*case, metric="euclidean", device="cuda"), verify(*case, metric="euclidean"))


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"metric": "cos"}, UserError, "Unknown metric 'cos'"),
        ({"fpr": [1e-3, 1.0]}, ValueError, r"rates in \[0, 1\), got \[0.001, 1.0\]"),
        ({"fpr": [-0.1]}, ValueError, "rates in"),
        ({"chunk": 0}, ValueError, "chunk must be at least 1"),
        ({"query_feats": np.zeros((30, 9))}, ValueError, "same length, got 9 and 2"),
        ({"query_feats": np.full((30, 2), np.nan)}, UserError, "Query features hold NaN"),
        ({"gallery_pids": np.full(60, -1)}, UserError, "Every gallery image is junk"),
        ({"gallery_pids": np.full(60, 99)}, UserError, "no identity number occurs on both sides"),
        (
            {"gallery_camids": np.zeros(60, int), "query_camids": np.zeros(30, int)},
            UserError,
            "only from their own camera",
        ),
        (
            {"gallery_pids": np.ones(60, int), "query_pids": np.ones(30, int)},
            UserError,
            "one and the same identity",
        ),
    ],
)
def test_bad_input_is_named(change, error, says):
    arguments = dict(zip(inspect.signature(verify).parameters, people(), strict=False))
    with pytest.raises(error, match=says):
        verify(**arguments | change)


def test_camera_pairs_name_rows_as_the_user_numbers_them():
    case = people()
    case[1][[3, 7]] = np.nan
    with pytest.raises(UserError, match=r"Gallery features .* in 2 of 60 rows \(3, 7\)"):
        verify_cameras(*case, 1.0)
    with pytest.raises(ValueError, match=r"fpr must be a rate in \[0, 1\)"):
        verify_cameras(*people(), 1.0, fpr=1.0)
