"""Hair: the scalp raised in locks, and what hangs or is tied as pieces of its own."""

# mypy: disable-error-code="no-untyped-call,no-untyped-def,misc,attr-defined,valid-type,no-any-return"

from collections.abc import Callable

import numpy as np
import warp as wp
from numpy.typing import NDArray

from lookalike.world.body import HEAD, Body
from lookalike.world.borders import Paint, above_hairline, noise_at, ramp
from lookalike.world.clothes import Identity
from lookalike.world.dressing import attributes
from lookalike.world.pieces import Piece, grid_faces, lump, piece
from lookalike.world.raster import Floats

LOOSE, TIED = ("bob", "long"), ("pony", "bun")
_HAIR = 2  # material


@wp.kernel
def _raise(
    p: Paint,
    points: wp.array2d(dtype=wp.float32),
    volume: wp.float32,
    pressed: wp.int32,
    out: wp.array(dtype=wp.float32),
):
    for v in range(points.shape[0]):
        out[v] = 0.0
        if points[v, 5] < 8.4:
            continue
        x = points[v, 0]
        y = points[v, 1]
        z = points[v, 2]
        above = above_hairline(p, x, y, z)
        if above <= 0.0:
            continue
        around = wp.atan2(x - p.parting, -(y + 0.03))
        lock = noise_at(p.noise, around * 0.3 + p.locks, z * 0.5 + p.locks)
        tuft = noise_at(p.noise, x * 2.5 + p.locks, z * 2.5 + y * 2.5)
        high = volume * (0.35 + 0.65 * ramp(z, 0.88, 0.99, 0.0, 1.0))
        high *= ramp(above, 0.0, 0.035, 0.25, 1.0) * (1.0 + 0.35 * lock + 0.25 * tuft)
        high -= (
            0.006 * volume / 0.03 * wp.exp(-(((x - p.parting) / 0.008) ** 2.0)) * float(z > 0.97)
        )
        if pressed == 1:
            high *= 0.35
        out[v] = wp.max(high, 0.002)


def heights(paint: Paint, identity: Identity, hat: bool) -> Floats:
    """Metres by which hair stands off each vertex of the surface (N); flat under a hat."""
    points = attributes()
    out = np.zeros(len(points), np.float32)
    if identity.hair != "bald":
        inputs = [paint, points, float(identity.hair_volume), int(hat), out]
        wp.launch(_raise, 1, inputs=inputs, device="cpu")
    return out


def pieces(
    rng: np.random.Generator,
    whole: Body,
    identity: Identity,
    shape: Floats,
    to_own: Callable[[NDArray[np.floating] | float], NDArray[np.float64]],
) -> list[Piece]:
    """Loose hair, a ponytail or a bun of a person with this rest-pose surface (N×3).

    to_own: from canonical z to the person's own.
    """
    if identity.hair in LOOSE:
        return [_curtain(rng, whole, identity, shape, to_own)]
    if identity.hair in TIED:
        return [_tied(rng, whole, identity, shape, to_own)]
    return []


