"""Colours by name: how often people wear each, and what shades a name covers."""

from __future__ import annotations

import colorsys
from bisect import bisect
from collections.abc import Hashable, Mapping
from itertools import accumulate
from typing import TypeVar

import numpy as np
from numpy import float32
from numpy.typing import NDArray

from lookalike.errors import unknown

Array = NDArray[float32]
Name = TypeVar("Name", bound=Hashable)

TOPS = {
    "white": 0.304, "black": 0.150, "gray": 0.115, "red": 0.092, "green": 0.065, "yellow": 0.048,
    "purple": 0.040, "blue": 0.037, "navy": 0.034, "pink": 0.050, "brown": 0.025, "khaki": 0.018,
    "orange": 0.012, "teal": 0.010,
}  # fmt: skip
"""Share of tops of each colour: Market-1501's, its unnamed tenth as pink, brown and khaki."""

BOTTOMS = {
    "black": 0.390, "gray": 0.164, "denim": 0.146, "white": 0.077, "brown": 0.052, "khaki": 0.052,
    "navy": 0.033, "pink": 0.028, "blue": 0.020, "green": 0.019, "yellow": 0.013, "red": 0.006,
}  # fmt: skip
"""Share of bottoms of each colour: Market-1501's (its blue is mostly denim)."""

MARKET = {"navy": "blue", "denim": "blue", "teal": "green", "khaki": "brown", "orange": "red"}
"""What Market-1501's annotators call the shades that it has no name for."""

# Shades of a name: (weight, hue, hue's sd, saturation from, to, value from, to). Each name has few
# and narrow ones, and the muted come first: on a real street half the people share five colours.
# No value is below .13 (black cloth would be a hole) or above .9 (white would burn out).
_SHADES: dict[str, tuple[tuple[float, ...], ...]] = {
    "white": ((0.8, 0.6, 0.1, 0.0, 0.04, 0.78, 0.88), (0.2, 0.12, 0.02, 0.04, 0.11, 0.74, 0.85)),
    "black": ((0.8, 0.65, 0.1, 0.0, 0.18, 0.13, 0.18), (0.2, 0.6, 0.1, 0.0, 0.12, 0.18, 0.25)),
    "gray": (
        (0.45, 0.6, 0.1, 0.0, 0.07, 0.44, 0.58),
        (0.35, 0.6, 0.1, 0.0, 0.09, 0.26, 0.36),
        (0.20, 0.1, 0.02, 0.0, 0.08, 0.60, 0.70),
    ),
    "navy": ((1.0, 0.63, 0.02, 0.25, 0.55, 0.17, 0.28),),
    "denim": ((0.6, 0.60, 0.012, 0.3, 0.5, 0.22, 0.34), (0.4, 0.59, 0.012, 0.2, 0.4, 0.40, 0.56)),
    "blue": (
        (0.35, 0.59, 0.02, 0.25, 0.50, 0.38, 0.58),
        (0.25, 0.57, 0.02, 0.15, 0.35, 0.60, 0.76),
        (0.40, 0.62, 0.015, 0.65, 0.88, 0.42, 0.68),
    ),
    "red": (
        (0.28, 0.98, 0.01, 0.45, 0.70, 0.28, 0.42),
        (0.30, 0.99, 0.012, 0.50, 0.70, 0.45, 0.62),
        (0.42, 0.00, 0.015, 0.70, 0.90, 0.52, 0.74),
    ),
    "green": (
        (0.32, 0.22, 0.03, 0.22, 0.45, 0.28, 0.44),
        (0.30, 0.40, 0.04, 0.15, 0.40, 0.52, 0.70),
        (0.38, 0.34, 0.05, 0.45, 0.78, 0.34, 0.62),
    ),
    "yellow": (
        (0.4, 0.15, 0.01, 0.2, 0.45, 0.7, 0.82),
        (0.6, 0.145, 0.015, 0.55, 0.82, 0.66, 0.84),
    ),
    "purple": ((0.5, 0.80, 0.03, 0.2, 0.45, 0.24, 0.4), (0.5, 0.74, 0.03, 0.12, 0.3, 0.48, 0.7)),
    "pink": ((0.6, 0.96, 0.02, 0.12, 0.32, 0.68, 0.84), (0.4, 0.93, 0.02, 0.45, 0.72, 0.6, 0.78)),
    "brown": ((1.0, 0.07, 0.012, 0.28, 0.5, 0.2, 0.4),),
    "khaki": ((1.0, 0.10, 0.012, 0.16, 0.34, 0.42, 0.64),),
    "teal": ((1.0, 0.49, 0.02, 0.3, 0.65, 0.26, 0.46),),
    "orange": ((1.0, 0.05, 0.012, 0.6, 0.85, 0.62, 0.84),),
}


def colour(rng: np.random.Generator, name: str) -> Array:
    """A shade of the named colour: (3,) float32 display-ish albedo in [0, 1].

    Raises UserError, with a suggestion, for a name without shades.
    """
    if name not in _SHADES:
        raise unknown("colour", name, _SHADES)
    shades = _SHADES[name]
    shade = pick(rng, {at: each[0] for at, each in enumerate(shades)})
    _, hue, sd, dull, sharp, dark, light = shades[shade]
    return rgb(rng.normal(hue, sd), rng.uniform(dull, sharp), rng.uniform(dark, light))


def rgb(hue: float, saturation: float, value: float) -> Array:
    """The (3,) float32 colour of a hue (any real: it wraps), saturation and value in [0, 1]."""
    return np.array(colorsys.hsv_to_rgb(hue % 1, saturation, value), float32)


def pick(rng: np.random.Generator, shares: Mapping[Name, float]) -> Name:
    """One of the names, each as often as its share of the sum says."""
    names, edges = list(shares), list(accumulate(shares.values()))
    return names[bisect(edges, rng.random() * edges[-1])]


_WITH = {"white": 0.36, "black": 0.2, "navy": 0.14, "gray": 0.12}


def against(rng: np.random.Generator, ground: Array, least: float = 0.35) -> Array:
    """A colour that shows on the ground: (3,) float32, mostly a plain one.

    `least`: how far the two lie apart, as the sum of the channels' differences.
    """
    for _ in range(8):
        name = pick(rng, _WITH) if rng.random() < 0.72 else pick(rng, TOPS)
        found = colour(rng, name)
        if np.abs(found - ground).sum() >= least:
            return found
    return colour(rng, "white" if ground.sum() < 1.5 else "black")


def near(rng: np.random.Generator, like: Array) -> Array:
    """Gains (3,) float32 that turn cloth of this colour into a near shade of it: other, but close.

    Lighter where it is dark and darker where it is light, so that neither end is clipped.
    """
    gain = rng.uniform(1.12, 1.5) if like.max() < 0.45 else 1 / rng.uniform(1.08, 1.35)
    return (gain * np.exp(rng.normal(0, 0.035, 3))).astype(float32)
