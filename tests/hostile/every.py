"""All bad inputs: those that somebody thought of, and those that chance makes."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from pathlib import Path

from hostile import bombs, places, runs, whole, wrong
from hostile.damage import mutated, written
from hostile.doors import Case


def every() -> Iterator[Case]:
    for maker in (places, wrong, bombs, runs):
        yield from maker.cases()


def together() -> dict[str, dict[str, bytes]]:
    """Door → path → content of a whole folder."""
    return {**{f"data {name}": f for name, f in whole.benchmarks().items()}, **whole.folders()}


def whole_cases() -> Iterator[Case]:
    """Nothing bad."""
    for door, files in whole.singles().items():
        for name, content in files.items():
            yield Case(door, name, lambda f, n=name, c=content: written(f / "files", n, c))
    for door, files in together().items():
        yield Case(door, "all of it", lambda f, c=files: put(f, c, folder_of=True))


def fuzz(seed: int, count: int) -> Iterator[Case]:
    """So many inputs, each a whole one with small changes in one of its files."""
    rng = random.Random(seed)
    alone = [(door, {n: c}) for door, files in whole.singles().items() for n, c in files.items()]
    in_folders = list(together().items())
    for number in range(count):
        door, files = rng.choice(alone if number % 2 else in_folders)
        lists = [n for n in files if not n.endswith((".jpg", ".bmp", ".png"))]
        changed = rng.choice(lists or sorted(files))
        content = {**files, changed: mutated(files[changed], rng)}
        name = f"chance {number}: {changed}"
        yield Case(door, name, lambda f, c=content, k=number: put(f, c, folder_of=k % 2 == 0))


def put(folder: Path, files: Mapping[str, bytes], folder_of: bool = False) -> Path:
    """The only file, or the folder of several; folder_of: of one too."""
    place = folder / "files"
    for name, content in files.items():
        written(place, name, content)
    return place / next(iter(files)) if len(files) == 1 and not folder_of else place
