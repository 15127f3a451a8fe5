"""PG²'s networks (Ma et al. 2017, arXiv 1705.09368): G1, G2 and the discriminator D.

With base width n, N blocks and crops of H×W (Market-1501: n = 128, N = 5, 128×64), block i works
with n·(i + 1) channels at H/2^i × W/2^i. ReLU follows every convolution but the last, the outputs
are linear, and G1 and G2 have no normalisation.
"""

from itertools import pairwise
from typing import Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lookalike.nets.batchnorm import BatchNorm2d, batch_statistics

Padding = Literal["tf_same", "symmetric"]
PoseEmbed = Literal["concat", "ce", "hme"]
JOINTS = 18
CODE = 64  # numbers of the bottleneck's code
SPREAD = 0.02  # standard deviation of D's first weights


class Halving(nn.Conv2d):
    """A convolution with stride 2 on even sizes: B×C×H×W → B×O×H/2×W/2.

    padding "tf_same" is TensorFlow's: the odd pixel of padding goes to the right and the bottom;
    "symmetric" pads kernel // 2 on all sides.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, padding: Padding) -> None:
        symmetric = kernel // 2 if padding == "symmetric" else 0
        super().__init__(inputs, outputs, kernel, 2, symmetric)
        before = (kernel - 2) // 2
        after = kernel - 2 - before
        self.pads = (before, after) * 2 if padding == "tf_same" else (0, 0, 0, 0)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(F.pad(x, self.pads) if any(self.pads) else x)


def conv(inputs: int, outputs: int) -> nn.Conv2d:
    """The 3×3 convolution that keeps the size."""
    return nn.Conv2d(inputs, outputs, 3, padding=1)


def xavier(module: nn.Module) -> None:
    """Xavier uniform weights and zero biases, in every convolution and linear layer."""
    for layer in module.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(cast(Tensor, layer.bias))


def relu(x: Tensor) -> Tensor:
    """ReLU in place: its output determines its gradient."""
    return F.relu(x, inplace=True)


class Pair(nn.Module):
    """Two 3×3 convolutions with ReLU; with `residual` the input is added, with no ReLU after."""

    def __init__(self, inputs: int, outputs: int, residual: bool = False) -> None:
        super().__init__()
        self.a, self.b = conv(inputs, outputs), conv(outputs, outputs)
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        y = relu(self.b(relu(self.a(x))))
        return x + y if self.residual else y


class Encoder(nn.Module):
    """G1's encoder: B×inputs×H×W → the features of its blocks, B×n(i+1)×H/2^i×W/2^i."""

    def __init__(
        self, inputs: int, width: int, blocks: int, residual: bool, padding: Padding
    ) -> None:
        super().__init__()
        sizes = [width * (i + 1) for i in range(blocks)]
        self.inlet = conv(inputs, width)
        self.blocks = nn.ModuleList(Pair(c, c, residual) for c in sizes)
        self.downs = nn.ModuleList(Halving(c, c + width, 3, padding) for c in sizes[:-1])

    def forward(self, x: Tensor) -> list[Tensor]:
        x = relu(self.inlet(x))
        features: list[Tensor] = []
        for i, block in enumerate(self.blocks):
            features.append(block(x))
            if i < len(self.downs):
                x = relu(self.downs[i](features[-1]))
        return features


class G1(nn.Module):
    """The coarse picture: image B×3×H×W and pose → B×3×H×W, in the image's scale but unbounded.

    pose: of `pose_embed` "concat" and "hme" maps B×18×H×W, of "ce" coordinates B×36. "concat"
    gives them to the encoder beside the image; "ce" (two linear layers) and "hme" (an encoder of
    their own) add a second code at the bottleneck, which is why they need `fc_bottleneck`.
    Without `fc_bottleneck` the deepest feature itself enters the decoder (as in G2).
    The sizes of "ce" and "hme" are ours: the paper doesn't give them.
    """

    def __init__(
        self,
        height: int,
        width: int,
        blocks: int,
        channels: int = 128,
        pose_embed: PoseEmbed = "concat",
        residual: bool = True,
        fc_bottleneck: bool = True,
        padding: Padding = "tf_same",
    ) -> None:
        super().__init__()
        self.pose_embed = pose_embed
        self.small = (channels, height >> (blocks - 1), width >> (blocks - 1))
        area = self.small[1] * self.small[2]
        encoder_inputs = 3 + JOINTS if pose_embed == "concat" else 3
        self.encoder = Encoder(encoder_inputs, channels, blocks, residual, padding)
        deepest = channels * blocks
        self.fc_bottleneck = fc_bottleneck
        if fc_bottleneck:
            self.to_code = nn.Linear(deepest * area, CODE)
            codes = CODE if pose_embed == "concat" else 2 * CODE
            self.from_code = nn.Linear(codes, channels * area)
        if pose_embed == "ce":
            self.pose_code = nn.Sequential(
                nn.Linear(2 * JOINTS, CODE), nn.ReLU(), nn.Linear(CODE, CODE)
            )
        elif pose_embed == "hme":
            self.pose_encoder = Encoder(JOINTS, channels, blocks, residual, padding)
            self.pose_to_code = nn.Linear(deepest * area, CODE)
        inputs = channels if fc_bottleneck else deepest
        self.blocks, self.ups = nn.ModuleList(), nn.ModuleList()
        for i in reversed(range(blocks)):
            d = inputs + channels * (i + 1)
            self.blocks.append(Pair(d, d, residual))
            if i:
                inputs = channels * i
                self.ups.append(nn.Conv2d(d, inputs, 1))
        self.out = conv(d, 3)
        xavier(self)

    def forward(self, image: Tensor, pose: Tensor) -> Tensor:
        x = torch.cat((image, pose), 1) if self.pose_embed == "concat" else image
        features = self.encoder(x)
        y = features[-1]
        if self.fc_bottleneck:
            code = self.to_code(y.flatten(1))
            if self.pose_embed == "ce":
                code = torch.cat((code, self.pose_code(pose)), 1)
            elif self.pose_embed == "hme":
                deepest = self.pose_encoder(pose)[-1]
                code = torch.cat((code, self.pose_to_code(deepest.flatten(1))), 1)
            y = self.from_code(code).unflatten(1, self.small)
        for i, block in enumerate(self.blocks):
            y = block(torch.cat((y, features.pop()), 1))
            if i < len(self.ups):
                # A 1×1 convolution of repeated pixels repeats its result: ×2 comes last, a quarter
                # of the work
                y = F.interpolate(relu(self.ups[i](y)), scale_factor=2.0)
        return self.out(y)


