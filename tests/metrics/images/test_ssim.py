"""SSIM's three forms against literal versions, and what they do at the edges."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter, uniform_filter
from torchmetrics.functional.image import structural_similarity_index_measure

from lookalike.errors import UserError
from lookalike.metrics.images import VARIANTS, masked, ssim


def literal(x, y, smooth, unbias, span, crop):
    """scikit-image's formula, a channel at a time, float64; x, y: H×W×C."""
    x, y = x.astype(float), y.astype(float)
    c1, c2 = (0.01 * span) ** 2, (0.03 * span) ** 2
    found = []
    for c in range(x.shape[2]):
        a, b = x[..., c], y[..., c]
        ux, uy = smooth(a), smooth(b)
        vx = unbias * (smooth(a * a) - ux * ux)
        vy = unbias * (smooth(b * b) - uy * uy)
        vxy = unbias * (smooth(a * b) - ux * uy)
        s = ((2 * ux * uy + c1) * (2 * vxy + c2)) / ((ux**2 + uy**2 + c1) * (vx + vy + c2))
        found.append(s[crop:-crop, crop:-crop].mean())
    return np.mean(found)


def literal_pg2(x, y):
    return literal(x, y, lambda a: uniform_filter(a, 7), 49 / 48, 255, 3)


def literal_patn(x, y):
    span = int(x.max()) - int(x.min())
    return literal(x, y, lambda a: gaussian_filter(a, 1.5, truncate=3.5), 1.0, span, 5)


def pairs(count=4, height=23, width=17, seed=0):
    random = np.random.default_rng(seed)
    x = random.integers(20, 200, (count, height, width, 3), dtype=np.uint8)
    y = (x * 0.3 + random.integers(60, 90, x.shape)).astype(np.uint8)
    return x, y


def tensors(*arrays):
    return [torch.from_numpy(a).permute(0, 3, 1, 2) for a in arrays]


@pytest.mark.parametrize(("variant", "twin"), [("pg2", literal_pg2), ("patn", literal_patn)])
@pytest.mark.parametrize("size", [(11, 11), (23, 17), (64, 32)])
def test_equals_the_literal_version(variant, twin, size):
    x, y = pairs(4, *size)
    want = [twin(a, b) for a, b in zip(x, y, strict=True)]
    found = ssim(*tensors(x, y), variant)
    assert found.dtype == torch.float64
    np.testing.assert_allclose(found, want, rtol=0, atol=1e-9)


def test_standard_is_torchmetrics():
    x, y = tensors(*pairs())
    want = structural_similarity_index_measure(
        x.double() / 255, y.double() / 255, data_range=1.0, reduction="none"
    )
    np.testing.assert_allclose(ssim(x, y, "standard"), want, rtol=0, atol=1e-9)
    assert ssim(x[:1], y[:1], "standard").shape == (1,)


def test_the_three_forms_differ():
    x, y = tensors(*pairs())
    found = [float(ssim(x, y, variant).mean()) for variant in VARIANTS]
    assert min(abs(a - b) for i, a in enumerate(found) for b in found[:i]) > 1e-3


def test_the_range_is_that_of_the_generated_picture_only():
    x, y = tensors(*pairs())
    assert float((ssim(x, y, "patn") - ssim(y, x, "patn")).abs().max()) > 1e-3
    for variant in ("pg2", "standard"):
        assert float((ssim(x, y, variant) - ssim(y, x, variant)).abs().max()) < 1e-12


@pytest.mark.parametrize("variant", VARIANTS)
def test_equal_pictures_have_1_also_where_they_are_flat(variant):
    x = torch.cat([tensors(*pairs())[0], torch.full((1, 3, 23, 17), 9, dtype=torch.uint8)])
    np.testing.assert_allclose(ssim(x, x, variant), 1, atol=1e-9)
    assert ssim(x, 255 - x, variant).isfinite().all()


def test_masked_is_truncated_and_black_outside():
    x, y = tensors(*pairs())
    mask = torch.rand(4, 1, 23, 17, generator=torch.Generator().manual_seed(0))
    found = masked(x, mask)
    assert found.dtype == torch.uint8
    want = (x.numpy() * mask.double().numpy()).astype(np.uint8)
    np.testing.assert_array_equal(found, want)
    nothing = torch.zeros(4, 1, 23, 17)
    assert (ssim(masked(x, nothing), masked(y, nothing)) == 1).all()  # black agrees perfectly
    half = nothing.clone()
    half[..., :10, :] = 1
    whole, part = ssim(x, y), ssim(masked(x, half), masked(y, half))
    assert (part > whole).all()


def test_mistakes():
    x, y = tensors(*pairs())
    with pytest.raises(UserError, match="Unknown SSIM 'pg3'; did you mean 'pg2'"):
        ssim(x, y, "pg3")
    with pytest.raises(ValueError, match="11×11"):
        ssim(x[..., :10], y[..., :10])
    with pytest.raises(ValueError, match="two equal"):
        ssim(x, y[:3])
