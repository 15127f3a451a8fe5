"""Cameras: where one stands, its light, and what it does to colours."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.world.places.domains import Domain, Range
from lookalike.world.seeds import rng

FRAME = (1280, 720)
"""Width and height of a camera's frame, pixels."""

TALL = 1.8  # metres: a tall person
ROOM = 1.2
"""What the farthest people keep from the wall, metres."""

Vector = tuple[float, float, float]


@dataclass(frozen=True)
class Camera:
    """One camera of a place. It stands at (0, 0, height) and looks along +y, down by `pitch`."""

    index: int
    """From 0."""
    height: float
    """Above the ground, metres."""
    pitch: float
    """Downwards, degrees."""
    roll: float
    """Clockwise, degrees."""
    focal: float
    """Pixels of the frame."""
    wall: float
    """Distance of what stands behind everybody, metres along y."""
    distance: Range
    """Of people, metres along y: the domain's, as far as there is room before the wall."""
    sun: Vector
    """Unit vector to the sun, or to the lamp."""
    sun_strength: float
    key: Vector
    """Unit vector to the sky's brighter side."""
    key_strength: float
    sky: Vector
    """Colour of the light from everywhere."""
    ambient: float
    """Strength of that light."""
    gain: float
    """Its own factor on what automatic exposure finds (`Frame.gain` holds both)."""
    white_balance: Vector
    """Factors of red, green, blue; their mean is 1."""
    saturation: float
    contrast: float
    black: float
    """Level of black, of 255."""
    noise: float
    """Standard deviation, of 255."""
    blur: float
    """Standard deviation, pixels of the crop."""
    sharpen: float
    """Strength; below .2 none."""
    jpeg: tuple[int, int]
    """Quality; the upper end is left out."""
    resolution: float
    """The camera's own pixels a frame pixel; 1, or less in a low-resolution camera."""

    @property
    def position(self) -> npt.NDArray[np.float64]:
        """The centre of projection, 3 metres."""
        return np.array([0.0, 0.0, self.height])

    @property
    def rotation(self) -> npt.NDArray[np.float64]:
        """3×3, world to camera: the rows are right, down and forward."""
        pitch, roll = math.radians(self.pitch), math.radians(self.roll)
        level = np.array(
            [
                [1, 0, 0],
                [0, -math.sin(pitch), -math.cos(pitch)],
                [0, math.cos(pitch), -math.sin(pitch)],
            ]
        )
        cos, sin = math.cos(roll), math.sin(roll)
        rotation: npt.NDArray[np.float64] = (
            np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]]) @ level
        )
        return rotation


