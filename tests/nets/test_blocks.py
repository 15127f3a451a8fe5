"""The generator's parts against their literal formulas."""

import pytest
import torch
import torch.nn.functional as F

from lookalike.nets.blocks import Residual, reflect_conv
from lookalike.nets.norms import LayerNorm, adain, instance_norm
from lookalike.nets.upsample import UpsampleConv

F64 = torch.float64


def test_instance_norm_is_its_formula() -> None:
    x = torch.randn(3, 4, 5, 6, dtype=F64) * 3 + 1
    for n in range(3):
        for c in range(4):
            plane = x[n, c]
            expected = (plane - plane.mean()) / (plane.var(correction=0) + 1e-5).sqrt()
            torch.testing.assert_close(instance_norm(x)[n, c], expected)


def test_adain_scales_and_shifts_every_sample_on_its_own() -> None:
    x = torch.randn(2, 3, 4, 4, dtype=F64)
    gamma, beta = torch.randn(2, 3, dtype=F64), torch.randn(2, 3, dtype=F64)
    out = adain(x, gamma, beta)
    for n in range(2):
        for c in range(3):
            expected = gamma[n, c] * instance_norm(x)[n, c] + beta[n, c]
            torch.testing.assert_close(out[n, c], expected)


def test_layer_norm_is_unbiased_and_adds_eps_to_the_deviation() -> None:
    norm = LayerNorm(3).double()
    with torch.no_grad():
        norm.beta.normal_()
    x = torch.randn(2, 3, 4, 5, dtype=F64) * 1e-4  # small: where eps is added matters
    for n in range(2):
        values = x[n].flatten()
        mean = values.sum() / 60
        deviation = (((values - mean) ** 2).sum() / 59).sqrt()
        expected = (x[n] - mean) / (deviation + 1e-5)
        expected = expected * norm.gamma[:, None, None] + norm.beta[:, None, None]
        torch.testing.assert_close(norm(x)[n], expected)


def test_layer_norm_takes_its_statistics_in_float32_under_bfloat16() -> None:
    norm = LayerNorm(4)
    x = torch.randn(2, 4, 32, 32) + 30  # in bfloat16 arithmetic the mean would be off by tenths
    out = norm(x.bfloat16()).float()
    assert out.mean((1, 2, 3)).abs().max() < 0.05


@pytest.mark.parametrize("size", [(2, 2), (5, 3), (8, 6)])
def test_upsample_conv_is_nearest_reflect_and_5x5(size: tuple[int, int]) -> None:
    layer = UpsampleConv(3, 4).double()
    x = torch.randn(2, 3, *size, dtype=F64, requires_grad=True)
    wide = F.pad(F.interpolate(x, scale_factor=2.0), (2, 2, 2, 2), mode="reflect")
    slow = F.conv2d(wide, layer.weight, layer.bias)
    fast = layer(x)
    torch.testing.assert_close(fast, slow)
    weights = torch.randn_like(slow)  # also the gradients to the image, the kernel and the bias
    inputs = (x, layer.weight, layer.bias)
    for a, b in zip(torch.autograd.grad((fast * weights).sum(), inputs),
                    torch.autograd.grad((slow * weights).sum(), inputs), strict=True):  # fmt: skip
        torch.testing.assert_close(a, b)


def test_residual_has_no_activation_after_the_sum() -> None:
    block = Residual(3).double()
    x = torch.randn(1, 3, 6, 6, dtype=F64)
    y = F.leaky_relu(instance_norm(block.conv1(x)), 0.2)
    torch.testing.assert_close(block(x, instance_norm, instance_norm),
                               x + instance_norm(block.conv2(y)))  # fmt: skip
    assert (block(x) < 0).any()


@pytest.mark.parametrize(("kernel", "dilation"), [(1, 1), (3, 1), (5, 1), (3, 6)])
def test_reflect_conv_keeps_the_size(kernel: int, dilation: int) -> None:
    conv = reflect_conv(2, 2, kernel, dilation=dilation).double()
    x = torch.randn(1, 2, 16, 14, dtype=F64)
    edge = dilation * (kernel - 1) // 2
    padded = F.pad(x, (edge,) * 4, mode="reflect") if edge else x
    expected = F.conv2d(padded, conv.weight, conv.bias, dilation=dilation)
    torch.testing.assert_close(conv(x), expected)
    assert conv(x).shape == x.shape
