"""DG-Net's networks: structure encoder, generator, discriminators, appearance encoder.

Zheng et al., CVPR 2019 (arXiv 1904.07223), appendix; section numbers are those of the authors'
released configuration. Every convolution has a bias and reflection padding; leaky ReLU slope 0.2.
"""

from typing import Literal, NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lookalike.nets.blocks import Residual, lrelu, reflect_conv
from lookalike.nets.frozen import frozen
from lookalike.nets.heads import BottleneckHead
from lookalike.nets.norms import LayerNorm, adain, instance_norm
from lookalike.nets.upsample import UpsampleConv

STRIPES = 4  # the last map is max-pooled to 4×1: an appearance code has 4·C numbers
PartOrder = Literal["channel", "stripe"]


class StructureEncoder(nn.Module):
    """Es: grey image B×1×H×W → structure code B×8d×H/4×W/4, instance-normalised."""

    def __init__(self, dim: int, residuals: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            [
                reflect_conv(1, dim, 3, 2),
                reflect_conv(dim, 2 * dim, 3),
                reflect_conv(2 * dim, 2 * dim, 3),
                reflect_conv(2 * dim, 4 * dim, 3, 2),
            ]
        )
        self.residuals = nn.ModuleList(Residual(4 * dim) for _ in range(residuals))
        self.near = reflect_conv(4 * dim, 2 * dim, 1)
        self.reduce = nn.ModuleList(reflect_conv(4 * dim, 2 * dim, 1) for _ in range(3))
        self.dilated = nn.ModuleList(
            reflect_conv(2 * dim, 2 * dim, 3, dilation=d) for d in (3, 6, 9)
        )
        self.fuse = reflect_conv(8 * dim, 8 * dim, 1)

    def forward(self, x: Tensor) -> Tensor:
        for conv in self.convs:
            x = lrelu(instance_norm(conv(x)))
        for residual in self.residuals:
            x = residual(x, instance_norm, instance_norm)
        branches = [instance_norm(self.near(x))]
        for reduce, dilated in zip(self.reduce, self.dilated, strict=True):
            branches.append(instance_norm(dilated(lrelu(instance_norm(reduce(x))))))
        return instance_norm(self.fuse(torch.cat(branches, 1)))


class Mlp(nn.Module):
    """A chunk of f → the γ or β of both AdaINs of one residual block: B×C → B×2·dim."""

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            [nn.Linear(inputs, hidden), nn.Linear(hidden, hidden), nn.Linear(hidden, outputs)]
        )

    def forward(self, x: Tensor) -> Tensor:
        first, second, third = self.layers
        return third(lrelu(second(lrelu(first(x)))))


