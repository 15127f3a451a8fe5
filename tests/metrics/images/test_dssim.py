"""Lab and its dissimilarity against literal versions; which pairs the diversity is of."""

import numpy as np
import pytest
import torch
from scipy.ndimage import uniform_filter

from lookalike.metrics.images import diversity_pairs, lab_dssim
from lookalike.metrics.images.dssim import lab


def literal_lab(pixel):
    """CIE 1976 by the book, for one sRGB pixel from 0 to 255."""
    rgb = [v / 255 for v in pixel]
    lin = [((v + 0.055) / 1.055) ** 2.4 if v > 0.04045 else v / 12.92 for v in rgb]
    xyz = [
        0.412453 * lin[0] + 0.357580 * lin[1] + 0.180423 * lin[2],
        0.212671 * lin[0] + 0.715160 * lin[1] + 0.072169 * lin[2],
        0.019334 * lin[0] + 0.119193 * lin[1] + 0.950227 * lin[2],
    ]
    t = [v / w for v, w in zip(xyz, (0.95047, 1.0, 1.08883), strict=True)]
    f = [v ** (1 / 3) if v > 0.008856 else 7.787 * v + 16 / 116 for v in t]
    return [116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])]


def literal_dssim(x, y):
    """(1 − SSIM)/2 of two C×H×W Lab images, scikit-image's defaults, range 100."""
    c1, c2 = 1.0, 9.0
    found = []
    for a, b in zip(x, y, strict=True):
        ux, uy = uniform_filter(a, 7), uniform_filter(b, 7)
        vx = 49 / 48 * (uniform_filter(a * a, 7) - ux * ux)
        vy = 49 / 48 * (uniform_filter(b * b, 7) - uy * uy)
        vxy = 49 / 48 * (uniform_filter(a * b, 7) - ux * uy)
        s = (2 * ux * uy + c1) * (2 * vxy + c2) / ((ux**2 + uy**2 + c1) * (vx + vy + c2))
        found.append(s[3:-3, 3:-3].mean())
    return (1 - np.mean(found)) / 2


def pictures(count, height=19, width=13, seed=0):
    random = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 3, height, width), generator=random, dtype=torch.uint8)


def test_lab_of_known_colours_and_of_random_ones():
    known = {(255, 255, 255): (100, 0, 0), (0, 0, 0): (0, 0, 0), (255, 0, 0): (53.24, 80.09, 67.20),
             (0, 255, 0): (87.74, -86.18, 83.18), (0, 0, 255): (32.30, 79.19, -107.86)}  # fmt: skip
    image = torch.tensor(list(known), dtype=torch.uint8).T.reshape(1, 3, 1, 5)
    np.testing.assert_allclose(lab(image)[0, :, 0].T, list(known.values()), atol=0.02)
    random = pictures(1)
    want = [literal_lab(p) for p in random[0].flatten(1).T.tolist()]
    np.testing.assert_allclose(lab(random)[0].flatten(1).T, want, rtol=0, atol=1e-9)


def test_dssim_equals_the_literal_version():
    x = pictures(3)
    y = (x.double() * 0.8 + pictures(3, seed=1) * 0.2).to(torch.uint8)
    want = [literal_dssim(a.numpy(), b.numpy()) for a, b in zip(lab(x), lab(y), strict=True)]
    np.testing.assert_allclose(lab_dssim(x, y), want, rtol=0, atol=1e-9)
    np.testing.assert_allclose(lab_dssim(x, x), 0, atol=1e-12)
    assert (lab_dssim(x, y) > 0.01).all()
    assert (lab_dssim(x, 255 - x) > lab_dssim(x, y)).all()
    with pytest.raises(ValueError, match="11×11"):
        lab_dssim(x[..., :10], y[..., :10])


def test_diversity_is_of_different_pictures_of_one_person():
    groups = np.array([3, 1, 3, 2, 1, 3, 4, 4])  # 2 has one picture only
    found = diversity_pairs(groups, each=10, rounds=5, seed=0)
    assert found.shape == (5 * 3 * 10, 2)
    assert (groups[found[:, 0]] == groups[found[:, 1]]).all()
    assert (found[:, 0] != found[:, 1]).all()
    people, count = np.unique(groups[found[:, 0]], return_counts=True)
    assert dict(zip(people.tolist(), count.tolist(), strict=True)) == {1: 50, 3: 50, 4: 50}
    threes = {tuple(sorted(p)) for p in found[groups[found[:, 0]] == 3].tolist()}
    assert threes == {(0, 2), (0, 5), (2, 5)}
    np.testing.assert_array_equal(found, diversity_pairs(groups, seed=0))
    assert (found != diversity_pairs(groups, seed=1)).any()
    assert len(diversity_pairs(np.arange(4))) == 0
