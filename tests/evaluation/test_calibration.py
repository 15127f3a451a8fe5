"""`calibrate`: the numbers of the metrics in a record and a table, without a date."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from lookalike.data import Benchmark, load
from lookalike.errors import UserError
from lookalike.evaluation.calibration import calibrate, calibrate_features, calibration_table
from lookalike.evaluation.features import Features, extract
from lookalike.methods.dgnet import DGNet
from lookalike.methods.model_file import fingerprint
from lookalike.metrics import verify, verify_cameras
from lookalike.rates import short_rate

ABOUT = {"method": "ide", "features": "ide", "data": "market1501:/data"}


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return DGNet(
        backbone="resnet10",
        weights="none",
        stride_on="3x3",
        height=64,
        width=48,
        structure_dim=2,
        mlp_dim=8,
    ).model(5)


def features(queries=60, cameras=3, noise=0.5, ids=20):
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((ids + 1, 8))
    pids = rng.integers(1, ids + 1, queries), rng.integers(-1, ids + 1, 4 * queries)
    feats = [centres[p] + noise * rng.standard_normal((len(p), 8)) for p in pids]
    return (*feats, *pids, *(rng.integers(0, cameras, len(p)) for p in pids))


def test_the_pairs_of_ones_own_cameras_are_as_many_as_the_docs_say(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "thresholds.md").read_text()
    claim = (
        r"`--data '(folder):/data/mine\?(.+?)'`.*?(\d+) people seen by two cameras\s+make (\d+) neg"
    )
    reader, options, people, pairs = re.search(claim, page, re.DOTALL).groups()
    for person in range(int(people)):
        (tmp_path / f"p{person}").mkdir()
        for camera in (1, 2):
            (tmp_path / f"p{person}" / f"c{camera}.jpg").touch()
    bench = load(f"{reader}:{tmp_path}?{options}")
    q, g = bench.query, bench.gallery
    feats = [np.random.default_rng(0).standard_normal((len(p), 4)) for p in (q, g)]
    counted = verify(*feats, q.pids, g.pids, q.camids, g.camids)
    assert (counted.negatives, counted.positives) == (int(pairs), int(people))
    assert 8 < 1e-2 * counted.negatives < 9  # "nearly nine of them at a rate of 1e-2"
    assert 1e-3 * counted.negatives < 1  # "and not one at 1e-3"


def test_the_record_holds_what_the_metrics_say():
    sides = features()
    found = calibrate_features(Features(*sides), ABOUT, fpr=0.02, metric="euclidean")
    record = json.loads(json.dumps(found.record(), allow_nan=False))
    v = verify(*sides, fpr=(0.02, 1e-2, 1e-3, 1e-4), metric="euclidean")
    chosen = v.points[0]
    assert [record[key] for key in ("method", "features", "data", "metric")] == [
        "ide",
        "ide",
        "market1501:/data",
        "euclidean",
    ]
    assert (record["target_fpr"], record["threshold"]) == (0.02, chosen.threshold)
    assert (record["fpr"], record["tpr"]) == (chosen.fpr, chosen.tpr)
    assert record["fnr"] == 1 - chosen.tpr
    assert (record["eer"], record["eer_threshold"]) == (v.eer, v.eer_threshold)
    assert (record["positives"], record["negatives"]) == (v.positives, v.negatives)
    assert [p["target_fpr"] for p in record["points"]] == [0.02, 1e-2, 1e-3, 1e-4]
    assert [p["measurable"] for p in record["points"]] == [True, True, True, True]
    assert len(record["histogram"]["edges"]) == 201
    np.testing.assert_array_equal(record["histogram"]["negative_density"], v.negative_density)
    want = verify_cameras(*sides, chosen.threshold, 0.02, metric="euclidean")
    assert record["cameras"] == [vars(c) for c in want]
    assert len(want) == 9
    assert (
        record == calibrate_features(Features(*sides), ABOUT, fpr=0.02, metric="euclidean").record()
    )


def test_the_thinned_roc_keeps_the_ends_and_only_vertices():
    found = calibrate_features(Features(*features(queries=300)), ABOUT)
    v, roc = found.verification, found.record()["roc"]
    vertices = set(zip(v.fpr, v.tpr, strict=True))
    kept = list(zip(roc["fpr"], roc["tpr"], strict=True))
    assert set(kept) <= vertices
    assert len(kept) <= 301 < len(vertices)
    assert (kept[0], kept[-1]) == ((0, 0), (1, 1))
    assert (np.diff(roc["fpr"]) >= 0).all()
    # At most a step of the rates below what the whole ROC has.
    rates = np.geomspace(1 / v.negatives, 1, 300)
    for rate in rates:
        best = v.tpr[v.fpr <= rate].max()
        assert max(y for x, y in kept if x <= rate) == best


@pytest.mark.parametrize(("cameras", "shown"), [(1, 0), (2, 4), (3, 9), (15, 12)])
def test_the_table_shows_the_worst_cameras_and_counts_the_rest(cameras, shown):
    if cameras == 1:
        with pytest.raises(UserError, match="only from their own camera"):
            calibrate_features(Features(*features(cameras=1)), ABOUT)
        return
    found = calibrate_features(Features(*features(300, cameras)), ABOUT)
    text = calibration_table(found)
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    pairs = [line for line in lines if " → " in line]
    assert len(pairs) == shown
    left = len(found.cameras) - shown
    assert (f"… and {left} more pairs of cameras" in text) == (left > 0)
    crossing = [c for c in found.cameras if c.tpr is not None]
    worst = min(crossing, key=lambda c: c.tpr)
    assert pairs[0].split()[:3] == [str(worst.query_camera), "→", str(worst.gallery_camera)]
    assert pairs[0].split()[3] == f"{100 * worst.tpr:.2f}"
    assert pairs[0].split()[5] == short_rate(worst.fpr)
    missing = sorted(crossing, key=lambda c: c.tpr)[:6]
    others = [c for c in found.cameras if c not in missing]
    confusing = max(others, key=lambda c: c.fpr)
    first = lines[lines.index(next(x for x in lines if "confuse most" in x)) + 1]
    assert first.split()[:3] == [str(confusing.query_camera), "→", str(confusing.gallery_camera)]


def test_what_cannot_be_measured_is_marked():
    few = calibrate_features(Features(*features(10)), ABOUT, fpr=1e-2)
    text = calibration_table(few)
    assert "1e-4 *" in text
    assert "1e-2 *" not in text
    assert "* fewer pairs of two people than that rate needs" in text
    assert max(map(len, text.splitlines())) <= 80
    many = calibrate_features(Features(*features(300, cameras=2)), ABOUT, fpr=1e-2)
    assert "*" not in calibration_table(many).replace("1e-4", "")
    rates = [x.split()[0] for x in text.splitlines() if x.startswith(("1e-", "0"))]
    assert rates[:3] == ["1e-2", "1e-3", "1e-4"]


def test_cameras_that_confuse_or_miss_nobody_are_not_shown():
    q, g, *ids = features(cameras=3)
    g = np.random.default_rng(1).standard_normal((21, 8))[ids[1]]  # an identity is one point
    q = np.random.default_rng(1).standard_normal((21, 8))[ids[0]]
    found = calibrate_features(Features(q, g, *ids), ABOUT, metric="euclidean")
    assert found.verification.eer == 0
    text = calibration_table(found)
    assert "nothing missed or confused between 9 pairs of cameras" in text
    assert "cameras that" not in text
    first = min(c.own_threshold for c in found.cameras)
    assert found.verification.eer_threshold == pytest.approx(first / 2, rel=1e-3)
    assert f"{found.verification.eer_threshold:#.6g}" in text
    some = calibrate_features(Features(*features(300, cameras=3)), ABOUT, fpr=1e-5)
    assert 0 < sum(c.fpr > 0 for c in some.cameras) < 3
    _, _, confusing = calibration_table(some).partition("confuse most")
    assert "      0      " not in confusing  # a share of false matches


def test_large_thresholds_and_camera_numbers_stay_apart():
    q, g, *ids = features(queries=10)
    ids[2:] = ids[2] + 10000, ids[3] + 10000
    wild = calibrate_features(
        Features(q * 1e150, g * 1e150, *ids), ABOUT, fpr=0.1, metric="euclidean"
    )
    lines = calibration_table(wild).splitlines()
    assert max(map(len, lines)) <= 80
    assert [len(line.split()) for line in lines if line.startswith("1e-1 ")] == [6]
    pairs = [line.split() for line in lines if " → " in line]
    assert {len(words) for words in pairs if "–" not in words} == {11}


def test_a_model_is_calibrated_by_its_whole_feature(model, market):
    bench = load("market1501", market)
    found = calibrate(model, bench, fpr=0.1)
    assert found.about == {
        "method": "dgnet",
        "model": fingerprint(model),
        "features": "f_prim + f_fine",
        "data": f"market1501:{market}",
    }
    sides = [extract(model, people.paths) for people in (bench.query, bench.gallery)]
    q, g = bench.query, bench.gallery
    want = verify(*sides, q.pids, g.pids, q.camids, g.camids, fpr=[0.1], metric="cosine")
    assert found.verification.metric == "cosine"
    assert found.verification.eer == pytest.approx(want.eer)
    assert found.verification.points[0].threshold == pytest.approx(want.points[0].threshold)
    # 4 people, 12 queries, 2 images of each of 3 cameras: 2 other cameras, 3 other people.
    assert (found.verification.positives, found.verification.negatives) == (12 * 4, 12 * 18)


def test_mistakes_are_named(model, market):
    bench = load("market1501", market)
    with pytest.raises(UserError, match="did you mean 'euclidean'"):
        calibrate(model, bench, metric="euclidian")
    empty = Benchmark("market1501", bench.root, bench.train, bench.query[:0], bench.gallery)
    with pytest.raises(UserError, match="has no query images to calibrate on"):
        calibrate(model, empty)
