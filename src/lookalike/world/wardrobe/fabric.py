"""Woven and printed cloth: one 128×128 tile of .9 m, which repeats in both directions.

How body and garment look it up is in `clothes`: rows go up (v), columns around (u).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import float32
from numpy.typing import NDArray

from lookalike.errors import unknown
from lookalike.world.wardrobe.grain import SIZE, Rng, cloud, creases

Array = NDArray[Any]  # float32, but for covers (bool, float64) on their way

EXTENT = 0.9
TEXEL = EXTENT / SIZE
V, U = (metres.astype(float32) * float32(TEXEL) for metres in np.ogrid[0:SIZE, 0:SIZE])
"""A column 128×1 and a row 1×128, so that what depends on one of them is worked out once."""

# Where parts of the body lie on the tile (see `clothes`): the middle of the front is 0.
SIDE_SEAMS = (0.25, EXTENT - 0.25)  # under the arms
LEG_FRONTS = (0.25, EXTENT - 0.25)  # left, right
LEG_SEAMS = (0.383, EXTENT - 0.383)  # the outer ones
LAP, THIGH, KNEE = 0.07, EXTENT - 0.10, EXTENT - 0.286
"""v of the crease between belly and leg, the middle of a thigh, and a knee."""


def _band(x: Array, period: float, width: float, at: float = 0.0) -> Array:
    """Coverage in [0, 1] by bands around `at` and every period from there, edges one texel soft."""
    distance = np.abs((x - at + period / 2) % period - period / 2)
    return np.asarray(np.clip((width / 2 - distance) / TEXEL + 0.5, 0, 1))


def _period(rng: Rng, low: float, high: float) -> float:
    """A drawn period that divides the tile, so that no seam shows where it repeats."""
    return EXTENT / round(EXTENT / rng.uniform(low, high))


def _lay(under: Array, over: Array, cover: Array) -> Array:
    """One colour over a tile, as far as it covers."""
    return np.asarray(under + (over - under) * cover[..., None])


def _plain(rng: Rng, c1: Array, c2: Array, c3: Array) -> Array:
    return np.broadcast_to(c1, (SIZE, SIZE, 3))


def _heather(rng: Rng, c1: Array, c2: Array, c3: Array) -> Array:
    """Yarn of two shades: specks, longer along the rows."""
    specks = rng.random((SIZE, SIZE), float32)
    specks = (specks + np.roll(specks, 1, 1)) * 0.5 - 0.5
    return np.asarray(c1 * (1 + rng.uniform(0.12, 0.34) * specks[..., None]))


def _stripe(rng: Rng, c1: Array, c2: Array, c3: Array) -> Array:
    """Hoops: a sailor's thin ones, regular ones or broad ones, at times with a third colour."""
    low, high = ((0.022, 0.035), (0.035, 0.065), (0.08, 0.15))[rng.integers(3)]
    period, share = _period(rng, low, high), rng.uniform(0.25, 0.6)
    tile = _lay(_plain(rng, c1, c2, c3), c2, _band(V, period, share * period))
    if rng.random() < 0.25:
        tile = _lay(tile, c3, _band(V, 2 * period, 0.2 * period, period / 2))
    return tile


def _vstripe(rng: Rng, c1: Array, c2: Array, c3: Array) -> Array:
    """Pinstripes or broader stripes down the cloth."""
    period = _period(rng, 0.02, 0.06)
    return _lay(_plain(rng, c1, c2, c3), c2, _band(U, period, rng.uniform(0.15, 0.5) * period))


def _gingham(rng: Rng, c1: Array, c2: Array, c3: Array) -> Array:
    period = _period(rng, 0.025, 0.06)
    cover = (_band(U, period, period / 2) + _band(V, period, period / 2)) / 2
    return _lay(_plain(rng, c1, c2, c3), c2, cover)


def _check(rng: Rng, c1: Array, c2: Array, c3: Array) -> Array:
    """A lumberjack's or tartan check: broad bands both ways, a thin line of a third colour."""
    period, share = _period(rng, 0.07, 0.15), rng.uniform(0.25, 0.5)
    broad = _band(U, period, share * period) + _band(V, period, share * period)
    tile = _lay(_plain(rng, c1, c2, c3), c2, broad * rng.uniform(0.35, 0.5))
    thin = np.maximum(_band(U, period, 0.011, period / 2), _band(V, period, 0.011, period / 2))
    return _lay(tile, c3, 0.6 * thin)


