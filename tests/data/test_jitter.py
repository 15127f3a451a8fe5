import pytest
import torch

from lookalike.data.jitter import ColourJitter
from lookalike.data.transforms import Augment


def literal(image: torch.Tensor, factors: list[float]) -> torch.Tensor:
    """One image, step by step: saturation, contrast, brightness, the channels' gains."""
    saturation, contrast, brightness, *gains = factors
    luma = 0.299 * image[0] + 0.587 * image[1] + 0.114 * image[2]
    image = luma + saturation * (image - luma)
    grey = (0.299 * image[0] + 0.587 * image[1] + 0.114 * image[2]).mean()
    image = (grey + contrast * (image - grey)) * brightness
    return torch.stack([c * g for c, g in zip(image, gains, strict=True)]).clamp(0, 1)


def test_each_image_gets_its_own_factors_as_written_out() -> None:
    torch.manual_seed(0)
    images = torch.rand(6, 3, 8, 4)
    jitter = ColourJitter(0.4)
    factors = jitter.generate_parameters(images.shape)
    got = jitter.apply_transform(images, factors, {})
    expected = [literal(i, f) for i, f in zip(images, factors["factors"].tolist(), strict=True)]
    torch.testing.assert_close(got, torch.stack(expected))
    assert len(factors["factors"].unique(dim=0)) == 6


def test_factors_fill_their_ranges_and_no_more() -> None:
    torch.manual_seed(0)
    factors = ColourJitter(0.4).generate_parameters((4000, 3, 8, 4))["factors"]
    spread = torch.tensor([0.4, 0.4, 0.4, 0.1, 0.1, 0.1])
    assert ((factors - 1).abs() <= spread + 1e-6).all()
    torch.testing.assert_close(factors.amax(0), 1 + spread, atol=2e-3, rtol=0)
    torch.testing.assert_close(factors.mean(0), torch.ones(6), atol=2e-2, rtol=0)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_augment_jitters_pixels_before_it_normalises_them(dtype: torch.dtype) -> None:
    images = torch.randint(0, 256, (5, 3, 8, 4), dtype=torch.uint8)
    images = images if dtype == torch.uint8 else images / 255
    plain = dict(flip=0.0, pad=0, norm="half")
    torch.manual_seed(3)
    got = Augment(8, 4, jitter=ColourJitter(0.3), **plain)(images)
    torch.manual_seed(3)
    augment = Augment(8, 4, **plain)
    moved = (augment(images) + 1) / 2  # draws the moves first, as above
    factors = ColourJitter(0.3).generate_parameters(images.shape)["factors"]
    expected = [literal(i, f) for i, f in zip(moved, factors.tolist(), strict=True)]
    torch.testing.assert_close(got, 2 * torch.stack(expected) - 1, atol=1e-5, rtol=1e-5)
