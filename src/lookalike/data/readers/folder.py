"""Anybody's own crops: a folder per person, names with a pattern, or a CSV file."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from zlib import crc32

import numpy as np

from lookalike.data.people import DISTRACTOR, JUNK, UNKNOWN, Benchmark, People
from lookalike.data.readers.common import (
    Passed,
    Row,
    drawn_queries,
    half_split,
    pass_over,
    pass_over_unlisted,
    people,
    queries_of,
)
from lookalike.data.readers.crops import CAMERA, SPLITS, Crop, from_csv, from_folders, plain
from lookalike.data.readers.crops import UNKNOWN as NOT_KNOWN
from lookalike.data.readers.market import JUNK_ASKS
from lookalike.errors import UserError

FEW = "images of people with fewer than min_crops"
UNTESTED = "images in query and gallery, where nobody is known (person=none)"
NOBODY = {str(number): number for number in (JUNK, DISTRACTOR, UNKNOWN)}


def folder(
    root: Path,
    *,
    camera: str = CAMERA,
    person: str = "",
    csv: str = "",
    test_fraction: float = 0.5,
    queries_per_id: int = 0,
    min_crops: int = 1,
    seed: int = 0,
    test: bool = True,
) -> Benchmark:
    r"""A benchmark of your own crops, with person and camera names numbered in sorted order.

    `root` holds any of train/, query/ and gallery/ with a folder per person in each, or just a
    folder per person, or with `person` images of any names. Without splits `test_fraction` of the
    persons (drawn by `half_split` with `seed`; 0 is nobody, 1 everybody, and anything between at
    least one and not all) are tested on. Of each, the first image in every camera becomes a query
    and the others the gallery; a person with a single image in a camera keeps it in the gallery
    where no query could be found otherwise. Or `queries_per_id` images of each become queries,
    drawn with `seed`, as `drawn_queries` has it. People with fewer than `min_crops` images are left
    out.
    camera: a regular expression whose group finds the camera in a file's name, or else in its path
    below the person's folder. person: one that finds who it is in the name, or else in the path,
    of which the camera then may be anywhere.
    person=none is for crops of which nobody knows who they are: all are to train on, of unknown
    identity (−2), for methods that read none; those of query/ and gallery/ are passed over, and a
    CSV file needs no column pid.
    csv: a file with the columns path, pid, camid (unless camera=none) and, if it says, split
    (train, query, gallery); paths start at `root`.
    camera=none is for unknown cameras: every query then counts as camera 0 and the gallery as
    camera 1, so that no protocol leaves a crop out as the query's own camera's.
    Persons become 1, 2, … over all splits (`pid_names` keeps the names). Numbers are one name
    however they are spelled: 01, 1 and 1.0. "-1" is junk, for the gallery only; "-2" is somebody
    unknown; "0" is a distractor, or a person where it is trained on or asks.
    """
    if not 0 <= test_fraction <= 1:
        raise UserError(
            f"Option test_fraction of folder should be from 0 to 1, not {test_fraction}."
        )
    if not 0 <= seed < 1 << 32:
        raise UserError(f"Option seed of folder should be from 0 to 2³² − 1, not {seed}.")
    if queries_per_id < 0 or min_crops < 1:
        raise UserError(
            "Option queries_per_id of folder should be from 0 (the first image in every camera), "
            f"and min_crops from 1, not {queries_per_id} and {min_crops}."
        )
    passed: Passed = {}
    crops, spellings = _spelled_once(_read(root, camera, person, csv, test, passed))
    if person == NOT_KNOWN:
        crops = _unknown(crops, queries_per_id > 0 or min_crops > 1, passed)
    elif crops and not any(crop.split for crop in crops):
        crops = _of_many(crops, min_crops, passed)
        draw = Draw(test_fraction, seed, queries_per_id, camera != NOT_KNOWN)
        crops = _drawn(crops, draw, test)
    elif queries_per_id or min_crops > 1:
        raise UserError(
            f"'{root}' says itself what is train, query and gallery: leave out queries_per_id and "
            "min_crops, which draw them."
        )
    junk = [c.path for c in crops if c.person == str(JUNK) and c.split != "gallery"]
    if junk:
        pass_over(passed, {JUNK_ASKS: junk})
        crops = [c for c in crops if c.person != str(JUNK) or c.split == "gallery"]
    asked = any(c.person == str(DISTRACTOR) and c.split == "query" for c in crops)

    def somebody(crop: Crop) -> bool:
        zero = crop.person == str(DISTRACTOR) and (crop.split != "gallery" or asked)
        return crop.person not in NOBODY or zero

    persons = _numbers((c.person for c in crops if somebody(c)), first=1)
    cameras = _numbers((plain(c.camera) for c in crops), first=0)

    def row(crop: Crop) -> Row:
        pid = persons[crop.person] if somebody(crop) else NOBODY[crop.person]
        shift = int(camera == NOT_KNOWN and crop.split == "gallery")
        return crop.path, pid, cameras[plain(crop.camera)] + shift

    def table(split: str) -> People:
        return people((row(crop) for crop in crops if crop.split == split), root.name)

    train, query, gallery = (table(split) for split in SPLITS)
    names = {pid: " or ".join(spellings[name]) for name, pid in persons.items()}
    names = {pid: s for pid, s in names.items() if not s.isdecimal() or plain(s) != str(pid)}
    return Benchmark("folder", root, train, query, gallery, pid_names=names, passed_over=passed)


def _read(root: Path, camera: str, person: str, csv: str, test: bool, passed: Passed) -> list[Crop]:
    """The crops of a folder, by their list or by their names."""
    if csv and person not in ("", NOT_KNOWN):
        raise UserError("Options csv and person of folder exclude each other: the file says who.")
    if csv:
        crops = from_csv(root, root / csv, camera, person)
        pass_over_unlisted(passed, root, (crop.path for crop in crops))
        return crops
    return from_folders(root, camera, person, test, passed)


@dataclass(frozen=True)
class Labelled:
    """All crops of a folder as one table, and what its persons and cameras are called: N texts."""

    people: People
    persons: list[str]
    cameras: list[str]
    passed_over: dict[str, list[str]]


def labelled(root: Path, camera: str = CAMERA, person: str = "", csv: str = "") -> Labelled:
    """All crops of a folder, whatever their split, with the identities and cameras that `folder`
    finds by the same options.

    Number 0 is a distractor here. Where nobody knows the cameras, their name is "none".
    """
    passed: Passed = {}
    crops, _ = _spelled_once(_read(root, camera, person, csv, True, passed))
    if not crops:
        raise UserError(f"There are no images of people in '{root}'.")
    persons = _numbers((c.person for c in crops if c.person not in NOBODY), first=1)
    cameras = _numbers((plain(c.camera) for c in crops), first=0)
    rows = [
        (c.path, persons.get(c.person, NOBODY.get(c.person, 0)), cameras[plain(c.camera)])
        for c in crops
    ]
    return Labelled(
        people(rows, root.name),
        [c.person for c in crops],
        [plain(c.camera) for c in crops],
        passed,
    )


def _unknown(crops: list[Crop], drawn: bool, passed: Passed) -> list[Crop]:
    """The crops of nobody knows whom, to train on; those to be tested on join `passed`.

    drawn: whether options were given that choose by who it is. Raises UserError then.
    """
    if drawn:
        raise UserError(
            "Option person=none of folder says that nobody knows who the people are: leave out "
            "queries_per_id and min_crops, which count the images of each."
        )
    tested = [crop.path for crop in crops if crop.split not in ("", "train")]
    if tested:
        pass_over(passed, {UNTESTED: tested})
    return [replace(crop, split="train") for crop in crops if crop.split in ("", "train")]


def _of_many(crops: list[Crop], least: int, passed: Passed) -> list[Crop]:
    """The crops of people who have so many; the others' join `passed`."""
    counts = Counter(crop.person for crop in crops if crop.person not in NOBODY)
    few = {person for person, count in counts.items() if count < least}
    if few and len(few) == len(counts):
        raise UserError(
            f"None of the {len(counts):,} people has {least} images: a smaller option min_crops "
            "takes more of them."
        )
    if few:
        pass_over(passed, {FEW: [crop.path for crop in crops if crop.person in few]})
    return [crop for crop in crops if crop.person not in few]


