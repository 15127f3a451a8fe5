"""Adversarial losses and their targets, against loops and closed forms."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from lookalike.losses import (
    GANS,
    bce,
    bce_discriminator,
    bce_generator,
    log_discriminator,
    log_generator,
    lsgan_discriminator,
    lsgan_generator,
    smooth_targets,
)


def maps(seed: int, scales: int) -> list[Tensor]:
    torch.manual_seed(seed)
    return [torch.randn(2, 1, 8 >> i, 4 >> i, dtype=torch.float64) for i in range(scales)]


@pytest.mark.parametrize("scales", [1, 3])
def test_lsgan(scales: int) -> None:
    fake, real = maps(0, scales), maps(1, scales)
    to_zero = to_one = fake_to_one = 0.0
    for f, r in zip(fake, real, strict=True):
        to_zero += sum(v**2 for v in f.flatten().tolist()) / f.numel()
        to_one += sum((v - 1) ** 2 for v in r.flatten().tolist()) / r.numel()
        fake_to_one += sum((v - 1) ** 2 for v in f.flatten().tolist()) / f.numel()
    assert lsgan_discriminator(fake, real).item() == pytest.approx(to_zero + to_one)
    assert lsgan_generator(fake).item() == pytest.approx(fake_to_one)


def test_dgnets_first_step() -> None:
    """D loss 6.00 and weighted G loss 12.0 over both sides when D answers 0."""
    nothing = [torch.zeros(2, 1, 8 >> i, 4 >> i) for i in range(3)]
    assert 2 * lsgan_discriminator(nothing, nothing).item() == 6
    assert 2 * 2 * lsgan_generator(nothing).item() == 12


def test_float32_from_half() -> None:
    half = [torch.full((1, 1, 64, 64), 300.0, dtype=torch.float16)]  # its square overflows
    assert lsgan_generator(half).item() == 299**2
    assert lsgan_discriminator(half, half).item() == 300**2 + 299**2


def sigma(x: float) -> float:
    return 1 / (1 + math.exp(-x))


@pytest.mark.parametrize("target", [0.0, 1.0, 0.9])
def test_bce(target: float) -> None:
    torch.manual_seed(0)
    logits = torch.randn(3, 1, 2, 2, dtype=torch.float64)
    each = [
        -target * math.log(sigma(v)) - (1 - target) * math.log(1 - sigma(v))
        for v in logits.flatten().tolist()
    ]
    assert bce(logits, target).item() == pytest.approx(sum(each) / len(each))


def test_bce_of_both_sides() -> None:
    fake, real = torch.tensor([0.0, 2.0]), torch.tensor([1.0])
    zero = (-math.log(0.5) - math.log(1 - sigma(2))) / 2
    assert bce_discriminator(fake, real).item() == pytest.approx(zero - math.log(sigma(1)))
    assert bce_generator(fake).item() == pytest.approx((-math.log(0.5) - math.log(sigma(2))) / 2)


def test_cross_entropy_against_soft_targets() -> None:
    real, fake = torch.tensor([[[0.3], [-1.0]], [[0.5], [2.0]]], dtype=torch.float64)

    def bce(logits: Tensor, target: float) -> float:
        p = [1 / (1 + math.exp(-x)) for x in logits.flatten().tolist()]
        return -sum(target * math.log(q) + (1 - target) * math.log(1 - q) for q in p) / len(p)

    for targets in ((0.2, 0.9), (0.0, 1.0)):
        expected = bce(fake, targets[0]) + bce(real, targets[1])
        loss = bce_discriminator(fake, real, targets)
        assert loss.item() == pytest.approx(expected, rel=1e-12)
    assert bce_discriminator(fake, real).item() == pytest.approx(bce(fake, 0) + bce(real, 1))
    assert bce_generator(fake).item() == pytest.approx(bce(fake, 1.0), rel=1e-12)


def test_a_sure_discriminator_gives_finite_losses_and_gradients() -> None:
    fake = torch.tensor([-200.0], requires_grad=True)
    loss = bce_generator(fake)
    assert loss.item() == pytest.approx(200)
    loss.backward()
    assert fake.grad is not None
    assert fake.grad.item() == pytest.approx(-1)  # it doesn't saturate


def test_half_precision_is_computed_in_float32() -> None:
    assert bce_generator(torch.zeros(2, dtype=torch.bfloat16)).dtype == torch.float32


def test_smooth_targets_and_their_swaps() -> None:
    """A pair is that of generated, then of real images."""
    assert smooth_targets(False) == (0.0, 1.0)
    torch.manual_seed(0)
    drawn = np.array([smooth_targets(True) for _ in range(2000)])
    assert 0 <= drawn[:, 0].min() < 0.01
    assert 0.29 < drawn[:, 0].max() <= 0.3
    assert 0.7 <= drawn[:, 1].min() < 0.71
    assert 0.99 < drawn[:, 1].max() <= 1
    fake, real = smooth_targets(True, swapped=1.0)
    assert real <= 0.3
    assert fake >= 0.7
    swaps = np.array([smooth_targets(True, swapped=0.25) for _ in range(2000)])
    assert (swaps[:, 0] > 0.5).mean() == pytest.approx(0.25, abs=0.03)
    assert smooth_targets(False, swapped=1.0) == (0.0, 1.0)


@pytest.mark.parametrize("scales", [1, 3])
def test_the_minimax_game_of_logarithms(scales: int) -> None:
    """Σ_scale mean log D(real) + mean log(1 − D(fake)), D a sigmoid: what one side descends is what
    the other climbs, but for the real images, which the generator doesn't make."""
    fake, real = maps(0, scales), maps(1, scales)
    on_real = on_fake = 0.0
    for f, r in zip(fake, real, strict=True):
        on_real += sum(math.log(sigma(v)) for v in r.flatten().tolist()) / r.numel()
        on_fake += sum(math.log(1 - sigma(v)) for v in f.flatten().tolist()) / f.numel()
    dis, gen = GANS["log"]
    assert dis(fake, real).item() == pytest.approx(-(on_real + on_fake), rel=1e-12)
    assert gen(fake).item() == pytest.approx(on_fake, rel=1e-12)
    assert (log_discriminator, log_generator) == (dis, gen)
    assert GANS["lsgan"] == (lsgan_discriminator, lsgan_generator)


def test_the_minimax_generator_saturates_and_stays_finite() -> None:
    logits = [torch.tensor([[[[-200.0, 0.0, 200.0]]]], requires_grad=True)]
    loss = log_generator(logits)
    assert loss.item() == pytest.approx(-(0 + math.log(2) + 200) / 3)
    loss.backward()
    assert logits[0].grad is not None
    assert (3 * logits[0].grad).flatten().tolist() == pytest.approx([0, -0.5, -1])
    half = [torch.zeros(1, 1, 2, 2, dtype=torch.bfloat16)]
    assert log_generator(half).dtype == log_discriminator(half, half).dtype == torch.float32
