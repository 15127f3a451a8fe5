"""Far people, drawn with a brush around the spot they stand on."""

from __future__ import annotations

import math

from lookalike.world.places.brush import DARK, Brush, Colour, Random, grey
from lookalike.world.places.vehicles import bike

SKIN: Colour = (0.62, 0.48, 0.40)


def rider(brush: Brush, random: Random) -> None:
    """Somebody on a bicycle, far away."""
    bike(brush, random)
    top, bottom = grey(random, 0.15, 0.85, 0.1), grey(random, 0.1, 0.4, 0.08)
    turn = random.uniform(0, 2 * math.pi)  # of the pedals
    for phase in (turn, turn + math.pi):
        pedal = (-0.08 + 0.17 * math.cos(phase), 0, 0.30 + 0.17 * math.sin(phase))
        knee = (0.12 + 0.1 * math.cos(phase), 0, 0.72 + 0.1 * math.sin(phase))
        brush.bar([(-0.2, 0, 0.95), knee], 0.17, bottom)
        brush.bar([knee, pedal], 0.12, bottom if random.random() < 0.6 else SKIN)
        brush.bar([pedal, (pedal[0] + 0.14, 0, pedal[2] - 0.02)], 0.07, DARK)
    outline = [(-0.34, 0.86), (-0.06, 0.86), (0.16, 1.4), (0.02, 1.48), (-0.16, 1.38)]
    brush.face([(a, 0, z) for a, z in outline], top)
    brush.bar([(0.06, 0, 1.4), (0.12, 0, 1.12), (0.28, 0, 1.04)], 0.08, SKIN)
    brush.bar([(0.06, 0, 1.4), (0.12, 0, 1.14)], 0.11, top)
    brush.dot((0.12, 0, 1.6), 0.105, SKIN)
    brush.dot((0.09, 0, 1.64), 0.11, grey(random, 0.1, 0.2))


def stranger(brush: Brush, random: Random) -> None:
    """Somebody far away: head, top, bottom and shoes, standing or in mid-step."""
    size = random.uniform(0.92, 1.05)
    slim = random.uniform(0.5, 1.0)  # seen from the front or from the side
    step = abs(random.normal(0, 0.16)) * (1.3 - slim)
    top = grey(random, 0.12, 0.88, 0.05) if random.random() < 0.65 else grey(random, 0.2, 0.6, 0.35)
    bottom = grey(random, 0.1, 0.45, 0.10)
    short = random.random() < 0.45

    def z(share: float) -> float:
        return float(1.72 * size * share)

    for side in (-1, 1):
        foot = side * (0.07 * slim + step)
        knee = side * (0.07 * slim + 0.6 * step) + 0.02
        hip = side * 0.075 * slim
        brush.bar(
            [(hip, 0, z(0.5)), (knee, 0, z(0.28)), (foot, 0, z(0.04))],
            0.09,
            SKIN if short else bottom,
        )
        brush.bar([(hip, 0, z(0.5)), (knee, 0, z(0.28))], 0.145, bottom)
        if not short:
            brush.bar([(knee, 0, z(0.3)), (foot, 0, z(0.06))], 0.115, bottom)
        brush.bar(
            [(foot - 0.05, 0, z(0.02)), (foot + 0.06, 0, z(0.02))], 0.07, grey(random, 0.1, 0.8)
        )
        hand = side * (0.21 * slim + 0.02) - side * 0.8 * step
        brush.bar(
            [
                (side * 0.17 * slim, 0, z(0.79)),
                (side * (0.22 * slim), 0, z(0.64)),
                (hand, 0, z(0.5)),
            ],
            0.065,
            SKIN,
        )
        brush.bar([(side * 0.17 * slim, 0, z(0.79)), (side * (0.22 * slim), 0, z(0.66))], 0.10, top)
    chest = [
        (-0.13, 0.48),
        (0.13, 0.48),
        (0.135, 0.6),
        (0.20, 0.78),
        (0.10, 0.83),
        (-0.10, 0.83),
        (-0.20, 0.78),
        (-0.135, 0.6),
    ]
    brush.face([(a * slim, 0, z(s)) for a, s in chest], top)
    shade = (top[0] * 0.72, top[1] * 0.72, top[2] * 0.74)
    side = random.choice([-1, 1])
    brush.face(
        [
            (side * a * slim, 0, z(s))
            for a, s in ((0.04, 0.48), (0.13, 0.48), (0.135, 0.6), (0.2, 0.78), (0.07, 0.7))
        ],
        shade,
    )
    brush.bar([(0, 0, z(0.82)), (0, 0, z(0.88))], 0.1, SKIN)
    brush.dot((0, 0, z(0.93)), 0.1, SKIN)
    hair = grey(random, 0.1, 0.2)
    brush.dot((0.02 * side, 0, z(0.955)), 0.1, hair)
    if random.random() < 0.45:
        brush.dot((0.02 * side, 0, z(0.925)), 0.105, hair)
    if random.random() < 0.3:
        brush.box((0.28 * slim, 0.1, 0.36), grey(random, 0.1, 0.5, 0.15), (0.05, 0, z(0.58)))