def _cells(rng: Rng, count: int, jitter: float) -> tuple[Array, Array, Array, Array]:
    """A jittered grid of motifs: for each texel its dy and dx from its motif (in cells), its
    motif's row and column (as one index of count²)."""
    y, x = V * (count / EXTENT), U * (count / EXTENT)
    row, column = y.astype(np.int32) % count, x.astype(np.int32) % count
    y, x = y - row, x - column
    motif = row * count + column
    shift = rng.uniform(0.5 - jitter, 0.5 + jitter, (2, count * count)).astype(float32)
    return y - shift[0][motif], x - shift[1][motif], motif, shift


def _dots(rng: Rng, c1: Array, c2: Array, c3: Array) -> Array:
    count = int(rng.integers(12, 25))
    dy, dx, _, _ = _cells(rng, count, 0.0)
    cover = np.clip((rng.uniform(0.2, 0.34) - np.hypot(dy, dx)) * (SIZE / count) + 0.5, 0, 1)
    return _lay(_plain(rng, c1, c2, c3), c2, cover)


def _floral(rng: Rng, c1: Array, c2: Array, c3: Array) -> Array:
    """Blossoms of two colours with petals and hearts, strewn over leaves."""
    count = int(rng.integers(8, 20))
    green = np.array([0.25, 0.36, 0.22], float32)
    leaf, c2, c3 = (c1 + (c - c1) * rng.uniform(0.4, 0.9) for c in (green, c2, c3))
    tile = _lay(_plain(rng, c1, c2, c3), leaf, cloud(rng, 8) > rng.uniform(0.6, 0.75))
    for over, heart in ((c2, c3), (c3, c2)):
        dy, dx, motif, shift = _cells(rng, count, 0.25)
        size = rng.uniform(0.12, 0.44, count * count).astype(float32)[motif]
        far = np.hypot(dy, dx)
        petals = 0.8 + 0.2 * np.cos(5 * np.arctan2(dy, dx) + 20 * shift[0][motif])
        tile = _lay(tile, over, np.clip((size * petals - far) * (SIZE / count) + 0.5, 0, 1))
        tile = _lay(tile, heart, np.clip((0.3 * size - far) * (SIZE / count) + 0.5, 0, 1))
    return tile


def _blotch(rng: Rng, c1: Array, c2: Array, c3: Array) -> Array:
    """Large soft figures of three colours: batik, brush strokes, tropical leaves."""
    tile = _lay(_plain(rng, c1, c2, c3), c2, np.clip((cloud(rng) - 0.5) * 12 + 0.5, 0, 1))
    return _lay(tile, c3, np.clip((cloud(rng, 8) - 0.66) * 12 + 0.5, 0, 1))


def _camo(rng: Rng, c1: Array, c2: Array, c3: Array) -> Array:
    """Four muted greens and browns in sharp patches; only the first colour's lightness counts."""
    light = 0.7 + 0.6 * c1.max()
    tones = np.array([[0.34, 0.35, 0.22], [0.20, 0.23, 0.14], [0.30, 0.23, 0.15]]) * light
    tile = _plain(rng, np.array([0.52, 0.50, 0.36], float32) * float32(light), c2, c3)
    for tone, edge in zip(tones.astype(float32), (0.45, 0.58, 0.66), strict=True):
        tile = _lay(tile, tone, cloud(rng, 8) > edge)
    return tile


def _block(rng: Rng, c1: Array, c2: Array, c3: Array) -> Array:
    """Another colour from the chest down, at times with a line between."""
    edge = rng.uniform(0.40, 0.55)
    tile = _lay(_plain(rng, c1, c2, c3), c2, _band(V, EXTENT, edge, edge / 2))
    return _lay(tile, c3, _band(V, EXTENT, 0.025, edge)) if rng.random() < 0.5 else tile


def _chest(rng: Rng, c1: Array, c2: Array, c3: Array) -> Array:
    """One broad band, or two, around the chest."""
    at, width = rng.uniform(0.42, 0.54), rng.uniform(0.05, 0.12)
    tile = _lay(_plain(rng, c1, c2, c3), c2, _band(V, EXTENT, width, at))
    if rng.random() < 0.4:
        tile = _lay(tile, c3, _band(V, EXTENT, width * 0.4, at - width * 0.9))
    return tile


def _panels(rng: Rng, c1: Array, c2: Array, c3: Array) -> Array:
    """A sports shirt's panels under the arms."""
    width = rng.uniform(0.06, 0.14)
    left, right = (_band(U, EXTENT, width, seam) for seam in SIDE_SEAMS)
    return _lay(_plain(rng, c1, c2, c3), c2, left + right)


