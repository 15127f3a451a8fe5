"""Prints on shirts: 48×48 pictures with transparency, laid on chest or back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import float32
from numpy.typing import NDArray

from lookalike.world.wardrobe.colours import TOPS, against, colour, pick
from lookalike.world.wardrobe.grain import Rng, cloud

Array = NDArray[Any]  # float32, but for covers on their way

PIXELS = 48
Y, X = (np.mgrid[0:PIXELS, 0:PIXELS].astype(float32) + 0.5) / PIXELS - 0.5
"""From −.5 at the top and left to .5."""

KINDS = {
    "text": 0.34, "photo": 0.16, "logo": 0.14, "splash": 0.10, "figure": 0.10, "number": 0.04,
    "badge": 0.12,
}  # fmt: skip
"""How often each kind is printed."""

# Ten digits and ten letters of 3×5 strokes, a row of three bits after the other: enough to see
# that something is written.
_LETTERS = [
    0b111_101_101_101_111, 0b010_110_010_010_111, 0b111_001_111_100_111, 0b111_001_011_001_111,
    0b101_101_111_001_001, 0b111_100_111_001_111, 0b111_100_111_101_111, 0b111_001_010_010_010,
    0b111_101_111_101_111, 0b111_101_111_001_111, 0b010_101_111_101_101, 0b111_100_110_100_111,
    0b100_100_100_100_111, 0b101_101_111_101_101, 0b111_010_010_010_010, 0b110_101_110_101_101,
    0b111_101_101_101_101, 0b101_111_111_101_101, 0b101_101_010_101_101, 0b111_101_111_100_100,
]  # fmt: skip


def decal(rng: Rng, ground: Array, kind: str | None = None) -> Array:
    """A print that shows on the ground colour: 48×48×4 float32, colour and cover in [0, 1].

    Row 0 is its top. `kind` is one of KINDS, drawn with their frequencies if None.
    """
    kind = kind or pick(rng, KINDS)
    ink, second = against(rng, ground, 0.5), colour(rng, pick(rng, TOPS))
    picture, cover = _DRAW[kind](rng, ink, second)
    worn = cover * (0.78 + 0.22 * _patch(rng, 8))  # prints crack and fade
    return np.dstack([np.broadcast_to(picture, (PIXELS, PIXELS, 3)), worn]).astype(float32)


def _patch(rng: Rng, cells: int = 4) -> Array:
    """Smooth noise of the print's size, 48×48 in [0, 1]: every second texel's, so twice as fine."""
    return cloud(rng, cells)[: 2 * PIXELS : 2, : 2 * PIXELS : 2]


def _soft(inside: Array) -> Array:
    """Cover by a shape whose signed depth (in units of the print) is `inside`."""
    return np.asarray(np.clip(inside * PIXELS + 0.5, 0, 1))


def _letter(rng: Rng, digit: bool, scale: int, wide: int) -> Array:
    bits = _LETTERS[rng.integers(10) if digit else rng.integers(len(_LETTERS))]
    strokes = np.array([bits >> (14 - at) & 1 for at in range(15)], float32).reshape(5, 3)
    return np.kron(strokes, np.ones((scale, wide), float32))


def _write(rng: Rng, cover: Array, top: int, scale: int, wide: int, letters: int) -> None:
    """Writes one centred line of letters (with a gap now and then) into the cover."""
    step = 3 * wide + max(1, wide // 2 + 1)
    left = max(0, (PIXELS - letters * step) // 2)
    for at in range(letters):
        glyph = _letter(rng, digit=False, scale=scale, wide=wide)
        room = cover[top : top + 5 * scale, left + at * step : left + at * step + 3 * wide]
        if at in (0, letters - 1) or rng.random() > 0.12:
            room[:] = np.maximum(room, glyph[: room.shape[0], : room.shape[1]])


def _text(rng: Rng, ink: Array, second: Array) -> tuple[Array, Array]:
    """One to three lines, large or small; at times the last in another colour."""
    cover, picture = np.zeros((PIXELS, PIXELS), float32), np.tile(ink, (PIXELS, PIXELS, 1))
    lines = int(rng.integers(1, 4))
    top = int(rng.integers(2, 10))
    for line in range(lines):
        scale, wide = (int(each) for each in rng.integers(1, 4, 2))
        _write(rng, cover, top, scale, wide, int(rng.integers(4, 12)) if wide < 3 else 4)
        top += 5 * scale + int(rng.integers(2, 5))
        if line == lines - 1 and rng.random() < 0.4:
            picture[top - 5 * scale - 5 :] = second
    return picture, cover


def _number(rng: Rng, ink: Array, second: Array) -> tuple[Array, Array]:
    """A player's number, with a name above it."""
    cover = np.zeros((PIXELS, PIXELS), float32)
    _write(rng, cover, 2, 1, 1, int(rng.integers(5, 9)))
    for left in (5, 26):
        cover[12:42, left : left + 15] = _letter(rng, digit=True, scale=6, wide=5)
    return ink, cover


