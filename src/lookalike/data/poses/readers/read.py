"""`read_poses`: a file or folder of poses in any of the formats."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from lookalike.data.pickles import SUFFIXES
from lookalike.data.poses.readers.coco import is_coco, read_coco
from lookalike.data.poses.readers.joint_orders import Table, merge
from lookalike.data.poses.readers.openpose import END, is_openpose, read_people
from lookalike.data.poses.readers.pickles import SUBSETS, read_pickle
from lookalike.data.poses.readers.text import COLUMNS, read_lines, read_table
from lookalike.errors import UserError

NO_POSES = ("meta.json", "splits.json")  # beside FD-GAN's poses
# What marks a folder's pose files, first kind first; the files of one kind are read.
KINDS: tuple[Callable[[Path], bool], ...] = (
    lambda file: file.name.endswith(f"{END}.json"),
    lambda file: file.suffix in SUFFIXES and not _left_out(file),
    lambda file: file.suffix == ".csv" and _has_header(file),
    lambda file: file.suffix == ".txt",
    lambda file: file.suffix in (".json", ".jsonl") and file.name not in NO_POSES,
)


def read_poses(path: str | Path, *, unfiltered: bool = False) -> Table:
    """The poses in a file or folder: image name → 18×3 float32, x, y in pixels, 1 where known.

    The joints are those of `lookalike.data.poses.JOINTS`; a missing one is (0, 0, 0). The names are
    the source's: of a folder with a file an image, its path below `path` without what the format
    adds. The formats, told apart by their content and names:

    - lines name:keypoints_y:keypoints_x, the last two lists of 18, −1 where missing (`.csv`);
    - a folder of STEM.txt with 18 lines "row col", −1 where missing (FD-GAN);
    - OpenPose's JSON, of 18 or 25 points: a folder of NAME_keypoints.json, one such file, a list or
      lines of objects with "name" and "people", or an object of names;
    - COCO's key points of people, 17 or 18, as annotations or as a detector's list;
    - pickles: image name → 18×3 rows of (row, column, visible), or PG²'s ``all_peaks_dic_*.p`` with
      ``subsets_dic_*.p`` (those of mirrored copies, ``*_flip.p``, are left out of a folder).

    Of several people in an image, the one with the highest total score. unfiltered: of PG²'s
    peaks, take everybody's first. Raises UserError, with file and line, on a file that is missing,
    empty or broken, or that has two different poses of one name.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        table = _folder(path, unfiltered)
    elif path.is_file():
        table = _file(path, Path(path.name), unfiltered)
    else:
        raise UserError(f"No poses at '{path}': it should be a file or a folder.")
    if not table:
        raise UserError(f"'{path}' has no poses in it.")
    return table


def _folder(folder: Path, unfiltered: bool) -> Table:
    """The poses in all files of the first kind that the folder has."""
    files = list(_files(folder))
    for kind in KINDS:
        if files_of_kind := [file for file in files if kind(file)]:
            break
    else:
        raise UserError(
            f"No pose files in '{folder}': there should be STEM.txt, NAME_keypoints.json, a CSV "
            "file name:keypoints_y:keypoints_x, COCO's JSON or a pickle."
        )
    table: Table = {}
    for file in files_of_kind:
        merge(table, _file(file, file.relative_to(folder), unfiltered), f"'{file}'")
    return table


def _files(folder: Path) -> Iterator[Path]:
    """All files below the folder but hidden ones, in order."""
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if not name.startswith("."):
                yield Path(place, name)


def _left_out(file: Path) -> bool:
    """Is it PG²'s of mirrored copies, of pairs, or what goes with the peaks?"""
    stem = file.stem.lower()
    return stem.endswith("flip") or stem.startswith((SUBSETS, "p_pairs", "n_pairs", "pn_pairs"))


def _has_header(file: Path) -> bool:
    with file.open(encoding="utf-8-sig", errors="replace") as lines:
        return set(COLUMNS) <= set(lines.readline().strip().split(":"))


def _file(file: Path, place: Path, unfiltered: bool) -> Table:
    """The poses in one file; `place` is what an image is named after if the file doesn't say."""
    if file.suffix in SUFFIXES:
        return read_pickle(file, unfiltered)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"Can't read '{file}' as text ({error}).") from error
    if not text.strip():
        raise UserError(f"'{file}' is empty.")
    name = place.as_posix()
    if text.lstrip()[0] in "{[":
        return _json(text, file, name.removesuffix(".json").removesuffix(END))
    if file.suffix == ".csv" or ":" in text.split("\n", 1)[0]:
        return read_table(text, file)
    return {name.removesuffix(".txt"): read_lines(text, file)}


def _json(text: str, file: Path, name: str) -> Table:
    """The poses in JSON or in lines of it."""
    where = f"'{file}'"
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        if error.msg != "Extra data":
            raise UserError(f"{where}, line {error.lineno}: no JSON ({error.msg}).") from None
        return _lines(text, file)
    if is_openpose(value):
        return {str(value.get("name", name)): read_people(value, where)}
    if isinstance(value, list) and value and all(map(is_openpose, value)):
        return _named(value, [f"{where}, entry {n}" for n in range(1, len(value) + 1)])
    if is_coco(value):
        return read_coco(value, where)
    if isinstance(value, dict) and value and all(map(is_openpose, value.values())):
        return {key: read_people(part, f"{where}, '{key}'") for key, part in value.items()}
    raise UserError(f"{where} is neither OpenPose's JSON nor COCO's key points.")


def _lines(text: str, file: Path) -> Table:
    values, places = [], []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        where = f"'{file}', line {number}"
        try:
            values.append(json.loads(line))
        except json.JSONDecodeError as error:
            raise UserError(f"{where}: no JSON ({error.msg}).") from None
        if not is_openpose(values[-1]):
            raise UserError(f"{where}: no 'people' as OpenPose writes them.")
        places.append(where)
    return _named(values, places)


def _named(values: list[Any], places: list[str]) -> Table:
    table: Table = {}
    for value, where in zip(values, places, strict=True):
        if not isinstance(value.get("name"), str):
            raise UserError(f"{where}: no 'name' of its image.")
        merge(table, {value["name"]: read_people(value, where)}, where)
    return table
