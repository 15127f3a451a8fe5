"""The ground as a whole: where two kinds meet, what lies on them, and where the light falls."""

# Warp has no types, and its kernels are not Python to mypy.
# mypy: disable-error-code="no-untyped-call,no-untyped-def,misc,attr-defined,valid-type,operator"
# mypy: disable-error-code="no-any-return"
# ruff: noqa: UP018  (Warp wants `float(0.0)` for what changes in a loop)

from collections.abc import Sequence
from typing import Any

import numpy as np
import warp as wp

from lookalike.world.places.cameras import Camera
from lookalike.world.places.domains import Domain
from lookalike.world.places.grounds import GRASS, Ground, ground, surface
from lookalike.world.places.noise import above, line, mix, smooth, tile, within

wp.set_module_options({"enable_backward": False})


@wp.struct
class Yard:
    """The whole ground: the near one, another beyond an edge, and what lies on both."""

    near: Ground
    far: Ground
    edge: wp.vec3  # the far ground is where x·edge[0] + y·edge[1] > edge[2]
    kerb: float  # its width, 0 for none
    path: wp.vec3  # on grass: a path's centre, half width, and its bend
    dirt: float
    litter: float
    litter_tone: wp.vec3
    sun: wp.vec3
    roofs: wp.vec4  # a building's shadow: direction x, y, border and width (0: none)
    trees: wp.array(dtype=wp.vec3)  # x, y and a crown's radius; they cast shadows
    patches: wp.array(dtype=wp.vec4)
    lamps: wp.array(dtype=wp.vec3)  # x, y and radius of pools of light
    pools: float


def yard(random: np.random.Generator, camera: Camera, domain: Domain, kind: str) -> Any:
    """The whole ground of a camera."""
    yard = Yard()
    yard.near = ground(random, kind)
    others = {"tiles": ("tiles",), "grass": ("slabs", "asphalt", "pavers")}
    yard.far = ground(
        random, str(random.choice(others.get(kind, ("asphalt", "grass", "slabs", "concrete"))))
    )
    angle = random.choice([0.0, 0.0, 0.5 * np.pi, -0.5 * np.pi]) + random.normal(0, 0.15)
    along = 0.5 * np.pi - angle
    nearest = camera.wall * 0.45 if abs(np.sin(along)) > 0.5 else 1.5
    border = random.uniform(nearest, camera.wall * 0.95 if nearest > 2 else 7.0)
    if random.random() < 0.3:
        border = 1e3  # one ground only
    yard.edge = wp.vec3(float(np.cos(along)), float(np.sin(along)), float(border))
    yard.kerb = random.uniform(0.1, 0.3) if kind != "tiles" and random.random() < 0.7 else 0.0
    yard.path = wp.vec3(random.uniform(-1, 1), random.uniform(1.2, 2.8), random.uniform(0, 0.7))
    indoors = domain.behind_walls == "ceiling"
    yard.dirt = random.uniform(0.15, 0.4) if indoors else random.uniform(0.25, 0.9)
    yard.litter = 0.0 if indoors else float(random.choice([0.0, 0.04, 0.1]))
    yard.litter_tone = wp.vec3(*(np.array([0.36, 0.32, 0.22]) * random.uniform(0.6, 1.2)))
    yard.sun = wp.vec3(*camera.sun)
    yard.roofs = _roofs(random, camera, domain)
    crowns = [
        (random.uniform(-9, 9), random.uniform(3, camera.wall), random.uniform(0.9, 2.2))
        for _ in range(int(random.poisson(6 * domain.shadows[1])))
    ]
    yard.trees = _points(crowns, 3)
    covers = [
        (random.uniform(-7, 7), random.uniform(4, camera.wall), size, kind)
        for kind, size, mean in (
            (0, 0.34, 1.5),
            (1, 0.45, 1.2),
            (2, 0.9, 3),
            (2, 0.3, 8),
            (3, 0.8, 3),
        )
        for _ in range(int(random.poisson(mean * (0.3 if indoors else 1.0))))
    ]
    yard.patches = _points(covers, 4)
    lamps = [
        (random.uniform(-7, 7), random.uniform(2, camera.wall), random.uniform(2.5, 6))
        for _ in range(5)
    ]
    yard.lamps = _points(lamps, 3)
    yard.pools = random.uniform(*domain.pools)
    return yard


