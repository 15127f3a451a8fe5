"""Image files: which files are images, and what is in them. Nothing here imports torch."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lookalike.errors import UserError

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".tif", ".tiff", ".webp")
CHECK = "; run `lookalike data check` on the data"  # what to do about a benchmark's broken image
Pixels = NDArray[np.uint8]


def is_image(path: str | Path) -> bool:
    """Whether the name is an image file's and no part of the path is hidden."""
    path = Path(path)
    hidden = any(part.startswith(".") for part in path.parts)
    return path.name.lower().endswith(IMAGE_SUFFIXES) and not hidden


def image_names(folder: Path) -> list[str]:
    """The names of the image files directly in `folder`, sorted; hidden files are left out."""
    with os.scandir(folder) as entries:
        names = [e.name for e in entries if e.name.lower().endswith(IMAGE_SUFFIXES)]
    return sorted(n for n in names if not n.startswith("."))  # "._x.jpg" is a Mac's, not an image


def folder_names(folder: Path) -> list[str]:
    """The names of the folders directly in `folder`, sorted; hidden ones are left out."""
    with os.scandir(folder) as entries:
        return sorted(e.name for e in entries if e.is_dir() and not e.name.startswith("."))


def images_below(folder: Path) -> list[Path]:
    """The image files in `folder` and below as paths from there, in no order.

    Hidden files and folders are left out. Raises UserError if there are none.
    """
    images = []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        base = Path(place).relative_to(folder)
        images += [base / name for name in names if is_image(name)]
    if not images:
        raise UserError(f"There are no images in the folder '{folder}'.")
    return images


def image_files(places: Sequence[str | Path]) -> list[str]:
    """The image files of files and folders, in the order given; a folder's in order of their names.

    Folders are searched to the bottom; hidden files and folders are left out. Raises UserError for
    a place that isn't there and for a folder without images.
    """
    files: list[str] = []
    for place in map(Path, places):
        if place.is_dir():
            files += [str(place / image) for image in sorted(images_below(place))]
        elif place.exists():
            files.append(str(place))
        else:
            raise UserError(f"There is no image or folder {place}.")
    return files


@contextmanager
def open_image(
    file: str | Path | BinaryIO, kind: str = "image", advice: str = ""
) -> Iterator[Image.Image]:
    """An image file as pillow opens it, to decode or to ask for its size.

    Raises UserError when it can't be read, in the block or before. kind, advice: what the sentence
    calls it, and how it ends.
    """
    try:
        with Image.open(file) as image:
            yield image
    except Exception as error:  # pillow's readers raise whatever a broken file makes them
        raise UserError(f"Can't read the {kind} {file} ({error}){advice}.") from error


def read_image(path: str | Path) -> Image.Image:
    """One image file in RGB. Raises UserError when it can't be read."""
    with open_image(path) as image:
        return image.convert("RGB")


def read_grey(path: str | Path, kind: str = "image") -> Image.Image:
    """One image file in grey. Raises UserError, which calls it a `kind`, when it can't be read."""
    with open_image(path, kind) as image:
        return image.convert("L")


def image_size(path: str | Path, advice: str = "") -> tuple[int, int]:
    """Height and width of an image file, from its header. Raises UserError as `open_image`."""
    with open_image(path, advice=advice) as image:
        return image.height, image.width


def decode(path: str, height: int, width: int) -> Pixels:
    """One image file as H×W×3 uint8 RGB, resized (bicubic) unless it has that size already.

    Raises UserError when the file can't be read as an image.
    """
    with open_image(path, advice=CHECK) as file:
        image = file.convert("RGB")
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(image)


def decoded(
    paths: Sequence[str], size: tuple[int, int], ahead: int, broken: list[int] | None = None
) -> Iterator[Pixels]:
    """The images as H×W×3 uint8, in order, up to 2 × `ahead` of them decoded by threads in advance.

    broken: collects the rows of files that can't be read, which are then left out. Raises UserError
    for such a file when there is no `broken`.
    """
    # Threads help, as pillow frees Python's lock.
    with ThreadPoolExecutor(min(os.cpu_count() or 1, 16)) as pool:
        rows = iter(enumerate(paths))
        futures: deque[tuple[int, Future[Pixels]]] = deque()
        try:
            while True:
                for row, path in islice(rows, 2 * ahead - len(futures)):
                    futures.append((row, pool.submit(decode, path, *size)))
                if not futures:
                    return
                row, future = futures.popleft()
                try:
                    image = future.result()
                except UserError:
                    if broken is None:
                        raise
                    broken.append(row)
                else:
                    yield image
        finally:
            pool.shutdown(cancel_futures=True)
