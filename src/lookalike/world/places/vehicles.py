"""Bicycles, scooters and cars, drawn with a brush in metres around their own origin."""

from __future__ import annotations

import math

from lookalike.world.places.brush import DARK, STEEL, Brush, Colour, Random, grey


def bike(brush: Brush, random: Random) -> None:
    """A bicycle, 1.75 m long, often with a basket or mudguards."""
    frame = grey(random, 0.08, 0.3) if random.random() < 0.7 else grey(random, 0.3, 0.75, 0.25)
    for a in (-0.53, 0.53):
        brush.disc((a, 0, 0.33), 0.325, DARK, rim=0.035)
        if random.random() < 0.5:
            brush.disc((a, 0, 0.33), 0.29, STEEL, rim=0.012)
        brush.dot((a, 0, 0.33), 0.035, STEEL)
        for k in range(4):
            angle = k * math.pi / 4 + 0.3
            da, dz = 0.3 * math.cos(angle), 0.3 * math.sin(angle)
            brush.bar([(a - da, 0, 0.33 - dz), (a + da, 0, 0.33 + dz)], 0.006, STEEL)
    saddle, crank, head = (-0.22, 0, 0.86), (-0.08, 0, 0.30), (0.36, 0, 0.82)
    low = 0.55 if random.random() < 0.5 else 0.78  # a low or a high top tube
    brush.bar([(-0.53, 0, 0.33), crank, (0.36, 0, 0.70)], 0.035, frame)
    brush.bar([(-0.16, 0, low), (0.34, 0, 0.78)], 0.035, frame)
    brush.bar([crank, saddle], 0.03, frame)
    brush.bar([(-0.53, 0, 0.33), (-0.18, 0, 0.68)], 0.02, frame)
    brush.bar([(0.53, 0, 0.33), head, (0.32, 0, 1.0)], 0.03, frame)
    brush.bar([(0.24, 0, 1.03), (0.32, 0, 1.0), (0.20, -0.2, 1.02)], 0.03, DARK)
    brush.bar([(-0.34, 0, 0.88), (-0.10, 0, 0.87)], 0.07, DARK)
    if random.random() < 0.5:
        wire = grey(random, 0.12, 0.6)
        brush.box((0.3, 0.32, 0.24), wire, (0.55, 0, 0.72), top=DARK)
    if random.random() < 0.4:
        brush.bar([(-0.78, 0, 0.66), (-0.25, 0, 0.68)], 0.06, DARK)


def scooter(brush: Brush, random: Random) -> None:
    """A motor scooter."""
    paint = grey(random, 0.1, 0.7, 0.15)
    for a in (-0.6, 0.62):
        brush.disc((a, 0, 0.24), 0.24, DARK)
        brush.disc((a, 0, 0.24), 0.11, STEEL)
    body = [(-0.9, 0.4), (-0.15, 0.25), (0.3, 0.25), (0.55, 0.3), (0.6, 0.95), (0.42, 0.95)]
    brush.prism([*body, (0.28, 0.4), (-0.05, 0.4), (-0.1, 0.72), (-0.9, 0.72)], 0.3, paint)
    brush.prism([(-0.75, 0.7), (-0.05, 0.7), (-0.05, 0.8), (-0.75, 0.82)], 0.3, DARK)
    brush.bar([(0.48, -0.3, 1.05), (0.52, 0, 0.98), (0.48, 0.3, 1.05)], 0.04, DARK)


def car(brush: Brush, random: Random) -> None:
    """A car or a van, 4.3 m long."""
    paint = grey(random, 0.08, 0.85, 0.05)
    half, high = 2.15, 1.45
    body = [(-half, 0.25), (half, 0.25), (half, 0.65), (half - 0.2, 0.82)]
    if random.random() < 0.3:
        high, cabin = 1.9, [(half - 0.7, 0.95), (half - 1.2, 1.85), (-half + 0.1, 1.85)]
    else:
        cabin = [(1.15, 0.92), (0.45, 1.42), (-1.2, 1.42), (-1.85, 0.95)]
    brush.box((2 * half - 0.2, 1.6, 0.25), DARK)
    brush.prism([*body, *cabin, (-half, 0.8)], 1.72, paint, roof=paint)
    glass: Colour = (0.13, 0.14, 0.16)
    side = -0.87
    front, back = cabin[0][0] - 0.25, cabin[-1][0] + 0.3
    for a0, a1 in ((back, (front + back) / 2 - 0.05), ((front + back) / 2 + 0.05, front)):
        lean0 = 0.25 if a0 == back else 0.0
        lean1 = -0.45 if a1 == front else 0.0
        corners = [(a0, 0.92), (a1, 0.92), (a1 + lean1, high - 0.1), (a0 + lean0, high - 0.1)]
        for b in (side, -side):
            if (b < 0) == (math.cos(brush.turn) > 0):
                brush.face([(a, b, z) for a, z in corners], glass)
    (a0, z0), (a1, z1) = cabin[0], cabin[1]
    facing = math.sin(brush.turn) < -0.1  # its front looks to the camera
    if facing:
        pane = [(a0 - 0.02, 0.75, z0), (a0 - 0.02, -0.75, z0), (a1, -0.65, z1), (a1, 0.65, z1)]
        brush.face(pane, glass)
    end = half + 0.01 if facing else -half - 0.01
    if abs(math.sin(brush.turn)) > 0.1:
        brush.face(
            [(end, b, z) for b, z in ((-0.3, 0.4), (0.3, 0.4), (0.3, 0.55), (-0.3, 0.55))],
            (0.6, 0.6, 0.55),
        )
        for b in (-0.65, 0.65):
            brush.dot((end, b, 0.65), 0.1, (0.75, 0.72, 0.68) if facing else (0.5, 0.14, 0.1))
    near = side if math.cos(brush.turn) > 0 else -side
    for a in (-1.35, 1.35):
        brush.disc((a, near, 0.32), 0.32, DARK)
        brush.disc((a, near, 0.32), 0.19, STEEL)
