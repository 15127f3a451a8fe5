"""Image files to pixels, pixels to a network's tensors, and back: uint8 N×H×W×3, as files hold."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from lookalike.data.images import Pixels, decoded, image_files
from lookalike.data.people import evenly
from lookalike.errors import UserError
from lookalike.files import replacing
from lookalike.methods.model import Model

N = TypeVar("N", bound=np.generic)
FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}


def choose(
    places: Sequence[str],
    count: int | None,
    each: int = 1,
    passed_over: dict[str, list[str]] | None = None,
) -> list[str]:
    """The image files of the places; of a folder `each` × `count` of them, evenly spaced, or all.

    A folder with fewer gives as many as `each` divides. passed_over: collects what lies there and
    is no image, by the reason. Raises UserError for a place that isn't
    there, and for a folder without images.
    """
    paths = []
    for place in places:
        images = image_files([place], passed_over)
        if count is not None and Path(place).is_dir():
            images = evenly(images, each * min(count, max(1, len(images) // each)))
        paths += images
    return paths


def read_images(model: Model, paths: Sequence[str]) -> Pixels:
    """The image files at the model's size. Raises UserError naming one that can't be read."""
    images = decoded(paths, model.size, len(paths), resampling=model.resampling)
    return np.stack(list(images))


def nobody(model: Model) -> Pixels:
    """One black image of the model's size, for what is drawn from no one."""
    return np.zeros((1, *model.size, 3), np.uint8)


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
