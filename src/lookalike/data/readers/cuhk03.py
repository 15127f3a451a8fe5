"""CUHK03 under the new protocol and the classic ones, from any of the forms in which it goes."""

import os
import re
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Literal

from lookalike.data.people import Benchmark
from lookalike.data.readers.common import Passed, Row, find_folder, names_in, pass_over, people
from lookalike.data.readers.cuhk03_files import MAT, extract, read_config, read_testsets
from lookalike.data.readers.market import SPLITS, read_splits
from lookalike.data.readers.pairs import UNUSED
from lookalike.errors import UserError

# Camera pair, person, camera, image
NAME = re.compile(r"(\d{1,9})_(\d{1,9})_([12])_\d{1,9}\.png", re.ASCII)
NEW, ALL, OPEN_REID = "new", "all", "open-reid"
UNLISTED = "images that the protocol's lists don't name"

Person = tuple[int, int]  # camera pair and person, from 1, as the benchmark numbers them


def cuhk03(
    root: Path,
    *,
    kind: Literal["detected", "labeled", "labelled"] | None = None,
    split: str = NEW,
    test: bool = True,
) -> Benchmark:
    """CUHK03 (Li et al., CVPR 2014), 1,467 persons seen by 2 cameras each.

    kind: crops from a detector (the default) or drawn by hand ("labelled").
    split: "new" is the 767/700 protocol of Zhong et al. (CVPR 2017). `root` holds CUHK03-NP
    (detected/ or labeled/ in Market-1501's layout); or cuhk03_new_protocol_config_<kind>.mat with
    the images of images_<kind>/; or that .mat with cuhk-03.mat, whose images are then written to
    images_<kind>/ once (needs h5py). A camera is a side of the camera pair, as in the protocol's
    own code.
    0…19 are the classic protocol's splits in cuhk-03.mat: 1,367 persons to train on and 100 who are
    tested, camera 1 asking in camera 2 (protocol "cuhk03-single-shot"). "all" tests everybody whom
    one of the twenty tests, each split on its own, and trains on nobody ("cuhk03-20-splits").
    "open-reid" is the first of them as open-reid's tools and FD-GAN's data have it: the crops of
    both kinds together, all images of the tested both asking and asked for ("cuhk03-open-reid").
    """
    if split == NEW:
        return _new(root, "detected" if kind in (None, "detected") else "labeled", test)
    if split == OPEN_REID and kind is not None:
        raise UserError("cuhk03 with split=open-reid takes both kinds of crops: leave out kind.")
    folder = find_folder("CUHK03", root, ("cuhk03", "cuhk03_release", f"cuhk03/{RELEASE}"), (MAT,))
    testsets = read_testsets(folder / MAT)
    names = [*map(str, range(len(testsets))), ALL, OPEN_REID]
    if split not in names:
        raise UserError(
            f"cuhk03 has the splits {NEW}, {names[0]} to {names[-3]}, {ALL} and {OPEN_REID}, not "
            f"{split}."
        )
    kinds = ["labeled", "detected"] if split == OPEN_REID else [
        "detected" if kind in (None, "detected") else "labeled"
    ]  # fmt: skip
    return _classic(root, folder, kinds, split, testsets)


RELEASE = "cuhk03_release"


def _new(root: Path, kind: str, test: bool) -> Benchmark:
    """The benchmark of the 767/700 protocol."""
    for place in (root / kind, root / "cuhk03-np" / kind, root / "CUHK03-NP" / kind):
        if any((place / split).is_dir() for split in SPLITS):
            return read_splits("cuhk03", place, "0001_c1_1.png", test)
    config = f"cuhk03_new_protocol_config_{kind}.mat"
    folder = find_folder("CUHK03", root, ("cuhk03", RELEASE), (config,))
    lists = read_config(folder / config)
    images = _images(folder, folder, kind)
    passed: Passed = {}
    there = names_in(images, passed)

    def rows(split: str) -> list[Row]:
        listed = [(NAME.fullmatch(name), name, pid) for name, pid in lists[split]]
        return [
            (f"{images}{os.sep}{name}", pid, int(match[3]) - 1)
            for match, name, pid in listed
            if match
        ]

    train, query, gallery = (rows(s) for s in ("train", "query", "gallery"))
    named = {path for split in (train, query, gallery) for path, _, _ in split}
    if others := [p for name in there if (p := f"{images}{os.sep}{name}") not in named]:
        pass_over(passed, {UNLISTED: others})
    tables = [people(rows, "cuhk03") for rows in (train, query, gallery)]
    return Benchmark("cuhk03", folder, tables[0], tables[1], tables[2], passed_over=passed)


