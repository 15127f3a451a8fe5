"""Pictures beside pictures: grids and swap tables, and the files they go to.

A picture is a uint8 H×W×3 array, a Pillow image, or a float 3×H×W tensor or array in [0, 1]. A row
is any sequence of pictures, so a float B×3×H×W batch is a row of B.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Picture: TypeAlias = Any  # see above; a tensor is not named here, so that torch isn't imported
Row: TypeAlias = Any  # a sequence of pictures or None (an empty cell), or a B×3×H×W batch
Colour: TypeAlias = tuple[int, int, int]

PAPER: Colour = (255, 255, 255)
INK: Colour = (40, 44, 50)


def to_picture(image: Picture) -> NDArray[np.uint8]:
    """The picture as a uint8 H×W×3 array; floats are rounded and clipped to [0, 1] first.

    One channel (1×H×W) becomes three equal ones. Raises ValueError for anything else.
    """
    if isinstance(image, Image.Image):
        return np.asarray(image.convert("RGB"))
    if hasattr(image, "detach"):
        image = image.detach().cpu()
        # numpy has no bfloat16
        image = (image.float() if image.is_floating_point() else image).numpy()
    array = np.asarray(image)
    if array.dtype == np.uint8 and array.ndim == 3 and array.shape[2] == 3:
        return array
    if array.dtype.kind == "f" and array.ndim == 3 and array.shape[0] in (1, 3):
        pixels = np.rint(np.clip(np.nan_to_num(array), 0, 1) * 255).astype(np.uint8)
        return np.repeat(pixels, 3 // len(pixels), axis=0).transpose(1, 2, 0)
    raise ValueError(
        f"A picture is uint8 H×W×3 or float 3×H×W, got {array.dtype} of shape {array.shape}"
    )


@lru_cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    # Pillow's own font has no arrows; matplotlib brings one that has.
    import matplotlib

    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf", size)


def _fitting_font(text: str, width: int, largest: int = 14) -> ImageFont.FreeTypeFont:
    """The largest font, from `largest` down to 7 pixels, in which every line fits in `width`."""
    lines = text.splitlines()
    for size in range(largest, 7, -1):
        if all(_font(size).getlength(line) <= width for line in lines):
            return _font(size)
    return _font(7)


def _write(draw: ImageDraw.ImageDraw, centre: tuple[float, float], text: str, width: int) -> None:
    draw.multiline_text(
        centre, text, fill=INK, font=_fitting_font(text, width), anchor="mm", align="center"
    )


def grid(
    rows: Iterable[Row],
    gap: int = 4,
    row_labels: Sequence[str] = (),
    column_labels: Sequence[str] = (),
    background: Colour = PAPER,
) -> Image.Image:
    """One image with the pictures in rows and columns, `gap` pixels apart, each in its own size.

    A column is as wide as its widest picture, a row as tall as its tallest; None leaves a cell
    empty, and rows may be of unequal length. `column_labels` are written above, `row_labels` to
    the left. Raises ValueError when there is no picture at all.
    """
    cells = [[None if x is None else to_picture(x) for x in row] for row in rows]
    if not any(x is not None for row in cells for x in row):
        raise ValueError("A grid needs at least one picture")
    columns = max(len(row) for row in cells)
    heights = [max((x.shape[0] for x in row if x is not None), default=0) for row in cells]
    widths = [
        max((x.shape[1] for row in cells for x in row[j : j + 1] if x is not None), default=0)
        for j in range(columns)
    ]
    side = int(max((_font(12).getlength(t) for t in row_labels), default=-gap)) + gap
    head = 16 * max((t.count("\n") + 1 for t in column_labels), default=0)
    lefts = gap + side + np.cumsum([0, *(w + gap for w in widths)])
    tops = gap + head + np.cumsum([0, *(h + gap for h in heights)])
    canvas = Image.new("RGB", (int(lefts[-1]), int(tops[-1])), background)
    draw = ImageDraw.Draw(canvas)
    for i, row in enumerate(cells):
        for j, cell in enumerate(row):
            if cell is not None:
                x = int(lefts[j]) + (widths[j] - cell.shape[1]) // 2
                y = int(tops[i]) + (heights[i] - cell.shape[0]) // 2
                canvas.paste(Image.fromarray(cell), (x, y))
    for text, left, width in zip(column_labels, lefts, widths, strict=False):
        _write(draw, (left + width / 2, gap + head / 2), text, width)
    for text, top, height in zip(row_labels, tops, heights, strict=False):
        draw.text((gap, top + height / 2), text, fill=INK, font=_font(12), anchor="lm")
    return canvas


def headed_grid(
    row_heads: Sequence[Picture | None],
    column_heads: Sequence[Picture | None],
    cells: Sequence[Row],
    corner: Picture | None = None,
    gap: int = 4,
    column_labels: Sequence[str] = (),
) -> Image.Image:
    """Rows of `cells` with a picture at the head of each row and column.

    The heads stand a wider gap apart from the cells; without any column head there is no row of
    them. `column_labels` are written above: that of the row heads, that of the gap, those of the
    columns.
    """
    # An empty picture of 2·gap widens the gap once more between the heads and the rest.
    blank = np.full((2 * gap, 2 * gap, 3), 255, np.uint8)
    rest = [[head, blank, *row] for head, row in zip(row_heads, cells, strict=True)]
    if all(head is None for head in column_heads):
        return grid(rest, gap, column_labels=column_labels)
    return grid([[corner, blank, *column_heads], [blank], *rest], gap, column_labels=column_labels)


def swap_grid(appearances: Row, structures: Row, cells: Sequence[Row], gap: int = 4) -> Image.Image:
    """The swap table: `cells[i][j]` wears appearance i in structure j.

    The first column shows the appearances, the first row the structures, a wider gap apart from
    the generated pictures; the corner says which is which. Raises ValueError when `cells` is not
    len(appearances) × len(structures).
    """
    looks, shapes = [to_picture(x) for x in appearances], [to_picture(x) for x in structures]
    pictures = [[to_picture(x) for x in row] for row in cells]
    if [len(row) for row in pictures] != [len(shapes)] * len(looks):
        raise ValueError(
            f"{len(looks)} appearances and {len(shapes)} structures need as many rows and "
            f"columns of cells, got rows of {[len(row) for row in pictures]}"
        )
    first = np.full_like(looks[0], 255)
    height, width = first.shape[:2]
    corner = Image.fromarray(first)
    _write(
        ImageDraw.Draw(corner), (width / 2, height / 2), "structure\n→\n\nappearance\n↓", width - 4
    )
    return headed_grid(looks, shapes, pictures, corner, gap)


def save_png(image: Picture, path: str | Path) -> Path:
    """The path of the picture, written as PNG; folders are made as needed."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(to_picture(image)).save(path, "PNG")
    return path


def save_gif(frames: Row, path: str | Path, fps: float = 10, boomerang: bool = False) -> Path:
    """The path of an endless GIF of the frames; with `boomerang` it plays back and forth.

    Raises ValueError when there is no frame.
    """
    pictures = [Image.fromarray(to_picture(x)) for x in frames]
    if not pictures:
        raise ValueError("A GIF needs at least one frame")
    if boomerang:
        pictures += pictures[-2:0:-1]
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    pictures[0].save(
        path,
        "GIF",
        save_all=True,
        append_images=pictures[1:],
        duration=round(1000 / fps),
        loop=0,
    )
    return path
