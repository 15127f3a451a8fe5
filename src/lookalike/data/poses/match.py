"""Which of a source's names an image goes by."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePosixPath

from lookalike.data.images import IMAGE_SUFFIXES

FASHION = r"fashion(WO)?MEN\w+id\d{8}"
DEEP = 4  # parts of a path in a flattened name


def match(names: Iterable[str], paths: Iterable[str]) -> dict[str, str]:
    """Image path → the name that it goes by, for the images that have one.

    A name is of the image whose path ends with it, the longest such name first; with or without
    the suffix of an image. Only if that finds nothing do the names' folders count for nothing, and
    a file's name that the names have once is enough; or a name is one that Pose-Transfer made of
    the whole path of a DeepFashion image, `flattened`.
    """
    exact = {_slashed(name): name for name in names}
    bare = _once(exact, _without_suffix)
    depth = 1 + max((name.count("/") for name in exact), default=0)
    paths = [*dict.fromkeys(paths)]
    places = [_slashed(path) for path in paths]
    matches = {
        path: name
        for path, place in zip(paths, places, strict=True)
        if (name := _tail(place, exact, depth) or _tail(_without_suffix(place), bare, depth))
    }
    if not matches:
        files = _once(exact, _file)
        file_names = {path: _file(place) for path, place in zip(paths, places, strict=True)}
        matches = {path: files[file] for path, file in file_names.items() if file in files}
    if not matches and any(map(is_flattened, exact)):
        whole = _once(exact, flattened)
        keys = [flattened("/".join(place.split("/")[-DEEP:])) for place in places]
        matches = {p: whole[key] for p, key in zip(paths, keys, strict=True) if key in whole}
    return matches


def is_flattened(name: str) -> bool:
    """Is that Pose-Transfer's name of a DeepFashion image?"""
    return re.match(FASHION, name.rpartition("/")[2]) is not None


def flattened(path: str) -> str:
    """WOMEN/Blouses_Shirts/id_00000001/02_1_front.jpg as Pose-Transfer's
    fashionWOMENBlouses_Shirtsid0000000102_1front.jpg has it, without what it leaves out."""
    name = _without_suffix(path)
    name = name.rpartition("/")[2].removeprefix("fashion") if is_flattened(name) else name
    return name.replace("/", "").replace("_", "")


def shared(matches: dict[str, str]) -> Sequence[str]:
    """The images that go by one name, of the first name that several go by."""
    counts = Counter(matches.values())
    twice = next((name for name in counts if counts[name] > 1), None)
    return [path for path in matches if matches[path] == twice]


def _tail(path: str, names: dict[str, str], depth: int) -> str | None:
    """The name of the longest trailing part of `path`."""
    parts = path.split("/")[-depth:]
    tails = ("/".join(parts[start:]) for start in range(len(parts)))
    return next((names[tail] for tail in tails if tail in names), None)


def _once(names: dict[str, str], key: Callable[[str], str]) -> dict[str, str]:
    """The names by their key, without those whose key another has too."""
    counts = Counter(map(key, names))
    return {key(place): name for place, name in names.items() if counts[key(place)] == 1}


def _slashed(path: str) -> str:
    return str(PurePosixPath(path.replace("\\", "/"))).lstrip("/")


def _without_suffix(path: str) -> str:
    stem, dot, suffix = path.rpartition(".")
    return stem if f"{dot}{suffix}".lower() in IMAGE_SUFFIXES else path


def _file(path: str) -> str:
    return _without_suffix(path.rpartition("/")[2])