def _spelled_once(crops: list[Crop]) -> tuple[list[Crop], dict[str, list[str]]]:
    """The crops with one spelling of every person, and all the spellings of each by that one.

    Raises UserError for a negative number that means nothing.
    """
    spellings: dict[str, set[str]] = {}
    for crop in crops:
        spellings.setdefault(plain(crop.person), set()).add(crop.person)
    for name in spellings:
        if name not in NOBODY and re.fullmatch(r"-[0-9]+", name):
            raise UserError(
                f"'{min(spellings[name])}' is no identity: people have names or numbers from 1 on; "
                "-1 is junk and -2 somebody unknown."
            )
    names = {name: name if name in NOBODY else min(s) for name, s in spellings.items()}
    crops = [replace(crop, person=names[plain(crop.person)]) for crop in crops]
    return crops, {names[name]: sorted(s) for name, s in spellings.items()}


def _numbers(names: Iterable[str], first: int) -> dict[str, int]:
    """Each different name's number: in numerical order if all are numbers, else alphabetical."""
    distinct = sorted(set(names))
    if all(plain(name).isdecimal() for name in distinct):
        distinct.sort(key=lambda name: (len(plain(name)), plain(name)))  # however long it is
    return {name: number for number, name in enumerate(distinct, first)}


@dataclass(frozen=True)
class Draw:
    """Who is tested, and with which queries: options of `folder`. cameras: if they are known."""

    test_fraction: float
    seed: int
    queries_per_id: int
    cameras: bool

    def queries(self, person: str, cameras: list[str]) -> list[bool]:
        """Which of a person's images ask."""
        if not self.queries_per_id:
            return queries_of(cameras)
        # Of the person's own name, so that the draw of one doesn't change another's.
        random = np.random.RandomState(
            [self.seed, crc32(person.encode("utf-8", "surrogateescape"))]
        )
        return drawn_queries(cameras, self.queries_per_id, random, self.cameras)


