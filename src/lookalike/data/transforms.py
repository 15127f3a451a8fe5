"""Augmentation of whole batches: flip, pad and crop, normalise, erase, on any device.

Every draw comes from torch's global CPU generator (the caller seeds it for each step), is made for
the global batch and then cut to this process's rows: the pictures depend neither on the number of
processes nor on the device.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import grid_sample

from lookalike import parallel
from lookalike.data.erasing import ERASINGS, RandomErasing, Range, random_boxes
from lookalike.data.jitter import ColourJitter
from lookalike.errors import UserError, unknown
from lookalike.layout import laid_out

__all__ = [
    "ERASINGS",
    "PIXEL_NORMS",
    "Augment",
    "Moves",
    "Normalize",
    "PixelNorm",
    "RandomErasing",
    "denormalize",
    "pixel_norm",
]
PadMode = Literal["edge", "zero"]
AREA_TRIES = 10  # candidates of an area crop before the whole image is taken


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
    # 0 … 255 minus (104, 117, 124)
    "caffe_bgr": PixelNorm((104 / 255, 117 / 255, 124 / 255), (1 / 255,) * 3, bgr=True),
}


def pixel_norm(norm: str | PixelNorm) -> PixelNorm:
    """The `PixelNorm` of that name. Raises UserError for an unknown one."""
    if isinstance(norm, PixelNorm):
        return norm
    if norm not in PIXEL_NORMS:
        raise unknown("pixel norm", norm, PIXEL_NORMS)
    return PIXEL_NORMS[norm]


class Normalize(nn.Module):
    """B×3×H×W uint8, or float in [0, 1], RGB → as the network wants it, channels_last.

    The output is float32; float64 stays float64, exact to its last digits.
    """

    def __init__(self, norm: str | PixelNorm = "imagenet") -> None:
        super().__init__()
        self.norm = pixel_norm(norm)
        scale, shift = self._affine(torch.tensor(0.0))
        self.scale: Tensor
        self.shift: Tensor
        self.register_buffer("scale", scale, persistent=False)
        self.register_buffer("shift", shift, persistent=False)

    def _affine(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """The scale and shift of every channel, in the dtype and on the device of `like`."""
        mean, std = like.new_tensor(self.norm.mean), like.new_tensor(self.norm.std)
        return 1 / std, -mean / std

    def forward(self, images: Tensor) -> Tensor:
        if self.norm.bgr:
            images = images.flip(1)
        scale, shift, dtype = self.scale, self.shift, torch.float32
        if images.dtype == torch.float64:  # the buffers were rounded to float32
            (scale, shift), dtype = self._affine(images), torch.float64
        elif not images.is_floating_point():
            scale = scale / 255
        batch, _, height, width = images.shape
        # Rows of interleaved colours, a view of channels_last memory: long runs are what is fast.
        rows = images.permute(0, 2, 3, 1).flatten(2).to(dtype, copy=True)
        rows.mul_(scale.repeat(width)).add_(shift.repeat(width))
        return laid_out(rows.view(batch, height, width, 3).permute(0, 3, 1, 2))


def denormalize(images: Tensor, norm: str | PixelNorm = "imagenet") -> Tensor:
    """The RGB pictures in [0, 1] that `Normalize(norm)` made `images` of: B×3×H×W float32.

    float64 stays float64.
    """
    norm = pixel_norm(norm)
    dtype = torch.promote_types(images.dtype, torch.float32)
    mean = images.new_tensor(norm.mean, dtype=dtype).view(3, 1, 1)
    std = images.new_tensor(norm.std, dtype=dtype).view(3, 1, 1)
    pictures = (images * std + mean).clamp(0, 1)
    return pictures.flip(1) if norm.bgr else pictures


class Moves(NamedTuple):
    """What `Augment` drew for B images: flipped or not, and the box that becomes the picture."""

    flip: Tensor  # B bool, before the crop
    box: Tensor  # B×4 int64: top, left, height, width in pixels of the padded image


class Augment(nn.Module):
    """B×3×h×w uint8, or float in [0, 1] → B×3×height×width float32, augmented and normalised.

    In order: flip with probability `flip`; pad by `pad` pixels on every side, "edge" (repeat the
    border) or "zero" (black); crop; `jitter` the colours; normalise; `erase`. The crop is
    height×width pixels at a random place, or at the centre without `random_crop`; the table may be
    larger than the crop (288×144 → 256×128 with pad=0). With `area` it is a box of that share of
    the image and a height over width in `aspect`, resized bilinearly: (0.64, 1.0) for HHL, CamStyle
    and FD-GAN.
    erase_first: erase before normalising, on pixels in [0, 1] (FD-GAN).
    Raises UserError when the crop is larger than the padded images.
    """

    def __init__(
        self,
        height: int,
        width: int,
        *,
        flip: float = 0.5,
        pad: int = 10,
        pad_mode: PadMode = "edge",
        random_crop: bool = True,
        area: Range | None = None,
        aspect: Range = (2.0, 3.0),
        jitter: ColourJitter | None = None,
        erase: RandomErasing | None = None,
        erase_first: bool = False,
        norm: str | PixelNorm = "imagenet",
    ) -> None:
        super().__init__()
        self.height, self.width, self.pad = height, width, pad
        self.flip, self.pad_mode, self.random_crop = flip, pad_mode, random_crop
        self.area, self.aspect = area, aspect
        self.jitter, self.erase, self.erase_first = jitter, erase, erase_first
        self.normalize = Normalize(norm)

    def draw(self, images: Tensor) -> Moves:
        """The moves of this process's `images`, drawn for the global batch."""
        total = len(images) * parallel.world_size()
        height, width = images.shape[2] + 2 * self.pad, images.shape[3] + 2 * self.pad
        flip = torch.rand(total) < self.flip
        if self.area is not None:
            size = (height, width)
            box, fits = random_boxes(total, size, size, self.area, self.aspect, AREA_TRIES)
            box = torch.where(fits[:, None], box, torch.tensor([0, 0, height, width]))
        else:
            spare = torch.tensor([height - self.height, width - self.width])
            if spare.min() < 0:
                raise UserError(
                    f"A crop of {self.height}×{self.width} doesn't fit in images of "
                    f"{images.shape[2]}×{images.shape[3]} padded by {self.pad}."
                )
            share = torch.rand(total, 2) if self.random_crop else torch.full((total, 2), 0.5)
            place = (share * (spare + self.random_crop)).long()
            size_of_all = torch.tensor([self.height, self.width]).expand(total, 2)
            box = torch.cat((place, size_of_all), 1)
        rows = parallel.my_rows(total)
        return Moves(flip[rows], box[rows])

    def forward(self, images: Tensor, moves: Moves | None = None) -> Tensor:
        """moves: of `draw`, for pictures that belong together; None draws new ones."""
        images = self._move(images, moves or self.draw(images))
        if self.jitter is not None:
            images = self.jitter(images if images.is_floating_point() else images / 255)
        if self.erase is not None and self.erase_first:
            images = self.erase(images if images.is_floating_point() else images / 255)
        images = self.normalize(images)
        if self.erase is not None and not self.erase_first:
            images = self.erase(images)
        return images

    def _move(self, images: Tensor, moves: Moves) -> Tensor:
        """The boxes of the flipped, padded images; uint8 stays uint8 unless boxes are resized."""
        flip, box = (m.to(images.device, non_blocking=True) for m in moves)
        top, left, tall, wide = box.T[:, :, None]
        if self.area is None:
            y = top - self.pad + torch.arange(self.height, device=top.device)
            x = left - self.pad + torch.arange(self.width, device=top.device)
            return _cut(images, flip[:, None], y, x, self.pad_mode)
        y = top - self.pad + _centres(tall, self.height)
        x = left - self.pad + _centres(wide, self.width)
        return _sample(images, flip[:, None], y, x, self.pad_mode)