class Generator(nn.Module):
    """Structure encoder, AdaIN MLPs and decoder."""

    def __init__(
        self, channels: int, dim: int, residuals: int, mlp_dim: int, part_order: PartOrder
    ) -> None:
        super().__init__()
        code = 8 * dim
        self.part_order = part_order
        self.encoder = StructureEncoder(dim, residuals)
        self.gammas = nn.ModuleList(Mlp(channels, mlp_dim, 2 * code) for _ in range(STRIPES))
        self.betas = nn.ModuleList(Mlp(channels, mlp_dim, 2 * code) for _ in range(STRIPES))
        self.residuals = nn.ModuleList(Residual(code) for _ in range(STRIPES))
        self.up1, self.norm1 = UpsampleConv(code, code // 2), LayerNorm(code // 2)
        self.up2, self.norm2 = UpsampleConv(code // 2, code // 4), LayerNorm(code // 4)
        self.refine = nn.ModuleList(reflect_conv(code // 4, code // 4, 3) for _ in range(2))
        self.rgb = reflect_conv(code // 4, 3, 1)
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.kaiming_normal_(module.weight)
                nn.init.zeros_(cast(Tensor, module.bias))

    def structure(self, x: Tensor) -> Tensor:
        """s of normalised images: grey is the plain mean of the three normalised channels."""
        return self.encoder(x.mean(1, keepdim=True))

    def structure_again(self, pictures: Tensor, trains_encoder: bool) -> Tensor:
        """s of pictures, whose gradient reaches the encoder alone, or the pictures alone."""
        if trains_encoder:
            return self.structure(pictures.detach())
        return cast(Tensor, frozen(self.encoder, pictures.mean(1, keepdim=True)))

    def styles(self, f: Tensor) -> Tensor:
        """Every γ and β that f asks for: B×4C → B×4×2×2·dim (block, γ or β, both AdaINs)."""
        chunks = f
        if self.part_order == "stripe":
            chunks = f.view(len(f), -1, STRIPES).transpose(1, 2).flatten(1)
        return torch.stack(
            [
                torch.stack([gamma(chunk), beta(chunk)], 1)
                for gamma, beta, chunk in zip(
                    self.gammas, self.betas, chunks.chunk(STRIPES, 1), strict=True
                )
            ],
            1,
        )

    def decode(self, s: Tensor, styles: Tensor) -> Tensor:
        """The pictures with structure s and those styles, in normalised pixels: B×3×H×W."""
        for k, residual in enumerate(self.residuals):
            (g1, g2), (b1, b2) = (part.chunk(2, 1) for part in styles[:, k].unbind(1))
            s = residual(
                s, lambda x, g=g1, b=b1: adain(x, g, b), lambda x, g=g2, b=b2: adain(x, g, b)
            )
        x = lrelu(self.norm1(self.up1(s)))
        x = lrelu(self.norm2(self.up2(x)))
        for conv in self.refine:
            x = lrelu(conv(x))
        return self.rgb(x)


class PatchDiscriminator(nn.Module):
    """One scale's discriminator: B×3×H×W → patches B×1×H/4×W/4, no normalisation."""

    def __init__(self, dim: int, residuals: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            [
                reflect_conv(3, dim, 1),
                reflect_conv(dim, dim, 3),
                reflect_conv(dim, dim, 3, 2),
                reflect_conv(dim, dim, 3),
                reflect_conv(dim, 2 * dim, 3, 2),
            ]
        )
        self.residuals = nn.ModuleList(Residual(2 * dim) for _ in range(residuals))
        self.out = nn.Conv2d(2 * dim, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        for conv in self.convs:
            x = lrelu(conv(x))
        for residual in self.residuals:
            x = residual(x)
        return self.out(x)


class Discriminator(nn.Module):
    """The same discriminator with its own weights at every scale: B×3×H×W → a map per scale."""

    def __init__(self, dim: int, scales: int, residuals: int) -> None:
        super().__init__()
        self.scales = nn.ModuleList(PatchDiscriminator(dim, residuals) for _ in range(scales))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, std=0.02)
                nn.init.zeros_(cast(Tensor, module.bias))

    def forward(self, x: Tensor) -> list[Tensor]:
        maps = []
        for k, scale in enumerate(self.scales):
            if k:
                x = F.avg_pool2d(x, 3, 2, 1, count_include_pad=False)
            maps.append(scale(x))
        return maps


class Appearance(NamedTuple):
    """What the appearance encoder sees in a batch: the code and the logits."""

    code: Tensor  # B×4C, channel-major: index = 4·channel + stripe
    primary: Tensor  # B×classes
    fine: Tensor  # B×classes


class AppearanceEncoder(nn.Module):
    """Ea, which is the re-ID network: a ResNet, max pooling, and two heads."""

    def __init__(self, trunk: nn.Module, classes: int) -> None:
        super().__init__()
        self.trunk = trunk
        channels = cast(int, trunk.channels)
        self.primary = BottleneckHead(channels, 512, classes, None, dropout=0.5)
        self.fine = BottleneckHead(channels, 512, classes, None, dropout=0.75)

    def start_from(self, trunk: nn.Module, head: nn.Module) -> None:
        """Copies the weights of a trained trunk, and those of its head into both heads."""
        self.trunk.load_state_dict(trunk.state_dict())
        for branch in (self.primary, self.fine):
            branch.load_state_dict(head.state_dict())

    def code(self, feature_map: Tensor) -> Tensor:
        """f: the strongest response of every channel in each of four stripes."""
        return F.adaptive_max_pool2d(feature_map, (STRIPES, 1)).flatten(1)

    def forward(self, x: Tensor) -> Appearance:
        feature_map = self.trunk(x)
        pooled = feature_map.amax((2, 3))
        return Appearance(self.code(feature_map), self.primary(pooled), self.fine(pooled))

    def embed(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Normalised images → the 512-d outputs of the heads' batch norm: f_prim and f_fine."""
        pooled = self.trunk(x).amax((2, 3))
        return self.primary.embed(pooled), self.fine.embed(pooled)
