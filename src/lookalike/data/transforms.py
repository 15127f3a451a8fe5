"""Augmentation of whole batches: flip, pad and crop, normalise, erase, on any device.

Every draw comes from torch's global CPU generator (the caller seeds it for each step), is made for
the global batch and then cut to this process's rows: the pictures depend neither on the number of
processes nor on the device. Internally a batch is rows of interleaved colours, B×H×(W·3), a view
of channels_last memory: flip, padding and crop become one gather, and each pass runs along long
rows (4 to 5 times faster than one operation after another on B×3×H×W).
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import torch
from kornia.augmentation import IntensityAugmentationBase2D
from torch import Tensor, nn

from ..errors import UserError, unknown
from ..parallel import my_rows, world_size


class PixelNorm(NamedTuple):
    """How a network wants its pixels: (x − mean) / std of x in [0, 1]; channels B, G, R if `bgr`.

    mean, std: three numbers in the order of the network's channels.
    """

    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    bgr: bool = False


PIXEL_NORMS = {
    "imagenet": PixelNorm((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "half": PixelNorm((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),  # [−1, 1]
    # 0 … 255 minus (104, 117, 124), ide.md §1.3
    "caffe_bgr": PixelNorm((104 / 255, 117 / 255, 124 / 255), (1 / 255,) * 3, bgr=True),
}


def pixel_norm(norm: str | PixelNorm) -> PixelNorm:
    """The `PixelNorm` of that name. Raises UserError for an unknown one."""
    if isinstance(norm, PixelNorm):
        return norm
    if norm not in PIXEL_NORMS:
        raise unknown("pixel norm", norm, PIXEL_NORMS)
    return PIXEL_NORMS[norm]


def _to_rows(images: Tensor) -> Tensor:
    """B×3×H×W → B×H×(W·3), a view when `images` is channels_last."""
    return images.permute(0, 2, 3, 1).flatten(2)


def _to_images(rows: Tensor) -> Tensor:
    """B×H×(W·3) → B×3×H×W, channels_last, a view."""
    return rows.view(*rows.shape[:2], -1, 3).permute(0, 3, 1, 2)


class Normalize(nn.Module):
    """B×3×H×W uint8, or float in [0, 1], RGB → float32 as the network wants it, channels_last."""

    def __init__(self, norm: str | PixelNorm = "imagenet") -> None:
        super().__init__()
        self.norm = pixel_norm(norm)
        mean, std = torch.tensor(self.norm.mean), torch.tensor(self.norm.std)
        self.scale: Tensor
        self.shift: Tensor
        self.register_buffer("scale", 1 / std, persistent=False)
        self.register_buffer("shift", -mean / std, persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        if self.norm.bgr:
            images = images.flip(1)
        scale = self.scale if images.is_floating_point() else self.scale / 255
        width = images.shape[3]
        rows = _to_rows(images).to(torch.float32)
        return _to_images(torch.addcmul(self.shift.repeat(width), rows, scale.repeat(width)))


def denormalize(images: Tensor, norm: str | PixelNorm = "imagenet") -> Tensor:
    """The RGB pictures in [0, 1] that `Normalize(norm)` made `images` of: B×3×H×W float32."""
    norm = pixel_norm(norm)
    mean = images.new_tensor(norm.mean, dtype=torch.float32).view(3, 1, 1)
    std = images.new_tensor(norm.std, dtype=torch.float32).view(3, 1, 1)
    pictures = (images * std + mean).clamp(0, 1)
    return pictures.flip(1) if norm.bgr else pictures


class RandomErasing(IntensityAugmentationBase2D):
    """A copy of the batch in which a random rectangle of each image is filled, with probability p.

    Images: float B×3×H×W, normalised. A rectangle has a share of the image's area and a height
    over width in the given ranges; the first of `tries` candidates that is smaller than the image
    is taken, at a uniform place, and an image without one stays whole, as in Zhong et al., Random
    Erasing Data Augmentation (AAAI 2020), algorithm 1.

    sampling: of the aspect, "uniform" or "log" (uniform in its logarithm).
    fill: one value or one per channel, in the images' own scale.
    """

    def __init__(
        self,
        p: float = 0.5,
        area: tuple[float, float] = (0.02, 0.4),
        aspect: tuple[float, float] = (0.3, 1 / 0.3),
        sampling: Literal["uniform", "log"] = "uniform",
        fill: float | tuple[float, float, float] = 0.0,
        tries: int = 100,
    ) -> None:
        # kornia versions differ in what an image that isn't chosen costs in draws: p is ours.
        super().__init__(p=1.0)
        self.probability, self.area, self.aspect = p, area, aspect
        self.sampling, self.tries = sampling, tries
        colour = torch.as_tensor(fill, dtype=torch.float32).expand(3).clone()
        self.fill: Tensor
        self.register_buffer("fill", colour, persistent=False)

    def generate_parameters(self, batch_shape: tuple[int, ...]) -> dict[str, Tensor]:
        """The rectangles: top, left, height, width, B int64 each; height 0 leaves an image whole."""
        images, (height, width) = batch_shape[0] * world_size(), batch_shape[-2:]
        area = torch.empty(self.tries, images).uniform_(*self.area) * (height * width)
        aspect = torch.empty(self.tries, images)
        if self.sampling == "log":
            low, high = torch.tensor(self.aspect).log().tolist()
            aspect.uniform_(low, high).exp_()
        else:
            aspect.uniform_(*self.aspect)
        tall, wide = (area * aspect).sqrt().round().long(), (area / aspect).sqrt().round().long()
        fits = (tall < height) & (wide < width)
        first = fits.int().argmax(0, keepdim=True)
        tall, wide = tall.gather(0, first)[0], wide.gather(0, first)[0]
        chosen = (torch.rand(images) < self.probability) & fits.any(0)
        top = (torch.rand(images) * (height - tall + 1)).long()
        left = (torch.rand(images) * (width - wide + 1)).long()
        draws = {"top": top, "left": left, "height": tall * chosen, "width": wide}
        return {name: draw[my_rows(images)] for name, draw in draws.items()}

    def apply_transform(
        self, input: Tensor, params: dict[str, Tensor], flags: dict[str, Any], transform: Any = None
    ) -> Tensor:
        height, width = input.shape[2:]
        box = {k: params[k].to(input.device)[:, None] for k in ("top", "left", "height", "width")}
        y = torch.arange(height, device=input.device) - box["top"]
        x = torch.arange(width, device=input.device).repeat_interleave(3) - box["left"]
        inside_y, inside_x = (y >= 0) & (y < box["height"]), (x >= 0) & (x < box["width"])
        fill = self.fill.to(input.dtype).repeat(width)
        inside = inside_y[:, :, None] & inside_x[:, None, :]
        return _to_images(torch.where(inside, fill, _to_rows(input)))


ERASINGS: dict[str, dict[str, Any]] = {
    "dgnet": {"p": 0.5, "area": (0.02, 0.4), "aspect": (0.3, 1 / 0.3), "fill": 0.0},  # dgnet.md §10
    # CamStyle and HHL: ImageNet's mean as a colour, though after normalisation (hhl.md §4)
    "hhl": {"p": 0.5, "area": (0.02, 0.2), "aspect": (0.3, 3.0), "fill": (0.485, 0.456, 0.406)},
}


class Moves(NamedTuple):
    """What `Augment` drew for B images: flipped or not, and where the crop begins."""

    flip: Tensor  # B bool
    top: Tensor  # B int64, in the padded image
    left: Tensor


class Augment(nn.Module):
    """B×3×h×w uint8 (or float in [0, 1]) → B×3×height×width float32, augmented and normalised.

    In order: flip with probability `flip`; pad by `pad` pixels on every side, "edge" (repeat the
    border) or "zero" (black); crop to height×width at a random place, or at the centre without
    `random_crop`; normalise; `erase`. The table may be larger than the crop (288×144 → 256×128
    with pad=0). Raises UserError when the crop is larger than the padded images.
    """

    def __init__(
        self,
        height: int,
        width: int,
        *,
        flip: float = 0.5,
        pad: int = 10,
        pad_mode: Literal["edge", "zero"] = "edge",
        random_crop: bool = True,
        erase: RandomErasing | None = None,
        norm: str | PixelNorm = "imagenet",
    ) -> None:
        super().__init__()
        self.height, self.width, self.pad = height, width, pad
        self.flip, self.pad_mode, self.random_crop = flip, pad_mode, random_crop
        self.erase = erase
        self.normalize = Normalize(norm)

    def draw(self, images: Tensor) -> Moves:
        """The moves of this process's `images`, drawn for the global batch."""
        total = len(images) * world_size()
        spare_y = images.shape[2] + 2 * self.pad - self.height
        spare_x = images.shape[3] + 2 * self.pad - self.width
        if min(spare_y, spare_x) < 0:
            raise UserError(
                f"A crop of {self.height}×{self.width} doesn't fit in images of "
                f"{images.shape[2]}×{images.shape[3]} padded by {self.pad}."
            )
        flip = torch.rand(total) < self.flip
        if self.random_crop:
            top, left = torch.randint(spare_y + 1, (total,)), torch.randint(spare_x + 1, (total,))
        else:
            top, left = torch.full((total,), spare_y // 2), torch.full((total,), spare_x // 2)
        mine = my_rows(total)
        return Moves(flip[mine], top[mine], left[mine])

    def forward(self, images: Tensor, moves: Moves | None = None) -> Tensor:
        """moves: of `draw`, for pictures that belong together; None draws new ones."""
        images = self.normalize(self._move(images, moves or self.draw(images)))
        return images if self.erase is None else self.erase(images)

    def _move(self, images: Tensor, moves: Moves) -> Tensor:
        batch, _, height, width = images.shape
        y = moves.top[:, None] + torch.arange(self.height) - self.pad  # B×H, may lie outside
        x = moves.left[:, None] + torch.arange(self.width) - self.pad
        from_y, from_x = y.clamp(0, height - 1), x.clamp(0, width - 1)
        from_x = torch.where(moves.flip[:, None], width - 1 - from_x, from_x)
        line = (from_y + height * torch.arange(batch)[:, None]).flatten().to(images.device)
        column = (from_x[:, :, None] * 3 + torch.arange(3)).flatten(1).to(images.device)
        rows = _to_rows(images).flatten(0, 1).index_select(0, line).view(batch, self.height, -1)
        rows = rows.gather(2, column[:, None].expand(-1, self.height, -1))
        if self.pad_mode == "zero":
            inside_y, inside_x = y == from_y, (x == x.clamp(0, width - 1)).repeat_interleave(3, 1)
            rows = rows * (inside_y[:, :, None] & inside_x[:, None, :]).to(images.device)
        return _to_images(rows)
