"""Tops, bottoms and jackets, each drawn on its own so that people can share one.

Every function returns fields of `Outfit` by name.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lookalike.world.wardrobe import colours
from lookalike.world.wardrobe.clothes import Array
from lookalike.world.wardrobe.colours import against, colour, pick
from lookalike.world.wardrobe.decals import KINDS, decal
from lookalike.world.wardrobe.fabric import fabric
from lookalike.world.wardrobe.grain import SIZE

Rng = np.random.Generator
Fields = dict[str, Any]

DRESS = 0.14
"""Share of women in a dress; with those in a skirt, Market-1501's .146 of all people."""
OUTER = {False: 0.035, True: 0.06}
"""Share of men and of women in a jacket: nearly all of Market-1501 has short sleeves."""

_MENS_TOPS = {
    "tee": 0.66,
    "polo": 0.14,
    "shirt": 0.13,
    "tank": 0.045,
    "long": 0.015,
    "hoodie": 0.01,
}
_WOMENS_TOPS = {
    "tee": 0.66,
    "polo": 0.05,
    "shirt": 0.11,
    "tank": 0.14,
    "long": 0.03,
    "hoodie": 0.01,
}
_MENS_BOTTOMS = {"shorts": 0.52, "trousers": 0.24, "jeans": 0.24}
_WOMENS_BOTTOMS = {
    "shorts": 0.43,
    "skirt": 0.235,
    "leggings": 0.10,
    "jeans": 0.155,
    "trousers": 0.08,
}
_OUTERS = {"jacket": 0.45, "cardigan": 0.22, "denim": 0.15, "puffer": 0.11, "coat": 0.07}

_TEE = {
    "plain": 0.52, "heather": 0.13, "stripe": 0.12, "floral": 0.04, "blotch": 0.04, "check": 0.02,
    "dots": 0.02, "block": 0.03, "chest": 0.03, "panels": 0.02, "gradient": 0.02, "camo": 0.01,
}  # fmt: skip
_TOP_PATTERNS = {
    "tee": _TEE,
    "shirt": {
        "plain": 0.50, "check": 0.18, "gingham": 0.11, "vstripe": 0.12, "denim": 0.04,
        "floral": 0.05,
    },
    "polo": {"plain": 0.58, "stripe": 0.24, "heather": 0.10, "chest": 0.05, "panels": 0.03},
    "tank": {"plain": 0.58, "stripe": 0.12, "floral": 0.12, "heather": 0.10, "panels": 0.08},
    "long": {"plain": 0.40, "knit": 0.24, "stripe": 0.20, "heather": 0.16},
    "hoodie": {"plain": 0.50, "heather": 0.35, "block": 0.15},
}  # fmt: skip
_DRESS_PATTERNS = {
    "plain": 0.42, "floral": 0.24, "dots": 0.08, "stripe": 0.09, "check": 0.05, "blotch": 0.06,
    "knit": 0.03, "denim": 0.03,
}  # fmt: skip
_BOTTOM_PATTERNS = {
    "shorts": {
        "plain": 0.68, "track": 0.10, "heather": 0.10, "check": 0.05, "camo": 0.03, "floral": 0.04,
    },
    "trousers": {"plain": 0.82, "track": 0.08, "heather": 0.10},
    "jeans": {"jeans": 1.0},
    "skirt": {
        "plain": 0.62, "floral": 0.15, "check": 0.07, "dots": 0.05, "knit": 0.05, "blotch": 0.06,
    },
    "leggings": {"plain": 0.92, "blotch": 0.04, "heather": 0.04},
}  # fmt: skip
_OUTER_COLOURS = {"black": 0.45, "navy": 0.19, "gray": 0.19, "khaki": 0.10, "red": 0.07}

_LIVELY = {"red": 0.25, "pink": 0.25, "yellow": 0.15, "blue": 0.2, "purple": 0.15}
"""Third colours of prints."""

_RATHER = {"pink": (0.3, 1.94), "purple": (0.5, 1.67)}
"""How many times as often as everybody men, and women, wear a colour."""

