"""Pictures of a model that swaps: tables, pairs and interpolations (DG-Net's Figs. 1, 5, 6, 9).

Images and pictures are uint8 N×H×W×3 arrays of the model's size here, as files hold them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from lookalike.data.images import decoded
from lookalike.errors import UserError
from lookalike.files import replacing
from lookalike.methods.model import Model, evaluating
from lookalike.report import grid, swap_grid

N = TypeVar("N", bound=np.generic)
T = TypeVar("T")
Pixels = NDArray[np.uint8]
Code = Literal["appearance", "structure"]
FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}


class Swapper(Protocol):
    """What a model with the verb `swap` has beside `Model`."""

    def appearance_code(self, images: Tensor) -> Tensor: ...

    def structure_code(self, images: Tensor) -> Tensor: ...

    def render(self, f: Tensor, s: Tensor) -> Tensor: ...

    def interpolate(
        self, first: Tensor, second: Tensor, fixed: Tensor, steps: int, code: Code
    ) -> Tensor: ...


def read_images(model: Model, paths: Sequence[str]) -> Pixels:
    """The image files at the model's size. Raises UserError naming one that can't be read."""
    return np.stack(list(decoded(paths, model.size, len(paths))))


def evenly(items: Sequence[T], count: int) -> list[T]:
    """At most `count` of the items, evenly spaced from the first to the last."""
    rows = np.linspace(0, len(items) - 1, min(count, len(items)))
    return [items[i] for i in rows.round().astype(int)]


@torch.no_grad()
def swap(model: Model, images: Pixels, pairs: NDArray[np.int64], batch: int) -> Pixels:
    """The pictures of K pairs: row (i, j) of `pairs` wears image i's appearance in image j's
    structure. Every image is encoded once for each of its parts; K×2 int64 → K×H×W×3."""
    net = cast(Swapper, model)
    made = []
    looks, i = np.unique(pairs[:, 0], return_inverse=True)
    shapes, j = np.unique(pairs[:, 1], return_inverse=True)
    with evaluating(model):
        f = torch.cat(
            [net.appearance_code(to_input(model, p)) for p in parts(images[looks], batch)]
        )
        s = torch.cat(
            [net.structure_code(to_input(model, p)) for p in parts(images[shapes], batch)]
        )
        for rows in parts(np.stack([i, j], 1), batch):
            f_rows, s_rows = torch.from_numpy(rows).to(f.device).T
            made.append(to_pixels(net.render(f[f_rows], s[s_rows])))
    return np.concatenate(made)


def swap_table(model: Model, appearance: Pixels, structure: Pixels, batch: int) -> Image.Image:
    """The table of n appearances (left column) × m structures (top row); n×m pictures (Fig. 1)."""
    n, m = len(appearance), len(structure)
    same = appearance is structure
    images = appearance if same else np.concatenate([appearance, structure])
    i, j = np.indices((n, m)).reshape(2, -1)
    made = swap(model, images, np.stack([i, j if same else n + j], 1), batch)
    return swap_grid(appearance, structure, list(made.reshape(n, m, *made.shape[1:])))


def pair_table(model: Model, first: Pixels, second: Pixels, batch: int) -> Image.Image:
    """A column a pair: both images, the second's structure in the first's appearance, and the
    first's structure in the second's appearance (Fig. 6). Raises ValueError on unequal lengths."""
    if len(first) != len(second):
        raise ValueError(f"{len(first)} first images, but {len(second)} second ones")
    n = len(first)
    one = np.arange(n)
    pairs = np.concatenate([np.stack([one, n + one], 1), np.stack([n + one, one], 1)])
    made = swap(model, np.concatenate([first, second]), pairs, batch)
    blank = np.full((4, 4, 3), 255, np.uint8)
    rows = [first, second, [blank], made[:n], made[n:]]
    labels = ["image 1", "image 2", "", "appearance 1, structure 2", "appearance 2, structure 1"]
    return grid(rows, row_labels=labels)


def interpolation(
    model: Model, ends: Pixels, held: Pixels, code: Code, steps: int, batch: int
) -> tuple[Image.Image, list[Image.Image]]:
    """A strip of `steps` pictures, and the same as frames, from one of two images to the other.

    A row an image of `held`, which gives the other code: structures for "appearance" (Fig. 5),
    appearances for "structure" (Fig. 9). Above the strip stand the two ends.
    """
    rows = []
    net = cast(Swapper, model)
    for part in parts(held, max(1, batch // steps)):
        x = to_input(model, part)
        first, second = (to_input(model, end[None]).expand_as(x) for end in ends)
        made = net.interpolate(first, second, x, steps, code)
        rows += [to_pixels(row) for row in made]
    blank = np.full((8, 8, 3), 255, np.uint8)
    top = [None, blank, ends[0], *[None] * (steps - 2), ends[1]]
    labels = ["", "", *(f"t = {t:.2g}" for t in np.linspace(0, 1, steps))]
    body = [[image, blank, *row] for image, row in zip(held, rows, strict=True)]
    strip = grid([top, [blank], *body], column_labels=labels)
    frames = [grid([[row[k] for row in rows]]) for k in range(steps)]
    return strip, frames


def to_input(model: Model, images: Pixels) -> Tensor:
    """Pixels → float B×3×H×W in [0, 1] on the model's device."""
    device = next(model.parameters()).device
    return torch.from_numpy(images).to(device).permute(0, 3, 1, 2).float() / 255


def to_pixels(pictures: Tensor) -> Pixels:
    """B×3×H×W in [0, 1] → pixels, rounded."""
    pixels = (pictures.float() * 255).round().clamp(0, 255).byte()
    return pixels.permute(0, 2, 3, 1).cpu().numpy()


def parts(rows: NDArray[N], size: int) -> list[NDArray[N]]:
    """The rows, `size` at a time."""
    return [rows[k : k + size] for k in range(0, len(rows), size)]


def picture_format(path: Path) -> str:
    """Pillow's name of the format that the suffix asks for. Raises UserError for another."""
    if path.suffix.lower() not in FORMATS:
        raise UserError(f"A picture's name ends in {', '.join(FORMATS)}, not as '{path}' does.")
    return FORMATS[path.suffix.lower()]


def save_picture(image: Image.Image | Pixels, path: Path) -> Path:
    """Writes a PNG or JPEG file, complete or not at all. Raises UserError for another suffix."""
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    kind = picture_format(path)
    with replacing(path) as part:
        image.save(part, kind, **({"quality": 95} if kind == "JPEG" else {}))
    return path
