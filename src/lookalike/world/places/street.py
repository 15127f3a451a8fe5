"""Posts, notices, benches, railings and stalls, drawn with a brush around their own origin."""

from __future__ import annotations

import numpy as np

from lookalike.world.places.brush import DARK, STEEL, Brush, Colour, Random, grey


def pole(brush: Brush, random: Random) -> None:
    """A lamp or sign post; some have a plate or a box."""
    metal = grey(random, 0.15, 0.6)
    radius = random.uniform(0.04, 0.11)
    brush.column(radius * 1.9, 0, 0.35, metal)
    brush.column(radius, 0.3, 6, metal)
    if random.random() < 0.5:
        plate = grey(random, 0.2, 0.75, 0.12)
        low = random.uniform(1.3, 2.2)
        brush.box(
            (random.uniform(0.3, 0.7), 0.05, random.uniform(0.3, 0.7)), plate, (0, -0.12, low)
        )


def pillar(brush: Brush, random: Random) -> None:
    """A thick round or square pillar up to the roof."""
    stone = grey(random, 0.3, 0.75, 0.03)
    size = random.uniform(0.35, 0.8)
    if random.random() < 0.5:
        brush.column(size / 2, 0, 5, stone)
        brush.column(size / 2 + 0.02, 0, 0.25, grey(random, 0.1, 0.4))
    else:
        brush.box((size, size, 5), stone)
        brush.box((size + 0.04, size + 0.04, 0.2), grey(random, 0.1, 0.4))
    if random.random() < 0.5:
        board(brush, random, 0.45, 0.9, 1.0, -size / 2 - 0.02)


def bin_(brush: Brush, random: Random) -> None:
    """One litter bin, or two side by side."""
    for a in (0.0, 0.55)[: 1 + int(random.random() < 0.4)]:
        paint = grey(random, 0.12, 0.55, 0.12)
        high = random.uniform(0.75, 1.1)
        brush.box((0.45, 0.45, high), paint, (a, 0, 0), top=DARK)
        brush.face(
            [
                (a + da, -0.23, high + dz)
                for da, dz in ((-0.14, -0.28), (0.14, -0.28), (0.14, -0.14), (-0.14, -0.14))
            ],
            DARK,
        )


def board(brush: Brush, random: Random, width: float, height: float, low: float, b: float) -> None:
    """A notice: pale or dark, with a picture and lines of print."""
    paper = grey(random, 0.2, 0.85, 0.08)
    ink = grey(random, 0.08, 0.4, 0.1)
    half = width / 2

    def patch(a0: float, a1: float, z0: float, z1: float, tone: Colour) -> None:
        corners = ((a0, z0), (a1, z0), (a1, z1), (a0, z1))
        brush.face([(half * a, b, low + height * z) for a, z in corners], tone)

    patch(-1, 1, 0, 1, paper)
    split = random.uniform(0.35, 0.75)
    patch(-0.85, 0.85, split, 0.94, grey(random, 0.15, 0.7, 0.18))
    patch(
        random.uniform(-0.7, 0),
        random.uniform(0.1, 0.7),
        split + 0.05,
        0.85,
        grey(random, 0.15, 0.7, 0.18),
    )
    for z in np.arange(0.08, split - 0.05, 0.09):
        patch(-0.8, random.uniform(-0.2, 0.8), float(z), float(z) + 0.04, ink)


def sign(brush: Brush, random: Random) -> None:
    """A notice board on two legs, or a stand on the ground."""
    width, height = random.uniform(0.5, 1.6), random.uniform(0.7, 1.3)
    low = random.choice([0.05, 0.5, 0.9])
    for a in (-0.42 * width, 0.42 * width):
        brush.bar([(a, 0.02, 0), (a, 0.02, low + height)], 0.05, grey(random, 0.2, 0.5))
    brush.box((width + 0.08, 0.08, height + 0.08), grey(random, 0.15, 0.6), (0, 0, low))
    board(brush, random, width, height, low + 0.04, -0.05)