# A fifth of the bottoms are jeans; the others' colours are what remains of the shares of all.
_JEANS = {"denim": 0.56, "black": 0.28, "gray": 0.16}
_NOT_JEANS = {
    name: share - 0.207 * _JEANS.get(name, 0.0) for name, share in colours.BOTTOMS.items()
}


def draw_top(rng: Rng, female: bool, dress: bool) -> Fields:
    """A top; a dress also brings the skirt's fields, which take the bottom's place."""
    kind = pick(rng, _WOMENS_TOPS if female else _MENS_TOPS)
    if dress:
        kind = "tank" if rng.random() < 0.5 else "tee"
    pattern = pick(rng, _DRESS_PATTERNS if dress else _TOP_PATTERNS[kind])
    name, ground, texture = _cloth(rng, pattern, _colour_name(rng, colours.TOPS, female))
    raglan = kind in ("tee", "long") and pattern in ("plain", "heather") and rng.random() < 0.06
    loose = rng.uniform(0.05, 0.7) if female else rng.uniform(0.2, 1.0)
    trimmed = rng.random() < 0.12
    fields: Fields = {
        "top": kind,
        "sleeve": _sleeve(rng, kind, female),
        "hem": 0.28 if dress else rng.uniform(0.08, 0.20),
        "neck": pick(rng, {"crew": 0.65, "v": 0.2, "scoop": 0.15}),
        "loose": 1.0 if kind == "hoodie" else loose,
        "placket": kind in ("shirt", "polo"),
        "top_name": name,
        "top_colour": ground,
        "trim_colour": against(rng, ground) if trimmed else ground * np.float32(0.9),
        "sleeve_colour": against(rng, ground) if raglan else None,
        "top_pattern": pattern,
        "top_texture": texture,
        "dress": dress,
    }
    fields |= _print(rng, fields)
    if dress:
        fields |= _skirt(rng) | {"bottom": "skirt", "bottom_name": name, "belt": False}
    return fields


def _colour_name(rng: Rng, shares: dict[str, float], female: bool) -> str:
    rather = {name: share * _RATHER.get(name, (1, 1))[female] for name, share in shares.items()}
    return pick(rng, rather)


def _cloth(rng: Rng, pattern: str, name: str) -> tuple[str, Array, Array]:
    """The ground colour's name and shade, and the texture."""
    name = {"denim": "denim", "camo": "green"}.get(pattern, name)
    ground = colour(rng, name)
    second, third = against(rng, ground), against(rng, ground)
    if pattern in ("floral", "blotch"):
        third = colour(rng, pick(rng, _LIVELY))
    return name, ground, fabric(rng, pattern, ground, second, third)


def _sleeve(rng: Rng, kind: str, female: bool) -> float:
    if kind == "shirt" and rng.random() < 0.12:
        return 0.95 if rng.random() < 0.6 else 0.62  # rolled up
    if kind in ("tank", "long", "hoodie"):
        return {"tank": -0.2, "long": 0.96, "hoodie": 0.97}[kind]
    short = rng.uniform(0.16, 0.36) if female else rng.uniform(0.26, 0.42)
    return short + (0.12 if rng.random() < 0.08 else 0.0)  # a few oversized


def _print(rng: Rng, top: Fields) -> Fields:
    """What is printed on the top; crests also stand on polos and shirts."""
    smart = top["top"] in ("polo", "shirt")
    share = 0.0 if top["dress"] else 0.28 if smart else 0.5
    kind = "badge" if smart else pick(rng, KINDS)
    worn = top["top_pattern"] in ("plain", "heather") and rng.random() < share
    badge, number = kind == "badge", kind == "number"
    front = badge or (not number and rng.random() < 0.9)
    return {
        "decal": decal(rng, top["top_colour"], kind) if worn else None,
        "decal_size": rng.uniform(0.045, 0.075) if badge else rng.uniform(0.14, 0.26),
        "decal_height": rng.uniform(0.54, 0.57) if badge else rng.uniform(0.46, 0.56),
        "decal_x": rng.uniform(0.055, 0.075) if badge else 0.0,
        "decal_front": front,
        "decal_back": not front or (not badge and rng.random() < 0.25),
    }


