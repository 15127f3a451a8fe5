"""What to render: the whole description of a world, and the key of everything in it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from lookalike.errors import UserError, unknown
from lookalike.world.places.domains import DOMAINS, Domain, domain_from


@dataclass(frozen=True)
class WorldSpec:
    """One place with its cameras and people; the same values give the same images.

    Raises UserError where nothing could be rendered.
    """

    domain: Domain = field(default_factory=lambda: DOMAINS["plaza"])
    """Which family of cameras, light and backgrounds."""
    people: int = 200
    """Identities."""
    cameras: int = 6
    """Cameras; every person walks past each."""
    images: int = 3
    """Crops of each person by each camera."""
    clothes: int = 1
    """Sets of clothes that a person owns; crop k shows set k modulo this."""
    seed: int = 0
    """Of everything."""
    site: int = 0
    """Which place of the domain's kind: other cameras, other people."""
    siblings: float = 0.2
    """Share of people who dress in part like somebody else of the place."""
    test_fraction: float = 0.5
    """Share of the people who are tested on."""
    height: int = 128
    """Of a crop, pixels."""
    width: int = 64
    """Of a crop, pixels."""

    def __post_init__(self) -> None:
        for name in ("people", "cameras", "images", "clothes"):
            if getattr(self, name) < 1:
                raise UserError(f"A world needs 1 or more {name}, not {getattr(self, name)}.")
        for name in ("seed", "site"):
            if getattr(self, name) < 0:
                raise UserError(f"The world's {name} must be 0 or more, not {getattr(self, name)}.")
        for name in ("siblings", "test_fraction"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(
                    f"The world's {name} should be within 0 and 1, not {getattr(self, name)}."
                )
        if self.clothes > self.images:
            raise UserError(
                f"{self.images} images of a person in a camera can't show {self.clothes} sets of "
                "clothes: ask for as many images."
            )
        if min(self.height, self.width) < 16 or max(self.height, self.width) > 1024:
            raise UserError(
                f"Crops of {self.height}×{self.width} can't be rendered: both from 16 to 1024."
            )

    def as_dict(self) -> dict[str, Any]:
        """The values as JSON holds them."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> WorldSpec:
        """The world that `as_dict` gave these values of, also after they were JSON."""
        return cls(**{**values, "domain": domain_from(values["domain"])})


def domain_named(name: str) -> Domain:
    """The domain; raises UserError, with a suggestion, if there is none of that name."""
    if name not in DOMAINS:
        raise unknown("domain", name, DOMAINS)
    return DOMAINS[name]
