"""The report's thresholds, from a calibration.json as `lookalike calibrate` writes it."""

import json
import re

import numpy as np
import pytest
from helpers.page import Page

from lookalike.evaluation.calibration import calibrate_features
from lookalike.evaluation.features import Features
from lookalike.rates import short_rate
from lookalike.report import write_report
from lookalike.report.thresholds import histogram, roc

ABOUT = {"method": "ide", "features": "f <whole>", "data": "market1501:/data"}


def record(queries=120, cameras=3, noise=0.7, fpr=1e-2, metric="cosine"):
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((21, 8))
    pids = rng.integers(1, 21, queries), rng.integers(-1, 21, 4 * queries)
    feats = [centres[p] + noise * rng.standard_normal((len(p), 8)) for p in pids]
    cams = [rng.integers(0, cameras, len(p)) for p in pids]
    sides = Features(*feats, *pids, *cams)
    return calibrate_features(sides, ABOUT, fpr=fpr, metric=metric).record()


def read(folder, found):
    (folder / "calibration.json").write_text(json.dumps(found))
    html = write_report(folder).read_text(encoding="utf-8")
    return html, Page(html)


def test_the_report_shows_the_thresholds_and_every_pair_of_cameras(tmp_path):
    found = record()
    html, page = read(tmp_path, found)
    text = " ".join(page.text.split())
    assert (
        f"The same person where cosine distance < {found['threshold']:#.6g}: at most 1e-2" in text
    )
    assert f"{100 * found['tpr']:.1f} % of the same person's pairs are found" in text
    assert "f <whole> on market1501:/data" in text
    for point in found["points"]:
        assert f"{point['threshold']:#.6g}" in text
    assert f"{found['eer_threshold']:#.6g}" in text
    cells = re.findall(r"<td[^>]*title=\"[^\"]*\">(.*?)<small>(.*?)</small></td>", html)
    assert [(a, b) for a, b in cells] == [
        ("–" if c["tpr"] is None else f"{100 * c['tpr']:.1f}", short_rate(c["fpr"]))
        for c in found["cameras"]
    ]
    assert sum(a == "–" for a, _ in cells) == 3
    shades = [float(x) for x in re.findall(r"--found: ([\d.]+)%", html)]
    shown = [c["tpr"] for c in found["cameras"] if c["tpr"] is not None]
    assert shades == pytest.approx([45 * tpr for tpr in shown], abs=0.051)
    assert len(page.all("svg")) == 2
    assert {"href": "#thresholds"} in page.all("a")
    assert not re.search(r"https?:|url\((?!#)", html)


def test_a_run_without_a_calibration_misses_nothing(tmp_path):
    html = write_report(tmp_path).read_text()
    assert "hresholds" not in html.partition("</style>")[2]
    assert "calibration.json" not in html


def test_half_a_file_is_named_and_left_out(tmp_path):
    (tmp_path / "calibration.json").write_text('{"threshold": 0.')
    text = Page(write_report(tmp_path).read_text()).text
    assert "calibration.json cannot be read" in text
    assert "there are no thresholds to show" in text
    assert "Thresholds" not in text


def test_steps_that_the_threshold_goes_with_are_told(tmp_path):
    steps = {"steps": ["neighbours 2"], "steps_set": ["queries and gallery apart"]}
    for more, told in (({}, False), (steps, True)):
        _, page = read(tmp_path, {**record(), **more})
        text = " ".join(page.text.split())
        sentence = "between features after these steps only: neighbours 2 (queries and gallery ap"
        assert (sentence in text) == told
        assert ("after these steps" in text) == told
    for wrong in ({"steps": 3}, {**steps, "steps_set": []}):
        _, page = read(tmp_path, {**record(), **wrong})
        assert "calibration.json is not what this version writes" in page.text


@pytest.mark.parametrize("lost", ["cameras", "histogram", "target_fpr"])
def test_another_version_s_file_is_named_and_left_out(tmp_path, lost):
    found = record()
    del found[lost]
    _, page = read(tmp_path, found)
    assert "calibration.json is not what this version writes" in page.text
    assert page.all("svg") == []


def test_thresholds_of_weights_that_were_trained_on_since_are_left_out(tmp_path):
    found = {**record(), "model": "0123456789abcdef"}
    for model, shown in (("0123456789abcdef", True), ("another", False)):
        (tmp_path / "environment.json").write_text(json.dumps({"model": model}))
        _, page = read(tmp_path, found)
        assert ("of another model than is here now: run `lookalike cal" in page.text) != shown
        assert bool(page.all("svg")) == shown


def test_cameras_without_pairs_leave_an_empty_cell(tmp_path):
    found = record(cameras=2)
    del found["cameras"][1]
    html, _ = read(tmp_path, found)
    assert len(re.findall(r"<td></td>", html)) == 1


@pytest.mark.parametrize("size", [8, 120])
def test_the_drawings_take_the_pages_colours_and_share_no_id(size):
    found = record(queries=size, metric="euclidean")
    drawings = histogram(found), roc(found)
    for svg in drawings:
        assert svg.startswith("<svg viewBox=")
        assert not re.findall(r"#[0-9a-f]{6}\b", svg)
        assert {"--accent", "--wrong", "--muted"} <= set(re.findall(r"var\((.*?)\)", svg))
    assert "euclidean distance" in drawings[0]
    assert f"FPR 1e-2: {found['threshold']:#.4g}" in drawings[0]
    assert f"EER {100 * found['eer']:.1f} %" in drawings[1]
    ids = [set(re.findall(r'\bid="(.*?)"', svg)) for svg in drawings]
    assert not ids[0] & ids[1]


@pytest.mark.filterwarnings("error")
def test_a_single_pair_of_two_people_is_drawn(tmp_path):
    feats, one = np.eye(3), np.array([1])
    sides = Features(feats[:1], feats[:2], one, np.array([1, 2]), 0 * one, np.array([1, 1]))
    found = calibrate_features(sides, ABOUT).record()
    assert (found["positives"], found["negatives"]) == (1, 1)
    html, _ = read(tmp_path, found)
    assert html.count("<svg") == 2


def test_few_positives_are_drawn_in_fewer_bins():
    longest = [
        max(p.count("L") for p in re.findall(r' d="(.*?)"', histogram(record(queries=n)), re.S))
        for n in (8, 400)
    ]
    assert longest[0] < 50 < longest[1]
