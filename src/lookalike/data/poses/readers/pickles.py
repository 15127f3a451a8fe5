"""Poses in pickles: the (row, column, visible) of each image, and PG²'s peaks and subsets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lookalike.data.pickles import read_plain
from lookalike.data.poses.poses import JOINTS
from lookalike.data.poses.readers.joint_orders import Joints, Table, arranged
from lookalike.errors import UserError

PEAKS, SUBSETS = "all_peaks_dic", "subsets_dic"


def read_pickle(file: Path, unfiltered: bool = False) -> Table:
    """The poses in a pickle: image name → 18×3, or PG²'s peaks with their subsets beside them.

    unfiltered: of PG²'s peaks, everybody's first, as its DeepFashion converter took them.
    """
    for one, other in ((PEAKS, SUBSETS), (SUBSETS, PEAKS)):
        if file.name.startswith(one):
            pair = file.with_name(other + file.name.removeprefix(one))
            if not pair.is_file():
                raise UserError(f"'{file}' needs '{pair.name}' beside it.")
            peaks, subsets = (file, pair) if one == PEAKS else (pair, file)
            return _chosen(peaks, subsets, unfiltered)
    table = Table()
    for name, points in _dict(file).items():
        where = f"'{file}', image '{name}'"
        rows = _numbers(points, where)
        if rows.shape != (len(JOINTS), 3):
            raise UserError(
                f"{where}: {'×'.join(map(str, rows.shape))} numbers; a pose is 18 rows of row, "
                "column and visible."
            )
        rows[(rows[:, :2] < 0).any(1), 2] = 0
        table[name] = arranged(rows[:, [1, 0, 2]], where)
    return table


def _chosen(peaks: Path, subsets: Path, unfiltered: bool) -> Table:
    """One person an image: the first candidates of the row with the highest total score.

    Where nobody was put together, the first candidate of each joint.
    """
    people = {} if unfiltered else _dict(subsets)
    table = Table()
    for name, candidates in _dict(peaks).items():
        where = f"'{peaks}', image '{name}'"
        if not isinstance(candidates, Sequence) or len(candidates) != len(JOINTS):
            raise UserError(f"{where}: not a list of candidates for each of the 18 joints.")
        rows = _numbers(people.get(name, []), f"'{subsets}', image '{name}'")
        if rows.size and rows.shape[1:] != (20,):
            raise UserError(f"'{subsets}', image '{name}': a person has 20 numbers.")
        ids = set(rows[rows[:, 18].argmax(), :18].tolist()) if rows.size else None
        table[name] = _firsts(candidates, ids, where)
    return table


def _firsts(candidates: Sequence[Any], ids: set[float] | None, where: str) -> Joints:
    """The first candidate (x, y, score, id) of each joint whose id is among `ids`, if any."""
    points = np.zeros((len(JOINTS), 3))
    for joint, points_of_joint in enumerate(candidates):
        rows = _numbers(points_of_joint, where)
        if rows.size and rows.shape[1:] != (4,):
            raise UserError(f"{where}: a candidate has x, y, score and number.")
        rows = rows.reshape(-1, 4)
        if ids is not None:
            rows = rows[[number in ids for number in rows[:, 3].tolist()]]
        if len(rows):
            points[joint] = (*rows[0, :2], 1)
    return arranged(points, where)


def _dict(file: Path) -> dict[str, Any]:
    table = read_plain(file)
    if not isinstance(table, dict) or not all(isinstance(name, str) for name in table):
        raise UserError(f"'{file}' holds no dict of image names.")
    return table


def _numbers(value: Any, where: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    try:
        return np.array(value, np.float64)
    except (OverflowError, TypeError, ValueError):
        raise UserError(f"{where}: not all numbers.") from None
