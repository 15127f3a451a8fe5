"""A contact sheet of a rendered world: people down, cameras across."""

from __future__ import annotations

import colorsys
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import binary_erosion

from lookalike.errors import UserError
from lookalike.world.writer.annotations import Truths, spec_of, truth_of
from lookalike.world.writer.layout import Crop, crops, people_tested
from lookalike.world.writer.structure_views import structures_of

GAP = 2  # pixels between pictures
OUTLINE = (255, 220, 0)
# OpenPose's limbs between its 18 key points, in the order of its colours.
LIMBS = (
    (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12),
    (12, 13), (1, 0), (0, 14), (14, 16), (0, 15), (15, 17),
)  # fmt: skip
COLOURS = [
    tuple(round(255 * c) for c in colorsys.hsv_to_rgb(i / 18, 1, 1)) for i in range(len(LIMBS) + 1)
]


def sheet(
    root: str | Path,
    people: int = 8,
    cameras: int = 6,
    *,
    poses: bool = False,
    masks: bool = False,
    structures: bool = False,
    scale: int = 1,
) -> Image.Image:
    """The first image of each of the first people by each of the first cameras, RGB.

    poses: OpenPose's limbs between the joints that are seen. masks: the outline of where the
    person is seen. structures: below each person a row of grey renders, turned around once.
    scale: screen pixels a pixel. Raises UserError where no finished world is.
    """
    root = Path(root).expanduser().absolute()
    spec = spec_of(root)
    if min(people, cameras, scale) < 1:
        raise UserError("A sheet needs at least one person, one camera and a scale of 1.")
    test = people_tested(spec)
    first: list[list[Crop]] = [
        [crop for crop in crops(spec, person, person in test) if crop.k == 0][:cameras]
        for person in range(min(people, spec.people))
    ]
    paths = [[root / crop.split / f"{crop.stem}.jpg" for crop in row] for row in first]
    rows = []
    for row in paths:
        truth = truth_of(row)
        rows.append([_drawn(truth, i, scale, poses, masks) for i in range(len(row))])
        if structures:
            yaws = [2 * math.pi * i / len(row) for i in range(len(row))]
            views = structures_of(row[:1], yaws)[0]
            rows.append([_scaled(Image.fromarray(view).convert("RGB"), scale) for view in views])
    return _table(rows)


def _drawn(truth: Truths, row: int, scale: int, poses: bool, masks: bool) -> Image.Image:
    try:
        with Image.open(truth.paths[row]) as file:
            picture = _scaled(file.convert("RGB"), scale)
    except OSError as error:
        raise UserError(f"Can't read the image '{truth.paths[row]}' ({error}).") from error
    if masks:
        picture = _outlined(picture, truth[row].masks[0])
    if poses:
        _draw_pose(picture, truth.keypoints2d[row], scale)
    return picture


def _scaled(picture: Image.Image, scale: int) -> Image.Image:
    size = (picture.width * scale, picture.height * scale)
    return picture.resize(size, Image.Resampling.BICUBIC)


def _outlined(picture: Image.Image, mask: NDArray[np.bool_]) -> Image.Image:
    """The picture with a line, a pixel wide, just inside the mask."""
    shown = np.asarray(Image.fromarray(mask).resize(picture.size, Image.Resampling.NEAREST))
    edge = shown & ~binary_erosion(shown)
    pixels = np.array(picture)
    pixels[edge] = OUTLINE
    return Image.fromarray(pixels)


def _draw_pose(picture: Image.Image, points: NDArray[np.float32], scale: int) -> None:
    draw = ImageDraw.Draw(picture)
    at = [(float(x) * scale, float(y) * scale) for x, y, _ in points]
    seen = points[:, 2] > 0
    for colour, (a, b) in zip(COLOURS, LIMBS, strict=False):
        if seen[a] and seen[b]:
            draw.line([at[a], at[b]], fill=colour, width=max(1, round(0.8 * scale)))
    for colour, (x, y), is_seen in zip(COLOURS, at, seen, strict=True):
        if is_seen:
            draw.circle((x, y), 0.9 * scale, fill=colour)


def _table(rows: list[list[Image.Image]]) -> Image.Image:
    """The pictures of equal size side by side, on white."""
    width, height = rows[0][0].size
    columns = max(map(len, rows))
    size = (columns * (width + GAP) - GAP, len(rows) * (height + GAP) - GAP)
    table = Image.new("RGB", size, "white")
    for i, row in enumerate(rows):
        for j, picture in enumerate(row):
            table.paste(picture, (j * (width + GAP), i * (height + GAP)))
    return table
