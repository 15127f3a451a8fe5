"""Features of image files: find the files, decode ahead in threads, embed batch by batch."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from lookalike.data import People
from lookalike.data.images import decode
from lookalike.data.readers.common import IMAGE_SUFFIXES
from lookalike.errors import UserError
from lookalike.files import replacing
from lookalike.methods.model import Model

Pixels = NDArray[np.uint8]


def image_files(places: Sequence[str | Path]) -> list[str]:
    """The image files of files and folders, in the order given; a folder's in order of their names.

    Folders are searched to the bottom; hidden files and folders are left out. Raises UserError for
    a place that isn't there and for a folder without images.
    """
    found: list[str] = []
    for place in map(Path, places):
        if place.is_dir():
            inside = [str(p) for p in sorted(place.rglob("*")) if is_image(p.relative_to(place))]
            if not inside:
                raise UserError(f"There are no images in the folder {place}.")
            found += inside
        elif place.exists():
            found.append(str(place))
        else:
            raise UserError(f"There is no image or folder {place}.")
    return found


def is_image(path: Path) -> bool:
    """Whether the name is an image file's and no part of it is hidden."""
    hidden = any(part.startswith(".") for part in path.parts)
    return path.suffix.lower() in IMAGE_SUFFIXES and not hidden


def device_named(name: str) -> torch.device:
    """The device that auto, cpu or cuda means here. Raises UserError for cuda without a GPU."""
    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        raise UserError("There is no CUDA GPU here: leave out --device, or say --device cpu.")
    return torch.device("cuda" if there and name != "cpu" else "cpu")


def extract(
    model: Model, paths: Sequence[str], batch: int = 64, broken: list[int] | None = None
) -> Tensor:
    """The features of all image files, in order: N×D float32 on the CPU.

    broken: collects the rows of files that can't be read, which the features then leave out.
    Raises UserError when a file can't be read and there is no `broken`, or nothing is left.
    """
    device = next(model.parameters()).device
    hidden = not sys.stderr.isatty() or len(paths) < 1000
    found: list[Tensor] = []
    with tqdm(total=len(paths), desc="embed", unit="img", disable=hidden) as bar:
        for images in batches(decoded(paths, model.size, batch, broken), batch):
            x = torch.from_numpy(np.stack(images)).to(device).permute(0, 3, 1, 2)
            found.append(model.embed(x.float() / 255).float().cpu())
            bar.update(len(images))
    if not found:
        raise UserError(f"None of the {len(paths)} images can be read.")
    return torch.cat(found)


def decoded(
    paths: Sequence[str], size: tuple[int, int], ahead: int, broken: list[int] | None = None
) -> Iterator[Pixels]:
    """The images as H×W×3 uint8, in order, up to 2 × `ahead` of them decoded in advance."""
    with ThreadPoolExecutor(min(os.cpu_count() or 1, 16)) as pool:
        rows = iter(enumerate(paths))
        waiting: deque[tuple[int, Future[Pixels]]] = deque()
        try:
            while True:
                for row, path in islice(rows, 2 * ahead - len(waiting)):
                    waiting.append((row, pool.submit(decode, path, *size)))
                if not waiting:
                    return
                row, future = waiting.popleft()
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


def batches(images: Iterator[Pixels], size: int) -> Iterator[list[Pixels]]:
    """Lists of `size` images, the last one shorter."""
    while part := list(islice(images, size)):
        yield part


def save_features(
    path: Path, features: Tensor, paths: Sequence[str], people: People | None = None
) -> Path:
    """Writes an .npz file, complete or not at all, of arrays with a row an image.

    features: N×D float32. paths: N texts. And of `people` from a benchmark: pids, N int64 (−1 junk,
    0 distractor); camids, N int64 from 0. No array needs pickle to be read.
    """
    arrays: dict[str, Any] = {"features": features.numpy(), "paths": np.array(paths, np.str_)}
    if people is not None:
        arrays |= {"pids": people.pids, "camids": people.camids}
    with replacing(path) as part, part.open("wb") as file:
        np.savez(file, **arrays)
    return path