def _cut(images: Tensor, flip: Tensor, y: Tensor, x: Tensor, pad_mode: PadMode) -> Tensor:
    """Pixels (y, x) of the flipped images, which may lie outside them: B×H and B×W int64.

    One gather of rows and one of columns do flip, padding and crop: exact, and several times
    faster than an operation each.
    """
    batch, _, height, width = images.shape
    from_y, from_x = y.clamp(0, height - 1), x.clamp(0, width - 1)
    line = from_y + height * torch.arange(batch, device=y.device)[:, None]
    column = 3 * torch.where(flip, width - 1 - from_x, from_x)[:, :, None]
    column = (column + torch.arange(3, device=x.device)).flatten(1)[:, None]
    rows = images.permute(0, 2, 3, 1).flatten(2)  # B×h×(w·3), a view of channels_last memory
    rows = rows.flatten(0, 1).index_select(0, line.flatten()).view(batch, -1, width * 3)
    pixels = rows.gather(2, column.expand(-1, y.shape[1], -1)).view(batch, *y.shape[1:], -1, 3)
    if pad_mode == "zero":
        inside = (y == from_y)[:, :, None] & (x == from_x)[:, None]
        pixels = pixels * inside[..., None]
    return pixels.permute(0, 3, 1, 2)


def _sample(images: Tensor, flip: Tensor, y: Tensor, x: Tensor, pad_mode: PadMode) -> Tensor:
    """The flipped images at the places (y, x) between pixels, bilinear, float in [0, 1]."""
    height, width = images.shape[2:]
    x = torch.where(flip, width - 1 - x, x)
    y, x = (2 * y + 1) / height - 1, (2 * x + 1) / width - 1  # grid_sample's −1 … 1
    shape = (len(images), y.shape[1], x.shape[1])
    grid = torch.stack((x[:, None, :].expand(shape), y[:, :, None].expand(shape)), 3)
    pixels = images if images.is_floating_point() else images / 255
    padding = "border" if pad_mode == "edge" else "zeros"
    return grid_sample(pixels, grid, padding_mode=padding, align_corners=False)


def _centres(length: Tensor, steps: int) -> Tensor:
    """Where the centres of `steps` pixels lie that share `length` pixels: B×1 → B×steps float."""
    places = (torch.arange(steps, device=length.device) + 0.5) * (length / steps) - 0.5
    return torch.minimum(places.clamp(min=0), length - 1)


def draw_flips(count: int, p: float) -> Tensor:
    """Which of this process's `count` images are mirrored: B bool on the CPU, drawn for all."""
    total = count * parallel.world_size()
    return (torch.rand(total) < p)[parallel.my_rows(total)]


def mirrored(images: Tensor, flip: Tensor) -> Tensor:
    """The images, B×C×H×W, those of `flip` (B bool) from right to left."""
    return torch.where(flip.to(images.device)[:, None, None, None], images.flip(3), images)


def interleaved(first: Tensor, second: Tensor) -> Tensor:
    """Both sides of P pairs, pair after pair: rows 2i and 2i + 1. So a process's rows follow each
    other in the global batch, and every draw for them is the same on any number of processes."""
    both = first.new_empty(2 * len(first), *first.shape[1:])
    if both.dim() == 4:
        both = both.to(memory_format=torch.channels_last)
    both[0::2], both[1::2] = first, second
    return both
