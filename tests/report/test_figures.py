import math
import re

import numpy as np
import pytest

from lookalike.report.figures import curve, smooth, spans_decades, thin


def test_thin_keeps_the_ends_and_every_spike():
    rng = np.random.default_rng(0)
    steps, values = np.arange(10_000.0), rng.normal(size=10_000)
    values[5_003] = 50
    values[7_777] = -50
    x, y = thin(steps, values)
    assert 250 < len(x) <= 500
    assert {0, 9_999, 5_003, 7_777} <= set(x)
    assert np.array_equal(values[x.astype(int)], y)
    assert (np.diff(x) > 0).all()
    assert thin(steps[:500], values[:500])[0].shape == (500,)


@pytest.mark.parametrize(("n", "points"), [(7, 7), (60, 20), (101, 25), (1, 250)])
def test_smooth_is_the_gaussian_mean_of_part_means(n, points):
    rng = np.random.default_rng(n)
    steps, values = np.arange(float(n)), rng.normal(size=n)
    x, y = smooth(steps, values, points)
    parts = np.array_split(np.arange(n), min(points, n))
    means = [sum(values[i] for i in part) / len(part) for part in parts]
    sigma = max(len(parts) / 60, 1e-3)
    for i, part in enumerate(parts):
        weights = [math.exp(-0.5 * ((i - j) / sigma) ** 2) for j in range(len(parts))]
        want = sum(w * m for w, m in zip(weights, means, strict=True)) / sum(weights)
        assert y[i] == pytest.approx(want)
        assert x[i] == pytest.approx(sum(part) / len(part))


@pytest.mark.parametrize(
    ("values", "log"),
    [
        (np.geomspace(10, 0.01, 100), True),
        (np.linspace(2, 1, 100), False),
        (np.append(np.geomspace(10, 0.01, 100), 0.0), False),
        (np.append(np.ones(999), 1e6), False),  # one outlier is no span
    ],
)
def test_the_axis_is_logarithmic_only_where_positive_values_span_decades(values, log):
    assert spans_decades(values) is log


def test_curve_is_an_svg_that_needs_nothing_and_takes_the_pages_colours():
    steps = np.arange(5_000.0)
    svg = curve(steps, np.random.default_rng(0).random(5_000), "a")
    assert svg.startswith("<svg viewBox=")
    assert "http" not in svg
    assert "<style" not in svg
    assert set(re.findall(r"#[0-9a-f]{6}\b", svg)) == set()
    assert "var(--accent)" in svg
    assert "var(--muted)" in svg
    longest = max(path.count("L") for path in re.findall(r' d="(.*?)"', svg, re.DOTALL))
    assert 50 < longest <= 500


def test_two_curves_share_no_id():
    x = np.arange(30.0)
    ids = [set(re.findall(r'\bid="(.*?)"', curve(x, x, label))) for label in ("a", "b")]
    assert ids[0]
    assert not ids[0] & ids[1]
    for label in ("a", "b"):
        svg = curve(x, x, label)
        assert set(re.findall(r"url\(#(.*?)\)", svg)) <= set(re.findall(r'\bid="(.*?)"', svg))


def test_curve_leaves_out_what_is_not_finite():
    steps = np.arange(4.0)
    holed = curve(steps, np.array([1.0, np.nan, np.inf, 2.0]), "a")
    assert holed == curve(steps[[0, 3]], np.array([1.0, 2.0]), "a")
    assert "<use" in curve(steps[:1], np.array([1.0]), "a"), "a single point gets a dot"
    with pytest.raises(ValueError, match="at least one finite"):
        curve(steps, np.full(4, np.nan), "a")