def _roofs(random: np.random.Generator, camera: Camera, domain: Domain) -> Any:
    """A building's shadow: a band across the ground, whose border runs any way."""
    if random.random() > 0.5 * sum(domain.shadows) * 2:
        return wp.vec4(0.0, 0.0, 0.0, 0.0)
    angle = random.uniform(0, 2 * np.pi)
    across = np.array([np.cos(angle), np.sin(angle)])
    border = float(across @ [random.uniform(-3, 3), random.uniform(5, camera.wall)])
    return wp.vec4(float(across[0]), float(across[1]), border, float(random.uniform(4, 30)))


def _points(rows: Sequence[tuple[float, ...]], width: int) -> Any:
    """Rows as a Warp array of vectors, which may be empty."""
    return wp.array(
        np.array(rows, np.float32).reshape(-1, width),
        dtype=wp.vec3 if width == 3 else wp.vec4,
        device="cpu",
    )


@wp.func
def ground_colour(
    yard: Yard, x: float, y: float, foot_x: float, foot_y: float, clouds: tile, grain: tile
):
    """Albedo of the ground at (x, y)."""
    foot = wp.max(foot_x, foot_y)
    wave = 0.25 * (smooth(clouds, x * 0.02, y * 0.02) - 0.5)
    over = x * yard.edge[0] + y * yard.edge[1] - yard.edge[2]
    if yard.far.kind == GRASS and yard.kerb == 0.0:
        over += wave
    tone = surface(yard.near, x, y, foot_x, foot_y, clouds, grain)
    beyond = above(over, 0.0, foot)
    if beyond > 0.0:
        tone = mix(tone, surface(yard.far, x, y, foot_x, foot_y, clouds, grain), beyond)
    if yard.kerb > 0.0:
        stones = 1.0 - 0.35 * line(x * yard.edge[1] - y * yard.edge[0], 0.9, 0.015, foot_x)
        tone = mix(tone, wp.vec3(0.60, 0.59, 0.57) * stones, within(over, 0.0, yard.kerb, foot))
        tone *= 1.0 - 0.55 * within(over, -0.10, 0.0, foot)
    if yard.near.kind == GRASS:
        bend = x - yard.path[0] - yard.path[2] * wp.sin(0.3 * y)
        trodden = 1.0 - above(wp.abs(bend) + wave, yard.path[1], foot)
        if trodden > 0.0:
            tone = mix(tone, surface(yard.far, x, y, foot_x, foot_y, clouds, grain), trodden)
    # dirt of three sizes: whole areas, runs and blots, small spots
    area = smooth(clouds, x * 0.021, y * 0.021)
    blot = smooth(clouds, x * 0.13 + 0.3, y * 0.13)
    spot = smooth(clouds, x * 0.55, y * 0.55)
    tone *= 1.0 + yard.dirt * (
        0.5 * (area - 0.5)
        - 0.9 * wp.clamp(blot - 0.66, 0.0, 0.3)
        - 0.7 * wp.clamp(spot - 0.8, 0.0, 0.2) * wp.clamp(0.05 / foot, 0.0, 1.0)
    )
    leaf = smooth(grain, x * 0.06, y * 0.06)
    heap = wp.clamp(2.2 * smooth(clouds, y * 0.05, x * 0.05) - 0.7, 0.0, 1.0)
    tone = mix(
        tone,
        yard.litter_tone * (0.6 + 0.8 * spot),
        above(leaf, 1.0 - yard.litter * heap, 0.02) * wp.clamp(0.08 / foot, 0.0, 0.8),
    )
    for k in range(yard.patches.shape[0]):
        p = yard.patches[k]
        dx = x - p[0]
        dy = y - p[1]
        if wp.abs(dx) < 2.0 * p[2] and wp.abs(dy) < 2.0 * p[2]:
            tone = patched(tone, p, dx, dy, foot, blot)
    return tone