def _photo(rng: Rng, ink: Array, second: Array) -> tuple[Array, Array]:
    """A picture within a rectangle or an oval: three tones that look like something."""
    tall, broad = rng.uniform(0.3, 0.5, 2)
    inside = np.minimum(tall - np.abs(Y), broad - np.abs(X))
    if rng.random() < 0.4:
        inside = (1 - np.hypot(Y / tall, X / broad)) * min(tall, broad)
    face = np.clip((0.20 - np.hypot(X - rng.normal(0, 0.08), (Y + 0.05) * 0.8)) * 12, 0, 1)
    tone = np.clip((_patch(rng) - 0.45) * 4 + 0.5, 0, 1) * 0.6 + 0.4 * _patch(rng, 8)
    tone = np.clip(tone * 0.8 + 0.5 * face * rng.choice([-1, 1]), 0, 1)[..., None]
    dark, light = second * 0.35, ink * 0.5 + 0.42
    return dark + (light - dark) * tone, _soft(inside)


def _splash(rng: Rng, ink: Array, second: Array) -> tuple[Array, Array]:
    """Ragged brush marks of two colours."""
    ragged = rng.uniform(0.3, 0.42) - np.hypot(X, Y) + 0.5 * (_patch(rng) - 0.5)
    picture = ink + (second - ink) * (_patch(rng) > 0.6)[..., None]
    return picture, _soft(ragged) * (_patch(rng, 8) > 0.3)


def _figure(rng: Rng, ink: Array, second: Array) -> tuple[Array, Array]:
    """A cartoon: a head with ears and eyes on a body, outlined."""
    ear = rng.uniform(0.12, 0.2)
    head = 0.22 - np.hypot(X, Y + 0.14)
    ears = np.maximum(0.09 - np.hypot(X - ear, Y + 0.32), 0.09 - np.hypot(X + ear, Y + 0.32))
    trunk = 0.2 - np.hypot(X * rng.uniform(0.9, 1.4), Y - 0.24)
    whole = np.maximum(np.maximum(head, ears), trunk)
    eyes = np.maximum(*(0.035 - np.hypot(X - side, Y + 0.16) for side in (-0.08, 0.08)))
    colours = ink + (second - ink) * (trunk > np.maximum(head, ears))[..., None]
    lines = np.maximum(_soft(eyes), 1 - _soft(whole - 0.035))
    return colours * (1 - 0.85 * lines)[..., None], _soft(whole)


def _logo(rng: Rng, ink: Array, second: Array) -> tuple[Array, Array]:
    """A bar, ring, diamond or swoosh, often with a word under it."""
    y = Y + 0.12
    shapes = (
        np.minimum(0.1 - np.abs(y), 0.45 - np.abs(X)),
        0.06 - np.abs(np.hypot(X, y) - 0.22),
        0.26 - np.abs(X) - np.abs(y),
        0.05 * (X + 0.6) - np.abs(y - 0.5 * X**2 + 0.25 * X),
    )
    cover = _soft(shapes[rng.integers(len(shapes))])
    if rng.random() < 0.6:
        _write(rng, cover, 36, 2, 1 + int(rng.integers(2)), int(rng.integers(4, 8)))
    return ink, cover


def _badge(rng: Rng, ink: Array, second: Array) -> tuple[Array, Array]:
    """A crest that fills the print: to be worn small, beside the middle."""
    shield = 0.42 - np.maximum(np.abs(X) + np.maximum(Y, 0) * 0.6, np.abs(Y))
    stripe = (np.abs(X + Y * rng.choice([-1, 0, 1])) < 0.12)[..., None]
    return ink + (second - ink) * stripe, _soft(shield)


_DRAW: dict[str, Callable[[Rng, Array, Array], tuple[Array, Array]]] = {
    "text": _text, "number": _number, "photo": _photo, "splash": _splash, "figure": _figure,
    "logo": _logo, "badge": _badge,
}  # fmt: skip
