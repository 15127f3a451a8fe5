"""What hands hold: bags, a phone, an umbrella. They hang straight down in any pose."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lookalike.world.dressing.pieces import grid_faces, lump, tube
from lookalike.world.raster import Floats, Ints
from lookalike.world.wardrobe.clothes import Outfit


class Held(NamedTuple):
    """A thing that hangs from a hand or is held by it: vertices relative to the hand's grip."""

    vertices: Floats
    faces: Ints
    colour: Floats
    side: int


def hand_bags(outfit: Outfit) -> list[Held]:
    """What hangs from a hand in every pose."""
    made = []
    if outfit.handbag > 0:
        size = outfit.handbag
        drop = -(0.10 + 0.15 * size)
        body, faces = lump([0, 0, drop], (0.05 * size, 0.15 * size, 0.115 * size), 0.45)
        made.append(_with_handles(body, faces, drop + 0.1 * size, outfit.bag_colour, outfit.side))
    if outfit.carrier_bag > 0:
        size = outfit.carrier_bag
        drop = -(0.10 + 0.19 * size)
        body, faces = lump([0, 0, drop], (0.075 * size, 0.12 * size, 0.17 * size), 0.6)
        top = body[:, 2] > drop  # a thin bag is gathered to its handles
        body[top, :2] *= (1 - 0.75 * (body[top, 2:] - drop) / (0.17 * size)).clip(0.3, 1)
        side = -outfit.side if outfit.handbag > 0 else outfit.side
        made.append(_with_handles(body, faces, drop + 0.15 * size, outfit.carrier_colour, side))
    return made


def _with_handles(body: Floats, faces: Ints, top: float, colour: Floats, side: int) -> Held:
    """The bag with a loop from its top to the grip (the origin)."""
    turn = np.linspace(-1, 1, 9)
    path = np.stack([0 * turn, 0.055 * turn, top * turn**2 * 1.0], -1)
    loop, more = tube(path, 0.007, 4)
    return Held(
        np.concatenate([body, loop]), np.concatenate([faces, more + len(body)]), colour, side
    )


def phone(side: int) -> Held:
    """A phone in the palm."""
    vertices, faces = lump([0, -0.02, 0.02], (0.036, 0.010, 0.072), 0.4, 8, 5)
    return Held(vertices, faces, np.array([0.05, 0.05, 0.06], np.float32), side)


def umbrella(outfit: Outfit, head: NDArray[np.floating], side: int) -> Held:
    """An open umbrella: its stick from the hand, its canopy above a head at `head` (3,), metres
    relative to the hand."""
    rows, columns = 5, 16
    turn = np.linspace(0, 2 * np.pi, columns, endpoint=False)
    out = np.linspace(0, 1, rows)[:, None]
    tip = np.array([0.7 * head[0], 0.7 * head[1], head[2] + 0.42])
    scallop = 1 - 0.06 * np.abs(np.sin(turn * 4))
    x = tip[0] + 0.50 * out * scallop * np.cos(turn)
    y = tip[1] + 0.50 * out * scallop * np.sin(turn)
    z = tip[2] - 0.22 * out**2.2 + 0 * x
    canopy = np.stack([x, y, z], -1).reshape(-1, 3).astype(np.float32)
    stick, more = tube(np.stack([[0, 0, -0.08], tip * 0.5, tip]), 0.008, 4)
    faces = np.concatenate([grid_faces(rows, columns, True), more + len(canopy)])
    return Held(np.concatenate([canopy, stick]), faces, outfit.umbrella_colour, side)
