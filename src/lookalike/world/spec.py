"""What to render: the whole description of a world, and the key of everything in it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from lookalike.errors import UserError, unknown
from lookalike.settings import check, setting
from lookalike.world.places.domains import DOMAINS, Domain, domain_from


@dataclass(frozen=True)
class WorldSpec:
    """One place with its cameras and people; the same values give the same images.

    Raises UserError for a value out of its bounds, and where nothing could be rendered.
    """

    domain: Domain = field(default_factory=lambda: DOMAINS["plaza"])
    """Which family of cameras, light and backgrounds."""
    people: int = setting(200, least=1)
    """Identities."""
    cameras: int = setting(6, least=1)
    """Cameras; every person walks past each."""
    images: int = setting(3, least=1)
    """Crops of each person by each camera."""
    clothes: int = setting(1, least=1)
    """Sets of clothes that a person owns; crop k shows set k modulo this."""
    seed: int = setting(0, least=0)
    """Of everything."""
    site: int = setting(0, least=0)
    """Which place of the domain's kind: other cameras, other people."""
    siblings: float = setting(0.2, least=0, most=1)
    """Share of people who dress in part like somebody else of the place."""
    test_fraction: float = setting(0.5, least=0, most=1)
    """Share of the people who are tested on."""
    height: int = setting(128, least=16, most=1024)
    """Of a crop, pixels."""
    width: int = setting(64, least=16, most=1024)
    """Of a crop, pixels."""

    def __post_init__(self) -> None:
        check(self)
        if self.clothes > self.images:
            raise UserError(
                f"{self.images} images of a person in a camera can't show {self.clothes} sets of "
                "clothes: ask for as many images."
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