@wp.func
def patched(tone: wp.vec3, p: wp.vec4, dx: float, dy: float, foot: float, noise: float):
    """A cover, a drain or a stain over the ground."""
    far = wp.sqrt(dx * dx + dy * dy)
    if p[3] < 0.5:
        iron = wp.vec3(0.33, 0.32, 0.31) * (
            1.0 - 0.4 * wp.max(line(dx, 0.09, 0.03, foot), line(dy, 0.09, 0.03, foot))
        )
        ring = within(far, p[2] * 0.88, p[2] * 1.06, foot)
        return mix(tone, iron, 1.0 - above(far, p[2], foot)) * (1.0 - 0.45 * ring)
    if p[3] < 1.5:
        bars = above(wp.abs(dx / 0.07 - wp.round(dx / 0.07)) * 0.07, 0.02, foot)
        inside = within(dx, -p[2], p[2], foot) * within(dy, -0.2, 0.2, foot)
        return mix(tone, wp.vec3(0.36, 0.36, 0.35) * (1.0 - 0.6 * bars), inside)
    wet = wp.clamp((p[2] * (0.2 + 1.5 * noise) - far) / (0.5 * p[2] + foot), 0.0, 1.0)
    if p[3] < 2.5:
        return tone * (1.0 - 0.24 * wet)
    return tone * (1.0 + 0.18 * wet)


@wp.func
def sun_share(yard: Yard, x: float, y: float, clouds: tile):
    """How much of the sun reaches the ground at (x, y): 0 in full shade, 1 in the open."""
    share = float(1.0)
    if yard.roofs[3] > 0.0:
        side = x * yard.roofs[0] + y * yard.roofs[1] - yard.roofs[2]
        step = 0.8 * wp.round(wp.sin(0.7 * (x * yard.roofs[1] - y * yard.roofs[0])))
        share = 1.0 - within(side + step, 0.0, yard.roofs[3], 0.25)
    for k in range(yard.trees.shape[0]):
        t = yard.trees[k]
        # the crown, 2.2 radii up, and the trunk below it, both thrown away from the sun
        reach = 2.6 * t[2] / wp.max(yard.sun[2], 0.3)
        dx = x - t[0]
        dy = y - t[1]
        along = -(dx * yard.sun[0] + dy * yard.sun[1])
        across = dx * yard.sun[1] - dy * yard.sun[0]
        length = wp.sqrt(yard.sun[0] * yard.sun[0] + yard.sun[1] * yard.sun[1]) + 1.0e-3
        along = along / length
        across = across / length
        middle = reach * length
        if wp.abs(along - middle) < 2.2 * t[2] and wp.abs(across) < 1.5 * t[2]:
            radius = wp.sqrt((along - middle) * (along - middle) * 0.6 + across * across) / t[2]
            leaves = smooth(clouds, x * 0.12, y * 0.12)
            share *= 1.0 - 0.9 * wp.clamp((1.25 - radius) * 3.0 - 3.0 * (leaves - 0.3), 0.0, 1.0)
        if along > 0.0 and along < middle:
            share *= 1.0 - 0.85 * (1.0 - above(wp.abs(across), 0.13, 0.06))
    return share


@wp.func
def lamp_light(yard: Yard, x: float, y: float):
    """Factor of the light at (x, y) below lamps; 1 on average."""
    total = float(0.0)
    for k in range(yard.lamps.shape[0]):
        p = yard.lamps[k]
        total += wp.exp(-((x - p[0]) * (x - p[0]) + (y - p[1]) * (y - p[1])) / (p[2] * p[2]))
    return 1.0 - yard.pools + 1.5 * yard.pools * wp.min(total, 1.6)
