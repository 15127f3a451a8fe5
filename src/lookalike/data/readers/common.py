"""What the readers share: find the folder, read names as rows, draw a split."""

import os
import re
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from lookalike.data.images import list_images
from lookalike.data.people import People
from lookalike.errors import UserError

Row = tuple[str, int, int]  # path, pid, camid
Passed = dict[str, list[str]]  # what a reader passes over: whole paths, by the reason
UNLISTED = "images that the list doesn't mention"


def find_folder(
    benchmark: str,
    root: Path,
    inside: Sequence[str],
    holds: Sequence[str],
    some: Sequence[str] = (),
) -> Path:
    """The first of `root` and its subfolders `inside` that has all of `holds`, and any of `some`
    if there are such; an archive may have put a subfolder into another of its name. Raises
    UserError where there is none."""
    twice = [f"{name}/{name}" for name in inside if "/" not in name]
    for folder in (root, *(root / name for name in [*inside, *twice])):
        whole = all((folder / name).exists() for name in holds)
        if whole and (not some or any((folder / name).exists() for name in some)):
            return folder
    needed = [*holds, *([" or ".join(some)] if some else [])]
    raise UserError(
        f"No {benchmark} at '{root}': it should hold {', '.join(needed)} "
        f"(or a folder {' or '.join(inside)} that does)."
    )


def names_in(folder: Path, passed: Passed) -> list[str]:
    """The names of the images directly in `folder`; what else is there joins `passed`."""
    listing = list_images(folder, deep=False)
    pass_over(passed, listing.passed_over)
    return listing.images


def pass_over(passed: Passed, others: Mapping[str, Sequence[str]]) -> None:
    """Adds what was passed over, by the reason, to `passed`."""
    for reason, paths in others.items():
        passed.setdefault(reason, []).extend(paths)


def pass_over_unlisted(passed: Passed, folder: Path, listed: Iterable[str]) -> None:
    """Adds the images in `folder` and below that aren't among the paths `listed` to `passed`."""
    known = {os.path.normpath(path) for path in listed}
    there = (f"{folder}{os.sep}{image}" for image in list_images(folder).images)
    if others := [path for path in there if os.path.normpath(path) not in known]:
        pass_over(passed, {UNLISTED: others})


def people(rows: Iterable[Row], domain: str) -> People:
    """The table of `rows`, in their order. Raises UserError for numbers beyond 64 bits."""
    paths, pids, camids = tuple(zip(*rows, strict=True)) or ((), (), ())
    try:
        return People(paths, np.array(pids, np.int64), np.array(camids, np.int64), domain)
    except OverflowError:
        largest = max(range(len(paths)), key=lambda i: max(pids[i], camids[i]))
        raise UserError(
            f"The number of the person or camera of '{paths[largest]}' is too large."
        ) from None


def read_names(folder: Path, pattern: re.Pattern[str], example: str, passed: Passed) -> list[Row]:
    """Rows of the images in `folder`: pid and camera (there from 1) are `pattern`'s two groups.

    What else is there joins `passed`. Raises UserError for another name.
    """
    rows = []
    for name in names_in(folder, passed):
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


def drawn_queries(
    cameras: Sequence[Hashable], count: int, random: np.random.RandomState, known: bool = True
) -> list[bool]:
    """Which of a tested person's images ask for the others: `count` of them at random, or fewer.

    cameras: of each image; known: whether they are. Every query leaves an image in another camera,
    or where cameras aren't known an image, to be found.
    """
    left = Counter(cameras)
    asking: set[Hashable] = set()
    asks = [False] * len(cameras)
    for i in random.permutation(len(cameras)):
        if sum(asks) == count:
            break
        after = left - Counter([cameras[i]])
        who = asking | {cameras[i]}
        total = sum(after.values())
        if all(total - after[camera] > 0 for camera in who) if known else total > 0:
            left, asking, asks[i] = after, who, True
    return asks


def half_split(
    names: Sequence[str], split: int, tested: int | None = None
) -> tuple[set[str], set[str]]:
    """The names to train on and those to test on: so many, by default half of them, rounded down.

    The draw is `numpy.random.RandomState(split).permutation(len(names))` of the sorted names, a
    stream that NumPy keeps the same for ever; its first entries are the training names.
    """
    order = np.random.RandomState(split).permutation(len(names))
    ordered = sorted(names)
    in_order = [ordered[i] for i in order]
    train = len(names) - (len(names) // 2 if tested is None else tested)
    return set(in_order[:train]), set(in_order[train:])
