"""Noise that cloth and prints are shaded with: smooth spots and creases, on tiles that repeat."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy import float32
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, zoom

from lookalike.world.seeds import rng as generator

Array = NDArray[Any]
Rng = np.random.Generator

SIZE = 128
"""Texels along a tile's side."""


@cache
def clouds(cells: int) -> Array:
    """Twelve tiles of smooth noise in [0, 1], whose largest spots are 1/cells wide.

    12×256×256: each tile twice in each direction, so that any 128×128 of it is one. Made once: to
    take one shifted and mirrored costs nothing.
    """
    rng = generator("fabric-clouds", cells)
    tiles = np.zeros((12, SIZE, SIZE), float32)
    for octave in range(4):
        grid = rng.normal(size=(12, cells << octave, cells << octave)).astype(float32)
        step = SIZE // (cells << octave)
        tiles += 0.55**octave * zoom(
            grid, (1, step, step), order=3, mode="grid-wrap", grid_mode=True
        )
    low, high = np.quantile(tiles, (0.01, 0.99), axis=(1, 2), keepdims=True)
    return np.tile(np.clip((tiles - low) / (high - low), 0, 1).astype(float32), (1, 2, 2))


@cache
def relief() -> Array:
    """Twelve tiles of creases lit from above, 0 on average with a deviation of 1.

    12×256×256: each tile twice in each direction.

    Ridges between smooth spots, drawn out sideways (cloth hangs and sags), are told from flat by
    their slope upwards: light above, dark below, as every camera in the open sees them.
    """
    rng = generator("fabric-relief")
    height = np.zeros((12, SIZE, SIZE), float32)
    for weight, rows, columns in ((1.0, 8, 4), (0.6, 16, 8)):
        grid = rng.normal(size=(12, rows, columns)).astype(float32)
        finer = (1, SIZE // rows, SIZE // columns)
        spots = zoom(grid, finer, order=3, mode="grid-wrap", grid_mode=True)
        height += weight * np.exp(-np.abs(spots) * 2.5)
    height = gaussian_filter(height, (0, 1.0, 1.0), mode="wrap")
    slope = np.roll(height, -1, 1) - np.roll(height, 1, 1)
    lean = 0.4 * (np.roll(height, -1, 2) - np.roll(height, 1, 2))
    light = -(slope + lean)
    return np.tile((light / light.std()).astype(float32), (1, 2, 2))


def cloud(rng: Rng, cells: int = 4) -> Array:
    """One tile of smooth noise, 128×128 float32 in [0, 1]."""
    which, down, across, mirror = (int(each) for each in rng.integers((12, SIZE, SIZE, 8)))
    tile = _window(clouds(cells)[which], down, across)
    tile = tile.T if mirror & 4 else tile
    return tile[:: 1 - (mirror & 2), :: 1 - 2 * (mirror & 1)]


def creases(rng: Rng) -> Array:
    """One tile of creases, 128×128 float32, 0 on average with a deviation of about 1."""
    which, down, across = (int(each) for each in rng.integers((12, SIZE, SIZE)))
    return _window(relief()[which], down, across)


def _window(twice: Array, down: int, across: int) -> Array:
    """A tile that starts elsewhere: a view, no copy."""
    return twice[down : down + SIZE, across : across + SIZE]
