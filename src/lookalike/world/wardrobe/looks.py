"""The person under the clothes: body, skin, hair and face, drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lookalike.world.wardrobe.clothes import Array, Identity
from lookalike.world.wardrobe.colours import pick, rgb

FEMALE = 0.426
"""Market-1501's share."""

_WOMENS_HAIR = {
    "long": 0.42, "pony": 0.25, "bob": 0.13, "bun": 0.09, "fringe": 0.06, "short": 0.04,
    "crop": 0.01,
}  # fmt: skip
_MENS_HAIR = {
    "short": 0.50, "crop": 0.20, "fringe": 0.12, "buzz": 0.10, "bald": 0.03, "bob": 0.02,
    "long": 0.015, "pony": 0.015,
}  # fmt: skip

LONG_HAIR = ("long", "pony", "bun")
"""What counts as long hair, worn open or not: a third of the people, as in Market-1501."""

# Usual height above the skin, metres.
_VOLUME = {
    "short": (0.012, 0.030), "crop": (0.006, 0.012), "buzz": (0.003, 0.005), "bald": (0.0, 0.0),
    "fringe": (0.016, 0.030), "bob": (0.020, 0.034), "long": (0.014, 0.028),
    "pony": (0.010, 0.018), "bun": (0.010, 0.018),
}  # fmt: skip
_END = {"bob": (0.73, 0.81), "long": (0.46, 0.70), "pony": (0.60, 0.80)}

# Names, shares, and shades as hue, saturation, value.
_HAIR_COLOURS = {
    "black": 0.60,
    "dark": 0.21,
    "brown": 0.10,
    "dyed": 0.03,
    "fair": 0.02,
    "gray": 0.04,
}
_HAIR_SHADES = {
    "black": (0.06, 0.10, 0.10), "dark": (0.05, 0.28, 0.15), "brown": (0.06, 0.50, 0.25),
    "dyed": (0.03, 0.62, 0.32), "fair": (0.10, 0.42, 0.50), "gray": (0.10, 0.04, 0.42),
}  # fmt: skip

# Skin from pale to dark, at thirds of the way. Paler than the first reads as a mannequin.
_SKIN = np.array(
    [[0.76, 0.585, 0.475], [0.64, 0.470, 0.365], [0.46, 0.320, 0.235], [0.26, 0.170, 0.125]]
)


@dataclass(frozen=True)
class _Build:
    """How bodies of one sex spread: the means and deviations that men and women differ in."""

    gender: float
    height: float
    sd: float


_MAN, _WOMAN = _Build(0.10, 1.735, 0.065), _Build(0.88, 1.62, 0.06)


def is_female(rng: np.random.Generator) -> bool:
    """The first thing drawn of a person, so that it can be known without the rest."""
    return bool(rng.random() < FEMALE)


def sample_identity(rng: np.random.Generator) -> Identity:
    """A person without clothes, drawn."""
    female = is_female(rng)
    hair = pick(rng, _WOMENS_HAIR if female else _MENS_HAIR)
    phenotype = _phenotype(rng, _WOMAN if female else _MAN)
    return Identity(
        female=female,
        phenotype=phenotype,
        skin=_skin(rng),
        hair=hair,
        hair_colour=_hair_colour(rng, phenotype["age"]),
        hair_volume=rng.uniform(*_VOLUME[hair]),
        hair_end=rng.uniform(*_END.get(hair, (0.80, 0.80))),
        hairline=rng.normal(0.0 if female else 0.004, 0.008),
        parting=rng.uniform(-0.05, 0.05),
        hair_seed=int(rng.integers(2**31)),
        beard=0.0 if female or rng.random() < 0.86 else rng.uniform(0.25, 0.9),
        brows=rng.uniform(0.3, 0.8),
        glasses=pick(rng, {"none": 0.75, "clear": 0.21, "dark": 0.04}),
    )


def _phenotype(rng: np.random.Generator, build: _Build) -> dict[str, float]:
    """The parametric body's sliders. Its height is linear: 1.364 + 1.09·slider − .14·gender m."""

    def spread(mean: float, sd: float, low: float, high: float) -> float:
        return float(np.clip(rng.normal(mean, sd), low, high))

    gender = spread(build.gender, 0.08, 0, 1)
    metres = rng.normal(build.height, build.sd)
    return {
        "gender": gender,
        "age": spread(0.68, 0.07, 0.55, 0.95),
        "muscle": spread(0.58, 0.12, 0.25, 0.95),
        "weight": spread(0.55, 0.17, 0.15, 0.98),
        "proportions": spread(0.62, 0.14, 0.2, 0.95),
        "height": float(np.clip((metres - 1.364 + 0.14 * gender) / 1.09, 0.05, 0.8)),
    }


def _skin(rng: np.random.Generator) -> Array:
    """Mostly light to tanned; one in ten people anywhere on the scale."""
    dark = rng.random() if rng.random() < 0.10 else 0.75 * rng.beta(1.6, 3.2)
    tone = np.array([np.interp(3 * dark, range(4), channel) for channel in _SKIN.T])
    tone *= rng.uniform(0.92, 1.05) * np.exp(rng.normal(0, 0.015, 3))
    return tone.astype(np.float32)


def _hair_colour(rng: np.random.Generator, age: float) -> Array:
    name = "gray" if age > 0.82 and rng.random() < 0.7 else pick(rng, _HAIR_COLOURS)
    hue, saturation, value = _HAIR_SHADES[name]
    return rgb(hue, saturation * rng.uniform(0.8, 1.2), value * rng.uniform(0.8, 1.3))
