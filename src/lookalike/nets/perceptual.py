"""The networks that LPIPS looks through: AlexNet's or VGG-16's convolutions, and its weights.

Zhang et al., *The Unreasonable Effectiveness of Deep Features as a Perceptual Metric*, CVPR 2018.
The parameter names are torchvision's (`features.0.weight`), and those of the public linear weights
(`lin0.model.1.weight`), version 0.1, so that both files load as they are.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from lookalike.errors import UserError
from lookalike.nets.weights import load_trunk, read_weights

Trunk = Literal["alex", "vgg"]
# Output channels of the convolutions; "M" is a 2×2 pool. A layer of LPIPS ends before each pool.
VGG = (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512)
TAPS = {"alex": (1, 4, 7, 9, 11), "vgg": (3, 8, 15, 22, 29)}  # the ReLUs that are looked at
WIDTHS = {"alex": (64, 192, 384, 256, 256), "vgg": (64, 128, 256, 512, 512)}
# The released scaling of pictures in [−1, 1].
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)


class Perceptual(nn.Module):
    """B×3×H×W in [−1, 1] → five maps B×C×h×w; `weights` are LPIPS's of their channels."""

    def __init__(self, trunk: Trunk) -> None:
        super().__init__()
        self.taps = TAPS[trunk]
        self.features = nn.Sequential(*(_alexnet() if trunk == "alex" else _vgg()))
        for k, width in enumerate(WIDTHS[trunk]):
            # The public name has the dropout of LPIPS's training before the convolution.
            layer = nn.Module()
            layer.model = nn.Sequential(nn.Identity(), nn.Conv2d(width, 1, 1, bias=False))
            setattr(self, f"lin{k}", layer)
        self.shift: Tensor
        self.scale: Tensor
        for name, values in (("shift", SHIFT), ("scale", SCALE)):
            self.register_buffer(name, torch.tensor(values).view(1, 3, 1, 1), persistent=False)

    @property
    def weights(self) -> list[Tensor]:
        """For each of the five maps a weight a channel, not below 0 in the public files."""
        state = self.state_dict()
        return [state[f"lin{k}.model.1.weight"].flatten() for k in range(len(self.taps))]

    def forward(self, images: Tensor) -> list[Tensor]:
        x = (images.to(self.shift.dtype) - self.shift) / self.scale
        maps = []
        for k, layer in enumerate(self.features):
            x = layer(x)
            if k in self.taps:
                maps.append(x)
        return maps


def _alexnet() -> list[nn.Module]:
    return [
        nn.Conv2d(3, 64, 11, 4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(),
    ]  # fmt: skip


def _vgg() -> list[nn.Module]:
    layers: list[nn.Module] = []
    channels = 3
    for width in VGG:
        if isinstance(width, int):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
        else:
            layers.append(nn.MaxPool2d(2, 2))
    return layers


def perceptual(trunk: str | Path, linear: str | Path | None = None) -> Perceptual:
    """The network with torchvision's AlexNet or VGG-16 from the file `trunk`, in eval mode.

    linear: the file of LPIPS's linear weights 0.1; by default the one that comes with torchmetrics.
    Raises UserError when a file is missing or holds other weights.
    """
    tensors = _read(Path(trunk))
    first = tensors.get("features.0.weight")
    kinds: dict[tuple[int, ...], Trunk] = {(64, 3, 11, 11): "alex", (64, 3, 3, 3): "vgg"}
    kind = kinds.get(tuple(first.shape)) if first is not None else None
    if kind is None:
        raise UserError(
            f"{trunk} is neither torchvision's AlexNet nor its VGG-16, which LPIPS looks through."
        )
    weights = Path(linear) if linear is not None else _packaged(kind)
    net = Perceptual(kind)
    convolutions = {k: v for k, v in tensors.items() if k.startswith("features.")}
    load_trunk(net, {**convolutions, **_read(weights)}, f"{trunk} with {weights}")
    return net.eval().requires_grad_(False)


def _packaged(trunk: Trunk) -> Path:
    """The linear weights in torchmetrics, which Lightning brings along."""
    package = importlib.util.find_spec("torchmetrics")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent / "functional" / "image" / "lpips_models" / f"{trunk}.pth"


def _read(path: Path) -> dict[str, Tensor]:
    path = path.expanduser()
    if not path.is_file():
        raise UserError(f"There is no LPIPS weights file {path}.")
    return read_weights(path)
