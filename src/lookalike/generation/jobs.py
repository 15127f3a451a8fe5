"""Which pictures a folder gets, and how their files are called."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import numpy as np

from lookalike.data import People
from lookalike.errors import UserError
from lookalike.generation.verb import Conditions


@dataclass(frozen=True)
class Job:
    """A picture to make: rows of its person and of its condition, and its file's name in the
    folder."""

    person: int
    condition: int
    name: str


def combinations(
    people: Sequence[str], conditions: Conditions, suffix: str, side: int = 8
) -> list[Job]:
    """Every person with every condition, as PERSON_in_CONDITION; n×m jobs.

    people: image files; without any, a job is a condition. What is given twice counts once. Where
    conditions are images to read, jobs come in tiles of side × side, so that a batch of side² has
    few of them.
    """
    if not people:
        return [
            Job(0, row, f"{name}{suffix}")
            for row, name in enumerate(short_names(conditions.names).values())
        ]
    person = {path: row for row, path in reversed([*enumerate(people)])}
    condition = {name: row for row, name in enumerate(conditions.names)}
    if conditions.images:
        person_name = condition_name = short_names([*people, *conditions.names])
    else:
        side = max(len(people), len(conditions))
        person_name, condition_name = short_names(people), short_names(conditions.names)
    paths, names = list(dict.fromkeys(people)), list(condition)
    return [
        Job(person[path], condition[name], f"{person_name[path]}_in_{condition_name[name]}{suffix}")
        for i in range(0, len(paths), side)
        for j in range(0, len(names), side)
        for path in paths[i : i + side]
        for name in names[j : j + side]
    ]


def short_names(paths: Sequence[str]) -> dict[str, str]:
    """The shortest name of every file that tells them all apart: stem, name, or path."""
    files = sorted(set(paths))
    top = os.path.commonpath([Path(p).absolute().parent for p in files])
    ways: list[Callable[[str], str]] = [
        lambda p: Path(p).stem,
        lambda p: Path(p).name,
        lambda p: os.path.relpath(p, top).replace(os.sep, "+"),
    ]
    for way in ways:
        names = {p: way(p) for p in files}
        if len(set(names.values())) == len(files):
            return names
    raise UserError("Two of these images have the same path.")


def data_set(
    people: People,
    conditions: Conditions,
    times: int,
    seed: int,
    suffix: str,
    by: Literal["person", "condition"] = "person",
    names: Mapping[int, str] = MappingProxyType({}),
) -> list[Job]:
    """A job for every crop, `times` over, each with the condition of another random crop.

    conditions: that of every crop of `people`. They are drawn without replacement from those that
    are known. by: whose identity a file lies in the folder of, the person's or the condition's; its
    name has that one first: PID_cCAMERA_ROW_in_PID_cCAMERA_ROW or …_wears_…, rows of `people`,
    cameras from 1. So the reader `folder` finds persons and cameras in it. names: what a person is
    called, where that isn't the number (`Benchmark.pid_names`): the folder is called so too.
    Raises UserError for more `times` than there are such conditions, and where there is nobody.
    """
    n = len(people)
    if not n:
        raise UserError("There is nobody to draw: these data have no training images.")
    rows = np.flatnonzero(conditions.known)
    rng = np.random.default_rng(seed)
    folders = person_folders(np.unique(people.pids).tolist(), names)
    jobs = []
    for i in range(n):
        others = rows[rows != i]
        if times > len(others):
            reason = f"There are only {len(others)} other crops whose {conditions.noun} is known"
            if conditions.images:
                reason = f"{n} images have only {len(others)} others each"
            raise UserError(f"{reason}: --times {times} is too much.")
        for j in rng.choice(others, times, replace=False):
            if by == "person":
                name = f"{folders[int(people.pids[i])]}/{label(people, i)}_in_{label(people, j)}"
            else:
                name = f"{folders[int(people.pids[j])]}/{label(people, j)}_wears_{label(people, i)}"
            jobs.append(Job(i, int(j), name + suffix))
    return jobs


def person_folders(pids: Sequence[int], names: Mapping[int, str]) -> dict[int, str]:
    """A folder's name for each person: the own one where it can be one, and is nobody else's."""
    folders: dict[int, str] = {}
    taken: set[str] = set()  # some file systems don't tell Anna from anna
    for pid in pids:
        name, number = names.get(pid, f"{pid:04d}"), f"{pid:04d}"
        hidden = name[:1] in ("", ".", "-") or not name.strip("0")  # or nobody, to the reader
        if hidden or any(c in name for c in '/\\:*?"<>|') or not name.isprintable():
            name = number
        while name.casefold() in taken:
            name += f"+{number}"
        taken.add(name.casefold())
        folders[pid] = name
    return folders


def label(people: People, row: int) -> str:
    return f"{people.pids[row]:04d}_c{people.camids[row] + 1}_{row:06d}"