def _skirt(rng: Rng) -> Fields:
    """A skirt's cut, and what is under it."""
    long, under = rng.random() < 0.13, rng.random() < 0.16
    below = colour(rng, pick(rng, {"black": 0.8, "gray": 0.12, "navy": 0.08}))
    return {
        "leg_end": rng.uniform(-0.72, -0.45) if under else 0.1,
        "leg_loose": 0.0,
        "skirt_end": rng.uniform(-0.62, -0.40) if long else rng.uniform(-0.30, -0.05),
        "under_colour": below if under else None,
        "flare": rng.uniform(0.02, 0.38),
        "pleats": int(rng.integers(5, 14)),
        "pleat_depth": rng.uniform(0.0, 0.08),
        "cuff": 0.0,
    }


_NO_SKIRT: Fields = dict(skirt_end=None, under_colour=None, flare=0.0, pleats=0, pleat_depth=0.0)


def draw_bottom(rng: Rng, female: bool) -> Fields:
    """A bottom: what a dress hides, else what is worn."""
    kind = pick(rng, _WOMENS_BOTTOMS if female else _MENS_BOTTOMS)
    name = _colour_name(rng, _JEANS if kind == "jeans" else _NOT_JEANS, female)
    pattern = pick(rng, _BOTTOM_PATTERNS[kind])
    if name == "denim" and kind in ("shorts", "skirt"):
        pattern = "jeans" if kind == "shorts" else "denim"
    name, ground, texture = _cloth(rng, pattern, name)
    return {
        "bottom": kind,
        "belt": kind in ("shorts", "trousers", "jeans") and rng.random() < 0.5,
        "belt_colour": colour(rng, pick(rng, {"black": 0.6, "brown": 0.4})),
        "bottom_name": name,
        "bottom_colour": ground,
        "bottom_pattern": pattern,
        "bottom_texture": texture,
    } | (_skirt(rng) if kind == "skirt" else _NO_SKIRT | _legs(rng, kind, female))


def _legs(rng: Rng, kind: str, female: bool) -> Fields:
    """How long and wide the legs are."""
    ends = {
        "shorts": (-0.22, -0.01) if female else (-0.38, -0.12),
        "trousers": (-0.75, -0.72),
        "jeans": (-0.75, -0.72),
        "leggings": (-0.73, -0.60) if rng.random() < 0.65 else (-0.50, -0.40),
    }
    end, cuff = rng.uniform(*ends[kind]), 0.0
    if kind in ("jeans", "trousers") and rng.random() < 0.14:
        end, cuff = rng.uniform(-0.70, -0.58), rng.uniform(0.025, 0.05)  # turned up
    return {
        "leg_end": end,
        "cuff": cuff,
        "leg_loose": 0.0 if kind == "leggings" else rng.uniform(0.0, 0.6 if female else 1.0),
    }


def draw_outer(rng: Rng, female: bool) -> Fields:
    """A jacket, or none: then its fields describe one, but its texture is black."""
    worn = rng.random() < OUTER[female]
    kind = pick(rng, _OUTERS)
    pattern = {"denim": "denim", "puffer": "puffer", "cardigan": "knit"}.get(kind)
    pattern = pattern or pick(rng, {"plain": 0.8, "check": 0.12, "heather": 0.08})
    name = pick(rng, _OUTER_COLOURS)
    if rng.random() < 0.3:
        name = pick(rng, colours.TOPS)
    name = "denim" if kind == "denim" else name
    ground = colour(rng, name)
    texture = np.zeros((SIZE, SIZE, 3), np.float32)
    if worn:
        texture = fabric(rng, pattern, ground, against(rng, ground), against(rng, ground))
    return {
        "outer": worn,
        "outer_kind": kind,
        "outer_hem": rng.uniform(-0.32, -0.08) if kind == "coat" else rng.uniform(0.02, 0.16),
        "outer_opening": 0.0 if rng.random() < 0.12 else rng.uniform(0.05, 0.10),
        "outer_sleeve": 0.6 if rng.random() < 0.12 else rng.uniform(0.93, 0.98),
        "outer_thick": {"puffer": 0.034, "coat": 0.022, "cardigan": 0.012}.get(kind, 0.018),
        "outer_name": name,
        "outer_texture": texture,
    }
