"""Extra pieces of geometry: what hair, bags and skirts are made of."""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lookalike.world.raster import Floats, Ints

Own = Callable[[Any], NDArray[np.float64]]
"""From canonical heights to a person's own."""


class Piece(NamedTuple):
    """A mesh that hangs on bones. n vertices, m faces.

    vertices n×3 in the rest pose, metres; faces m×3; bones and weights n×4; material as `paint`'s,
    colour (3,); rest n×3: where the paint is to look it up (canonical).
    """

    vertices: Floats
    faces: Ints
    bones: Ints
    weights: Floats
    material: int
    colour: Floats
    rest: Floats


def piece(
    vertices: NDArray[Any],
    faces: Ints,
    weights: Mapping[int, NDArray[Any] | float],
    material: int,
    colour: NDArray[Any],
    rest: NDArray[Any] | None = None,
) -> Piece:
    """The piece that hangs on up to four bones, each with one weight or one per vertex."""
    count = len(vertices)
    bones = np.zeros((count, 4), np.int32)
    share = np.zeros((count, 4), np.float32)
    for k, (bone, weight) in enumerate(weights.items()):
        bones[:, k], share[:, k] = bone, weight
    order = np.argsort(-share, axis=1, kind="stable")
    return Piece(
        np.asarray(vertices, np.float32),
        faces,
        np.take_along_axis(bones, order, 1),
        np.take_along_axis(share, order, 1),
        material,
        np.asarray(colour, np.float32),
        np.asarray(vertices if rest is None else rest, np.float32),
    )


def grid_faces(rows: int, columns: int, closed: bool) -> Ints:
    """Triangles of a grid of vertices, row after row; `closed`: the last column meets the first."""
    i = np.arange(rows - 1)[:, None] * columns
    j = np.arange(columns if closed else columns - 1)[None]
    right = (j + 1) % columns
    a, b, c, d = (k.ravel() for k in (i + j, i + right, i + columns + j, i + columns + right))
    faces = np.concatenate([np.stack([a, b, d], 1), np.stack([a, d, c], 1)])
    return faces.astype(np.int32)


def lump(
    centre: NDArray[Any] | list[float],
    half: tuple[float, float, float],
    square: float = 0.5,
    columns: int = 14,
    rows: int = 9,
) -> tuple[Floats, Ints]:
    """A superellipsoid's vertices and faces: half axes in metres; square: 1 egg to 0 box."""

    def power(values: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(np.sign(values) * np.abs(values) ** square)

    up = np.linspace(-math.pi / 2, math.pi / 2, rows)[:, None]
    turn = np.linspace(-math.pi, math.pi, columns, endpoint=False)[None]
    flat = np.ones_like(turn)
    points = np.stack(
        [
            power(np.cos(up)) * power(np.cos(turn)),
            power(np.cos(up)) * power(np.sin(turn)),
            power(np.sin(up)) * flat,
        ],
        -1,
    )
    vertices = points.reshape(-1, 3) * np.asarray(half) + np.asarray(centre)
    return vertices.astype(np.float32), grid_faces(rows, columns, True)


def tube(path: NDArray[Any], radius: NDArray[Any] | float, sides: int = 5) -> tuple[Floats, Ints]:
    """A tube along n points: n×sides vertices and their faces, open at both ends."""
    along = np.gradient(np.asarray(path, np.float64), axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-9
    aside = np.cross(along, np.where(np.abs(along[:, :1]) < 0.8, [[1.0, 0, 0]], [[0, 1.0, 0]]))
    aside /= np.linalg.norm(aside, axis=1, keepdims=True) + 1e-9
    other = np.cross(along, aside)
    turn = np.linspace(0, 2 * np.pi, sides, endpoint=False)[None, :, None]
    ring = np.cos(turn) * aside[:, None] + np.sin(turn) * other[:, None]
    wide = np.broadcast_to(np.asarray(radius, np.float64), (len(path),))[:, None, None]
    points = np.asarray(path)[:, None] + wide * ring
    return points.reshape(-1, 3).astype(np.float32), grid_faces(len(path), sides, True)


Tables = tuple[Ints, Floats, Ints, Floats]
Part = tuple[Ints, int, Floats, Floats]


def extended(tables: Tables, parts: list[Part]) -> Tables:
    """Faces, attributes, face materials and face colours with those of more parts behind them."""
    faces, attributes, materials, colours = ([table] for table in tables)
    count = len(tables[1])
    for part_faces, material, colour, rest in parts:
        more = np.zeros((len(rest), 6), np.float32)
        more[:, :3], more[:, 3] = rest, -1
        faces.append(part_faces + count)
        attributes.append(more)
        materials.append(np.full(len(part_faces), material, np.int32))
        colours.append(np.tile(np.asarray(colour, np.float32), (len(part_faces), 1)))
        count += len(rest)
    return (
        np.concatenate(faces),
        np.concatenate(attributes),
        np.concatenate(materials),
        np.concatenate(colours),
    )
