"""Shoes, and the things that people carry or wear besides clothes, drawn.

Every function returns fields of `Outfit` by name.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lookalike.world.wardrobe import colours
from lookalike.world.wardrobe.clothes import Array
from lookalike.world.wardrobe.colours import colour, pick, rgb

Rng = np.random.Generator
Fields = dict[str, Any]

_SHOES = {"black": 0.40, "white": 0.24, "gray": 0.13, "brown": 0.10, "any": 0.13}
_BAGS = {"black": 0.42, "brown": 0.24, "white": 0.10, "red": 0.07, "navy": 0.07, "any": 0.10}
_BACKPACKS = {"black": 0.50, "navy": 0.14, "gray": 0.12, "red": 0.08, "any": 0.16}
_HATS = {"black": 0.35, "white": 0.2, "navy": 0.15, "khaki": 0.1, "any": 0.2}
_SCARVES = {"gray": 0.3, "red": 0.2, "khaki": 0.2, "any": 0.3}
_UMBRELLAS = {"black": 0.35, "navy": 0.15, "purple": 0.15, "any": 0.35}

# What is carried, by sex (men's share, women's share). Together Market-1501's backpack .265, bag
# .246 (a shoulder bag or a carrier bag), handbag .115 and hat .027.
BACKPACK = (0.29, 0.23)
SHOULDER_BAG = (0.15, 0.25)
CARRIER_BAG = (0.055, 0.06)
HANDBAG = (0.05, 0.20)
HAT = (0.030, 0.024)
UMBRELLA = (0.003, 0.03)


def draw_feet(rng: Rng, female: bool) -> Fields:
    """Shoes, boots or sandals, and socks."""
    sandal = rng.random() < (0.30 if female else 0.12)
    boot, flat = rng.random() < 0.03, female and rng.random() < 0.22
    shoe = _of(rng, _SHOES)
    sock = pick(rng, {"none": 0.40, "ankle": 0.35, "crew": 0.25})
    low = -0.765 if flat else -0.735
    shoe_top = rng.uniform(-0.66, -0.46) if boot else low
    sock_top = {"none": shoe_top, "ankle": -0.70, "crew": rng.uniform(-0.66, -0.56)}[sock]
    return {
        "shoe_colour": shoe,
        "sole_colour": colour(rng, "white") if rng.random() < 0.5 else shoe * np.float32(0.6),
        "sock_colour": colour(rng, "white" if rng.random() < 0.5 else "black"),
        "shoe_top": shoe_top,
        "sock_top": max(shoe_top, sock_top),
        "sandal": sandal and not boot,
    }


def draw_things(rng: Rng, female: bool) -> Fields:
    """Bags, hat, scarf, mask and umbrella."""

    def size(shares: tuple[float, float]) -> float:
        worn, size = rng.random() < shares[female], rng.uniform(0.75, 1.25)
        return size if worn else 0.0

    hat = pick(rng, {"cap": 0.6, "brim": 0.3 if female else 0.15, "beanie": 0.1})
    return {
        "backpack": size(BACKPACK),
        "shoulder_bag": size(SHOULDER_BAG),
        "carrier_bag": size(CARRIER_BAG),
        "handbag": size(HANDBAG),
        "side": int(rng.choice((-1, 1))),
        "backpack_colour": _of(rng, _BACKPACKS),
        "bag_colour": _of(rng, _BAGS),
        "carrier_colour": _of(rng, {"white": 0.5, "red": 0.15, "brown": 0.15, "any": 0.2}),
        "hat": hat if rng.random() < HAT[female] else "none",
        "hat_colour": _of(rng, _HATS),
        "scarf": rng.random() < (0.03 if female else 0.01),
        "scarf_colour": _of(rng, _SCARVES),
        "mask": rng.random() < 0.02,
        "mask_colour": rgb(0.55, 0.14, 0.78) if rng.random() < 0.5 else colour(rng, "white"),
        "umbrella": rng.random() < UMBRELLA[female],
        "umbrella_colour": _of(rng, _UMBRELLAS),
    }


def _of(rng: Rng, shares: dict[str, float]) -> Array:
    """A colour drawn from shares; "any" stands for a top's colours."""
    name = pick(rng, shares)
    return colour(rng, pick(rng, colours.TOPS) if name == "any" else name)
