"""A 2-D convolution that is as fast as matrix products where torch's own isn't.

oneDNN's bfloat16 convolutions on CPUs with AMX leave half of the processor idle on the small maps
of re-identification (8×4 at 128×64): 1×1 convolutions are slower than the matrix product that
they are, and the weights' gradient of a wide 3×3 convolution takes four times as long as the
product over its unfolded input.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

WIDE = 256  # channels from which unfolding costs less than oneDNN's weight gradient


class Conv2d(nn.Conv2d):
    """`nn.Conv2d`, with the same parameters and, but for rounding, the same values.

    Other ways are taken only for bfloat16 on a CPU (also through autocast) without groups,
    dilation and bias; the gradient of a gradient isn't defined there.
    """

    def forward(self, x: Tensor) -> Tensor:
        """x: B×C×H×W → B×O×h×w."""
        if not self._bfloat16_on_cpu(x):
            return super().forward(x)
        if self.kernel_size == (1, 1) and self.padding == (0, 0):
            (down, right), weight = self.stride, self.weight.flatten(1)
            rows = x[:, :, ::down, ::right].permute(0, 2, 3, 1)
            # Flat and without gaps, or torch multiplies image by image, four times as slowly.
            products = F.linear(rows.reshape(-1, self.in_channels), weight)
            return products.view(*rows.shape[:3], -1).permute(0, 3, 1, 2)
        if min(self.in_channels, self.out_channels) >= WIDE and torch.is_grad_enabled():
            weight = self.weight.to(torch.bfloat16, memory_format=torch.channels_last)
            stride, padding = list(self.stride), list(self.padding)
            wide = _Wide.apply
            result: Tensor = wide(  # type: ignore[no-untyped-call]
                x.to(torch.bfloat16), weight, stride, padding
            )
            return result
        return super().forward(x)

    def _bfloat16_on_cpu(self, x: Tensor) -> bool:
        if x.device.type != "cpu" or isinstance(self.padding, str):
            return False
        plain = self.groups == 1 and self.dilation == (1, 1) and self.bias is None
        by_autocast = (
            torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") is torch.bfloat16
        )
        return plain and (x.dtype is torch.bfloat16 or by_autocast)


class _Wide(torch.autograd.Function):
    """A convolution whose weights' gradient is one matrix product over its unfolded input."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, stride: list[int], padding: list[int]
    ) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        with torch.autocast("cpu", enabled=False):
            return F.conv2d(x, weight, None, stride, padding)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        x, weight = ctx.saved_tensors
        of_x = of_weight = None
        if ctx.needs_input_grad[0]:
            of_x = torch.ops.aten.convolution_backward(
                grad, x, weight, None, ctx.stride, ctx.padding, [1, 1], False, [0, 0], 1,
                [True, False, False],
            )[0]  # fmt: skip
        if ctx.needs_input_grad[1]:
            rows = grad.permute(0, 2, 3, 1).reshape(-1, grad.shape[1])
            columns = _unfolded(x, weight.shape[2:], ctx.stride, ctx.padding, grad.shape[2:])
            flat = rows.t() @ columns
            high, wide = weight.shape[2:]
            of_weight = flat.view(len(weight), high, wide, -1).permute(0, 3, 1, 2)
        return of_x, of_weight, None, None


def _unfolded(
    x: Tensor, size: torch.Size, stride: list[int], padding: list[int], out: torch.Size
) -> Tensor:
    """x as one row for each place of the output: (B·h·w)×(kh·kw·C), the channels last."""
    above, left = padding
    pixels = F.pad(x, (left, left, above, above)).permute(0, 2, 3, 1)
    (down, right), (height, width) = stride, out
    shifted = [
        pixels[:, i : i + down * height : down, j : j + right * width : right]
        for i in range(size[0])
        for j in range(size[1])
    ]
    return torch.cat([part[:, :height, :width] for part in shifted], 3).flatten(0, 2)
