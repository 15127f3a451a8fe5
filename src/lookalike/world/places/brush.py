"""Solid things drawn into a frame: boxes, columns, prisms and bars in metres, lit on each side."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import ImageDraw

from lookalike.world.places.cameras import FRAME, Camera, daylight

Colour = tuple[float, float, float]
Point = tuple[float, float, float]
UP: Point = (0.0, 0.0, 1.0)
FRONT: Point = (0.0, -1.0, 0.0)

Random = np.random.Generator
DARK: Colour = (0.10, 0.10, 0.11)
STEEL: Colour = (0.52, 0.52, 0.53)

FINE = 2
"""Pixels of the drawing a pixel of the frame: thin bars come out smooth."""


@dataclass(frozen=True)
class Brush:
    """What draws one thing: a place on the ground, and the light there."""

    draw: ImageDraw.ImageDraw
    camera: Camera
    x: float
    """The thing's own origin, metres."""
    y: float
    turn: float
    """Radians, anticlockwise from above; at 0 its length runs along x."""
    sky: float = 1.0
    """How much of the camera's light is there."""
    sun: float = 1.0

    def at(self, a: float, b: float, z: float) -> tuple[float, float]:
        """Where a point of the thing (along it, across it away from us, up; metres) is drawn."""
        cos, sin = math.cos(self.turn), math.sin(self.turn)
        return pixel(self.camera, self.x + cos * a - sin * b, self.y + sin * a + cos * b, z)

    def size(self, metres: float) -> int:
        """A width there in pixels of the drawing, at least 1."""
        return max(1, round(metres * self.camera.focal / max(self.y, 1.0) * FINE))

    def normal(self, a: float, b: float, z: float) -> Point:
        """The thing's own direction in the world."""
        cos, sin = math.cos(self.turn), math.sin(self.turn)
        return cos * a - sin * b, sin * a + cos * b, z

    def ink(self, albedo: Colour, normal: Point = FRONT) -> tuple[int, int, int]:
        """The 8-bit colour of a surface of that albedo that looks along `normal` (of the world)."""
        sky, sun = daylight(self.camera, normal)
        red, green, blue = (
            min(255, round(255 * a * math.sqrt(self.sky * light + self.sun * ray)))
            for a, light, ray in zip(albedo, sky, sun, strict=True)
        )
        return red, green, blue

    def face(self, points: Iterable[Point], albedo: Colour, normal: Point | None = None) -> None:
        """A flat piece; `normal` (its own direction) FRONT of the world if not given."""
        world = FRONT if normal is None else self.normal(*normal)
        self.draw.polygon([self.at(*p) for p in points], fill=self.ink(albedo, world))

    def bar(self, points: Iterable[Point], width: float, albedo: Colour) -> None:
        """A line of that width."""
        line = [self.at(*p) for p in points]
        self.draw.line(line, fill=self.ink(albedo), width=self.size(width), joint="curve")

    def box(
        self, size: Point, albedo: Colour, at: Point = (0.0, 0.0, 0.0), top: Colour | None = None
    ) -> None:
        """A box of length, depth and height; `at` is the middle of its bottom."""
        a, b, h = size[0] / 2, size[1] / 2, size[2]
        outline = [(-a, 0.0), (a, 0.0), (a, h), (-a, h)]
        self.prism(outline, 2 * b, albedo, at, roof=top)

    def prism(
        self,
        profile: Sequence[tuple[float, float]],
        width: float,
        albedo: Colour,
        at: Point = (0.0, 0.0, 0.0),
        roof: Colour | None = None,
    ) -> None:
        """A profile (along, up; anticlockwise from the front) drawn out across to both sides."""
        near, far = at[1] - width / 2, at[1] + width / 2
        points = [(at[0] + a, at[2] + z) for a, z in profile]
        for (a0, z0), (a1, z1) in zip(points, [*points[1:], points[0]], strict=True):
            side = (z1 - z0, 0.0, a0 - a1)
            if self._seen(side, ((a0 + a1) / 2, at[1], (z0 + z1) / 2)):
                length = math.hypot(side[0], side[2]) or 1.0
                unit = (side[0] / length, 0.0, side[2] / length)
                corners = [(a0, near, z0), (a1, near, z1), (a1, far, z1), (a0, far, z0)]
                self.face(corners, roof if roof and unit[2] > 0.9 else albedo, unit)
        for b, normal in ((near, (0.0, -1.0, 0.0)), (far, (0.0, 1.0, 0.0))):
            if self._seen(normal, (points[0][0], b, points[0][1])):
                self.face([(a, b, z) for a, z in points], albedo, normal)

    def column(
        self, radius: float, low: float, high: float, albedo: Colour, lean: float = 0
    ) -> None:
        """An upright cylinder around the origin; `lean`: how far its top is off, along it."""
        strips = 6
        for k in range(strips):
            # from left to right as the camera sees it, whatever the thing's own turn
            left, right = (math.pi * (1 + j / strips) - self.turn for j in (k, k + 1))
            p, q = (
                (radius * math.cos(left), radius * math.sin(left)),
                (radius * math.cos(right), radius * math.sin(right)),
            )
            middle = (left + right) / 2
            self.face(
                [(*p, low), (*q, low), (q[0] + lean, q[1], high), (p[0] + lean, p[1], high)],
                albedo,
                (math.cos(middle), math.sin(middle), 0.0),
            )

    def disc(self, centre: Point, radius: float, albedo: Colour, rim: float | None = None) -> None:
        """An upright disc along the thing; with `rim` only its edge, of that width."""
        ring = [
            self.at(
                centre[0] + radius * math.cos(k * math.pi / 10),
                centre[1],
                centre[2] + radius * math.sin(k * math.pi / 10),
            )
            for k in range(21)
        ]
        if rim is None:
            self.draw.polygon(ring, fill=self.ink(albedo))
        else:
            self.draw.line(ring, fill=self.ink(albedo), width=self.size(rim), joint="curve")

    def dot(self, centre: Point, radius: float, albedo: Colour, normal: Point = FRONT) -> None:
        """A round spot that always faces the camera."""
        u, v = self.at(*centre)
        r = radius * self.camera.focal / max(self.y, 1.0) * FINE
        self.draw.ellipse([u - r, v - r, u + r, v + r], fill=self.ink(albedo, normal))

    def leaf(self, centre: Point, length: float, angle: float, albedo: Colour, up: bool) -> None:
        """A pointed leaf that lies at an angle in the picture (radians), lit from above or not."""
        u, v = self.at(*centre)
        r = 0.5 * length * self.camera.focal / max(self.y, 1.0) * FINE
        du, dv = r * math.cos(angle), r * math.sin(angle)
        corners = [(u - du, v - dv), (u - 0.4 * dv, v + 0.4 * du), (u + du, v + dv)]
        corners.append((u + 0.4 * dv, v - 0.4 * du))
        self.draw.polygon(corners, fill=self.ink(albedo, UP if up else FRONT))

    def _seen(self, normal: Point, point: Point) -> bool:
        """Whether a face with that direction and that point on it looks to the camera."""
        nx, ny, nz = self.normal(*normal)
        px, py, pz = self.normal(*point)
        to_x, to_y, to_z = -(self.x + px), -(self.y + py), self.camera.height - pz
        return nx * to_x + ny * to_y + nz * to_z > 0


def pixel(camera: Camera, x: float, y: float, z: float) -> tuple[float, float]:
    """Where a point (metres) is drawn: column and row at FINE times the frame's pixels."""
    pitch, roll = math.radians(camera.pitch), math.radians(camera.roll)
    up = z - camera.height
    down = -math.sin(pitch) * y - math.cos(pitch) * up
    depth = max(math.cos(pitch) * y - math.sin(pitch) * up, 0.3)
    right = math.cos(roll) * x + math.sin(roll) * down
    down = math.cos(roll) * down - math.sin(roll) * x
    scale = camera.focal * FINE / depth
    return FRAME[0] * FINE / 2 + scale * right, FRAME[1] * FINE / 2 + scale * down


def grey(random: Random, low: float, high: float, colourful: float = 0.06) -> Colour:
    """A grey between two albedos with a little colour, sooner brown or blue than green or pink."""
    warm, green = random.normal(0, colourful, 2)
    tint = np.exp([1.2 * warm - 0.2 * green, 0.4 * green, -1.2 * warm - 0.2 * green])
    channels = (random.uniform(low, high) * tint).clip(0, 0.95)
    return float(channels[0]), float(channels[1]), float(channels[2])