def bench(brush: Brush, random: Random) -> None:
    """A bench with or without a back."""
    wood = grey(random, 0.2, 0.45, 0.12)
    length = random.uniform(1.3, 2.2)
    for a in (-0.42 * length, 0.42 * length):
        brush.box((0.08, 0.42, 0.42), grey(random, 0.1, 0.5), (a, 0, 0))
    if random.random() < 0.6:
        for z in (0.6, 0.76):
            brush.box((length, 0.03, 0.1), wood, (0, 0.22, z))
    for b in (0.14, 0.0, -0.14):
        brush.box((length, 0.11, 0.05), wood, (0, b, 0.42))


def rail(brush: Brush, random: Random) -> None:
    """Railings or bike hoops in a row, 3 to 5 m long."""
    metal = grey(random, 0.3, 0.78, 0.03)
    if random.random() < 0.4:
        for a in np.arange(-1.6, 1.7, 0.8):
            brush.bar(
                [
                    (a, 0, 0),
                    (a, 0, 0.7),
                    (a + 0.1, 0, 0.8),
                    (a + 0.5, 0, 0.8),
                    (a + 0.6, 0, 0.7),
                    (a + 0.6, 0, 0),
                ],
                0.05,
                metal,
            )
        return
    half, high = random.uniform(1.5, 2.5), random.uniform(0.8, 1.15)
    gap = random.choice([0.12, 0.5, 1.0])
    for a in np.arange(-half, half + 0.01, gap):
        brush.bar([(a, 0, 0.1), (a, 0, high)], 0.022 if gap < 0.3 else 0.04, metal)
    for z in (0.12, 0.5 * high, high) if gap > 0.3 else (0.12, high):
        brush.bar([(-half, 0, z), (half, 0, z)], 0.045, metal)
    for a in (-half, 0, half):
        brush.bar([(a, 0, 0), (a, 0, high + 0.05)], 0.06, metal)


def stall(brush: Brush, random: Random) -> None:
    """A table with goods below a roof of cloth on poles."""
    half = random.uniform(0.9, 1.6)
    cloth, roof = grey(random, 0.2, 0.6), grey(random, 0.25, 0.72)
    for b in (0.7, -0.7):
        for a in (-half, half):
            brush.bar([(a, b, 0), (a, b, 2.1)], 0.045, STEEL)
        if b > 0:
            brush.face(
                [(-half, b, 0.8), (half, b, 0.8), (half, b, 2.1), (-half, b, 2.1)],
                grey(random, 0.15, 0.5),
            )
            brush.box((2 * half * 0.9, 0.8, 0.75), cloth, top=grey(random, 0.4, 0.8))
            for _ in range(22):
                size = (random.uniform(0.1, 0.35), 0.2, random.uniform(0.06, 0.3))
                spot = (random.uniform(-0.8, 0.8) * half, random.uniform(-0.3, 0.3), 0.75)
                brush.box(size, grey(random, 0.1, 0.7, 0.14), spot)
    if random.random() < 0.7:
        brush.prism(
            [
                (-half - 0.2, 2.1),
                (half + 0.2, 2.1),
                (half + 0.2, 2.2),
                (0, 2.7),
                (-half - 0.2, 2.2),
            ],
            1.8,
            roof,
        )
    boxes(brush, random)


def boxes(brush: Brush, random: Random) -> None:
    """Cartons and crates in a heap."""
    for across in np.sort(random.uniform(-0.9, 0.2, random.integers(2, 5)))[::-1]:
        along, wide, base = random.uniform(-0.9, 0.9), random.uniform(0.3, 0.6), 0.0
        for _ in range(int(random.choice([1, 1, 2, 3]))):
            high = random.uniform(0.18, 0.4)
            spot = (along + random.normal(0, 0.04), float(across), base)
            brush.box((wide, 0.35, high), grey(random, 0.2, 0.5), spot)
            base += high
