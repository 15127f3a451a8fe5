"""Poses as text: FD-GAN's file an image, and tables with a line an image."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from lookalike.data.poses.poses import JOINTS
from lookalike.data.poses.readers.joint_orders import Joints, Table, arranged, merge
from lookalike.errors import UserError, short
from lookalike.reading import from_json

COLUMNS = ("name", "keypoints_y", "keypoints_x")
BEHIND = ",; \t"  # what a spreadsheet leaves at the end of a line


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
                f"such as 21 31, not '{short(line)}'."
            ) from None
        points.append((column, row))
    if len(points) != len(JOINTS):
        raise UserError(
            f"'{file}', line {len(lines)}: the file ends with joint {len(points)}; a pose has "
            f"{len(JOINTS)}."
        )
    return arranged(points, f"'{file}'", width=2)


def has_header(line: str) -> bool:
    """Is that the first line of such a table?"""
    return set(COLUMNS) <= set(_header(line)[0])


def read_table(text: str, file: Path) -> Table:
    """The poses in lines name:keypoints_y:keypoints_x under that header.

    The two are lists of 18 numbers as JSON, −1 where missing; other columns are passed over. A
    spreadsheet may have put commas behind the lines, quotes around them, or another separator.
    """
    header, *lines = text.splitlines()
    columns, separator = _header(header)
    lacking = [column for column in COLUMNS if column not in columns]
    if lacking:
        raise UserError(
            f"'{file}', line 1: no column {lacking[0]} in the header '{short(header)}'."
        )
    name, ys, xs = map(columns.index, COLUMNS)
    table = Table()
    for number, line in enumerate(lines, 2):
        if not line.strip(BEHIND):
            continue
        where = f"'{file}', line {number}"
        try:
            cells = _cells(line, columns, separator)
        except csv.Error as error:
            raise UserError(f"{where}: not cells of a table ({error}).") from None
        if len(cells) != len(columns):
            raise UserError(f"{where}: {len(cells)} columns, not {len(columns)}.")
        try:
            points = [from_json(cells[column]) for column in (xs, ys)]
        except ValueError:
            raise UserError(f"{where}: the key points aren't lists such as [21, 40, …].") from None
        for column in points:
            if not isinstance(column, list) or len(column) != len(JOINTS):
                count = len(column) if isinstance(column, list) else "no"
                raise UserError(f"{where}: {count} joints in a list; a pose has {len(JOINTS)}.")
        joints = arranged(_pairs(points, where), where, width=2)
        merge(table, Table({cells[name]: joints}), where)
    return table


def _header(line: str) -> tuple[list[str], str]:
    """The names of the columns, and what separates them."""
    header = line.strip().rstrip(BEHIND).strip('"')
    for separator in (",", ";", "\t"):
        columns = [cell.strip().strip('"') for cell in header.split(separator)]
        if set(COLUMNS) <= set(columns):
            return columns, separator
    return header.split(":"), ":"


def _cells(line: str, columns: list[str], separator: str) -> list[str]:
    if separator != ":":
        cells = next(csv.reader([line], delimiter=separator))
        empty = [*map(bool, cells[len(columns) :])]
        return cells if any(empty) else cells[: len(columns)]
    line = line.rstrip(BEHIND) if line[-1] in BEHIND else line
    if len(line) > 1 and line[0] == line[-1] == '"':
        line = line[1:-1].replace('""', '"')
    # From the right, as a file's name may have colons, where it comes first.
    first = columns[0] == COLUMNS[0]
    return line.rsplit(":", len(columns) - 1) if first else line.split(":")


def _pairs(columns: list[list[float]], where: str) -> object:
    """18×2 numbers from two lists of 18."""
    try:
        return np.array(columns, np.float64).T
    except (OverflowError, TypeError, ValueError):
        raise UserError(f"{where}: a key point isn't a number.") from None
