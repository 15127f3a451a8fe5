"""Anybody's own crops: a folder per person, or a CSV file."""

import csv as csv_module
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from lookalike.data.images import folder_names, image_names
from lookalike.data.people import JUNK, Benchmark, People
from lookalike.data.readers.common import half_split, people, queries_of
from lookalike.errors import UserError

SPLITS = ("train", "query", "gallery")
UNKNOWN = "none"  # the value of option camera when nobody knows the cameras


@dataclass(frozen=True)
class Crop:
    """A crop as its source describes it; `split` is "" where the source has no splits."""

    path: str
    person: str
    camera: str
    split: str


def folder(
    root: Path,
    *,
    camera: str = r"c(\d+)",
    csv: str = "",
    test_fraction: float = 0.5,
    seed: int = 0,
    test: bool = True,
) -> Benchmark:
    r"""A benchmark of your own crops, with person and camera names numbered in sorted order.

    `root` holds train/, query/ and gallery/ with a folder per person in each, or just a folder per
    person: then `test_fraction` of the persons (drawn by `half_split` with `seed`) are tested on.
    Of each, the first image in every camera becomes a query and the others the gallery; a person
    with a single image in a camera keeps it in the gallery where no query could be found otherwise.
    camera: a regular expression whose group finds the camera in a file's name. csv: a file with the
    columns path, pid, camid (unless camera=none) and, if it says, split (train, query, gallery);
    paths start at `root`.
    camera=none is for unknown cameras: every query then counts as camera 0 and the gallery as
    camera 1, so that no protocol leaves a crop out as the query's own camera's.
    Persons become 1, 2, … over all splits (`pid_names` keeps the names); "-1" is junk, for
    the gallery only.
    """
    if not 0 < test_fraction < 1:
        raise UserError(
            f"Option test_fraction of folder should be within 0 and 1, not {test_fraction}."
        )
    crops = _from_csv(root, root / csv, camera) if csv else _from_folders(root, camera, test)
    if not any(crop.split for crop in crops):
        crops = _split(crops, test_fraction, seed)
    persons = _numbers((c.person for c in crops if c.person != str(JUNK)), first=1)
    cameras = _numbers((c.camera for c in crops), first=0)
    unknown = camera == UNKNOWN

    def table(split: str) -> People:
        junk = str(JUNK) if split != "gallery" else None
        shots = (c for c in crops if c.split == split and c.person != junk)
        shift = int(unknown and split == "gallery")
        rows = ((c.path, persons.get(c.person, JUNK), cameras[c.camera] + shift) for c in shots)
        return people(rows, root.name)

    names = {n: name for name, n in persons.items() if not (name.isdecimal() and int(name) == n)}
    train, query, gallery = (table(split) for split in SPLITS)
    return Benchmark("folder", root, train, query, gallery, pid_names=names)


def _numbers(names: Iterable[str], first: int) -> dict[str, int]:
    """Each different name's number: in numerical order if all are numbers, else alphabetical."""
    distinct = sorted(set(names))
    if all(name.isdecimal() for name in distinct):
        distinct.sort(key=int)
    return {name: number for number, name in enumerate(distinct, first)}


def _from_folders(root: Path, camera: str, test: bool) -> list[Crop]:
    camera_of = _camera_finder(camera)
    splits = [split for split in SPLITS if (root / split).is_dir()]
    if splits and not test:
        splits = ["train"]
    crops = []
    for split in splits or [""]:
        for person in folder_names(root / split):
            place = root / split / person
            for name in image_names(place):
                path = os.path.join(place, name)
                crops.append(Crop(path, person, camera_of(path), split))
    return crops


def _camera_finder(camera: str) -> Callable[[str], str]:
    """The function from a file to the name of its camera."""
    if camera == UNKNOWN:
        return lambda path: UNKNOWN
    try:
        pattern = re.compile(camera)
    except re.error as error:
        raise UserError(f"Option camera of folder isn't a regular expression: {error}.") from None
    if not pattern.groups:
        raise UserError(
            f"Option camera of folder needs a group in parentheses, as in c(\\d+), not '{camera}'."
        )

    def find(path: str) -> str:
        match = pattern.search(os.path.basename(path))
        if not match or not match[1]:
            raise UserError(
                f"No camera in the name of '{path}': give option camera a regular expression that "
                f"finds it (now '{camera}'), or camera=none, or list the crops in a CSV file."
            )
        return match[1]

    return find


def _from_csv(root: Path, file: Path, camera: str) -> list[Crop]:
    if not file.is_file():
        raise UserError(f"No CSV file '{file}'.")
    with file.open(newline="", encoding="utf-8-sig") as lines:
        reader = csv_module.DictReader(lines)
        columns = ("path", "pid") if camera == UNKNOWN else ("path", "pid", "camid")
        missing = set(columns) - set(reader.fieldnames or ())
        if missing:
            raise UserError(
                f"'{file}' has no column {', '.join(sorted(missing))} in its first line."
            )
        crops = []
        for row in reader:
            split = row.get("split") or ""
            for column in columns:
                if not row[column]:
                    raise UserError(f"'{file}', line {reader.line_num}: no {column}.")
            if split not in SPLITS and "split" in row:
                raise UserError(
                    f"'{file}', line {reader.line_num}: split should be train, query or gallery, "
                    f"not '{split}'."
                )
            camid = UNKNOWN if camera == UNKNOWN else row["camid"]
            crops.append(Crop(str(root / row["path"]), row["pid"], camid, split))
    return crops


def _split(crops: list[Crop], test_fraction: float, seed: int) -> list[Crop]:
    """The crops with a split each: persons drawn, then queries chosen among the tested."""
    names = sorted({crop.person for crop in crops} - {str(JUNK)})
    train, _ = half_split(names, seed, test_fraction)
    shots_of: dict[str, list[Crop]] = {}
    rows = []
    for crop in crops:
        if crop.person in train:
            rows.append(Crop(crop.path, crop.person, crop.camera, "train"))
        else:
            shots_of.setdefault(crop.person, []).append(crop)
    for person, shots in shots_of.items():
        order = list(dict.fromkeys(shot.camera for shot in shots))
        shots.sort(key=lambda shot: order.index(shot.camera))
        asks = queries_of([shot.camera for shot in shots])
        for shot, ask in zip(shots, asks, strict=True):
            split = "query" if ask and person != str(JUNK) else "gallery"
            rows.append(Crop(shot.path, person, shot.camera, split))
    return rows
