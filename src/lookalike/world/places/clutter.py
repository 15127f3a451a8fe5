"""Which things stand where, their shadows on the ground, and the layer in front of people."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from lookalike.world.places.brush import FINE, Brush, pixel
from lookalike.world.places.cameras import FRAME, Camera, daylight
from lookalike.world.places.domains import Domain
from lookalike.world.places.noise import tiles
from lookalike.world.places.objects import KINDS
from lookalike.world.seeds import rng

Array = npt.NDArray[np.float32]


NEAREST = {
    "car": 10.5,
    "stall": 10.5,
    "stranger": 11.0,
    "rider": 11.0,
    "tree": 9.0,
    "pillar": 9.0,
    "sign": 8.5,
}
"""Where the first thing of a kind may stand, metres; nearer ones would look drawn."""


@dataclass(frozen=True)
class Thing:
    """One thing on the ground: kind, place (metres), turn (radians) and the seed of its looks."""

    kind: str
    x: float
    y: float
    turn: float
    seed: int


def things(random: np.random.Generator, camera: Camera, domain: Domain) -> list[Thing]:
    """What stands in a frame, the farthest first."""
    room = camera.wall - camera.distance[0]
    found: list[Thing] = []

    def place(kind: str, x: float, y: float, turn: float) -> None:
        found.append(Thing(kind, x, y, turn, int(random.integers(0, 2**31))))

    counts = (*domain.clutter, ("stranger", domain.strangers))
    for kind, mean in counts:
        nearest = max(NEAREST.get(kind, 7.0), camera.distance[0] + 0.2 * room)
        for _ in range(int(random.poisson(mean * min(1.2, 0.3 + 0.06 * room)))):
            # most of it stands along the wall, little where people walk
            y = camera.wall - 0.4 - max(camera.wall - nearest - 0.4, 0) * random.beta(0.9, 1.7)
            x = random.uniform(-0.56, 0.56) * FRAME[0] / camera.focal * y
            turn = random.normal(0, 0.35) + random.choice([0, 0, 0.5, 1, 1.5]) * math.pi
            if kind == "bikes":
                for k in range(int(random.integers(5, 22))):
                    leaning = 0.5 * math.pi * random.choice([0.75, 1.0]) + random.normal(0, 0.1)
                    along = x + 0.55 * k + random.normal(0, 0.08)
                    what = "scooter" if random.random() < 0.15 else "bike"
                    place(what, along, y + 0.05 * math.sin(k), leaning)
            else:
                upright = kind in ("sign", "stall", "stranger", "pillar", "rail", "bush", "tree")
                place(kind, x, y, random.normal(0, 0.3) if upright else turn)
    return sorted(found, key=lambda thing: -thing.y)


def draw(camera: Camera, picture: Array, found: list[Thing], light: Array) -> Array:
    """The picture (H×W×3, square root of linear light) with the things and their shadows.

    `light` is `Frame.light`: a thing in the shade or between lamps is darker.
    """
    shaded = picture * _shadows(camera, found)[..., None]
    layer = Image.new("RGBA", (FRAME[0] * FINE, FRAME[1] * FINE))
    pen = ImageDraw.Draw(layer)
    for thing in found:
        row = int(np.clip(2 * thing.y, 0, light.shape[0] - 1))
        column = int(np.clip(2 * (thing.x + 15), 0, light.shape[1] - 1))
        sky, sun = light[row, column]
        brush = Brush(pen, camera, thing.x, thing.y, thing.turn, float(sky), float(sun))
        KINDS[thing.kind][0](brush, rng("thing", thing.seed))
    # Pixels that nothing covers are black and clear, so the mean of each four is premultiplied.
    small = np.asarray(layer.reduce(FINE), np.float32) / np.float32(255)
    covered: Array = shaded * (1 - small[..., 3:]) + small[..., :3] * _wear()[..., None]
    return covered.clip(0, 1)


@lru_cache(maxsize=1)
def _wear() -> Array:
    """H×W factors about 1: nothing outdoors is of one flat colour."""
    clouds, grain = tiles()
    height, width = FRAME[1], FRAME[0]

    def over(tile: Array, size: int) -> Array:
        image = Image.fromarray(tile).resize((size, size), Image.Resampling.BICUBIC)
        repeats = (-(-height // size), -(-width // size))
        return np.tile(np.asarray(image), repeats)[:height, :width]

    factors: Array = 1 + 0.30 * (over(clouds, 200) - 0.5) + 0.18 * (over(grain, 512) - 0.5)
    return factors.astype(np.float32)


def _shadows(camera: Camera, found: list[Thing]) -> Array:
    """H×W factors on displayed values: dark below things and where they keep the sun off."""
    sky, sun = (float(np.mean(part)) for part in daylight(camera, (0.0, 0.0, 1.0)))
    shade = math.sqrt(sky / (sky + sun))
    mask = Image.new("L", (FRAME[0] // 2, FRAME[1] // 2), 255)
    pen = ImageDraw.Draw(mask)

    def ground(points: list[tuple[float, float]], value: float) -> None:
        corners = [pixel(camera, x, min(y, camera.wall), 0.0) for x, y in points]
        pen.polygon([(u / FINE / 2, v / FINE / 2) for u, v in corners], fill=round(255 * value))

    for thing in found:
        length, depth, height = KINDS[thing.kind][1]
        cos, sin = math.cos(thing.turn), math.sin(thing.turn)
        base = [
            (thing.x + cos * a - sin * b, thing.y + sin * a + cos * b)
            for a, b in (
                (-length / 2, -depth / 2),
                (length / 2, -depth / 2),
                (length / 2, depth / 2),
                (-length / 2, depth / 2),
            )
        ]
        if shade < 0.93:
            reach = height / max(camera.sun[2], 0.3)
            dx, dy = -camera.sun[0] * reach, -camera.sun[1] * reach
            for k in range(4):
                (x0, y0), (x1, y1) = base[k], base[(k + 1) % 4]
                ground([(x0, y0), (x1, y1), (x1 + dx, y1 + dy), (x0 + dx, y0 + dy)], shade)
    for thing in found:
        length, depth, _ = KINDS[thing.kind][1]
        cos, sin = abs(math.cos(thing.turn)), abs(math.sin(thing.turn))
        wide, deep = cos * length + sin * depth, sin * length + cos * depth
        for grow, value in ((1.25, 0.9), (1.0, 0.72)):
            ring = [
                (
                    thing.x + 0.5 * grow * wide * math.cos(k * math.pi / 6),
                    thing.y + 0.5 * grow * deep * math.sin(k * math.pi / 6),
                )
                for k in range(12)
            ]
            ground(ring, value * (shade if shade < 0.93 else 1.0))
    mask = mask.filter(ImageFilter.GaussianBlur(1.2)).resize(FRAME, Image.Resampling.BILINEAR)
    return np.asarray(mask, np.float32) / np.float32(255)


def occluders(
    random: np.random.Generator, camera: Camera, domain: Domain
) -> tuple[Image.Image, float]:
    """An RGBA frame of what stands nearer than most people, and its distance (0: nothing)."""
    layer = Image.new("RGBA", (FRAME[0] * FINE, FRAME[1] * FINE))
    if random.random() >= domain.occluder_share:
        return layer.reduce(FINE), 0.0
    near, far = camera.distance
    y = random.uniform(0.95 * near, near + 0.3 * (far - near))
    names, shares = zip(*domain.occluders, strict=True)
    pen = ImageDraw.Draw(layer)
    for _ in range(int(random.integers(1, 4))):
        kind = str(names[random.choice(len(names), p=np.array(shares) / sum(shares))])
        x = random.uniform(-0.5, 0.5) * FRAME[0] / camera.focal * y
        brush = Brush(pen, camera, x, y, random.normal(0, 0.2))
        KINDS[kind][0](brush, random)
    small = np.asarray(layer.reduce(FINE), np.float32)
    share = np.maximum(small[..., 3:], 1) / 255
    straight = np.concatenate([np.minimum(small[..., :3] / share, 255), small[..., 3:]], -1)
    return Image.fromarray(straight.astype(np.uint8)), float(y)
