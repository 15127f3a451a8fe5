"""Image files: which files are images, and what is in them. Nothing here imports torch."""

from __future__ import annotations

import os
import re
import warnings
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lookalike.data.colours import rgb, upright_size
from lookalike.errors import UserError
from lookalike.reading import check_file

# The still pictures that pillow reads; of a film the first frame is taken.
IMAGE_SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".bmp", ".dib", ".gif", ".webp", ".avif",
    ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".pfm", ".jp2", ".j2k", ".tga", ".qoi",
)  # fmt: skip
# Why a file isn't read, as `data info` counts it
HIDDEN = "hidden files and folders"
NO_IMAGE = "files without the suffix of an image"
AGAIN = "links to folders that are read already"
INSIDE = "folders where images alone are expected"
NETPBM = (".ppm", ".pgm", ".pbm", ".pnm", ".pfm")
CHECK = "; run `lookalike data check` on the data"  # what to do about a benchmark's broken image
Pixels = NDArray[np.uint8]
Resampling = Literal["bicubic", "bilinear"]  # both antialiased where an image gets smaller
RESAMPLINGS = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}

# Of broken headers, and of pictures above half of the size that it refuses.
warnings.filterwarnings("ignore", module="PIL")


def is_image(path: str | Path) -> bool:
    """Whether the name is an image file's and no part of the path is hidden."""
    path = Path(path)
    hidden = any(part.startswith(".") for part in path.parts)
    return path.name.lower().endswith(IMAGE_SUFFIXES) and not hidden


class Listing(NamedTuple):
    """The image files of a folder as paths from there, with /, in order of their names.

    passed_over: everything else that lies there, as whole paths, by the reason why it's no image
    of this list.
    """

    images: list[str]
    passed_over: dict[str, list[str]]


def list_images(folder: Path, deep: bool = True) -> Listing:
    """The image files in `folder` and, if `deep`, in all folders below it, linked ones too.

    Every folder is read once, so links in a circle end: one that is reached again by a link is
    passed over, and so is what is hidden. Raises UserError for a folder that can't be read.
    """
    images: list[str] = []
    passed: dict[str, list[str]] = {}
    read: set[tuple[int, int]] = set()
    todo, links = [""], deque[str]()  # links come last: a folder is found where it lies
    while todo or links:
        base = todo.pop() if todo else links.popleft()
        place = folder / base
        try:
            status = place.stat()
            with os.scandir(place) as scan:
                entries = sorted(scan, key=lambda entry: entry.name)
        except OSError as error:
            raise UserError(f"Can't read the folder '{place}': {error.strerror}.") from error
        if (status.st_dev, status.st_ino) in read:
            passed.setdefault(AGAIN, []).append(str(place))
            continue
        read.add((status.st_dev, status.st_ino))
        for entry in entries:
            if entry.name.startswith("."):  # "._x.jpg" is a Mac's, not an image
                passed.setdefault(HIDDEN, []).append(entry.path)
            elif is_folder(entry):
                if not deep:
                    passed.setdefault(INSIDE, []).append(entry.path)
                else:
                    (links if entry.is_symlink() else todo).append(f"{base}{entry.name}/")
            elif entry.name.lower().endswith(IMAGE_SUFFIXES):
                images.append(base + entry.name)
            else:
                passed.setdefault(NO_IMAGE, []).append(entry.path)
    return Listing(sorted(images, key=lambda image: image.split("/")), passed)


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether it is a folder or leads to one; a link to itself leads nowhere."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def image_names(folder: Path) -> list[str]:
    """The names of the image files directly in `folder`, sorted; hidden files are left out."""
    return list_images(folder, deep=False).images


def folder_names(folder: Path) -> list[str]:
    """The names of the folders directly in `folder`, sorted; hidden ones are left out."""
    with os.scandir(folder) as entries:
        return sorted(e.name for e in entries if is_folder(e) and not e.name.startswith("."))


def images_below(folder: Path, passed_over: dict[str, list[str]] | None = None) -> list[Path]:
    """The image files in `folder` and below as paths from there, as `list_images` finds them.

    passed_over: collects what isn't read, by the reason. Raises UserError if there are no images.
    """
    listing = list_images(folder)
    if passed_over is not None:
        for reason, paths in listing.passed_over.items():
            passed_over.setdefault(reason, []).extend(paths)
    if not listing.images:
        raise UserError(f"There are no images in the folder '{folder}'.")
    return [Path(image) for image in listing.images]


def image_files(
    places: Sequence[str | Path], passed_over: dict[str, list[str]] | None = None
) -> list[str]:
    """The image files of files and folders, in the order given; a folder's in order of their names.

    Folders are searched to the bottom, as `list_images` does. passed_over: collects what isn't read
    of them, by the reason. Raises UserError for a place that isn't there and for a folder without
    images.
    """
    files: list[str] = []
    for place in map(Path, places):
        if place.is_dir():
            files += [str(place / image) for image in images_below(place, passed_over)]
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
        if isinstance(file, str | Path):
            check_file(file)
        if str(file).lower().endswith(NETPBM):
            check_comment(Path(str(file)))
        with Image.open(file) as image:
            yield image
    except UserError:
        raise
    except Exception as error:  # pillow's readers raise whatever a broken file makes them
        raise UserError(f"Can't read the {kind} {file} ({error}){advice}.") from error


def check_comment(path: Path) -> None:
    """Raises ValueError where a Netpbm file begins with a comment that never ends, which pillow
    reads byte by byte, for minutes."""
    with path.open("rb") as file:
        head = file.read(1 << 16)
    if re.match(rb"P.\s+#[^\r\n]{60000}", head):
        raise ValueError("its header is a comment without an end")


def read_image(path: str | Path, advice: str = "") -> Image.Image:
    """One image file in RGB, upright. Raises UserError as `open_image`."""
    with open_image(path, advice=advice) as image:
        return rgb(image)


def read_grey(path: str | Path, kind: str = "image") -> Image.Image:
    """One image file in grey, upright. Raises UserError, which calls it a `kind`, when it can't be
    read."""
    with open_image(path, kind) as image:
        return rgb(image).convert("L")


def image_size(path: str | Path, advice: str = "") -> tuple[int, int]:
    """Height and width of an image file, upright, from its header. Raises UserError as
    `open_image`."""
    with open_image(path, advice=advice) as image:
        return upright_size(image)


def decode(path: str, height: int, width: int, resampling: Resampling = "bicubic") -> Pixels:
    """One image file as H×W×3 uint8 RGB, upright, resized unless it has that size already.

    Raises UserError when the file can't be read as an image, or as `lookalike.data.colours` says.
    """
    with open_image(path, advice=CHECK) as file:
        image = rgb(file)
    if image.size != (width, height):
        image = image.resize((width, height), RESAMPLINGS[resampling])
    return np.asarray(image)


def decoded(
    paths: Sequence[str],
    size: tuple[int, int],
    ahead: int,
    broken: list[int] | None = None,
    resampling: Resampling = "bicubic",
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
                    futures.append((row, pool.submit(decode, path, *size, resampling)))
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
