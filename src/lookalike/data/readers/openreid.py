"""Benchmarks as open-reid formats them, and FD-GAN after it: images/, meta.json, splits.json."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lookalike.data.people import Benchmark, People
from lookalike.data.readers.common import Passed, Row, find_folder, pass_over_unlisted, people
from lookalike.data.text import read_json
from lookalike.errors import UserError

HOLDS = ("images", "meta.json", "splits.json")
PARTS = ("trainval", "query", "gallery")


def openreid(root: Path, *, split: int = 0, num_val: int = 0) -> Benchmark:
    """Any benchmark in the folder of open-reid's and FD-GAN's code (Ge et al., NeurIPS 2018).

    images/ holds 00000012_03_0001.jpg (person, camera from 0, number); meta.json lists every
    person's files by camera, splits.json the persons of each split. Person p becomes identity
    p + 1, for 0 is a distractor here; `pid_names` keeps the names. All images of the query persons
    ask, and they are in the gallery too, so the protocol is "open-reid". Poses are read from
    poses/, if it is there.
    split: which entry of splits.json. num_val: so many of the trainval persons, those with the
    largest numbers, are not trained on; FD-GAN's authors validate on 100.
    """
    folder = find_folder("open-reid data", root, ("market1501", "dukemtmc", "cuhk03"), HOLDS)
    persons = _persons(folder)
    train, query, gallery = _split(folder, split, len(persons))
    if num_val and not 0 < num_val < len(train):
        raise UserError(
            f"Option num_val of openreid should be from 0 to {max(len(train) - 1, 0)}, not "
            f"{num_val}: split {split} has {len(train)} persons to train on."
        )
    train = sorted(train)[: len(train) - num_val]

    def table(pids: Iterable[int]) -> People:
        return people((row for pid in pids for row in persons[pid]), "openreid")

    passed: Passed = {}
    if (folder / "images").is_dir():
        listed = (path for rows in persons for path, _, _ in rows)
        pass_over_unlisted(passed, folder / "images", listed)
    poses = folder / "poses"
    return Benchmark(
        "openreid",
        folder,
        table(train),
        table(query),
        table(gallery),
        protocol="open-reid",
        annotations={"pose": poses} if poses.is_dir() else {},
        pid_names={pid + 1: f"{pid:08d}" for pid in sorted({*train, *query, *gallery})},
        passed_over=passed,
    )


def _persons(folder: Path) -> list[list[Row]]:
    """The rows of every person, from 0, by camera and then in the file's order."""
    file = folder / "meta.json"
    try:
        identities = read_json(file)["identities"]
        return [
            [
                (f"{folder}{os.sep}images{os.sep}{_name(name)}", pid + 1, camera)
                for camera, names in enumerate(cameras)
                for name in names
            ]
            for pid, cameras in enumerate(identities)
        ]
    except (KeyError, TypeError):
        raise UserError(
            f"'{file}' has no list 'identities' of each person's file names by camera."
        ) from None


def _name(name: Any) -> str:
    if not isinstance(name, str):
        raise TypeError
    return name


def _split(folder: Path, split: int, persons: int) -> list[list[int]]:
    """The persons to train on, those who ask and those who are asked for."""
    file = folder / "splits.json"
    splits = read_json(file)
    count = len(splits) if isinstance(splits, list) else 0
    if not 0 <= split < count:
        raise UserError(f"'{file}' has the splits 0 to {count - 1}, not {split}.")
    try:
        parts = [[int(pid) for pid in splits[split][part]] for part in PARTS]
    except (KeyError, OverflowError, TypeError, ValueError):
        raise UserError(f"'{file}', split {split}: no lists trainval, query, gallery.") from None
    for part, pids in zip(PARTS, parts, strict=True):
        if strange := sorted(pid for pid in pids if not 0 <= pid < persons):
            raise UserError(
                f"'{file}', split {split}: person {strange[0]} of {part} isn't in meta.json, "
                f"which has 0 to {persons - 1}."
            )
    return parts
