"""Poses as text: FD-GAN's file an image, and tables with a line an image."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from lookalike.data.poses.poses import JOINTS
from lookalike.data.poses.readers.joint_orders import Joints, Table, arranged, merge
from lookalike.errors import UserError

COLUMNS = ("name", "keypoints_y", "keypoints_x")


def read_lines(text: str, file: Path) -> Joints:
    """One image's pose as FD-GAN has it: 18 lines "row col", −1 where missing."""
    points = []
    lines = text.rstrip().splitlines()
    for number, line in enumerate(lines, 1):
        try:
            row, column = map(float, line.split())
        except ValueError:
            raise UserError(
                f"'{file}', line {number}: a joint's line is its row and its column, "
                f"such as 21 31, not '{line[:40]}'."
            ) from None
        points.append((column, row))
    if len(points) != len(JOINTS):
        raise UserError(
            f"'{file}', line {len(lines)}: the file ends with joint {len(points)}; a pose has "
            f"{len(JOINTS)}."
        )
    return arranged(points, f"'{file}'", width=2)


def read_table(text: str, file: Path) -> Table:
    """The poses in lines name:keypoints_y:keypoints_x under that header.

    The two are lists of 18 numbers as JSON, −1 where missing; other columns are passed over.
    """
    header, *lines = text.splitlines()
    columns = header.strip().split(":")
    lacking = [column for column in COLUMNS if column not in columns]
    if lacking:
        raise UserError(f"'{file}', line 1: no column {lacking[0]} in the header '{header[:60]}'.")
    name, ys, xs = map(columns.index, COLUMNS)
    table: Table = {}
    for number, line in enumerate(lines, 2):
        if not line.strip():
            continue
        where = f"'{file}', line {number}"
        # From the right, as a file's name may have colons, where it comes first.
        cells = line.rsplit(":", len(columns) - 1) if name == 0 else line.split(":")
        if len(cells) != len(columns):
            raise UserError(f"{where}: {len(cells)} columns, not {len(columns)}.")
        try:
            points = [json.loads(cells[column]) for column in (xs, ys)]
        except ValueError:
            raise UserError(f"{where}: the key points aren't lists such as [21, 40, …].") from None
        for column in points:
            if not isinstance(column, list) or len(column) != len(JOINTS):
                count = len(column) if isinstance(column, list) else "no"
                raise UserError(f"{where}: {count} joints in a list; a pose has {len(JOINTS)}.")
        merge(table, {cells[name]: arranged(_pairs(points, where), where, width=2)}, where)
    return table


def _pairs(columns: list[list[float]], where: str) -> object:
    """18×2 numbers from two lists of 18."""
    try:
        return np.array(columns, np.float64).T
    except (OverflowError, TypeError, ValueError):
        raise UserError(f"{where}: a key point isn't a number.") from None