def sample_camera(domain: Domain, seed: int, site: int, index: int) -> Camera:
    """Camera `index` of a site, drawn from the domain's ranges.

    The cameras of a site share each range out between them (one in each of `domain.cameras` equal
    parts, in an order of the site's own), so that no two are alike in everything.
    """
    random = rng("camera", seed, domain.name, site, index)

    def quantile(name: str) -> float:
        order = rng("share", seed, domain.name, site, index // domain.cameras, name)
        part = order.permutation(domain.cameras)[index % domain.cameras]
        return float((part + random.random()) / domain.cameras)

    def draw(name: str, limits: Range) -> float:
        return limits[0] + (limits[1] - limits[0]) * quantile(name)

    wall = draw("wall", domain.wall)
    distance = (domain.distance[0], min(domain.distance[1], wall - ROOM))
    height, focal = draw("height", domain.height), draw("focal", domain.focal)
    low = quantile("resolution") / max(domain.low_resolution_share, 1e-9)
    return Camera(
        index=index,
        height=height,
        pitch=_aimed(draw("pitch", domain.pitch), height, focal, distance),
        roll=draw("roll", domain.roll),
        focal=focal,
        wall=wall,
        distance=distance,
        sun=_direction(draw("sun azimuth", (0, 360)), draw("elevation", domain.sun_elevation)),
        sun_strength=draw("sun", domain.sun),
        key=_direction(draw("key azimuth", domain.key_azimuth), 44.0),
        key_strength=draw("key", domain.key),
        sky=_vector(np.array(domain.sky) * np.exp(random.normal(0, domain.sky_sd, 3))),
        ambient=draw("ambient", domain.ambient),
        gain=draw("gain", domain.gain),
        white_balance=_cast(quantile("cast"), quantile("cast strength"), domain.white_balance),
        saturation=draw("saturation", domain.saturation),
        contrast=draw("contrast", domain.contrast),
        black=draw("black", domain.black),
        noise=draw("noise", domain.noise),
        blur=draw("blur", domain.blur),
        sharpen=draw("sharpen", domain.sharpen),
        jpeg=domain.jpeg,
        resolution=_within(domain.low_resolution, low) if low < 1 else 1.0,
    )


def _aimed(pitch: float, height: float, focal: float, distance: Range) -> float:
    """The pitch (degrees) nearest to `pitch` that has people midway all in the frame.

    A low camera that looks steeply down would see nobody's head where people walk.
    """
    middle, half = math.sqrt(distance[0] * distance[1]), math.atan(FRAME[1] / 2 / focal)
    least = math.atan(height / middle) - half
    most = math.atan((height - TALL) / middle) + half
    return min(max(pitch, math.degrees(least)), math.degrees(most))


def project(camera: Camera, points: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """N×3: column and row in the frame (pixels) and depth (metres) of N×3 points (metres)."""
    seen = (np.asarray(points, dtype=np.float64) - camera.position) @ camera.rotation.T
    depth = seen[:, 2]
    column = FRAME[0] / 2 + camera.focal * seen[:, 0] / depth
    row = FRAME[1] / 2 + camera.focal * seen[:, 1] / depth
    return np.stack([column, row, depth], axis=1)


def daylight(camera: Camera, normal: Vector) -> tuple[Vector, Vector]:
    """Light on a surface looking along `normal`: from everywhere, and from the sun; red green blue.

    The terms of `light.radiance` for an open surface with nothing in front of it.
    """
    up = 0.5 + 0.5 * normal[2]
    side = 0.5 + 0.5 * sum(a * b for a, b in zip(normal, camera.key, strict=True))
    share = 0.22 + 0.42 * up + camera.key_strength * side * side
    around = 1.12 * 0.9 * camera.ambient
    facing = max(0.0, sum(a * b for a, b in zip(normal, camera.sun, strict=True)))
    sun = 1.12 * camera.sun_strength * facing
    red, green, blue = (
        around * (sky * share + bounced * (1 - up))
        for sky, bounced in zip(camera.sky, (0.2, 0.19, 0.176), strict=True)
    )
    return (red, green, blue), (sun, 0.96 * sun, 0.88 * sun)


def _within(limits: Range, share: float) -> float:
    return limits[0] + (limits[1] - limits[0]) * share


def _vector(values: npt.NDArray[np.float64]) -> Vector:
    return float(values[0]), float(values[1]), float(values[2])


def _direction(azimuth: float, elevation: float) -> Vector:
    """Unit vector; degrees, azimuth from +x (the picture's right) towards +y (away)."""
    a, e = math.radians(azimuth), math.radians(elevation)
    return math.cos(e) * math.cos(a), math.cos(e) * math.sin(a), math.sin(e)


def _cast(hue: float, strength: float, sd: float) -> Vector:
    """Factors of red, green and blue that tint by about `sd`: sooner amber or blue than green.

    Given as two quantiles: of the direction in the plane of tints, and of the (Rayleigh) distance.
    """
    angle = 2 * math.pi * hue
    warm, green = np.array([1, 0, -1]) / math.sqrt(2), np.array([-1, 2, -1]) / math.sqrt(6)
    distance = sd * math.sqrt(-2 * math.log(1 - 0.95 * strength))
    factors = np.exp(distance * (1.3 * math.cos(angle) * warm + 0.5 * math.sin(angle) * green))
    return _vector(factors / factors.mean())
