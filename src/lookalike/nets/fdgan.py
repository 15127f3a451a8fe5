"""FD-GAN's networks: verifier, generator, identity and pose discriminators.

Ge et al., *FD-GAN*, NeurIPS 2018 (arXiv 1810.02936), section 3, with the depths of the released
code. The encoder is a ResNet of `lookalike.nets.backbone` whose last map is averaged.
"""

from itertools import pairwise
from typing import Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lookalike.nets.batchnorm import BatchNorm1d, BatchNorm2d, Dropout
from lookalike.nets.blocks import lrelu
from lookalike.nets.norms import instance_norm

JOINTS = 18  # channels of a pose map
DROPOUT = 0.2
Fuse = Literal["cat", "add"]
Norm = Literal["batch", "instance"]
Size = tuple[int, int]


def average(feature_map: Tensor) -> Tensor:
    """The mean over the map, in float32 or better, for what follows squares it: B×C×h×w → B×C."""
    return feature_map.mean((2, 3), dtype=torch.promote_types(feature_map.dtype, torch.float32))


class Verifier(nn.Module):
    """V: (f1 − f2)² → batch norm → linear: two B×C → B×outputs logits, "same" the last of them.

    Keys: bn.*, classifier.{weight (N(0, 0.001)), bias (0)}.
    """

    def __init__(self, channels: int, outputs: int = 2) -> None:
        super().__init__()
        self.bn = BatchNorm1d(channels)
        self.classifier = nn.Linear(channels, outputs)
        nn.init.normal_(self.classifier.weight, std=0.001)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        return self.classifier(self.bn((first - second).square()))

    @staticmethod
    def same(logits: Tensor) -> Tensor:
        """log P(same) of its logits, N×1 or N×2 → N, in float32 or better."""
        logits = logits if logits.dtype == torch.float64 else logits.float()
        return F.logsigmoid(logits[:, 0]) if logits.shape[1] == 1 else logits.log_softmax(1)[:, 1]


class IdentityDiscriminator(nn.Module):
    """D_id: does the second picture show the person of the first? A trunk and a one-output V."""

    def __init__(self, trunk: nn.Module) -> None:
        super().__init__()
        self.trunk = trunk
        self.head = Verifier(cast(int, trunk.channels), 1)

    def forward(self, x: Tensor) -> Tensor:
        """The features of pictures, to be compared by `head`: B×3×H×W → B×C."""
        return average(self.trunk(x))

    def start_from(self, trunk: nn.Module, verifier: Verifier) -> None:
        """Copies a trained encoder, and of its verifier the batch norm and the row of "same"."""
        self.trunk.load_state_dict(trunk.state_dict())
        self.head.bn.load_state_dict(verifier.bn.state_dict())
        with torch.no_grad():
            self.head.classifier.weight.copy_(verifier.classifier.weight[-1:])
            self.head.classifier.bias.copy_(verifier.classifier.bias[-1:])


class PoseDiscriminator(nn.Module):
    """D_pd, a 70×70 PatchGAN: pose maps B×18×H×W and pictures B×3×H×W → B×1×(H/8−2)×(W/8−2).

    Its input has the pose channels first. Keys: convs.0 … convs.4, norms.0 … norms.2.
    """

    def __init__(self, dim: int = 64) -> None:
        super().__init__()
        widths = (dim, 2 * dim, 4 * dim, 8 * dim)
        self.convs = nn.ModuleList([nn.Conv2d(JOINTS + 3, dim, 4, 2, 1)])
        for before, after in pairwise(widths):
            stride = 2 if after < widths[-1] else 1
            self.convs.append(nn.Conv2d(before, after, 4, stride, 1, bias=False))
        self.convs.append(nn.Conv2d(widths[-1], 1, 4, 1, 1))
        self.norms = nn.ModuleList(BatchNorm2d(width) for width in widths[1:])
        init_weights(self)

    def forward(self, maps: Tensor, pictures: Tensor) -> Tensor:
        x = lrelu(self.convs[0](torch.cat([maps, pictures], 1)))
        for conv, norm in zip(list(self.convs)[1:-1], self.norms, strict=True):
            x = lrelu(norm(conv(x)))
        return self.convs[-1](x)


def _norm(norm: Norm, channels: int, size: Size) -> nn.Module:
    """The norm after a convolution whose output has that size."""
    if norm == "batch":
        return BatchNorm2d(channels)
    # The instance norm of a single value would be 0, whatever the value.
    return InstanceNorm() if size != (1, 1) else nn.Identity()


class InstanceNorm(nn.Module):
    """Instance norm without weights."""

    def forward(self, x: Tensor) -> Tensor:
        return instance_norm(x)