class G2(nn.Module):
    """The difference map: coarse and condition image, both B×3×H×W → B×3×H×W, unbounded.

    blocks: M = N − 2. skip_outer: the last decoder block sees the encoder's first feature too
    (DeepFashion's network does, Market-1501's doesn't). The first decoder block sees the deepest
    feature twice, as the authors' weights do.
    """

    def __init__(
        self,
        blocks: int,
        channels: int = 128,
        skip_outer: bool = False,
        padding: Padding = "tf_same",
    ) -> None:
        super().__init__()
        sizes = [channels * (i + 1) for i in range(blocks)]
        self.skip_outer = skip_outer
        self.inlet = conv(6, channels)
        self.encoder = nn.ModuleList(Pair(sizes[max(i - 1, 0)], c) for i, c in enumerate(sizes))
        self.downs = nn.ModuleList(Halving(c, c, 3, padding) for c in sizes[:-1])
        self.decoder = nn.ModuleList()
        inputs = sizes[-1]
        for i in reversed(range(blocks)):
            skip = sizes[i] if i or skip_outer else 0
            self.decoder.append(Pair(inputs + skip, channels))
            inputs = channels
        self.out = conv(channels, 3)
        xavier(self)

    def forward(self, coarse: Tensor, image: Tensor) -> Tensor:
        y = relu(self.inlet(torch.cat((coarse, image), 1)))
        features: list[Tensor] = []
        for i, block in enumerate(self.encoder):
            y = block(y)
            features.append(y)
            if i < len(self.downs):
                y = relu(self.downs[i](y))
        for block in self.decoder:
            skip = features.pop()
            if features or self.skip_outer:
                y = torch.cat((y, skip), 1)
            y = block(y)
            if features:
                y = F.interpolate(y, scale_factor=2.0)
        return self.out(y)


class Discriminator(nn.Module):
    """D: B×inputs×H×W → B logits. inputs: 6 for a pair of images, 3 for one image.

    layers: convolutions of 5×5 with stride 2, of n/2, n, 2n, 4n, 4n … channels. Their batch
    normalisation always uses the statistics of the batch at hand, also in eval mode: what is
    judged together depends on each other.
    """

    def __init__(
        self,
        height: int,
        width: int,
        layers: int,
        channels: int = 128,
        inputs: int = 3,
        padding: Padding = "tf_same",
    ) -> None:
        super().__init__()
        sizes = [inputs] + [min(channels << i, 8 * channels) // 2 for i in range(layers)]
        self.convs = nn.ModuleList(Halving(a, b, 5, padding) for a, b in pairwise(sizes))
        self.norms = nn.ModuleList(BatchNorm2d(c) for c in sizes[2:])
        self.out = nn.Linear(sizes[-1] * (height >> layers) * (width >> layers), 1)
        for layer in self.modules():
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                nn.init.uniform_(layer.weight, -(3**0.5) * SPREAD, 3**0.5 * SPREAD)
                nn.init.zeros_(cast(Tensor, layer.bias))

    def forward(self, x: Tensor) -> Tensor:
        with batch_statistics(self):
            for i, layer in enumerate(self.convs):
                x = layer(x)
                x = F.leaky_relu(self.norms[i - 1](x) if i else x, 0.2, inplace=True)
        return self.out(x.flatten(1)).squeeze(1)
