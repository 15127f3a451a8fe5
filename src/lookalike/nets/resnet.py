"""ResNet trunks (He et al. 2015, arXiv 1512.03385) under torchvision's parameter names.

Two settings matter for re-identification. `last_stride=1` keeps the last stage at 1/16 of the
image. `stride_on` says which convolution of a bottleneck halves the map: the 3×3 (torchvision)
or the first 1×1 (the original placement, also Caffe's and Keras's). Both have the same
parameters, and weights trained with one are wrong in the other.
"""

from typing import Literal, NamedTuple

from torch import Tensor, nn

from lookalike.errors import unknown
from lookalike.nets.batchnorm import BatchNorm2d
from lookalike.nets.convolution import Conv2d

StrideOn = Literal["3x3", "1x1"]


def _conv(in_channels: int, out_channels: int, size: int, stride: int = 1) -> Conv2d:
    return Conv2d(in_channels, out_channels, size, stride, padding=size // 2, bias=False)


class _Block(nn.Module):
    """What both kinds of block share: the shortcut, which is a projection where shapes differ."""

    expansion: int

    def __init__(self, in_channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module | None = None
        out_channels = width * self.expansion
        if stride != 1 or in_channels != out_channels:
            self.downsample = nn.Sequential(
                _conv(in_channels, out_channels, 1, stride), BatchNorm2d(out_channels)
            )

    def shortcut(self, x: Tensor) -> Tensor:
        return x if self.downsample is None else self.downsample(x)


class BasicBlock(_Block):
    """Two 3×3 convolutions and a shortcut (ResNet-18 and -34)."""

    expansion = 1

    def __init__(self, in_channels: int, width: int, stride: int, stride_on: StrideOn) -> None:
        super().__init__(in_channels, width, stride)
        self.conv1, self.bn1 = _conv(in_channels, width, 3, stride), BatchNorm2d(width)
        self.conv2, self.bn2 = _conv(width, width, 3), BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        y += self.shortcut(x)  # in place: the norm keeps its input, not its output
        return self.relu(y)


class Bottleneck(_Block):
    """1×1, 3×3 and 1×1 convolutions and a shortcut (ResNet-50 and -101)."""

    expansion = 4

    def __init__(self, in_channels: int, width: int, stride: int, stride_on: StrideOn) -> None:
        super().__init__(in_channels, width, stride)
        first, second = (stride, 1) if stride_on == "1x1" else (1, stride)
        self.conv1, self.bn1 = _conv(in_channels, width, 1, first), BatchNorm2d(width)
        self.conv2, self.bn2 = _conv(width, width, 3, second), BatchNorm2d(width)
        self.conv3, self.bn3 = _conv(width, width * 4, 1), BatchNorm2d(width * 4)

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        y += self.shortcut(x)  # in place: the norm keeps its input, not its output
        return self.relu(y)


class Shape(NamedTuple):
    """Which blocks a ResNet has, how many in each stage, and the first stage's width."""

    block: type[BasicBlock] | type[Bottleneck]
    blocks: tuple[int, int, int, int]
    width: int = 64


SHAPES = {  # by the number of layers
    18: Shape(BasicBlock, (2, 2, 2, 2)),
    34: Shape(BasicBlock, (3, 4, 6, 3)),
    50: Shape(Bottleneck, (3, 4, 6, 3)),
    101: Shape(Bottleneck, (3, 4, 23, 3)),
}


class ResNet(nn.Module):
    """The last feature map of a ResNet: B×3×H×W → B×`channels`×h×w, h = H/32 (H/16: last_stride 1).

    No pooling and no classifier. The keys of the state dict are torchvision's without `fc`.
    """

    def __init__(
        self, depth: int, stride_on: StrideOn = "3x3", last_stride: Literal[1, 2] = 2
    ) -> None:
        super().__init__()
        shape = SHAPES[depth]
        width = shape.width
        self.last_stride = last_stride
        self.conv1 = nn.Conv2d(3, width, 7, 2, padding=3, bias=False)
        self.bn1 = BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, padding=1)
        self.channels = width
        self.layer1 = self._stage(shape, 0, 1, stride_on)
        self.layer2 = self._stage(shape, 1, 2, stride_on)
        self.layer3 = self._stage(shape, 2, 2, stride_on)
        self.layer4 = self._stage(shape, 3, last_stride, stride_on)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def _stage(self, shape: Shape, k: int, stride: int, stride_on: StrideOn) -> nn.Sequential:
        block, width = shape.block, shape.width * 2**k
        first = block(self.channels, width, stride, stride_on)
        self.channels = width * block.expansion
        others = (block(self.channels, width, 1, stride_on) for _ in range(shape.blocks[k] - 1))
        return nn.Sequential(first, *others)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))


def resnet(depth: int, *, stride_on: StrideOn = "3x3", last_stride: Literal[1, 2] = 2) -> ResNet:
    """A ResNet trunk of 18, 34, 50 or 101 layers with He's random weights.

    Raises UserError on another depth, stride placement or last stride.
    """
    if depth not in SHAPES:
        raise unknown("ResNet depth", str(depth), map(str, SHAPES))
    if stride_on not in ("3x3", "1x1"):
        raise unknown("stride_on", stride_on, ("3x3", "1x1"))
    if last_stride not in (1, 2):
        raise unknown("last_stride", str(last_stride), ("1", "2"))
    return ResNet(depth, stride_on, last_stride)
