"""How maps lie in memory: a choice for the whole process, for what its hardware does faster."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

Layout = Literal["channels_last", "contiguous"]
_layout: Layout = "channels_last"


def use_layout(layout: Layout) -> None:
    """Lays out the networks that are built, and the images that are normalised, from now on."""
    global _layout
    _layout = layout


def channels_last(module: nn.Module) -> None:
    """Lays the weights of convolutions out for channels-last maps, if that is the layout in use."""
    if _layout == "channels_last":
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def laid_out(images: Tensor) -> Tensor:
    """Channels-last images, B×C×H×W, in the layout in use; what a network makes of them follows."""
    return images if _layout == "channels_last" else images.contiguous()