def _drawn(crops: list[Crop], draw: Draw, test: bool) -> list[Crop]:
    """The crops with a split each: persons drawn, then queries chosen among the tested.

    Raises UserError, with the option to change, where a split that was asked for would be empty.
    """
    test_fraction, seed = draw.test_fraction, draw.seed
    names = sorted({crop.person for crop in crops} - NOBODY.keys())
    count = int(len(names) * test_fraction + 1e-6)  # .29 of 100 is 28.999999999999996
    if 0 < test_fraction < 1:
        if len(names) < 2:
            raise UserError(
                f"{len(names)} people can't be divided into those to train on and those to test: "
                "option test_fraction=0 trains on everybody, test_fraction=1 tests everybody."
            )
        count = min(max(count, 1), len(names) - 1)
    _, tested = half_split(names, seed, count)
    shots_of: dict[str, list[Crop]] = {}
    rows = []
    for crop in crops:
        if crop.person in tested or crop.person in (str(JUNK), str(DISTRACTOR)):
            shots_of.setdefault(crop.person, []).append(crop)
        else:
            rows.append(replace(crop, split="train"))
    queries = 0
    for person, shots in shots_of.items():
        order = list(dict.fromkeys(plain(shot.camera) for shot in shots))
        shots.sort(key=lambda shot: order.index(plain(shot.camera)))
        asks = draw.queries(person, [plain(shot.camera) for shot in shots])
        for shot, ask in zip(shots, asks, strict=True):
            asking = ask and person in tested
            queries += asking
            rows.append(replace(shot, split="query" if asking else "gallery"))
    if tested and not queries and test:
        raise UserError(
            f"None of the {len(tested)} people drawn to be tested has a second image to be found: "
            "a larger option test_fraction or another seed tests others, test_fraction=0 nobody."
        )
    return rows