class _Stage(nn.Module):
    """A convolution, plain or transposed, its norm and dropout; the activation stands before."""

    def __init__(self, conv: nn.Module, norm: nn.Module | None = None, dropout: float = 0) -> None:
        super().__init__()
        self.conv = conv
        self.norm = norm or nn.Identity()
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        return self.dropout(self.norm(self.conv(x)))


class Generator(nn.Module):
    """G: features B×C, pose maps B×18×H×W and noise B×N → pictures before the output's squash.

    The pose encoder halves the maps five times and makes one vector of the rest; the decoder does
    the reverse from feature, pose code and noise. Any size from 32×32 on; (256, 128) has the
    paper's 8×4 bottleneck.
    fuse: "cat" joins the three in this order; "add" sums a linear map of each.
    connect: how many of the smallest maps of the pose encoder the decoder sees (U-Net, 0 to 5).
    norm: "instance" has no weights, its convolutions have biases.
    Keys: encode.0 … encode.5 (en_conv1 … en_conv5, en_avg), decode.0 … decode.5 (de_avg, de_conv5
    … de_conv1), each with conv.* and norm.*; fuse.0 … fuse.2 (feature, pose code, noise).
    """

    def __init__(
        self,
        feature_dim: int = 2048,
        size: Size = (256, 128),
        *,
        dim: int = 64,
        pose_dim: int = 128,
        noise_dim: int = 256,
        fuse: Fuse = "cat",
        connect: int = 0,
        norm: Norm = "batch",
        dropout: float = DROPOUT,
    ) -> None:
        super().__init__()
        self.noise_dim, self.connect = noise_dim, connect
        widths = [dim, 2 * dim, 4 * dim, 8 * dim, 8 * dim]  # of en_conv1 … en_conv5
        sizes = [(size[0] >> k, size[1] >> k) for k in range(6)]
        bias = norm == "instance"

        self.encode = nn.ModuleList([_Stage(nn.Conv2d(JOINTS, dim, 4, 2, 1, bias=bias))])
        for k in range(1, 5):
            conv = nn.Conv2d(widths[k - 1], widths[k], 4, 2, 1, bias=bias)
            self.encode.append(_Stage(conv, _norm(norm, widths[k], sizes[k + 1])))
        conv = nn.Conv2d(widths[4], pose_dim, sizes[5], bias=bias)
        self.encode.append(_Stage(conv, _norm(norm, pose_dim, (1, 1))))

        parts = (feature_dim, pose_dim, noise_dim)
        code = max(parts) if fuse == "add" else sum(parts)
        self.fuse = nn.ModuleList(
            nn.Linear(part, code, bias=False) for part in (parts if fuse == "add" else ())
        )
        up = nn.ConvTranspose2d(code, widths[4], sizes[5], bias=bias)
        self.decode = nn.ModuleList([_Stage(up, _norm(norm, widths[4], sizes[5]), dropout)])
        outputs = [*widths[3::-1], 3]
        for k in range(5):  # de_conv5 … de_conv1
            inputs = widths[4 - k] * (2 if k < connect else 1)
            target, last = sizes[4 - k], k == 4
            remainder = (target[0] % 2, target[1] % 2)  # the pixel that halving lost
            up = nn.ConvTranspose2d(inputs, outputs[k], 4, 2, 1, remainder, bias=bias)
            end = None if last else _norm(norm, outputs[k], target)
            self.decode.append(_Stage(up, end, 0 if last else dropout))
        init_weights(self)

    def forward(self, features: Tensor, maps: Tensor, noise: Tensor) -> Tensor:
        skips: list[Tensor] = []
        x = maps
        for k, stage in enumerate(self.encode):
            if k:
                x = lrelu(x)  # in place: the decoder sees these maps after their activation
                skips.append(x)
            x = stage(x)
        parts = (features.to(x.dtype), x.flatten(1), noise.to(x.dtype))
        if self.fuse:
            terms = [layer(part) for layer, part in zip(self.fuse, parts, strict=True)]
            x = terms[0] + terms[1] + terms[2]
        else:
            x = torch.cat(parts, 1)
        x = x[:, :, None, None]
        for k, stage in enumerate(self.decode):
            if 0 < k <= self.connect:
                x = torch.cat([x, skips[-k]], 1)
            x = stage(F.relu(x))
        return x


def init_weights(module: nn.Module) -> None:
    """The GAN's start: weights of layers N(0, 0.02), of 2-d batch norms N(1, 0.02) with bias 0;
    the layers' biases stay as torch draws them."""
    for layer in module.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            nn.init.normal_(layer.weight, std=0.02)
        elif isinstance(layer, BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, 0.02)
            nn.init.zeros_(layer.bias)
