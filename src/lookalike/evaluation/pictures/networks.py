"""The networks that judge pictures: features, logits, a perceptual distance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lookalike.data.transforms import Normalize
from lookalike.errors import UserError
from lookalike.methods.model import Model, evaluating
from lookalike.metrics.images import lpips
from lookalike.nets import backbone
from lookalike.nets.inception import Inception, inception
from lookalike.nets.perceptual import Perceptual, perceptual

RESNET_SIZE = (256, 128)  # what a trunk sees of every picture
SMALLEST_LPIPS = 31  # pixels that AlexNet's strides need


@dataclass(frozen=True, eq=False)
class JudgeNetworks:
    """The networks that judge pictures beside plain arithmetic; None is left out.

    resnet: an ImageNet ResNet-50, for "frechet-resnet50". inception: for "FID", "IS" and "mask-IS".
    perceptual: for "LPIPS". reid: a model that embeds, held out from what made the pictures, for
    "rank1" and "mAP".
    """

    resnet: nn.Module | None = None
    inception: Inception | None = None
    perceptual: Perceptual | None = None
    reid: Model | None = None

    @property
    def of_sets(self) -> bool:
        """Whether any of them judges pictures without a target."""
        return any(net is not None for net in (self.resnet, self.inception, self.reid))

    @torch.no_grad()
    def features(self, images: Tensor) -> dict[str, Tensor]:
        """Each network's features of pictures, uint8 B×3×H×W: metric → B×D on the CPU."""
        features: dict[str, Tensor] = {}
        if self.resnet is not None:
            features["frechet-resnet50"] = pooled(self.resnet, images)
        if self.inception is not None:
            features["FID"], features["IS"] = self.inception(images)
        if self.reid is not None:
            features["reid"] = self.reid.embed(images.float() / 255)
        return {name: value.float().cpu() for name, value in features.items()}

    @torch.no_grad()
    def logits(self, images: Tensor) -> Tensor:
        """The Inception's logits of masked pictures."""
        assert self.inception is not None
        logits: Tensor = self.inception(images)[1]
        return logits.float().cpu()

    @torch.no_grad()
    def distance(self, pictures: Tensor, target: Tensor) -> Tensor:
        """LPIPS of B pairs, uint8. Raises UserError for pictures too small for its network."""
        assert self.perceptual is not None
        if min(pictures.shape[2:]) < SMALLEST_LPIPS:
            raise UserError(
                f"LPIPS needs pictures of {SMALLEST_LPIPS} pixels both ways or more, not "
                f"{pictures.shape[2]}×{pictures.shape[3]}: leave out --lpips."
            )
        maps = [self.perceptual(images.float() / 127.5 - 1) for images in (pictures, target)]
        return lpips(maps[0], maps[1], self.perceptual.weights)


NO_NETWORKS = JudgeNetworks()


def pooled(trunk: nn.Module, images: Tensor) -> Tensor:
    """The globally averaged last map of pictures at 256×128: uint8 B×3×H×W → B×2048."""
    x = images.float() / 255
    if tuple(x.shape[2:]) != RESNET_SIZE:
        x = F.interpolate(x, RESNET_SIZE, mode="bicubic", antialias=True).clamp(0, 1)
    with evaluating(trunk):
        features: Tensor = trunk(Normalize().to(x.device)(x)).mean((2, 3))
    return features


def load_networks(
    device: torch.device,
    weights: str = "none",
    inception_file: str | None = None,
    lpips_files: Sequence[str] = (),
    reid: Model | None = None,
) -> JudgeNetworks:
    """The networks on `device`. weights: "imagenet", "none" or a file, of the ResNet-50.

    lpips_files: the file of AlexNet or VGG-16, and maybe that of the linear weights. Raises
    UserError for files that aren't there or don't fit, and for a model that has no features.
    """
    if reid is not None and not reid.embeds:
        raise UserError(
            f"A model of {reid.method.name} makes pictures of people, but recognises nobody: give "
            "--reid one that embeds."
        )
    try:
        resnet = None if weights == "none" else backbone("resnet50", weights=weights)
    except UserError as error:
        raise UserError(
            f"No frechet-resnet50 without its network; --weights none leaves it out. {error}"
        ) from error
    inception_net = inception(inception_file) if inception_file else None
    lpips_net = perceptual(*lpips_files) if lpips_files else None
    for net in (resnet, inception_net, lpips_net, reid):
        if net is not None:
            net.to(device).eval().requires_grad_(False)
    return JudgeNetworks(resnet, inception_net, lpips_net, reid)
