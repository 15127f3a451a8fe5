"""Kinds of ground: paving, tiles, asphalt, concrete and grass, each with its own numbers."""

# Warp has no types, and its kernels are not Python to mypy.
# mypy: disable-error-code="no-untyped-call,no-untyped-def,misc,attr-defined,valid-type,operator"
# mypy: disable-error-code="no-any-return"
# ruff: noqa: UP018  (Warp wants `float(0.0)` for what changes in a loop)

from typing import Any

import numpy as np
import warp as wp

from lookalike.world.places.noise import above, cell, line, mix, smooth, tile, within

wp.set_module_options({"enable_backward": False})

KINDS = ("pavers", "slabs", "tiles", "asphalt", "concrete", "grass")
PAVERS, SLABS, TILES, ASPHALT, CONCRETE, GRASS = (wp.constant(i) for i in range(6))


@wp.struct
class Ground:
    """One ground's numbers; lengths in metres, colours as albedo."""

    kind: int
    tone: wp.vec3
    cos: float  # of the pattern's direction
    sin: float
    stone: wp.vec2  # a stone's length and width
    joint: float  # how much darker joints are
    vary: float  # how much stones differ
    rough: float
    shift: float  # of every other row, in stones
    band: wp.vec3  # period (0: none), width, and whether also across
    band_tint: wp.vec3
    marks: (
        wp.vec4
    )  # on asphalt: the line at u, its dashes' length (0: whole), the crossing's u, strength
    salt: int


def ground(random: np.random.Generator, kind: str) -> Any:
    """A ground of that kind with drawn numbers."""
    out = Ground()
    out.kind = KINDS.index(kind)
    light = dict(tiles=(0.36, 0.66), asphalt=(0.30, 0.42), grass=(0.38, 0.46)).get(
        kind, (0.38, 0.56)
    )
    tint = np.exp(random.normal(0, 0.02, 3))
    if kind == "grass":
        tint = np.array([0.88, 1.05, 0.66]) * np.exp(random.normal(0, 0.06, 3))
    out.tone = wp.vec3(*(random.uniform(*light) * tint))
    angle = random.uniform(-0.6, 0.6)
    out.cos, out.sin = float(np.cos(angle)), float(np.sin(angle))
    if kind == "pavers":
        long = random.uniform(0.18, 0.34)
        out.stone = wp.vec2(long, long * random.choice([0.5, 0.5, 1.0, 0.65]))
    elif kind == "concrete":
        out.stone = wp.vec2(random.uniform(2.0, 4.0), random.uniform(2.0, 4.0))
    else:
        long = random.uniform(0.4, 1.0)
        out.stone = wp.vec2(long, long * random.choice([1.0, 1.0, 0.5]))
    out.joint = random.uniform(0.24, 0.46) * (0.6 if kind == "tiles" else 1.0)
    out.vary = random.uniform(0.15, 0.5) * (0.4 if kind == "tiles" else 1.0)
    out.rough = 0.12 if kind == "tiles" else random.uniform(0.3, 0.6)
    out.shift = random.choice([0.0, 0.5, 0.5, 0.33]) if kind != "tiles" else 0.0
    if random.random() < 0.6 and kind in ("pavers", "slabs", "tiles"):
        out.band = wp.vec3(
            random.uniform(1.6, 6.0), random.uniform(0.2, 0.9), float(random.integers(0, 2))
        )
    warm = np.array([0.13, -0.04, -0.09]) * random.uniform(0.1, 1.3)
    out.band_tint = wp.vec3(*((1 + warm) * random.choice([0.72, 0.85, 1.0, 1.12])))
    out.marks = wp.vec4(
        random.uniform(-3, 3),
        random.choice([0.0, 2.0, 4.0]),
        random.uniform(-9, 9),
        random.uniform(0.3, 0.8) if random.random() < 0.75 else 0.0,
    )
    out.salt = int(random.integers(0, 1000))
    return out