def _classic(
    root: Path, folder: Path, kinds: list[str], split: str, testsets: list[list[Person]]
) -> Benchmark:
    """The benchmark of one of the classic splits, or of all of them."""
    passed: Passed = {}
    images = [row for kind in kinds for row in _crops(_images(root, folder, kind), passed)]
    persons = sorted({person for _, person, _ in images})
    pids = {person: number for number, person in enumerate(persons, 1)}
    for number, testset in enumerate(testsets):
        if missing := [person for person in testset if person not in pids]:
            pair, person = missing[0]
            raise UserError(
                f"Split {number} of '{folder / MAT}' tests person {person} of camera pair {pair}, "
                "of whom there is no image: extract the images anew."
            )
    sets = [sorted(pids[person] for person in testset) for testset in testsets]
    chosen = sets if split == ALL else [sets[0 if split == OPEN_REID else int(split)]]
    tested = {*chain.from_iterable(chosen)}

    def rows(some: Iterable[int], cameras: tuple[int, ...]) -> list[Row]:
        some = {*some}
        return [(p, pids[who], c) for p, who, c in images if pids[who] in some and c in cameras]

    others = {*pids.values()} - tested
    train = rows(others, (0, 1)) if split != ALL else []
    if split == ALL and (unused := [path for path, _, _ in rows(others, (0, 1))]):
        pass_over(passed, {UNUSED: unused})
    both = split == OPEN_REID
    query, gallery = rows(tested, (0, 1) if both else (0,)), rows(tested, (0, 1) if both else (1,))
    protocols = {ALL: "cuhk03-20-splits", OPEN_REID: "cuhk03-open-reid"}
    tables = [people(part, "cuhk03") for part in (train, query, gallery)]
    return Benchmark(
        "cuhk03",
        folder,
        tables[0],
        tables[1],
        tables[2],
        protocol=protocols.get(split, "cuhk03-single-shot"),
        pid_names={pid: f"{pair}_{person:03d}" for (pair, person), pid in pids.items()},
        passed_over=passed,
        splits=tuple(map(tuple, sets)) if split == ALL else (),
    )


def _images(root: Path, folder: Path, kind: str) -> Path:
    """The folder of the crops of a kind, in the `folder` of cuhk-03.mat or the `root` around it:
    written now if it is in neither."""
    places = [place / f"images_{kind}" for place in (folder, root, root / "cuhk03")]
    for place in places:
        if place.is_dir():
            return place
    files = [file for file in (folder / MAT, folder / RELEASE / MAT) if file.exists()]
    if not files:
        raise UserError(f"'{folder}' has neither {places[0].name} nor {MAT}: put one there.")
    extract(files[0], kind, places[0])
    return places[0]


def _crops(images: Path, passed: Passed) -> list[tuple[str, Person, int]]:
    """The crops in a folder: path, person, camera from 0. What is no image joins `passed`."""
    rows = []
    for name in names_in(images, passed):
        match = NAME.fullmatch(name)
        if not match:
            raise UserError(
                f"'{images / name}' isn't named as in '1_001_1_01.png': move it elsewhere."
            )
        person = int(match[1]), int(match[2])
        rows.append((f"{images}{os.sep}{name}", person, int(match[3]) - 1))
    return rows
