"""Names and folders that no reader expects, and every whole file spoilt in every way."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from hostile import whole
from hostile.damage import SPOILT, written
from hostile.doors import Case

NAMES: dict[str, bytes] = {
    "a line's end": b"0001_c1s1\n_01.jpg",
    "control characters": b"\x1b[31m0001_c1\x07\x08.jpg",
    "a leading dash": b"-rf.jpg",
    "dots": b"...jpg",
    "bytes that aren't UTF-8": b"0001_c1\xff\xfe.jpg",
    "an empty stem": b".jpg",
    "a blank": b" .jpg",
    "blanks around": b" 0001_c1s1_1.jpg ",
    "percent signs": b"%s%n%00.jpg",
    "a shell's signs": b"$(id)`id`;&|.jpg",
    "a backslash": b"..\\x.jpg",
    "a quote": b"0001_c1'\".jpg",
    "a question mark": b"0001_c1?a=b&c.jpg",
    "a large person": b"99999999999999999999_c1s1_1.jpg",
    "a large camera": b"0001_c99999999999999999999s1.jpg",
    "camera 0": b"0001_c0s1_1.jpg",
    "another script's digits": "٣٣_c٣s1_1.jpg".encode(),
    "raised digits": "²_c²s1.jpg".encode(),
    "wide digits": "１２_c１s1.jpg".encode(),
    "250 letters": b"0" * 246 + b".jpg",
    "marks of direction": "0001_c1\u202egpj.jpg".encode(),
    "no camera": b"0001.jpg",
    "a negative person": b"-7_c1s1_1.jpg",
    "a colon": b"0001:c1.jpg",
    "capitals": b"0001_C1S1_1.JPG",
    "a separator of lines": "0001_c1\u2028.jpg".encode(),
}


def whole_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        written(folder, name, content)


def circle(place: Path) -> None:
    """A folder in which a link leads to the folder itself, and two links to each other."""
    place.mkdir()
    (place / "round").symlink_to(place, target_is_directory=True)
    (place / "a").symlink_to(place / "b")
    (place / "b").symlink_to(place / "a")


def to(file: str) -> Callable[[Path], None]:
    """A link to something of the system's."""
    return lambda place: place.symlink_to(file)


# What stands in the place of a file or folder
STRANGE: dict[str, Callable[[Path], None]] = {
    "a folder": lambda place: place.mkdir(),
    "an empty file": lambda place: place.write_bytes(b"") and None,
    "a dead link": lambda place: place.symlink_to("nowhere"),
    "a link to itself": lambda place: place.symlink_to(place),
    "links in circles": circle,
    "nothing": lambda place: None,
    "a file nobody can read": to("/proc/self/mem"),
    "zeros without an end": to("/dev/zero"),
    "a pipe nobody writes to": lambda place: os.mkfifo(place),
}


def replaced(folder: Path, place: str, by: Callable[[Path], None]) -> Path:
    """The folder, in which something else stands in that place."""
    import shutil

    target = folder / place
    if target.is_dir():
        shutil.rmtree(target)
    else:
        target.unlink()
    by(target)
    return folder


def spoilt_benchmarks() -> Iterator[Case]:
    for reader, files in whole.benchmarks().items():
        door = f"data {reader}"
        lists = [name for name in files if not name.endswith((".jpg", ".bmp", ".png"))]
        folders = sorted({name.rpartition("/")[0] for name in files} - {""})[:4]
        for name in lists:
            for how, spoil in SPOILT.items():
                changed = {**files, name: spoil(files[name])}
                yield Case(door, f"{name}: {how}", lambda folder, c=changed: filled(folder, c))
        for place in [*lists, *folders]:
            for what, by in STRANGE.items():
                yield Case(
                    door,
                    f"{place} is {what}",
                    lambda folder, f=files, p=place, b=by: replaced(filled(folder, f), p, b),
                )
        for place in folders[:2] if reader != "dukemtmc" else ():  # market1501's reader
            for what, name in NAMES.items():
                yield Case(
                    door,
                    f"a name with {what} in {place}",
                    lambda folder, f=files, p=place, n=name: with_name(filled(folder, f), p, n),
                )


def filled(folder: Path, files: Mapping[str, bytes]) -> Path:
    whole_folder(folder, files)
    return folder


def with_name(folder: Path, place: str, name: bytes) -> Path:
    written(folder / place, os.fsdecode(name), whole.pictures()["RGB.jpg"])
    return folder


def spoilt_files() -> Iterator[Case]:
    """Every kind of file, spoilt in every way."""
    for door, files in whole.singles().items():
        for name, content in files.items():
            for how, spoil in SPOILT.items():
                yield Case(
                    door,
                    f"{name}: {how}",
                    lambda folder, n=name, c=content, s=spoil: written(folder, n, s(c)),
                )
        for what, by in STRANGE.items():
            name = next(iter(files))
            yield Case(
                door,
                f"{name} is {what}",
                lambda folder, n=name, b=by: (b(folder / n), folder / n)[1],
            )
    for door, files in whole.folders().items():
        if door == "run report":  # reads what "run" reads, and draws it
            continue
        for name, content in files.items():
            for how, spoil in list(SPOILT.items())[::3]:
                changed = {**files, name: spoil(content)}
                yield Case(
                    door, f"{name}: {how}", lambda folder, c=changed: filled(folder / "f", c)
                )
            for what, by in STRANGE.items():
                yield Case(
                    door,
                    f"{name} is {what}",
                    lambda folder, f=files, n=name, b=by: replaced(filled(folder / "f", f), n, b),
                )


def folders_of_images() -> Iterator[Case]:
    crop = whole.pictures()["RGB.jpg"]
    for what, name in NAMES.items():
        yield Case(
            "images", f"a name with {what}", lambda folder, n=name: with_name(folder, "x", n)
        )
        yield Case(
            "picture",
            f"a name with {what}",
            lambda folder, n=name: written(folder, os.fsdecode(n), b"broken"),
        )
    for what, by in STRANGE.items():
        yield Case(
            "images",
            f"a folder that is {what}",
            lambda folder, b=by: (b(folder / "x.jpg"), folder / "x.jpg")[1],
        )
        yield Case(
            "images",
            f"beside an image {what}",
            lambda folder, b=by: (written(folder, "a.jpg", crop), b(folder / "x.jpg"), folder)[2],
        )
    yield Case(
        "images",
        "folders 60 deep",
        lambda folder: written(folder, "/".join(["d"] * 60) + "/a.jpg", crop) and folder,
    )


def cases() -> Iterator[Case]:
    yield from spoilt_files()
    yield from spoilt_benchmarks()
    yield from folders_of_images()
