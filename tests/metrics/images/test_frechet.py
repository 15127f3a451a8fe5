"""The Fréchet distance against the formula with a matrix square root, and in closed form."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torchmetrics.image.fid import _compute_fid

from lookalike.metrics.images import frechet_distance


def literal(a, b):
    ma, mb = a.mean(0), b.mean(0)
    sa, sb = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = np.real(sqrtm(sa @ sb))
    return float(((ma - mb) ** 2).sum() + np.trace(sa) + np.trace(sb) - 2 * np.trace(root))


def features(count, dims, seed):
    random = np.random.default_rng(seed)
    return random.normal(size=(count, dims)) @ random.normal(size=(dims, dims)) + seed


@pytest.mark.parametrize(("n", "m", "d"), [(50, 60, 6), (7, 60, 6), (300, 7, 6)])
def test_equals_the_formula_and_torchmetrics(n, m, d):
    a, b = features(n, d, 0), features(m, d, 1)
    found = frechet_distance(torch.from_numpy(a), torch.from_numpy(b))
    assert found == pytest.approx(literal(a, b), abs=1e-9 * 1e3)
    moments = [torch.from_numpy(v) for x in (a, b) for v in (x.mean(0), np.cov(x, rowvar=False))]
    assert found == pytest.approx(float(_compute_fid(*moments)), abs=1e-6)


def test_fewer_features_than_dimensions_are_exact():
    a, b = features(5, 40, 0), features(7, 40, 1)
    # The nuclear norm, from the eigenvalues of a small matrix instead of singular values.
    ca, cb = ((x - x.mean(0)) / np.sqrt(len(x) - 1) for x in (a, b))
    cross = np.sqrt(np.clip(np.linalg.eigvalsh((ca @ cb.T) @ (ca @ cb.T).T), 0, None)).sum()
    want = ((a.mean(0) - b.mean(0)) ** 2).sum() + (ca**2).sum() + (cb**2).sum() - 2 * cross
    found = frechet_distance(torch.from_numpy(a), torch.from_numpy(b))
    assert found == pytest.approx(want, rel=1e-9)


def test_closed_forms():
    a = torch.from_numpy(features(80, 5, 0))
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    shift = torch.tensor([1.0, -2.0, 0.0, 0.5, 3.0])
    assert frechet_distance(a, a + shift) == pytest.approx(float(shift.square().sum()), abs=1e-8)
    trace = float(a.var(0).sum())
    assert frechet_distance(a - a.mean(0), 3 * (a - a.mean(0))) == pytest.approx(4 * trace)
    with pytest.raises(ValueError, match="N, M ≥ 2"):
        frechet_distance(a[:1], a)
