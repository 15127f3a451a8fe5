"""Trees, bushes and planters, drawn with a brush in metres around their own origin."""

from __future__ import annotations

import numpy as np

from lookalike.world.places.brush import Brush, Random, grey


def leaves(
    brush: Brush,
    random: Random,
    centre: tuple[float, float],
    spread: tuple[float, float],
    count: int,
) -> None:
    """A heap of leaves around (along, up): dark inside and below, light on top."""
    green = (
        np.array([0.24, 0.31, 0.17]) * random.uniform(0.7, 1.2) * np.exp(random.normal(0, 0.06, 3))
    )
    for a, z in random.uniform(-0.9, 0.9, (16, 2)):
        spot = (centre[0] + spread[0] * a, 0.0, max(centre[1] + spread[1] * z, 0.08))
        dark = (0.5 * green).tolist()
        brush.dot(spot, 0.36 * min(spread), (dark[0], dark[1], dark[2]))
    places = random.normal(size=(count, 3)).clip(-2, 2)
    sizes = np.sort(random.uniform(0.05, 0.17, count))[::-1]  # the small ones on top
    angles = random.uniform(0, np.pi, count)
    for (along, across, up), size, angle in zip(places, sizes, angles, strict=True):
        red, green_, blue = (green * random.uniform(0.45, 1.15) * (0.85 + 0.12 * up)).tolist()
        spot = (
            centre[0] + spread[0] * along,
            0.6 * spread[0] * across,
            max(centre[1] + spread[1] * up, 0.03),
        )
        brush.leaf(spot, size, angle, (red, green_, blue), up > 0)


def tree(brush: Brush, random: Random) -> None:
    """A trunk, often painted white below or in a ring of stone, and a crown high above."""
    wood = random.uniform(0.16, 0.32)
    bark = (1.1 * wood, 0.97 * wood, 0.84 * wood)
    radius = random.uniform(0.08, 0.2)
    if random.random() < 0.4:
        brush.box(
            (1.2, 1.2, random.choice([0.05, 0.4])), grey(random, 0.35, 0.6), top=(0.2, 0.17, 0.13)
        )
    brush.column(radius, 0, 3.2, bark, lean=random.normal(0, 0.15))
    if random.random() < 0.25:
        brush.column(radius * 1.03, 0, 1.1, (0.75, 0.74, 0.71))
    for _ in range(3):
        leaves(brush, random, (random.normal(0, 0.6), random.uniform(3.0, 4.2)), (0.5, 0.4), 240)


def bush(brush: Brush, random: Random) -> None:
    """A bush at knee or hip height."""
    high = random.uniform(0.35, 0.9)
    wide = random.uniform(0.3, 0.9)
    leaves(brush, random, (0, 0.45 * high), (wide, 0.35 * high), 420)


def planter(brush: Brush, random: Random) -> None:
    """A long box with plants."""
    length, high = random.uniform(0.8, 2.6), random.uniform(0.35, 0.75)
    brush.box((length, 0.5, high), grey(random, 0.2, 0.65), top=(0.15, 0.13, 0.11))
    for a in np.arange(-length / 2 + 0.2, length / 2 - 0.1, 0.35):
        leaves(brush, random, (float(a), high + 0.2), (0.18, 0.17), 90)
