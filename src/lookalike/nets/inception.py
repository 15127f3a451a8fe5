"""The Inception of 2015 that FID and the inception score are defined with, without its weights.

Szegedy et al., *Rethinking the Inception Architecture* (arXiv 1512.00567), as the TensorFlow graph
of 2015-12-05 has it: 1008 classes; average pooling that doesn't count its padding; maximum pooling
in the pool branch of the last block. The parameter names are those of the public weights
`pt_inception-2015-12-05`, which torchvision's Inception shares, so that the file loads as it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lookalike.errors import UserError
from lookalike.nets.weights import load_trunk, read_weights

SIDE = 299  # pixels: the graph resizes its input
FEATURES = 2048
CLASSES = 1008


class Conv(nn.Module):
    """Convolution, batch norm, ReLU: B×C×H×W → B×out×h×w."""

    def __init__(
        self,
        channels: int,
        out: int,
        size: int | tuple[int, int],
        stride: int = 1,
        padding: int | tuple[int, int] = 0,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, out, size, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(out, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)), inplace=True)


def average(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


class Mixed35(nn.Module):
    """The blocks of the 35×35 map: 1×1, 5×5, two 3×3 and a pool."""

    def __init__(self, channels: int, pool: int) -> None:
        super().__init__()
        self.branch1x1 = Conv(channels, 64, 1)
        self.branch5x5_1 = Conv(channels, 48, 1)
        self.branch5x5_2 = Conv(48, 64, 5, padding=2)
        self.branch3x3dbl_1 = Conv(channels, 64, 1)
        self.branch3x3dbl_2 = Conv(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = Conv(96, 96, 3, padding=1)
        self.branch_pool = Conv(channels, pool, 1)

    def forward(self, x: Tensor) -> Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        five = self.branch5x5_2(self.branch5x5_1(x))
        return torch.cat((self.branch1x1(x), five, double, self.branch_pool(average(x))), 1)


class To17(nn.Module):
    """35×35 → 17×17: 3×3, two 3×3 and a maximum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.branch3x3 = Conv(channels, 384, 3, stride=2)
        self.branch3x3dbl_1 = Conv(channels, 64, 1)
        self.branch3x3dbl_2 = Conv(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = Conv(96, 96, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat((self.branch3x3(x), double, F.max_pool2d(x, 3, 2)), 1)


def row(channels: int, out: int) -> Conv:
    return Conv(channels, out, (1, 7), padding=(0, 3))


def column(channels: int, out: int) -> Conv:
    return Conv(channels, out, (7, 1), padding=(3, 0))


class Mixed17(nn.Module):
    """The blocks of the 17×17 map: 7×7 in rows and columns, once and twice, and a pool."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.branch1x1 = Conv(channels, 192, 1)
        self.branch7x7_1 = Conv(channels, width, 1)
        self.branch7x7_2 = row(width, width)
        self.branch7x7_3 = column(width, 192)
        self.branch7x7dbl_1 = Conv(channels, width, 1)
        self.branch7x7dbl_2 = column(width, width)
        self.branch7x7dbl_3 = row(width, width)
        self.branch7x7dbl_4 = column(width, width)
        self.branch7x7dbl_5 = row(width, 192)
        self.branch_pool = Conv(channels, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        seven = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        double = self.branch7x7dbl_5(self.branch7x7dbl_4(double))
        return torch.cat((self.branch1x1(x), seven, double, self.branch_pool(average(x))), 1)


class To8(nn.Module):
    """17×17 → 8×8: 3×3, 7×7 then 3×3, and a maximum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.branch3x3_1 = Conv(channels, 192, 1)
        self.branch3x3_2 = Conv(192, 320, 3, stride=2)
        self.branch7x7x3_1 = Conv(channels, 192, 1)
        self.branch7x7x3_2 = row(192, 192)
        self.branch7x7x3_3 = column(192, 192)
        self.branch7x7x3_4 = Conv(192, 192, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        seven = self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x)))
        three = self.branch3x3_2(self.branch3x3_1(x))
        return torch.cat((three, self.branch7x7x3_4(seven), F.max_pool2d(x, 3, 2)), 1)


