"""Every kind of thing that stands about, by name."""

from __future__ import annotations

from collections.abc import Callable

from lookalike.world.places.brush import Brush, Random
from lookalike.world.places.plants import bush, planter, tree
from lookalike.world.places.strangers import rider, stranger
from lookalike.world.places.street import bench, bin_, boxes, pillar, pole, rail, sign, stall
from lookalike.world.places.vehicles import bike, car, scooter

KINDS: dict[str, tuple[Callable[[Brush, Random], None], tuple[float, float, float]]] = {
    "bike": (bike, (1.7, 0.3, 0.9)),
    "scooter": (scooter, (1.7, 0.5, 1.0)),
    "car": (car, (4.3, 1.8, 1.4)),
    "tree": (tree, (0.4, 0.4, 3.0)),
    "bush": (bush, (1.2, 0.8, 0.6)),
    "planter": (planter, (1.8, 0.6, 0.8)),
    "pole": (pole, (0.2, 0.2, 5.0)),
    "pillar": (pillar, (0.7, 0.7, 5.0)),
    "bin": (bin_, (0.5, 0.5, 0.9)),
    "sign": (sign, (1.1, 0.2, 1.5)),
    "bench": (bench, (1.8, 0.5, 0.7)),
    "rail": (rail, (4.0, 0.1, 0.5)),
    "stall": (stall, (2.6, 1.5, 2.1)),
    "boxes": (boxes, (1.6, 1.0, 0.5)),
    "rider": (rider, (1.7, 0.5, 1.5)),
    "stranger": (stranger, (0.5, 0.4, 1.7)),
}
"""What draws a thing, and its length, depth and height (for its shadow), metres."""
