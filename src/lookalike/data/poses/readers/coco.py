"""Poses as COCO's annotations of people have them, or a detector's list of results."""

from __future__ import annotations

from typing import Any

import numpy as np

from lookalike.data.poses.readers.joint_orders import Table, arranged, named_order
from lookalike.errors import UserError


def is_coco(value: Any) -> bool:
    """Is that COCO's object with annotations, or a list of results?"""
    rows = value.get("annotations") if isinstance(value, dict) else value
    return isinstance(rows, list) and all(isinstance(r, dict) and "keypoints" in r for r in rows)


def read_coco(value: Any, where: str) -> Table:
    """The pose of each image that has one: 17 points in COCO's order or 18 in OpenPose's.

    Where the category names its points, these say the order. x, y, v: v = 0 is missing; COCO's neck
    is the middle of the shoulders. Of several people, the one with the highest score, or else with
    the highest sum of v. A list of results names the image in image_id or file_name.
    """
    try:
        return _read(value if isinstance(value, dict) else {"annotations": value}, where)
    except (AttributeError, KeyError, TypeError) as error:
        raise UserError(f"{where} isn't COCO's JSON throughout ({error}).") from error


def _read(content: dict[str, Any], where: str) -> Table:
    files = {image.get("id"): image.get("file_name") for image in content.get("images", [])}
    orders = {
        category.get("id"): named_order(category["keypoints"], where)
        for category in content.get("categories", [])
        if category.get("keypoints")
    }
    table: Table = {}
    highest: dict[str, float] = {}
    for number, row in enumerate(content["annotations"], 1):
        place = f"{where}, annotation {number}"
        image = row.get("image_id")
        name = files.get(image) or row.get("file_name") or image
        if not isinstance(name, str):
            raise UserError(f"{place}: no file name of its image {image}: the file needs 'images'.")
        joints = arranged(row["keypoints"], place, _order(row, orders, place))
        visibility = float(np.asarray(row["keypoints"], np.float64).reshape(-1, 3)[:, 2].sum())
        score = row.get("score", visibility)
        if name not in table or score > highest[name]:
            table[name], highest[name] = joints, score
    return table


def _order(
    row: dict[str, Any], orders: dict[Any, tuple[int, ...]], where: str
) -> tuple[int, ...] | None:
    order = orders.get(row.get("category_id"))
    points = row["keypoints"]
    if order and isinstance(points, list) and len(points) <= 3 * max(order):
        raise UserError(f"{where}: {len(points) // 3} points; its category names more.")
    return order