@wp.func
def surface(g: Ground, x: float, y: float, foot_x: float, foot_y: float, clouds: tile, grain: tile):
    """Albedo of one ground at a point."""
    u = g.cos * x + g.sin * y
    v = g.cos * y - g.sin * x
    fu = wp.abs(g.cos) * foot_x + wp.abs(g.sin) * foot_y
    fv = wp.abs(g.cos) * foot_y + wp.abs(g.sin) * foot_x
    foot = wp.max(fu, fv)
    tone = g.tone
    if g.kind == GRASS:
        blades = smooth(grain, u * 0.13, v * 0.13) - 0.5
        tufts = smooth(clouds, u * 0.11, v * 0.11)
        dry = smooth(clouds, v * 0.03, u * 0.03)
        green = tone * (0.55 + 0.75 * tufts + 0.35 * blades * wp.clamp(0.06 / foot, 0.0, 1.0))
        return mix(
            green,
            wp.vec3(0.40, 0.37, 0.27) * (0.7 + 0.6 * tufts),
            wp.clamp(dry - 0.62, 0.0, 0.3) * 2.0,
        )
    if g.kind == ASPHALT:
        speck = smooth(grain, u * 0.21, v * 0.21) - 0.5
        tone *= 1.0 + 0.5 * speck * wp.clamp(0.03 / foot, 0.15, 1.0)
        tone *= 0.86 + 0.28 * smooth(clouds, u * 0.05, v * 0.05)
        mended = cell(grain, int(wp.floor(u / 2.7)), int(wp.floor(v / 4.1)), g.salt)
        if mended > 0.86:
            tone *= 0.82
        crack = wp.abs(smooth(clouds, u * 0.09, v * 0.09) - 0.5) * 9.0
        tone *= 1.0 - 0.3 * wp.clamp(1.0 - crack / (0.02 + foot), 0.0, 1.0) * wp.clamp(
            0.02 / foot, 0.0, 1.0
        )
        worn = wp.clamp(1.6 * smooth(clouds, u * 0.3, v * 0.3), 0.3, 1.0) * g.marks[3]
        dash = float(1.0)
        if g.marks[1] > 0.0:
            dash = above(
                wp.abs(v / (2.5 * g.marks[1]) - wp.round(v / (2.5 * g.marks[1])))
                * 2.5
                * g.marks[1],
                0.75 * g.marks[1],
                fv,
            )
        paint = within(u, g.marks[0], g.marks[0] + 0.14, fu) * dash
        zebra = within(v, g.marks[2] + 14.0, g.marks[2] + 17.0, fv) * above(
            line(u, 0.9, 0.42, fu), 0.5, 0.5
        )
        return mix(tone, wp.vec3(0.78, 0.78, 0.75), wp.max(paint, zebra) * worn)
    row = int(wp.floor(v / g.stone[1]))
    along = u + float(row) * g.shift * g.stone[0]
    column = int(wp.floor(along / g.stone[0]))
    own = cell(grain, column, row, g.salt) - 0.5
    fade = wp.clamp(0.5 * g.stone[1] / foot, 0.0, 1.0)
    tone *= 1.0 + g.vary * own * fade
    if g.band[0] > 0.0:
        stripe = line(float(column) * g.stone[0], g.band[0], g.band[1], 0.01)
        if g.band[2] > 0.5:
            stripe = wp.max(stripe, line(float(row) * g.stone[1], g.band[0], g.band[1], 0.01))
        tone = mix(tone, wp.cw_mul(tone, g.band_tint), wp.clamp(2.0 * stripe, 0.0, 1.0))
    joints = wp.max(line(along, g.stone[0], 0.012, fu), line(v, g.stone[1], 0.012, fv))
    tone *= 1.0 - g.joint * joints
    rough = smooth(grain, u * 0.17, v * 0.17) - 0.5
    return tone * (1.0 + g.rough * rough * wp.clamp(0.06 / foot, 0.0, 1.0))
