"""People in chosen clothes, and what a plain camera sees of them."""

from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from lookalike.world.bodies.body import body
from lookalike.world.dressing.paint import colours
from lookalike.world.dressing.person import Person, Posed
from lookalike.world.raster import zbuffer
from lookalike.world.seeds import rng
from lookalike.world.wardrobe.people import sample_identity, sample_outfit

PLAIN = dict(  # a tee-shirt and jeans, nothing else
    top="tee",
    sleeve=0.3,
    hem=0.12,
    neck="crew",
    loose=0.5,
    placket=False,
    sleeve_colour=None,
    decal=None,
    bottom="jeans",
    leg_end=-0.735,
    leg_loose=0.5,
    dress=False,
    skirt_end=None,
    under_colour=None,
    cuff=0.0,
    belt=False,
    outer=False,
    shoe_top=-0.735,
    sock_top=-0.8,
    sandal=False,
    backpack=0.0,
    shoulder_bag=0.0,
    handbag=0.0,
    carrier_bag=0.0,
    hat="none",
    scarf=False,
    mask=False,
    umbrella=False,
)


@lru_cache
def drawn(seed=0):
    """A drawn identity and outfit."""
    random = rng("tests of clothes", seed)
    identity = sample_identity(random)
    return identity, sample_outfit(random, identity)


def looks(seed=0, identity=None, **changes):
    """An identity, with short hair and no beard unless told, and a plain outfit with changes."""
    who, outfit = drawn(seed)
    bare = dict(hair="short", hair_volume=0.02, beard=0.0, glasses="none", hairline=0.0)
    return replace(who, **{**bare, **(identity or {})}), replace(outfit, **{**PLAIN, **changes})


def person(seed=0, identity=None, **changes):
    """Somebody in a plain outfit with changes."""
    return Person(body(), *looks(seed, identity, **changes))


class Seen(NamedTuple):
    """What an orthographic camera sees: per pixel colour H×W×3, material and face; depth."""

    colour: np.ndarray
    material: np.ndarray
    face: np.ndarray
    depth: np.ndarray


SCALE = 120 / 2  # px per metre in a picture 128 high: two metres fill it


def project(points: np.ndarray, yaw: float, height: int = 128) -> np.ndarray:
    """Pixels (x, y) and depth of points (N×3) for a camera level with the ground."""
    scale = SCALE * height / 128
    cos, sin = np.cos(yaw), np.sin(yaw)
    x = cos * points[:, 0] - sin * points[:, 1]
    depth = sin * points[:, 0] + cos * points[:, 1]
    return np.stack([height / 4 + scale * x, height * 0.97 - scale * points[:, 2], depth + 5], 1)


def look(posed: Posed, yaw: float = 0.0, height: int = 128) -> Seen:
    """A posed person from the front (yaw 0) or turned to their right."""
    points = project(posed.vertices, yaw, height)
    buffers = zbuffer(points, posed.faces, height, height // 2)
    hit = buffers.face >= 0
    face = buffers.face[hit]
    b1, b2 = buffers.b1[hit][:, None], buffers.b2[hit][:, None]
    corners = posed.attributes[posed.faces[face]]
    mixed = corners[:, 0] * (1 - b1 - b2) + corners[:, 1] * b1 + corners[:, 2] * b2
    rgb, material = colours(posed.paint, mixed, posed.face_material[face], posed.face_colour[face])
    picture = np.zeros((*hit.shape, 3), np.float32)
    picture[hit] = rgb
    materials = np.zeros(hit.shape, np.int32)
    materials[hit] = material
    return Seen(picture, materials, buffers.face, buffers.depth)
