"""What the readers share: find the folder, read names as rows, draw a split."""

import os
import re
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from pathlib import Path

import numpy as np

from lookalike.data.images import image_names
from lookalike.data.people import People
from lookalike.errors import UserError

Row = tuple[str, int, int]  # path, pid, camid


def find_folder(benchmark: str, root: Path, inside: Sequence[str], holds: Sequence[str]) -> Path:
    """The first of `root` and its subfolders `inside` that has all of `holds`, or `UserError`."""
    for folder in (root, *(root / name for name in inside)):
        if all((folder / name).exists() for name in holds):
            return folder
    raise UserError(
        f"No {benchmark} at '{root}': it should hold {', '.join(holds)} "
        f"(or a folder {' or '.join(inside)} that does)."
    )


def people(rows: Iterable[Row], domain: str) -> People:
    """The table of `rows`, in their order."""
    paths, pids, camids = tuple(zip(*rows, strict=True)) or ((), (), ())
    return People(paths, np.array(pids, np.int64), np.array(camids, np.int64), domain)


def read_names(folder: Path, pattern: re.Pattern[str], example: str) -> list[Row]:
    """Rows of the images in `folder`: pid and camera (there from 1) are `pattern`'s two groups."""
    rows = []
    for name in image_names(folder):
        match = pattern.match(name)
        if not match:
            raise UserError(f"'{folder / name}' isn't named as in '{example}': move it elsewhere.")
        rows.append((f"{folder}{os.sep}{name}", int(match[1]), int(match[2]) - 1))
    return rows


def queries_of(cameras: Sequence[Hashable]) -> list[bool]:
    """Which of a tested person's images ask for the others: the first one in every camera.

    cameras: of each image. A query needs an image in another camera: if fewer than two cameras have
    one to spare, the last camera with a single image keeps it in the gallery.
    """
    counts = Counter(cameras)
    single = [camera for camera, count in counts.items() if count == 1]
    left_out = set(single[-1:]) if len(counts) - len(single) < 2 else set()
    asks = []
    for camera in cameras:
        asks.append(camera not in left_out)
        left_out.add(camera)
    return asks


def half_split(
    names: Sequence[str], split: int, fraction: float = 0.5
) -> tuple[set[str], set[str]]:
    """The names to train on and those to test on: `fraction` of them, rounded down, are tested.

    The draw is `numpy.random.RandomState(split).permutation(len(names))` of the sorted names, a
    stream that NumPy keeps the same for ever; its first entries are the training names.
    """
    order = np.random.RandomState(split).permutation(len(names))
    in_order = [sorted(names)[i] for i in order]
    train = len(names) - int(len(names) * fraction)
    return set(in_order[:train]), set(in_order[train:])
