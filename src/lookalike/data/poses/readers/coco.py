"""Poses as lists of people with key points: COCO's annotations and results, MMPose's and
ultralytics' predictions for one image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.data.poses.poses import JOINTS
from lookalike.data.poses.readers.joint_orders import (
    ORDER,
    THRESHOLD,
    Table,
    arranged,
    named_order,
    stated_size,
)
from lookalike.errors import UserError

NAMES = ("file_name", "image_name", "image_path")
SCORES = ("score", "bbox_score", "confidence")  # of a person: COCO's, MMPose's, ultralytics'
POINT_SCORES = ("keypoint_scores", "keypoints_scores", "keypoints_visible")
PREDICTIONS = "instance_info"  # MMPose's, beside meta_info

Images = dict[Any, dict[str, Any]]
"""COCO's image of an image_id."""


def is_coco(value: Any) -> bool:
    """Is that COCO's object with annotations, or a list of results?"""
    if isinstance(value, dict):
        rows = value.get("annotations")
        has_images = isinstance(value.get("images"), list)
    else:
        rows, has_images = value, False
    return isinstance(rows, list) and all(
        isinstance(row, dict) and (has_images or "keypoints" in row) for row in rows
    )


def is_predictions(value: Any) -> bool:
    """Is that MMPose's object of one image?"""
    return isinstance(value, dict) and is_coco(value.get(PREDICTIONS))


def read_coco(
    value: Any, name: str | None, where: str, threshold: float | None, beside: Callable[[], Images]
) -> Table:
    """The pose of each image that has one: 17 points in COCO's order or 18 in OpenPose's.

    Where the category names its points, these say the order. x, y, v: v = 0 is missing, and so is a
    score below the threshold; COCO's neck is the middle of the shoulders. Of several people, the
    one with the highest score, or else with the highest sum of v. A list of results names the image
    in image_id, file_name, image_name or image_path; it is the image `name` if no row says; for
    numbers, `beside` gives the images that annotations in the same folder have.
    """
    try:
        content = value if isinstance(value, dict) else {"annotations": value}
        if PREDICTIONS in content:
            names = content.get("meta_info", {}).get("keypoint_id2name", {})
            category = {"id": None, "keypoints": [*names.values()]}
            content = {"annotations": content[PREDICTIONS], "categories": [category]}
        return _read(content, name, where, THRESHOLD if threshold is None else threshold, beside)
    except (AttributeError, KeyError, TypeError) as error:
        raise UserError(f"{where} isn't COCO's JSON throughout ({error}).") from error


def images_of(content: Any) -> Images:
    """The images that COCO's object describes, by their id; {} for other JSON."""
    images = content.get("images") if isinstance(content, dict) else None
    if not isinstance(images, list) or not all(isinstance(image, dict) for image in images):
        return {}
    return {i["id"]: i for i in images if isinstance(i.get("id"), str | int)}


def _read(
    content: dict[str, Any],
    own: str | None,
    where: str,
    threshold: float,
    beside: Callable[[], Images],
) -> Table:
    images: Images = {image.get("id"): image for image in content.get("images", [])}
    rows = [row for row in content["annotations"] if "keypoints" in row]
    if not images and any(isinstance(row.get("image_id"), int) for row in rows):
        images = beside()
    orders = {
        category.get("id"): named_order(category["keypoints"], where)
        for category in content.get("categories", [])
        if category.get("keypoints")
    }
    table, highest = Table(), dict[str, float]()
    for number, row in enumerate(rows, 1):
        place = f"{where}, annotation {number}"
        points = _points(row, place)
        name = _name(row, images, own)
        if not isinstance(name, str):
            raise UserError(
                f"{place}: no file name of its image {row.get('image_id')}: the file, or one "
                "beside it, needs 'images'."
            )
        joints = arranged(points, place, _order(row, len(points), orders, place), 3, threshold)
        score = next((row[key] for key in SCORES if key in row), float(points[:, 2].sum()))
        if name not in table or score > highest[name]:
            table[name], highest[name] = joints, score
            image = images.get(row.get("image_id"), {})
            if (size := stated_size(image, place)) is not None:
                table.sizes[name] = size
    return table


def _name(row: dict[str, Any], images: Images, own: str | None) -> Any:
    """What a row's image is called."""
    image = images.get(row.get("image_id"), {})
    for value in (image, row):
        for key in NAMES:
            if isinstance(value.get(key), str):
                return value[key]
    return row.get("image_id", own)


def _points(row: dict[str, Any], where: str) -> NDArray[np.float64]:
    """A person's points: P×3, x, y and how sure they are."""
    value = row["keypoints"]
    scores = next((row[key] for key in POINT_SCORES if row.get(key) is not None), None)
    try:
        if isinstance(value, dict):  # ultralytics'
            scores = value.get("visible")
            value = np.stack([np.asarray(value[axis], np.float64) for axis in "xy"], 1)
        points = np.asarray(value, np.float64)
        if scores is not None:
            points = points.reshape(np.size(scores), -1)[:, :2]
            return np.column_stack([points, np.asarray(scores, np.float64).reshape(-1)])
        counts = points.size / 3, points.size / 2
        flat_pairs = points.ndim == 1 and counts[0] not in ORDER and counts[1] in ORDER
        if flat_pairs or points.shape[-1:] == (2,):  # an estimator that has no scores writes 0, 0
            points = points.reshape(-1, 2)
            return np.column_stack([points, (points > 0).any(1) & (points >= 0).all(1)])
        return points.reshape(-1, 3)
    except (OverflowError, TypeError, ValueError):
        raise UserError(f"{where}: not 3 numbers for each of the joints.") from None


def _order(
    row: dict[str, Any], count: int, orders: dict[Any, tuple[int, ...]], where: str
) -> tuple[int, ...] | None:
    order = orders.get(row.get("category_id"))
    if order and count <= max(order):
        raise UserError(f"{where}: {count} points; its category names more.")
    return order


def nobody(name: str) -> Table:
    """The image `name`, in which nobody was found."""
    return Table({name: np.zeros((len(JOINTS), 3), np.float32)})
