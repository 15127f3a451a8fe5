"""Who a person is and what they wear, drawn with a real street's frequencies.

People of one place are hard to tell apart on purpose: some are *siblings*, who wear part of what
somebody else there wears, often in a near shade.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lookalike.world import seeds
from lookalike.world.wardrobe.belongings import draw_feet, draw_things
from lookalike.world.wardrobe.clothes import Identity, Outfit
from lookalike.world.wardrobe.colours import MARKET, near, pick
from lookalike.world.wardrobe.garments import DRESS, draw_bottom, draw_outer, draw_top
from lookalike.world.wardrobe.looks import LONG_HAIR, is_female, sample_identity

__all__ = ["Identity", "Outfit", "attributes", "person_of", "sample_identity", "sample_outfit"]

Rng = np.random.Generator
Fields = dict[str, Any]

_CLOTHES = ("top", "outer", "bottom")
_SHARED = {
    "top": (("top", "outer"), 0.36),
    "bottom": (("bottom",), 0.26),
    "belongings": (("feet", "things"), 0.13),
    "clothes": (_CLOTHES, 0.25),
}
"""What a sibling takes over, and how often."""

KEPT = 0.6
"""Share of sets of clothes after the first that go with the first one's shoes, or things."""
NEIGHBOURS = 40
"""A sibling's other is one of so many people before it, so that both mostly fall into one split."""


def sample_outfit(rng: Rng, identity: Identity) -> Outfit:
    """A set of clothes and things for the person, drawn."""
    female = identity.female
    dress = female and rng.random() < DRESS
    return _together(
        rng,
        draw_top(rng, female, dress),
        draw_bottom(rng, female),
        draw_outer(rng, female),
        draw_feet(rng, female) | draw_things(rng, female),
    )


def _together(rng: Rng, top: Fields, bottom: Fields, outer: Fields, rest: Fields) -> Outfit:
    """One outfit. A dress's skirt takes the bottom's place; a top may be tucked in."""
    tucked = {"skirt": 0.55, "trousers": 0.18, "jeans": 0.12, "shorts": 0.10, "leggings": 0.02}
    tuck = rng.random() < tucked[bottom["bottom"]] * (0.4 if top["loose"] > 0.6 else 1.0)
    if tuck and not top["dress"] and top["top"] != "hoodie":
        top = top | {"hem": rng.uniform(0.29, 0.315)}
    return Outfit(**{**bottom, **top, **outer, **rest})


def person_of(
    seed: int, domain: str, site: int, person: int, clothes: int, siblings: float
) -> tuple[Identity, Outfit]:
    """The person of that number at that place, and their set of clothes of that number.

    With probability `siblings` the person takes over the top with jacket, the bottom, shoes and
    bags or all clothes of another one, of the same sex and with a lower number (what that one has
    before taking over anything). Half of what is taken over is a near shade.
    """
    place = (seed, domain, site)
    identity = sample_identity(seeds.rng("identity", *place, person))
    female = identity.female

    def draws(group: str, whom: int) -> Rng:
        return seeds.rng(f"clothes-{group}", *place, whom, clothes)

    def dressed(whom: int) -> bool:
        return female and bool(draws("dress", whom).random() < DRESS)

    kinship = draws("sibling", person)
    shared: tuple[str, ...] = ()
    other = _alike(kinship, place, person, female) if kinship.random() < siblings else None
    if other is not None:
        shared = _SHARED[pick(kinship, {name: share for name, (_, share) in _SHARED.items()})][0]
        if "feet" not in shared and (dressed(person) or dressed(other)):
            shared = _CLOTHES  # a dress has no bottom to share

    def source(group: str) -> int:
        return other if other is not None and group in shared else person

    def belongings(group: str) -> Rng:
        """Shoes and things mostly stay the same when the clothes change."""
        kept = draws(f"keep-{group}", person).random() < KEPT
        worn = 0 if kept else clothes
        return seeds.rng(f"clothes-{group}", *place, source(group), worn)

    top = draw_top(draws("top", source("top")), female, dressed(source("top")))
    bottom = draw_bottom(draws("bottom", source("bottom")), female)
    outer = draw_outer(draws("outer", source("outer")), female)
    if "top" in shared:
        top = _shade(kinship, top, "top")
    if "bottom" in shared:
        bottom = _shade(kinship, bottom, "bottom")
    rest = draw_feet(belongings("feet"), female) | draw_things(belongings("things"), female)
    return identity, _together(draws("tuck", person), top, bottom, outer, rest)


def _alike(rng: Rng, place: tuple[int, str, int], person: int, female: bool) -> int | None:
    """Somebody of the same sex just before the person; None if there is nobody."""
    for back in 1 + rng.permutation(min(person, NEIGHBOURS)):
        other = person - int(back)
        if is_female(seeds.rng("identity", *place, other)) == female:
            return other
    return None


def _shade(rng: Rng, garment: Fields, name: str) -> Fields:
    """The same garment, every second time in a near shade."""
    gains = near(rng, garment[f"{name}_colour"])
    if rng.random() < 0.5:
        return garment
    both = (f"{name}_colour", f"{name}_texture")
    return garment | {key: np.clip(garment[key] * gains, 0.03, 0.95) for key in both}


def attributes(identity: Identity, outfit: Outfit) -> dict[str, str | int | bool]:
    """What annotators of Market-1501 would write down of the person in these clothes.

    female, hair (long, short), sleeve (long, short), lower (long, short), dress (a dress or skirt),
    upper and lower (colour names), backpack, bag, handbag and hat.
    """
    sleeve = max(outfit.sleeve, outfit.outer_sleeve if outfit.outer else 0.0)
    lower = outfit.leg_end if outfit.skirt_end is None else outfit.skirt_end
    upper_name = outfit.outer_name if outfit.outer else outfit.top_name
    lower_name = outfit.top_name if outfit.dress else outfit.bottom_name
    return {
        "female": identity.female,
        "hair": "long" if identity.hair in LONG_HAIR else "short",
        "sleeve": "long" if sleeve > 0.55 else "short",
        "lower": "long" if lower < -0.5 else "short",
        "dress": outfit.skirt_end is not None,
        "upper_colour": MARKET.get(upper_name, upper_name),
        "lower_colour": MARKET.get(lower_name, lower_name),
        "backpack": outfit.backpack > 0,
        "bag": outfit.shoulder_bag > 0 or outfit.carrier_bag > 0,
        "handbag": outfit.handbag > 0,
        "hat": outfit.hat != "none",
    }
