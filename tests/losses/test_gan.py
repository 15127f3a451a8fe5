"""Adversarial losses and the R1 penalty, against loops, closed forms and single gradients."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lookalike.losses import (
    bce_discriminator,
    bce_generator,
    lsgan_discriminator,
    lsgan_generator,
    r1_penalty,
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


def discriminators(scales: int) -> nn.ModuleList:
    torch.manual_seed(0)
    nets = [
        nn.Sequential(
            nn.AvgPool2d(2**i), nn.Conv2d(3, 4, 3), nn.Softplus(), nn.Conv2d(4, 1, 3, padding=1)
        )
        for i in range(scales)
    ]
    return nn.ModuleList(nets).double()


@pytest.mark.parametrize("scales", [1, 2])
@pytest.mark.parametrize("weight", [0.01, 5.0])
def test_r1_is_the_mean_over_images_of_the_sum_over_scales(scales: int, weight: float) -> None:
    nets = discriminators(scales)
    x = torch.randn(3, 3, 8, 8, dtype=torch.float64, requires_grad=True)
    penalty = r1_penalty([net(x) for net in nets], x, weight)
    expected = x.new_zeros(())
    for net in nets:
        for image in x.detach():
            one = image[None].clone().requires_grad_()
            slope = torch.func.grad(lambda v, net=net: net(v).sum())(one)
            for s in slope.flatten():
                expected = expected + weight * s**2 / len(x)
    torch.testing.assert_close(penalty, expected)
    found = torch.autograd.grad(penalty, list(nets.parameters()), allow_unused=True)
    literal = torch.autograd.grad(expected, list(nets.parameters()), allow_unused=True)
    for a, b in zip(found, literal, strict=True):
        torch.testing.assert_close(a, b)
    assert any(g is not None and g.abs().sum() > 0 for g in found)  # the graph is kept


def test_r1_of_a_parabola() -> None:
    """D(x) = a·x² per pixel has the slope 2ax, so R1 = w·4a²·mean_batch ‖x‖²."""
    x = torch.randn(4, 1, 5, 5, requires_grad=True)
    a = torch.tensor(0.7, requires_grad=True)
    penalty = r1_penalty([a * x.square()], x, 0.01)
    squares = x.detach().square().sum() / 4
    torch.testing.assert_close(penalty, 0.01 * 4 * 0.49 * squares)
    penalty.backward()
    torch.testing.assert_close(a.grad, 0.01 * 8 * 0.7 * squares)


def test_float32_from_half() -> None:
    half = [torch.full((1, 1, 64, 64), 300.0, dtype=torch.float16)]  # its square overflows
    assert lsgan_generator(half).item() == 299**2
    assert lsgan_discriminator(half, half).item() == 300**2 + 299**2


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