def _curtain(
    rng: np.random.Generator,
    whole: Body,
    identity: Identity,
    shape: Floats,
    to_own: Callable[[NDArray[np.floating] | float], NDArray[np.float64]],
) -> Piece:
    """A sheet around the back of the head that falls over neck, shoulders and back."""
    rows, columns = 15, 25
    points = attributes()
    head = points[:, 5] == HEAD
    end = identity.hair_end
    levels = np.linspace(0.965, end, rows)
    reach = rng.uniform(1.85, 2.25)  # how far round to the face, radians from the back
    turn = np.linspace(-reach, reach, columns)
    scalp = head & (points[:, 2] > 0.87)
    middle = np.array([0.0, 0.5 * (shape[scalp, 1].min() + shape[scalp, 1].max()) + 0.012])
    away = shape[:, :2] - middle
    angle, radius = np.arctan2(away[:, 0], away[:, 1]), np.hypot(away[:, 0], away[:, 1])
    near = (points[:, 4] < 0.5) & (points[:, 2] > end - 0.05) & (points[:, 2] < 0.97)
    angle, radius, height = angle[near], radius[near], shape[near, 2]
    own = to_own(levels)
    row = np.clip(np.rint(np.interp(height, own[::-1], np.arange(rows)[::-1])), 0, rows - 1)
    column = np.rint((angle + reach) / (2 * reach) * (columns - 1))
    inside = (column >= 0) & (column < columns)
    under = np.zeros((rows, columns))
    at = (row[inside].astype(np.int64), column[inside].astype(np.int64))
    np.maximum.at(under, at, radius[inside])
    for _ in range(4):  # holes take their neighbours' value
        beside = np.maximum(np.roll(under, 1, 0), np.roll(under, -1, 0))
        beside = np.maximum(beside, np.maximum(np.roll(under, 1, 1), np.roll(under, -1, 1)))
        under = np.where(under == 0, beside, under)
    front = np.abs(turn) > 1.15  # in front it lies on chest, not around the shoulders
    under[:, front] = np.where(
        levels[:, None] < 0.76, np.minimum(under[:, front], 0.115), under[:, front]
    )
    under = np.minimum(under, 0.19)
    thick = 0.010 + 0.35 * identity.hair_volume
    thick = thick * np.clip((0.975 - levels[:, None]) / 0.11, 0, 1)  # grows out of the scalp
    sheet = under + thick
    for i in range(1, rows):  # hangs from the widest, swinging in a little
        sheet[i] = np.maximum(sheet[i], sheet[i - 1] - 0.010)
    sheet = (sheet + np.roll(sheet, 1, 1) + np.roll(sheet, -1, 1)) / 3
    down = np.linspace(0, 1, rows)[:, None]
    waves = rng.integers(3, 7)
    lock = np.sin(turn * waves + rng.uniform(0, 6.3)) + 0.6 * np.sin(
        turn * (2 * waves + 1) + rng.uniform(0, 6.3)
    )
    sheet += 0.007 * lock[None] * (0.3 + down)
    sheet[-1] -= 0.012
    tip = 0.022 * np.abs(np.sin(turn * 3.1 + rng.uniform(0, 6.3))) + rng.normal(0, 0.006, columns)
    tip += 0.05 * np.clip(np.abs(turn) - 1.3, 0, 1)
    z = own[:, None] + down**3 * tip[None]
    vertices = np.stack(
        [sheet * np.sin(turn), middle[1] + sheet * np.cos(turn), np.broadcast_to(z, sheet.shape)],
        -1,
    ).reshape(-1, 3)
    canonical = np.repeat(levels, columns)
    on_head = np.clip((canonical - 0.70) / 0.14, 0, 1)
    on_neck = (1 - on_head) * np.clip((canonical - 0.58) / 0.1, 0, 1) * 0.6
    weights = {
        whole.bone("head"): on_head,
        whole.bone("neck01"): on_neck,
        whole.bone("spine01"): 1 - on_head - on_neck,
    }
    rest = vertices.copy()
    rest[:, 2] = canonical
    return piece(
        vertices, grid_faces(rows, columns, False), weights, _HAIR, identity.hair_colour, rest
    )


def _tied(
    rng: np.random.Generator,
    whole: Body,
    identity: Identity,
    shape: Floats,
    to_own: Callable[[NDArray[np.floating] | float], NDArray[np.float64]],
) -> Piece:
    """A bun, or a tail that swings out from the head and thins to its end."""
    points = attributes()
    scalp = (points[:, 5] == HEAD) & (points[:, 2] > 0.86)
    back = float(shape[scalp, 1].max())
    height = rng.uniform(0.90, 0.97)
    if identity.hair == "bun":
        size = rng.uniform(0.034, 0.046)
        own = float(to_own(height))
        vertices, faces = lump([0, back + 0.4 * size, own], (size, 0.85 * size, size), 1.0)
        low = np.ones(len(vertices))
    else:
        rows, columns = 11, 10
        down = np.linspace(0, 1, rows)
        own = np.interp(down, (0, 1), (float(to_own(height)), float(to_own(identity.hair_end))))
        out = back + 0.012 + 0.035 * np.sin(np.pi * np.minimum(1.6 * down, 1)) - 0.015 * down
        out += np.maximum(0, 0.035 * (down - 0.5))
        sway = rng.normal(0, 0.02) * down**2
        wide = (0.016 + 0.024 * np.sin(np.pi * down**0.6)) * rng.uniform(0.85, 1.2)
        wide[-1] = 0.004
        turn = np.linspace(0, 2 * np.pi, columns, endpoint=False)
        ring = np.stack([np.cos(turn), 0.75 * np.sin(turn), 0.0 * turn], -1)
        ring[:, :2] *= 1 + 0.12 * rng.normal(size=(columns, 1))
        path = np.stack([sway, out, own], -1)
        vertices = (path[:, None] + wide[:, None, None] * ring).reshape(-1, 3)
        faces = grid_faces(rows, columns, True)
        low = np.repeat(1 - 0.6 * down, columns)
    weights = {whole.bone("head"): low, whole.bone("spine01"): 1 - low}
    return piece(vertices, faces, weights, _HAIR, identity.hair_colour)
