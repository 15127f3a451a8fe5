"""The small two-camera benchmarks, one half of the persons to train on: VIPeR, PRID, PRID 450S."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from lookalike.data.images import list_images
from lookalike.data.people import Benchmark
from lookalike.data.readers.common import (
    Passed,
    Row,
    find_folder,
    half_split,
    pass_over,
    people,
)
from lookalike.data.text import read_json
from lookalike.errors import UserError

SPLITS = 10
ALL = "all"  # instead of a split: everybody is tested on, nobody trained on
UNUSED = "images of people whom the split doesn't use"
Camera = dict[int, list[str]]  # person → image files


def viper(root: Path, *, split: str = "0") -> Benchmark:
    """VIPeR (Gray et al., PETS 2007): 632 persons, one image in each camera, 316 to train on.

    Images are cam_a/000_45.bmp (person_angle); person 000 becomes identity 1. Camera A is the
    query. split: 0…9, from torchreid's splits.json if it is there, else drawn by `half_split`; or
    "all" to test on everybody, half of them at a time (protocol "viper-10-splits").
    """
    folder = find_folder("VIPeR", root, ("VIPeR", "VIPeR.v1.0", "VIPeR.v1.0/VIPeR"), CAMERAS)
    passed: Passed = {}
    a, b = (_camera(folder / name, passed) for name in CAMERAS)
    train, test = _halves("VIPeR", _same(folder, a, b), split, root, folder, "splits.json")
    names = {person + 1: f"{person:03d}" for person in a}
    return _benchmark("viper", folder, a, b, train, test, test, passed, first=1, pid_names=names)


def prid450s(root: Path, *, split: str = "0") -> Benchmark:
    """PRID 450S (Roth et al., 2014): 450 persons, one image in each camera, 225 to train on.

    Images are cam_a/img_001.png. Camera A is the query. split: 0…9 or "all", as for `viper`.
    """
    folder = find_folder("PRID 450S", root, ("prid_450s", "PRID_450S", "prid450s"), CAMERAS)
    passed: Passed = {}
    a, b = (_camera(folder / name, passed) for name in CAMERAS)
    train, test = _halves("PRID 450S", _same(folder, a, b), split, root, folder, "splits.json")
    return _benchmark("prid450s", folder, a, b, train, test, test, passed)


def prid2011(
    root: Path, *, shot: Literal["single", "multi"] = "single", split: str = "0"
) -> Benchmark:
    """PRID 2011 (Hirzer et al., SCIA 2011): persons 1…200 in both cameras, 100 to train on.

    Images are single_shot/cam_a/person_0001.png or multi_shot/cam_a/person_0001/0001.png. Camera A
    is the query; camera B's persons from 201 on, who are not those of camera A, join the gallery.
    split: 0…9, from torchreid's splits_single_shot.json if it is there, else by `half_split`; or
    "all" to test on the 200, half of them at a time: 100 queries and a gallery of 649 persons.
    """
    folder = find_folder("PRID 2011", root, ("prid_2011", "prid2011"), (f"{shot}_shot",))
    passed: Passed = {}
    a, b = (_camera(folder / f"{shot}_shot" / name, passed) for name in CAMERAS)
    both = sorted(p for p in a.keys() & b.keys() if p <= 200)
    train, test = _halves("PRID 2011", both, split, root, folder, "splits_single_shot.json")
    others = {person for person in b if person > 200}
    return _benchmark("prid2011", folder, a, b, train, test, test | others, passed)


CAMERAS = ("cam_a", "cam_b")


def _camera(folder: Path, passed: Passed) -> Camera:
    """Person → images in `folder`: the first number in a file's (or its folder's) name is who.

    What is no image joins `passed`.
    """
    if not folder.is_dir():
        raise UserError(f"No folder '{folder}'.")
    listing = list_images(folder)
    pass_over(passed, listing.passed_over)
    camera: Camera = {}
    for image in listing.images:
        number = re.search(r"\d+", image.split("/")[0])
        if not number:
            raise UserError(f"'{folder / image}' has no person's number in its name.")
        camera.setdefault(int(number[0]), []).append(str(folder / image))
    return camera


def _same(folder: Path, a: Camera, b: Camera) -> list[int]:
    """The persons, who must be the same in both cameras."""
    if strangers := sorted(a.keys() ^ b.keys()):
        raise UserError(f"'{folder}': person {strangers[0]} is in only one of cam_a and cam_b.")
    return sorted(a)


def _halves(
    name: str, persons: list[int], split: str, root: Path, folder: Path, file: str
) -> tuple[set[int], set[int]]:
    """The persons of split `split` to train on and to test on: from torchreid's file, or drawn."""
    if split == ALL:
        return set(), set(persons)
    files = [path for path in (root / file, folder / file) if path.is_file()]
    splits = _read_splits(files[0]) if files else None
    count = SPLITS if splits is None else len(splits)
    if split not in map(str, range(count)):
        raise UserError(f"{name} has the splits 0 to {count - 1} and all, not {split}.")
    if splits is not None:
        return splits[int(split)]
    train, test = half_split([f"{p:06d}" for p in persons], int(split))
    return {int(p) for p in train}, {int(p) for p in test}


def _read_splits(file: Path) -> list[tuple[set[int], set[int]]]:
    """torchreid's splits, those with camera A as the query: sets of persons to train and test."""
    splits = read_json(file)
    try:
        if isinstance(splits[0]["train"][0], int):  # PRID 2011: lists of persons
            return [(set(s["train"]), set(s["test"])) for s in splits]
        # VIPeR: [path, label, camera] of another machine; every draw twice, with B as query too
        splits = [s for s in splits if s["query"][0][2] == 0]
        return [(_persons(s["train"]), _persons(s["query"])) for s in splits]
    except (ValueError, KeyError, IndexError, TypeError):
        raise UserError(f"'{file}' isn't a split file of torchreid's: move it elsewhere.") from None


def _persons(rows: Iterable[Any]) -> set[int]:
    names = (re.split(r"[\\/]", path)[-1] for path, _, _ in rows)
    return {int(re.findall(r"\d+", name)[0]) for name in names}


def _benchmark(
    name: str,
    folder: Path,
    a: Camera,
    b: Camera,
    train: set[int],
    query: set[int],
    gallery: set[int],
    passed: Passed,
    first: int = 0,
    pid_names: dict[int, str] | None = None,
) -> Benchmark:
    def rows(camera: Camera, persons: set[int], camid: int) -> list[Row]:
        missing = persons - camera.keys()
        if missing:
            raise UserError(
                f"'{folder}' has no image of person {min(missing)} in {CAMERAS[camid]}."
            )
        return [(path, p + first, camid) for p in sorted(persons) for path in camera[p]]

    used = ((a, train | query), (b, train | gallery))
    unused = [path for camera, pids in used for p in camera.keys() - pids for path in camera[p]]
    if unused:
        pass_over(passed, {UNUSED: sorted(unused)})
    return Benchmark(
        name,
        folder,
        people(rows(a, train, 0) + rows(b, train, 1), name),
        people(rows(a, query, 0), name),
        people(rows(b, gallery, 1), name),
        protocol="market1501" if train else "viper-10-splits",
        pid_names=pid_names or {},
        passed_over=passed,
    )
