"""Poses in JSON: which tool wrote it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lookalike.data.poses.readers.coco import (
    PREDICTIONS,
    Images,
    images_of,
    is_coco,
    is_predictions,
    nobody,
    read_coco,
)
from lookalike.data.poses.readers.joint_orders import Table, merge
from lookalike.data.poses.readers.openpose import is_openpose, read_openpose
from lookalike.data.text import read_json
from lookalike.errors import UserError
from lookalike.reading import from_json


def read_any_json(text: str, file: Path, name: str, threshold: float | None) -> Table:
    """The poses in JSON or in lines of it; `name` is of the one image that `text` may be of."""
    where = f"'{file}'"
    try:
        value = from_json(text)
    except json.JSONDecodeError as error:
        if error.msg != "Extra data":
            raise UserError(f"{where}, line {error.lineno}: no JSON ({error.msg}).") from None
        return _lines(text, file, threshold)
    except ValueError as error:
        raise UserError(f"{where}: no JSON that can be read ({error}).") from None
    if is_openpose(value):
        return read_openpose(value, name, where, threshold)
    if isinstance(value, list) and value and all(map(is_openpose, value)):
        places = [f"{where}, entry {n}" for n in range(1, len(value) + 1)]
        return _named(value, places, threshold)
    if is_predictions(value) or is_coco(value):
        own = name if isinstance(value, list) or PREDICTIONS in value else None
        table = read_coco(value, own, where, threshold, lambda: _images_beside(file))
        return table if table or own is None else nobody(own)
    if isinstance(value, dict) and value and all(map(is_openpose, value.values())):
        table = Table()
        for key, part in value.items():
            merge(table, read_openpose(part, key, f"{where}, '{key}'", threshold), where)
        return table
    raise UserError(
        f"{where} is neither OpenPose's JSON nor COCO's key points, nor AlphaPose's, MMPose's or "
        "ultralytics'."
    )


def _images_beside(file: Path) -> Images:
    """The images that COCO's annotations in the same folder describe: a list of results has their
    numbers alone."""
    images: Images = {}
    for other in sorted(file.parent.glob("*.json")):
        if other != file:
            try:
                images |= images_of(read_json(other))
            except UserError:  # not that file's turn to be broken
                continue
    return images


def _lines(text: str, file: Path, threshold: float | None) -> Table:
    values, places = [], []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        where = f"'{file}', line {number}"
        try:
            values.append(from_json(line))
        except json.JSONDecodeError as error:
            raise UserError(f"{where}: no JSON ({error.msg}).") from None
        except ValueError as error:
            raise UserError(f"{where}: no JSON that can be read ({error}).") from None
        if not is_openpose(values[-1]):
            raise UserError(f"{where}: no 'people' as OpenPose writes them.")
        places.append(where)
    return _named(values, places, threshold)


def _named(values: list[Any], places: list[str], threshold: float | None) -> Table:
    table = Table()
    for value, where in zip(values, places, strict=True):
        merge(table, read_openpose(value, None, where, threshold), where)
    return table
