"""What the painters of grounds and walls look patterns up in: two tiles of noise, and lines.

Sizes are metres; a `foot` is how far apart neighbouring pixels lie there, so that nothing finer
than a pixel is drawn at full strength (it would glitter).
"""

# Warp has no types, and its kernels are not Python to mypy.
# mypy: disable-error-code="no-untyped-call,no-untyped-def,misc,attr-defined,valid-type"
# mypy: disable-error-code="no-any-return"

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import warp as wp

from lookalike.world import raster  # noqa: F401  wakes Warp without its banner
from lookalike.world.seeds import rng

wp.set_module_options({"enable_backward": False})

SIZE = 256
Tile = npt.NDArray[np.float32]
tile: Any = wp.array2d(dtype=wp.float32)


@lru_cache(maxsize=1)
def tiles() -> tuple[Tile, Tile]:
    """Clouds (soft, of many sizes) and grain (each texel by itself): 256×256 in [0, 1], both wrap.

    Clouds are spread so that a tenth lies below .2 and a tenth above .8.
    """
    random = rng("noise tiles")
    clouds = np.zeros((SIZE, SIZE))
    for octave in range(6):
        count = 4 * 2**octave
        at = np.linspace(0, count, SIZE, endpoint=False)
        cell, part = at.astype(np.int64), at % 1
        part = part * part * (3 - 2 * part)
        grid = np.pad(random.normal(size=(count, count)), (0, 1), mode="wrap")
        rows = grid[cell] * (1 - part)[:, None] + grid[cell + 1] * part[:, None]
        clouds += 0.55**octave * (rows[:, cell] * (1 - part) + rows[:, cell + 1] * part)
    low, high = np.quantile(clouds, [0.1, 0.9])
    soft = np.clip(0.2 + 0.6 * (clouds - low) / (high - low), 0, 1)
    return soft.astype(np.float32), random.random((SIZE, SIZE)).astype(np.float32)


@wp.func
def smooth(noise: tile, u: float, v: float):
    """Noise between its texels; u and v in tiles, they wrap."""
    x = u * float(SIZE)
    y = v * float(SIZE)
    x0 = int(wp.floor(x))
    y0 = int(wp.floor(y))
    fx = x - float(x0)
    fy = y - float(y0)
    left = x0 & (SIZE - 1)
    right = (x0 + 1) & (SIZE - 1)
    top = y0 & (SIZE - 1)
    low = (y0 + 1) & (SIZE - 1)
    upper = noise[top, left] * (1.0 - fx) + noise[top, right] * fx
    lower = noise[low, left] * (1.0 - fx) + noise[low, right] * fx
    return upper * (1.0 - fy) + lower * fy


@wp.func
def cell(grain: tile, i: int, j: int, salt: int):
    """A number in [0, 1] that belongs to cell (i, j)."""
    return grain[(j * 131 + i * 17 + salt * 53) & (SIZE - 1), (i + j * 29 + salt * 97) & (SIZE - 1)]


@wp.func
def line(x: float, period: float, width: float, foot: float):
    """1 on lines of `width` at every multiple of `period`, 0 between; faint where too fine."""
    away = wp.abs(x / period - wp.round(x / period)) * period
    edge = wp.max(width, 0.7 * foot)
    strength = wp.clamp(width / edge, 0.0, 1.0) * wp.clamp(period / (2.0 * edge) - 0.5, 0.0, 1.0)
    return wp.clamp(1.0 - (away - 0.5 * width) / edge, 0.0, 1.0) * strength


@wp.func
def above(x: float, border: float, foot: float):
    """1 where x is beyond the border, 0 before, a ramp as wide as a pixel between."""
    return wp.clamp((x - border) / wp.max(foot, 1.0e-4) + 0.5, 0.0, 1.0)


@wp.func
def within(x: float, low: float, high: float, foot: float):
    """1 between the two borders, 0 outside."""
    return above(x, low, foot) * (1.0 - above(x, high, foot))


@wp.func
def mix(a: wp.vec3, b: wp.vec3, share: float):
    return a * (1.0 - share) + b * share
