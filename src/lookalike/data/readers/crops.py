"""Anybody's crops as folders or a CSV file describe them: which file, who, which camera."""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lookalike.data.images import list_images
from lookalike.data.people import UNKNOWN as SOMEBODY
from lookalike.data.readers.common import Passed, pass_over
from lookalike.data.text import table_rows
from lookalike.errors import UserError, short

SPLITS = ("train", "query", "gallery")
UNKNOWN = "none"  # of option camera or person: nobody knows the cameras, or who anybody is
# c3, cam3 or camera_3, but neither in a word (rec291) nor in a hash (3fc30e97); c1s1 is Market's.
CAMERA = r"(?<![a-zA-Z0-9])c(?:am(?:era)?[-_]?)?(\d+)(?=s\d|[^a-zA-Z0-9]|$)"
FOLDERLESS = "images in no person's folder"
OUTSIDE = "images outside train, query and gallery"
NUMBER = re.compile(r"0*(-?)0*(\d+)(?:[.,]0*)?", re.ASCII)


@dataclass(frozen=True)
class Crop:
    """A crop as its source describes it; `split` is "" where the source has no splits."""

    path: str
    person: str
    camera: str
    split: str


def plain(name: str) -> str:
    """The name; of a number its plain form: 01, 1.0 and 1,0 are 1, and 00-1 and -1.0 are -1."""
    name = name.strip()
    match = NUMBER.fullmatch(name)
    if not match:
        return name
    return "0" if match[2] == "0" else match[1] + match[2]


def from_folders(root: Path, camera: str, person: str, test: bool, passed: Passed) -> list[Crop]:
    """The crops in folders of persons, in train, query and gallery if any of these are there.

    Folders below a person's are the person's too. What is no crop joins `passed`.
    """
    camera_of, person_of = camera_finder(camera, bool(person)), person_finder(person)
    splits = [split for split in SPLITS if (root / split).is_dir()]
    if splits and not test:
        splits = ["train"]
    crops = []
    for split in splits or [""]:
        place = root / split
        listing = list_images(place)
        pass_over(passed, listing.passed_over)
        for image in listing.images:
            path = f"{place}{os.sep}{image}"
            name = person_of(image)
            if name is None:
                passed.setdefault(FOLDERLESS, []).append(path)
            else:
                crops.append(Crop(path, name, camera_of(image), split))
    if splits and test:
        outside = [p for p in list_images(root).images if p.split("/")[0] not in SPLITS]
        if outside:
            pass_over(passed, {OUTSIDE: [str(root / image) for image in outside]})
    if not crops and any("\\" in path for path in passed.get(FOLDERLESS, ())):
        raise UserError(
            f"The images in '{root}' have \\ in their names, for their folders: what unpacked them "
            "made no folders, so unpack them with another program, such as 7z."
        )
    if not crops and FOLDERLESS in passed:
        raise UserError(
            f"The images in '{root}' lie in no folders of persons: option person takes a regular "
            r"expression that finds who it is in the name, such as person=^(\d+)_, or none where "
            "nobody knows."
        )
    return crops


def person_finder(person: str) -> Callable[[str], str | None]:
    """The function from an image, as a path from its split on, to who it is: None if no folder or
    name says it, "-2" where `person` says that nobody knows."""
    if person == UNKNOWN:
        return lambda image: str(SOMEBODY)
    if not person:
        return lambda image: image.split("/")[0] if "/" in image else None
    pattern = compiled("person", person)

    def find(image: str) -> str:
        match = pattern.search(image.split("/")[-1]) or pattern.search(image)
        if not match or not match[1]:
            raise UserError(
                f"No person in the name of '{image}': option person, now '{person}', should find "
                "who it is in every image's name."
            )
        return match[1]

    return find


def camera_finder(camera: str, whole: bool = False) -> Callable[[str], str]:
    """The function from an image, as a path from its split on, to the name of its camera.

    It is looked for in the file's name, then in the path below the first folder, the person's; or
    in the whole path, where that folder is nobody's.
    """
    if camera == UNKNOWN:
        return lambda image: UNKNOWN
    pattern = compiled("camera", camera)

    def find(image: str) -> str:
        path = image if whole else image.partition("/")[2]
        match = pattern.search(image.split("/")[-1]) or pattern.search(path)
        if not match or not match[1]:
            usual = "c3, cam3 or c3s1" if camera == CAMERA else f"'{camera}'"
            raise UserError(
                f"No camera in the name of '{image}', where {usual} is looked for: give option "
                "camera a regular expression that finds it, or camera=none, or list the crops in "
                "a CSV file."
            )
        return match[1]

    return find


def compiled(option: str, expression: str) -> re.Pattern[str]:
    """The regular expression of an option. Raises UserError if it is none, or has no group."""
    try:
        pattern = re.compile(expression)
    except re.error as error:
        raise UserError(f"Option {option} of folder isn't a regular expression: {error}.") from None
    if not pattern.groups:
        raise UserError(
            f"Option {option} of folder needs a group in parentheses, as in c(\\d+), not "
            f"'{expression}'."
        )
    return pattern


def from_csv(root: Path, file: Path, camera: str, person: str = "") -> list[Crop]:
    """The crops in the lines of a CSV file. Raises UserError naming the line with a mistake."""
    if not file.is_file():
        raise UserError(f"No CSV file '{file}'.")
    unknown = {"pid": person == UNKNOWN, "camid": camera == UNKNOWN}
    columns = ("path", *(name for name in unknown if not unknown[name]))
    rows = table_rows(file)
    head = check_head(file, next(rows, (1, []))[1], columns)
    crops = []
    for line, cells in rows:
        row = dict(zip(head, map(str.strip, cells), strict=False))
        for column in columns:
            if not row.get(column):
                raise UserError(f"'{file}', line {line}: no {column}.")
        split = row.get("split", "").lower()
        if split not in SPLITS and "split" in head:
            raise UserError(
                f"'{file}', line {line}: split should be train, query or gallery, not "
                f"'{short(split)}'."
            )
        pid = str(SOMEBODY) if unknown["pid"] else row["pid"]
        camid = UNKNOWN if unknown["camid"] else row["camid"]
        crops.append(Crop(_place(root, row["path"]), pid, camid, split))
    return crops


def _place(root: Path, path: str) -> str:
    """The whole path of a listed image; of one that Windows wrote, with its \\ as /."""
    place = root / path
    if "\\" in path and not os.path.lexists(place):  # here a name may have one
        place = root / path.replace("\\", "/")
    return str(place)


def check_head(file: Path, head: Sequence[str], columns: Sequence[str]) -> list[str]:
    """The names of the columns, in small letters, however the first line writes them."""
    names = [name.strip().lower() for name in head]
    missing = set(columns) - set(names)
    if missing:
        raise UserError(
            f"'{file}' has no column {', '.join(sorted(missing))} in its first line, "
            f"'{short(', '.join(names))}'."
        )
    for name in (*columns, "split"):
        if names.count(name) > 1:
            raise UserError(f"'{file}' has {names.count(name)} columns {name} in its first line.")
    return names
