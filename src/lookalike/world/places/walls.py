"""What stands behind everybody: house fronts of many bays, hedges and fences."""

# Warp has no types, and its kernels are not Python to mypy.
# mypy: disable-error-code="no-untyped-call,no-untyped-def,misc,attr-defined,valid-type,operator"
# mypy: disable-error-code="no-any-return,arg-type"
# ruff: noqa: UP018  (Warp wants `float(0.0)` for what changes in a loop)

from typing import Any

import numpy as np
import warp as wp

from lookalike.world.places.fronts import Wall, greenery, poster, room, stock
from lookalike.world.places.noise import above, cell, line, mix, smooth, tile, within

wp.set_module_options({"enable_backward": False})

KINDS = ("brick", "panels", "glass", "shops", "hedge", "fence")
BRICK, PANELS, GLASS, SHOPS, HEDGE, FENCE = (wp.constant(i) for i in range(6))

# What fills a bay of the ground floor; the rest of a house front stays bare.
FILLINGS = ("door", "shop", "window", "shutter", "grille", "poster")
DOOR, SHOP, WINDOW, SHUTTER, GRILLE, POSTER = (wp.constant(i) for i in range(6))
SHARES = {
    "brick": (0.18, 0.06, 0.34, 0.10, 0.10, 0.10),
    "panels": (0.22, 0.12, 0.20, 0.12, 0.08, 0.14),
    "glass": (0.30, 0.45, 0.10, 0.00, 0.05, 0.05),
    "shops": (0.16, 0.58, 0.02, 0.12, 0.04, 0.08),
}


def wall(random: np.random.Generator, kind: str, glow: float) -> Any:
    """A wall of that kind with drawn numbers; `glow`: how brightly its windows are lit."""
    out = Wall()
    out.kind = KINDS.index(kind)
    tint = np.exp(random.normal(0, 0.03, 3))
    tone = random.uniform(0.26, 0.62) * tint
    if kind == "brick":
        tone = np.array([1.14, 0.88, 0.78]) ** random.uniform(0.2, 1.3) * random.uniform(0.3, 0.5)
    if kind in ("hedge", "fence"):
        tone = np.array([0.29, 0.36, 0.21]) * random.uniform(0.7, 1.35) * tint
    out.tone = wp.vec3(*tone)
    out.second = wp.vec3(*(random.uniform(0.12, 0.7) * np.exp(random.normal(0, 0.03, 3))))
    out.top = random.uniform(1.0, 2.6) if kind in ("hedge", "fence") else random.uniform(4, 13)
    out.bay = random.uniform(2.2, 4.6)
    out.storey = random.uniform(3.0, 3.8)
    out.offset = random.uniform(0, 10)
    out.pillar = random.choice([0.12, 0.2, 0.35, 0.6])
    out.plinth = random.choice([0.0, 0.2, 0.45, 0.8])
    out.dark = random.uniform(0.06, 0.26)
    out.shiny = random.uniform(0.1, 0.5)
    out.glow = glow
    if random.random() < 0.55:
        middle, half = random.uniform(-6, 6), random.uniform(2, 12)
        height = 0.16 * random.integers(1, 6)
        out.steps = wp.vec3(middle - half, middle + half, float(height))
    out.joints = wp.vec2(random.choice([0.6, 0.9, 1.2, 2.4]), random.choice([0.4, 0.6, 1.2]))
    out.dirt = random.uniform(0.3, 1.0)
    out.salt = int(random.integers(0, 1000))
    sums = np.cumsum(SHARES.get(kind, (0.0,) * 6))
    out.shares = wp.types.vector(length=6, dtype=float)(*sums)
    return out