class Mixed8(nn.Module):
    """The blocks of the 8×8 map, whose branches end in a row and a column side by side."""

    def __init__(self, channels: int, pool: Literal["average", "maximum"]) -> None:
        super().__init__()
        self.pool = pool
        self.branch1x1 = Conv(channels, 320, 1)
        self.branch3x3_1 = Conv(channels, 384, 1)
        self.branch3x3_2a = Conv(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3_2b = Conv(384, 384, (3, 1), padding=(1, 0))
        self.branch3x3dbl_1 = Conv(channels, 448, 1)
        self.branch3x3dbl_2 = Conv(448, 384, 3, padding=1)
        self.branch3x3dbl_3a = Conv(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3dbl_3b = Conv(384, 384, (3, 1), padding=(1, 0))
        self.branch_pool = Conv(channels, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        pooled = average(x) if self.pool == "average" else F.max_pool2d(x, 3, 1, padding=1)
        three = self.branch3x3_1(x)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        return torch.cat(
            (
                self.branch1x1(x),
                self.branch3x3_2a(three),
                self.branch3x3_2b(three),
                self.branch3x3dbl_3a(double),
                self.branch3x3dbl_3b(double),
                self.branch_pool(pooled),
            ),
            1,
        )


class Inception(nn.Module):
    """The graph of 2015-12-05: pictures B×3×H×W from 0 to 255 → features B×2048, logits B×1008."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Conv(3, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = Conv(32, 32, 3)
        self.Conv2d_2b_3x3 = Conv(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1 = Conv(64, 80, 1)
        self.Conv2d_4a_3x3 = Conv(80, 192, 3)
        self.Mixed_5b = Mixed35(192, 32)
        self.Mixed_5c = Mixed35(256, 64)
        self.Mixed_5d = Mixed35(288, 64)
        self.Mixed_6a = To17(288)
        self.Mixed_6b = Mixed17(768, 128)
        self.Mixed_6c = Mixed17(768, 160)
        self.Mixed_6d = Mixed17(768, 160)
        self.Mixed_6e = Mixed17(768, 192)
        self.Mixed_7a = To8(768)
        self.Mixed_7b = Mixed8(1280, "average")
        self.Mixed_7c = Mixed8(2048, "maximum")
        self.fc = nn.Linear(FEATURES, CLASSES)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The logits are without the classifier's bias, as the inception score takes them."""
        x = (tensorflow_resize(images.to(self.fc.weight.dtype), SIDE) - 128) / 128
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(F.max_pool2d(x, 3, 2)))
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(F.max_pool2d(x, 3, 2))))
        x = self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))
        x = self.Mixed_6e(self.Mixed_6d(x))
        x = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x))).mean((2, 3))
        return x, x @ self.fc.weight.T


def tensorflow_resize(images: Tensor, side: int) -> Tensor:
    """B×C×H×W resized to side×side as TensorFlow 1 did: bilinear, pixel i lies at i·H/side."""
    for dim in (2, 3):
        length = images.shape[dim]
        at = torch.arange(side, device=images.device, dtype=torch.float64) * (length / side)
        first = at.long()
        shape = [1, 1, 1, 1]
        shape[dim] = side
        share = (at - first).to(images.dtype).view(shape)
        low = images.index_select(dim, first)
        high = images.index_select(dim, (first + 1).clamp(max=length - 1))
        images = low + (high - low) * share
    return images


def inception(path: str | Path) -> Inception:
    """The network with the public weights `pt_inception-2015-12-05` (a .pth file), in eval mode.

    Raises UserError when there is no such file or it holds other weights.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise UserError(f"There is no Inception weights file {path}.")
    net = Inception()
    load_trunk(net, read_weights(path), str(path))
    return net.eval().requires_grad_(False)
