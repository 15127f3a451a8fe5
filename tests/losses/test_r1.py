"""The R1 penalty, against single gradients and a closed form."""

import pytest
import torch
from torch import nn

from lookalike.losses import r1_penalty


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