@wp.func
def wall_colour(w: Wall, x: float, z: float, foot: float, clouds: tile, grain: tile):
    """Albedo at x along and z up the wall, and beside it how brightly it shines by itself."""
    shine = float(0.0)
    if w.kind == HEDGE or w.kind == FENCE:
        tone = greenery(w, x, z, foot, clouds, grain)
        if w.kind == FENCE:
            bars = wp.max(
                line(x, 0.16, 0.025, foot),
                wp.max(line(z - 0.15, 2.0, 0.05, foot), line(x, w.bay, 0.10, foot)),
            )
            tone = mix(tone, w.second, bars * above(1.7, z, foot))
            tone = mix(tone, w.second * 0.9, 1.0 - above(z, w.plinth, foot))
        return wp.vec4(tone[0], tone[1], tone[2], 0.0)
    i = int(wp.floor((x + w.offset) / w.bay))
    u = x + w.offset - float(i) * w.bay
    j = int(wp.floor(z / w.storey))
    v = z - float(j) * w.storey
    own = i * 7 + j * 31
    tone = w.tone * (0.86 + 0.28 * smooth(clouds, x * 0.05, z * 0.05))
    if w.kind == BRICK:
        row = int(wp.floor(z / 0.085))
        along = x + 0.12 * float(row & 1)
        tone *= 1.0 + 0.3 * (
            cell(grain, int(wp.floor(along / 0.24)), row, w.salt) - 0.5
        ) * wp.clamp(0.1 / foot, 0.0, 1.0)
        tone *= 1.0 - 0.25 * wp.max(line(along, 0.24, 0.012, foot), line(z, 0.085, 0.012, foot))
    else:
        panel = cell(grain, int(wp.floor(x / w.joints[0])), int(wp.floor(z / w.joints[1])), w.salt)
        tone *= 1.0 + 0.12 * (panel - 0.5)
        tone *= 1.0 - 0.3 * wp.max(
            line(x, w.joints[0], 0.015, foot), line(z, w.joints[1], 0.015, foot)
        )
    left = w.pillar
    right = w.bay
    what = cell(grain, i, 2, w.salt)
    glass = wp.vec3(0.0, 0.0, 0.0)
    hole = float(0.0)
    if j > 0:
        what = 2.0
        hole = within(u, left + 0.3, right - 0.3, foot) * within(v, 0.8, w.storey - 0.7, foot)
        if w.kind == GLASS:
            hole = within(u, left, right, foot) * within(v, 0.15, w.storey, foot)
        glass = room(w, x, z, u - left, v - 0.8, own, foot, clouds, grain)
    elif what < w.shares[0]:
        # two leaves with frames, a light above them
        half = wp.min(0.5 * (right - left) - 0.1, 0.6 + 0.5 * cell(grain, i, 5, w.salt))
        middle = 0.5 * (left + right)
        hole = within(u, middle - half, middle + half, foot) * above(2.35, v, foot)
        glass = room(w, x, z, u - middle + 0.6, v, own, foot, clouds, grain) * 0.7
        if cell(grain, i, 6, w.salt) > 0.55:
            glass = w.second * 0.55 * (1.0 - 0.3 * line(v, 0.7, 0.03, foot))
        frame = wp.max(
            line(u - middle, half, 0.09, foot),
            wp.max(line(v - 2.05, 9.0, 0.08, foot), line(v - 0.1, 9.0, 0.2, foot)),
        )
        glass = mix(glass, w.second * 0.8, frame * 0.9)
        bar = within(wp.abs(u - middle), 0.08, 0.12, foot) * within(v, 0.8, 1.4, foot)
        glass = mix(glass, wp.vec3(0.62, 0.62, 0.6), bar)
    elif what < w.shares[1]:
        sill = 0.15 + 0.5 * cell(grain, w.salt, 8, 3)
        hole = within(u, left, right, foot) * within(v, sill, 2.55, foot)
        glass = stock(u, v - sill, own + w.salt, foot, clouds, grain)
        mirrored = room(w, x, z, 0.6, v, own, foot, clouds, grain)
        glass = mix(glass * (0.45 + 0.25 * w.glow), mirrored, 0.25 + 0.5 * w.shiny)
        glass = mix(
            glass,
            w.second,
            wp.max(line(u - left, 1.25, 0.06, foot), line(v - sill, 2.4 - sill, 0.07, foot)),
        )
        shine = w.glow * hole * (0.4 + 0.6 * cell(grain, i, 7, w.salt))
    elif what < w.shares[2]:
        hole = within(u, left + 0.35, right - 0.35, foot) * within(v, 0.9, 2.3, foot)
        glass = room(w, x, z, u - left - 0.35, v - 0.9, own, foot, clouds, grain)
        glass = mix(
            glass,
            w.second,
            wp.max(line(u - left - 0.35, 0.75, 0.06, foot), line(v - 0.9, 1.4, 0.08, foot)),
        )
    elif what < w.shares[3]:
        hole = within(u, left + 0.1, right - 0.1, foot) * above(2.6, v, foot)
        steel = 0.36 + 0.25 * cell(grain, i, 13, w.salt)
        glass = wp.vec3(steel, steel, steel) * (1.0 - 0.35 * line(v, 0.11, 0.05, foot))
    elif what < w.shares[4]:
        hole = within(u, left + 0.3, right - 0.3, foot) * within(v, 0.3, 2.3, foot)
        glass = room(w, x, z, u, v, own, foot, clouds, grain) * 0.7
        glass = mix(
            glass,
            wp.vec3(0.42, 0.41, 0.40),
            wp.max(line(u, 0.13, 0.025, foot), line(v, 0.7, 0.04, foot)),
        )
    elif what < w.shares[5]:
        tone = poster(tone, u - left - 0.2, v, own + w.salt, foot, grain)
    tone = mix(tone, glass, hole)
    if j == 0 and w.kind == SHOPS:
        # a name above the window: pale or dark letters on a board
        board = within(v, 2.6, 3.2, foot)
        paint = 0.15 + 0.55 * cell(grain, i, 14, w.salt)
        hue = 0.35 * (cell(grain, i, 15, w.salt) - 0.5)
        letters = above(cell(grain, int(wp.floor(u / 0.16)), int(wp.floor(v / 0.1)), own), 0.5, 0.1)
        letters *= within(u, 0.5, w.bay - 0.5, foot) * within(v, 2.75, 3.05, foot)
        name = mix(
            wp.vec3(paint * (1.0 + hue), paint, paint * (1.0 - hue)),
            wp.vec3(0.85 - paint, 0.85 - paint, 0.85 - paint),
            letters * wp.clamp(0.12 / foot, 0.0, 1.0),
        )
        tone = mix(tone, name, board)
        shine = wp.max(shine, board * w.glow * 0.8)
    side = within(u, 0.0, w.pillar, foot) * above(w.pillar, 0.15, 0.01)
    round_ = 1.0 - 0.9 * wp.abs(u / wp.max(w.pillar, 0.01) - 0.45)
    tone = mix(tone, w.second * (0.5 + 0.6 * round_), side)
    low = 1.0 - above(z, w.plinth, foot)
    tone = mix(tone, w.second * 0.8, low * (1.0 - hole))
    runs = smooth(clouds, x * 0.4, z * 0.03)
    tone *= (
        1.0
        - w.dirt * 0.4 * wp.clamp(runs - 0.5, 0.0, 0.4)
        - w.dirt * 0.3 * wp.clamp(0.5 - z, 0.0, 0.4)
    )
    if w.steps[2] > 0.0 and x > w.steps[0] and x < w.steps[1] and z < w.steps[2]:
        tread = within(z - 0.16 * wp.floor(z / 0.16), 0.09, 0.16, foot)
        stone = 0.34 + 0.2 * cell(grain, int(wp.floor(x / 1.1)), int(wp.floor(z / 0.16)), w.salt)
        tone = wp.vec3(stone, stone, stone) * (0.62 + 0.6 * tread)
        shine = 0.0
    return wp.vec4(tone[0], tone[1], tone[2], shine)
