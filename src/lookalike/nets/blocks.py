"""Convolution and residual blocks of the image-to-image networks (MUNIT family)."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.2  # of every leaky ReLU in these networks


def reflect_conv(
    inputs: int, outputs: int, kernel: int, stride: int = 1, dilation: int = 1
) -> nn.Conv2d:
    """A convolution that keeps the size (divided by stride): reflection padding, with bias."""
    return nn.Conv2d(
        inputs,
        outputs,
        kernel,
        stride,
        dilation * (kernel - 1) // 2,
        dilation,
        padding_mode="reflect" if kernel > 1 else "zeros",
    )


def lrelu(x: Tensor) -> Tensor:
    """Leaky ReLU with slope 0.2, in place: its output determines its gradient."""
    return F.leaky_relu(x, SLOPE, inplace=True)


def no_norm(x: Tensor) -> Tensor:
    """The input itself: for networks without normalisation."""
    return x


class Residual(nn.Module):
    """x + norm(conv(lrelu(norm(conv(x))))): two 3×3 convolutions, no activation after the sum.

    The norms are given at the call, since AdaIN's depend on the sample.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = reflect_conv(channels, channels, 3)
        self.conv2 = reflect_conv(channels, channels, 3)

    def forward(
        self,
        x: Tensor,
        norm1: Callable[[Tensor], Tensor] = no_norm,
        norm2: Callable[[Tensor], Tensor] = no_norm,
    ) -> Tensor:
        y = norm2(self.conv2(lrelu(norm1(self.conv1(x)))))
        y += x  # in place: neither convolution nor norm keeps its output for the gradient
        return y
