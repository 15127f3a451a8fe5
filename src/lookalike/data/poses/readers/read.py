"""`read_poses`: a file or folder of poses in any of the formats."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from lookalike.data.pickles import SUFFIXES
from lookalike.data.poses.readers.any_json import read_any_json
from lookalike.data.poses.readers.joint_orders import Table, merge
from lookalike.data.poses.readers.openpose import END
from lookalike.data.poses.readers.pickles import SUBSETS, read_pickle
from lookalike.data.poses.readers.text import has_header, read_lines, read_table
from lookalike.data.text import first_line, read_text
from lookalike.errors import UserError

START = "results_"  # how MMPose's demos begin the name of an image's file
NO_POSES = ("meta.json", "splits.json")  # beside FD-GAN's poses
# What marks a folder's pose files; those of the first kind that has poses are read.
KINDS: tuple[Callable[[Path], bool], ...] = (
    lambda file: file.name.endswith(f"{END}.json"),
    lambda file: file.suffix in SUFFIXES and not _left_out(file),
    lambda file: file.suffix == ".csv" and _has_header(file),
    lambda file: file.suffix == ".txt",
    lambda file: file.suffix in (".json", ".jsonl") and file.name not in NO_POSES,
)


def read_poses(
    path: str | Path, *, unfiltered: bool = False, threshold: float | None = None
) -> Table:
    """The poses in a file or folder: image name → 18×3 float32, x, y as there, 1 where known.

    The joints are those of `lookalike.data.poses.JOINTS`; a missing one is (0, 0, 0). The names are
    the source's: of a folder with a file an image, its path below `path` without what the format
    adds. The formats, told apart by their content and names:

    - lines name:keypoints_y:keypoints_x, the last two lists of 18, −1 where missing (`.csv`);
    - a folder of STEM.txt with 18 lines "row col", −1 where missing (FD-GAN);
    - OpenPose's JSON, of 18 or 25 points: a folder of NAME_keypoints.json, one such file, a list or
      lines of objects with "name" and "people", or an object of names; also AlphaPose's "cmu";
    - COCO's key points of people, 17, 18 or more as Halpe and COCO-WholeBody have them, as
      annotations or as a detector's list (with the annotations beside it where images are numbers);
    - MMPose's and ultralytics' predictions, a file NAME.json an image;
    - pickles: image name → 18×3 rows of (row, column, visible), or PG²'s ``all_peaks_dic_*.p`` with
      ``subsets_dic_*.p`` (those of mirrored copies, ``*_flip.p``, are left out of a folder).

    Of several people in an image, the one with the highest total score. unfiltered: of PG²'s
    peaks, take everybody's first. threshold: the score, from 0 to 1, below which a joint is
    missing; by default 0.05 in OpenPose's JSON, which leaves out joints itself, and 0.3 elsewhere
    (COCO's v, 1 or 2, is never below it). `sizes` of what comes out has the height and width that
    the source states of an image; x and y are pixels of that. Raises UserError, with file and
    line, on a file that is missing, empty or broken, or that has two different poses of one name.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        table = _folder(path, unfiltered, threshold)
    elif path.is_file():
        table = _file(path, Path(path.name), unfiltered, threshold)
    else:
        raise UserError(f"No poses at '{path}': it should be a file or a folder.")
    if not table:
        raise UserError(f"'{path}' has no poses in it.")
    return table


def _folder(folder: Path, unfiltered: bool, threshold: float | None) -> Table:
    """The poses in all files of the first kind that has any; none if no file has."""
    files = list(_files(folder))
    of_kinds = [of_kind for kind in KINDS if (of_kind := [file for file in files if kind(file)])]
    if not of_kinds:
        raise UserError(
            f"No pose files in '{folder}': there should be STEM.txt, NAME_keypoints.json, a CSV "
            "file name:keypoints_y:keypoints_x, another estimator's JSON or a pickle."
        )
    table = Table()
    for of_kind in of_kinds:
        for file in of_kind:
            poses = _file(file, file.relative_to(folder), unfiltered, threshold)
            merge(table, poses, f"'{file}'")
        if table:
            break
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
    return has_header(first_line(file))


def _image(place: Path) -> str:
    """The image that a file of its own names: without what OpenPose and MMPose add."""
    stem = place.name.removesuffix(".json").removesuffix(END).removeprefix(START)
    return place.with_name(stem).as_posix()


def _file(file: Path, place: Path, unfiltered: bool, threshold: float | None) -> Table:
    """The poses in one file; `place` is what an image is named after if the file doesn't say."""
    if file.suffix in SUFFIXES:
        return read_pickle(file, unfiltered)
    text = read_text(file)
    if not text.strip():
        raise UserError(f"'{file}' is empty.")
    name = place.as_posix()
    if text.lstrip()[0] in "{[":
        return read_any_json(text, file, _image(place), threshold)
    if file.suffix == ".csv" or ":" in text.split("\n", 1)[0]:
        return read_table(text, file)
    return Table({name.removesuffix(".txt"): read_lines(text, file)})
