"""Loose hair, ponytails and buns: pieces of geometry on the head."""

import numpy as np
from numpy.typing import NDArray

from lookalike.world.bodies.body import HEAD, Body
from lookalike.world.dressing.displacement import attributes
from lookalike.world.dressing.palette import HAIR
from lookalike.world.dressing.pieces import Own, Piece, grid_faces, lump, piece
from lookalike.world.raster import Floats
from lookalike.world.wardrobe.clothes import Identity

Array = NDArray[np.float64]
ROWS, COLUMNS = 15, 25  # of the sheet that loose hair is
REACH = 0.19  # metres that hair may stand off the head's middle
CHEST = 0.115  # the same in front: it lies on the chest, not over the shoulders


def pieces(
    rng: np.random.Generator, whole: Body, identity: Identity, shape: Floats, own: Own
) -> list[Piece]:
    """What hangs or is tied of a person's hair, on their rest-pose surface (N×3), if anything.

    own: from canonical z to the person's own.
    """
    if identity.hair in ("bob", "long"):
        return [_curtain(rng, whole, identity, shape, own)]
    if identity.hair == "pony":
        return [_tail(rng, whole, identity, shape, own)]
    if identity.hair == "bun":
        size, height = rng.uniform(0.034, 0.046), float(own(rng.uniform(0.90, 0.97)))
        middle = [0.0, _back_of_head(shape) + 0.4 * size, height]
        vertices, faces = lump(middle, (size, 0.85 * size, size), 1.0)
        return [piece(vertices, faces, {whole.bone("head"): 1.0}, HAIR, identity.hair_colour)]
    return []


def _back_of_head(shape: Floats) -> float:
    points = attributes()
    return float(shape[(points[:, 5] == HEAD) & (points[:, 2] > 0.86), 1].max())


def _curtain(
    rng: np.random.Generator, whole: Body, identity: Identity, shape: Floats, own: Own
) -> Piece:
    """A sheet around the back of the head that falls over neck, shoulders and back."""
    points = attributes()
    scalp = shape[(points[:, 5] == HEAD) & (points[:, 2] > 0.87), 1]
    middle = 0.5 * (float(scalp.min()) + float(scalp.max())) + 0.012
    levels = np.linspace(0.965, identity.hair_end, ROWS)
    heights = own(levels)
    turn = np.linspace(-1, 1, COLUMNS) * rng.uniform(1.85, 2.25)  # radians from behind
    near = (points[:, 4] < 0.5) & (points[:, 2] > identity.hair_end - 0.05) & (points[:, 2] < 0.99)
    under = _under(shape[near] - np.array([0, middle, 0]), heights, turn)
    in_front = (np.abs(turn) > 1.15)[None] & (levels < 0.76)[:, None]
    under = np.minimum(under, np.where(in_front, CHEST, REACH))
    thick = 0.010 + 0.35 * identity.hair_volume
    sheet = under + thick * np.clip((0.975 - levels[:, None]) / 0.11, 0, 1)  # out of the scalp
    for row in range(1, ROWS):  # it hangs from the widest, coming in a little
        sheet[row] = np.maximum(sheet[row], sheet[row - 1] - 0.010)
    sheet = (sheet + np.roll(sheet, 1, 1) + np.roll(sheet, -1, 1)) / 3

    down = np.linspace(0, 1, ROWS)[:, None]
    waves, phases = int(rng.integers(3, 7)), rng.uniform(0, 2 * np.pi, 3)
    locks = np.sin(turn * waves + phases[0]) + 0.6 * np.sin(turn * (2 * waves + 1) + phases[1])
    sheet += 0.007 * locks * (0.3 + down)
    sheet[-1] -= 0.012
    ends = 0.022 * np.abs(np.sin(turn * 3.1 + phases[2])) + rng.normal(0, 0.006, COLUMNS)
    ends += 0.05 * np.clip(np.abs(turn) - 1.3, 0, 1)
    z = heights[:, None] + down**3 * ends
    vertices = np.stack([sheet * np.sin(turn), middle + sheet * np.cos(turn), z], -1).reshape(-1, 3)

    canonical = np.repeat(levels, COLUMNS)
    on_head = np.clip((canonical - 0.70) / 0.14, 0, 1)
    on_neck = 0.6 * (1 - on_head) * np.clip((canonical - 0.58) / 0.1, 0, 1)
    weights = {
        whole.bone("head"): on_head,
        whole.bone("neck01"): on_neck,
        whole.bone("spine01"): 1 - on_head - on_neck,
    }
    faces, rest = grid_faces(ROWS, COLUMNS, False), vertices.copy()
    rest[:, 2] = canonical
    return piece(vertices, faces, weights, HAIR, identity.hair_colour, rest)


def _under(points: Array, heights: Array, turn: Array) -> Array:
    """How far from the axis head, neck and shoulders reach at each height and angle."""
    angle, radius = np.arctan2(points[:, 0], points[:, 1]), np.hypot(points[:, 0], points[:, 1])
    levels = np.interp(points[:, 2], heights[::-1], np.arange(ROWS)[::-1])
    row = np.rint(levels).astype(np.int64)
    places = np.interp(angle, turn, np.arange(COLUMNS), -1, -1)
    column = np.rint(places).astype(np.int64)
    inside = column >= 0
    reach = np.zeros((ROWS, COLUMNS))
    np.maximum.at(reach, (row[inside], column[inside]), radius[inside])
    for _ in range(4):  # holes take their neighbours' value
        wide = np.pad(reach, 1)
        beside = np.maximum(wide[1:-1, :-2], wide[1:-1, 2:])
        beside = np.maximum(beside, np.maximum(wide[:-2, 1:-1], wide[2:, 1:-1]))
        reach = np.where(reach == 0, beside, reach)
    return reach


def _tail(
    rng: np.random.Generator, whole: Body, identity: Identity, shape: Floats, own: Own
) -> Piece:
    """A ponytail: it swings out from the head, sways and thins to its end."""
    rows, columns = 11, 10
    down = np.linspace(0, 1, rows)
    z = np.interp(down, (0, 1), own(np.array([rng.uniform(0.90, 0.97), identity.hair_end])))
    out = 0.012 + 0.035 * np.sin(np.pi * np.minimum(1.6 * down, 1)) - 0.015 * down
    out += _back_of_head(shape) + np.maximum(0, 0.035 * (down - 0.5))
    wide = (0.016 + 0.024 * np.sin(np.pi * down**0.6)) * rng.uniform(0.85, 1.2)
    wide[-1] = 0.004
    turn = np.linspace(0, 2 * np.pi, columns, endpoint=False)
    uneven = 1 + 0.12 * rng.normal(size=columns)
    ring = np.stack([np.cos(turn) * uneven, 0.75 * np.sin(turn) * uneven, 0 * turn], -1)
    path = np.stack([rng.normal(0, 0.02) * down**2, out, z], -1)
    vertices = (path[:, None] + wide[:, None, None] * ring).reshape(-1, 3)
    on_head = np.repeat(1 - 0.6 * down, columns)
    weights = {whole.bone("head"): on_head, whole.bone("spine01"): 1 - on_head}
    return piece(vertices, grid_faces(rows, columns, True), weights, HAIR, identity.hair_colour)