def _track(rng: Rng, c1: Array, c2: Array, c3: Array) -> Array:
    """One to three thin lines down the outer seams of the legs."""
    tile, lines = _plain(rng, c1, c2, c3), int(rng.integers(1, 4))
    for seam in LEG_SEAMS:
        for line in range(lines):
            tile = _lay(tile, c2, _band(U, EXTENT, 0.014, seam + 0.028 * (line - (lines - 1) / 2)))
    return tile


def _gradient(rng: Rng, c1: Array, c2: Array, c3: Array) -> Array:
    """The second colour below, the first above, soft between the hem and the chest."""
    low = rng.uniform(0.1, 0.35)
    return _lay(np.broadcast_to(c2, (SIZE, SIZE, 3)), c1, np.clip((V - low) / 0.28, 0, 1))


def _knit(rng: Rng, c1: Array, c2: Array, c3: Array) -> Array:
    """Ribs down the cloth, uneven in shade."""
    period = _period(rng, 0.02, 0.035)
    rib = 0.86 + 0.2 * np.abs(((U / period) % 1) * 2 - 1)
    return np.asarray(c1 * (rib * (0.94 + 0.12 * cloud(rng, 8)))[..., None])


def _puffer(rng: Rng, c1: Array, c2: Array, c3: Array) -> Array:
    """Quilted baffles, light above and dark at their seams."""
    period = _period(rng, 0.06, 0.11)
    within = ((V + 0.012 * (cloud(rng) - 0.5)) / period) % 1
    swell = 0.62 + 0.5 * within**0.6 - 0.55 * np.clip((within - 0.9) / 0.1, 0, 1)
    return np.asarray(c1 * (swell * (0.9 + 0.2 * cloud(rng, 8)))[..., None])


def _denim(rng: Rng, c1: Array, c2: Array, c3: Array) -> Array:
    """Mottled twill, for jackets, shirts and skirts."""
    twill = rng.random((SIZE, SIZE), float32)
    twill = (twill + np.roll(twill, (1, 1), (0, 1)) - 1) * 0.22
    return c1 * (0.84 + 0.32 * cloud(rng, 8) + twill)[..., None]


def _jeans(rng: Rng, c1: Array, c2: Array, c3: Array) -> Array:
    """Denim legs: washed pale on thighs and knees, whiskered at the hip, pale and dark seams."""
    wash = rng.uniform(0, 0.9)
    across = np.exp(-(((U - LEG_FRONTS[0]) / 0.075) ** 2))
    across += np.exp(-(((U - LEG_FRONTS[1]) / 0.075) ** 2))
    worn = np.exp(-(((V - THIGH) / 0.12) ** 2)) + 0.75 * np.exp(-(((V - KNEE) / 0.07) ** 2))
    # Whiskers run across the lap, just above the crotch.
    lap = np.exp(-(((V - LAP) / 0.05) ** 2)) * (np.abs(cloud(rng) - 0.5) < 0.045)
    pale = wash * np.clip(across * (worn * (0.6 + 0.6 * cloud(rng, 8)) + 0.5 * lap), 0, 1)
    seams = _band(U, EXTENT, 0.012, LEG_SEAMS[0]) + _band(U, EXTENT, 0.012, LEG_SEAMS[1])
    washed = c1 + (np.array([0.66, 0.70, 0.74], float32) - c1) * (0.62 * pale)[..., None]
    return _denim(rng, washed, c2, c3) * (1 - 0.25 * seams)[..., None]


PATTERNS: dict[str, Callable[[Rng, Array, Array, Array], Array]] = {
    "plain": _plain, "heather": _heather, "stripe": _stripe, "vstripe": _vstripe,
    "gingham": _gingham, "check": _check, "dots": _dots, "floral": _floral, "blotch": _blotch,
    "camo": _camo, "block": _block, "chest": _chest, "panels": _panels, "track": _track,
    "gradient": _gradient, "knit": _knit, "puffer": _puffer, "denim": _denim, "jeans": _jeans,
}  # fmt: skip


def fabric(rng: Rng, kind: str, c1: Array, c2: Array, c3: Array) -> Array:
    """A tile of cloth, 128×128×3 float32 in [.03, .95]: the pattern in three colours, worn.

    Spots of light and shade as wide as a hand and creases finer than the body's folds are baked
    in, so that no surface is flat. Raises UserError, with a suggestion, for an unknown kind.
    """
    if kind not in PATTERNS:
        raise unknown("fabric", kind, PATTERNS)
    tile = PATTERNS[kind](rng, c1, c2, c3)
    shade = 0.9 + 0.2 * cloud(rng) + rng.uniform(0.01, 0.03) * creases(rng)
    cloth = np.multiply(tile, shade[..., None], dtype=float32)
    return np.clip(cloth, 0.03, 0.95, out=cloth)
