"""Things on a person: bags, hats, scarf and hood, pieces of geometry."""

import numpy as np
from numpy.typing import NDArray

from lookalike.world.bodies.body import HEAD, HIP, NECK, THIGH, TORSO, Body
from lookalike.world.dressing.displacement import attributes
from lookalike.world.dressing.palette import ACCESSORY, TOP
from lookalike.world.dressing.pieces import Own, Piece, grid_faces, lump, piece, tube
from lookalike.world.raster import Floats
from lookalike.world.wardrobe.clothes import Outfit


def worn(
    rng: np.random.Generator, whole: Body, outfit: Outfit, shape: Floats, to_own: Own
) -> list[Piece]:
    """Backpack, shoulder bag, hat brim, scarf and hood, on a dressed rest pose (N×3)."""
    made = []
    if outfit.backpack > 0:
        made += _backpack(whole, outfit, shape, to_own)
    if outfit.shoulder_bag > 0:
        made.append(_shoulder_bag(whole, outfit, shape, to_own))
    if outfit.hat in ("cap", "brim"):
        made.append(_brim(whole, outfit, shape))
    if outfit.scarf:
        made += _scarf(rng, whole, outfit, shape, to_own)
    if outfit.top == "hoodie" and not outfit.outer:
        made.append(_hood(whole, outfit, shape, to_own))
    return made


def _backpack(whole: Body, outfit: Outfit, shape: Floats, to_own: Own) -> list[Piece]:
    points, size = attributes(), outfit.backpack
    x, z, part = np.abs(points[:, 0]), points[:, 2], points[:, 5]
    behind = float(shape[(x < 0.14) & (z > 0.3) & (z < 0.62) & (part <= HIP), 1].max())
    colour = outfit.backpack_colour
    bone = whole.bone("spine02")
    boxes = (  # the sack, its pocket, its lid's edge: height, distance, half axes, shade
        (0.47, 0.055, (0.140, 0.085, 0.215), 1.0),
        (0.39, 0.125, (0.105, 0.045, 0.105), 1.12),
        (0.60, 0.075, (0.120, 0.075, 0.055), 0.85),
    )
    made = []
    for height, out, half, shade in boxes:
        centre = [0.0, behind + out * size, float(to_own(height))]
        vertices, faces = lump(centre, (half[0] * size, half[1] * size, half[2] * size), 0.5)
        made.append(piece(vertices, faces, {bone: 1.0}, ACCESSORY, colour * shade))
    return made


def _shoulder_bag(whole: Body, outfit: Outfit, shape: Floats, to_own: Own) -> Piece:
    points, size = attributes(), outfit.shoulder_bag
    hips = (np.abs(points[:, 2] - 0.16) < 0.05) & np.isin(points[:, 5], (TORSO, HIP, THIGH))
    beside = float(np.abs(shape[hips, 0]).max()) + 0.045
    centre = [outfit.side * beside, 0.0, float(to_own(0.13))]
    vertices, faces = lump(centre, (0.045 * size, 0.13 * size, 0.095 * size), 0.5)
    return piece(vertices, faces, {whole.bone("root"): 1.0}, ACCESSORY, outfit.bag_colour)


def _brim(whole: Body, outfit: Outfit, shape: Floats) -> Piece:
    """A cap's peak in front, or a ring all round."""
    points = attributes()
    edge = (points[:, 5] == HEAD) & (np.abs(points[:, 2] - 0.95) < 0.012)
    ring = shape[edge]
    middle = 0.5 * (ring.min(0) + ring.max(0))
    half = 0.5 * (ring.max(0) - ring.min(0))[:2] + 0.004
    columns, rows = 17, 4
    whole_ring = outfit.hat == "brim"
    reach = np.pi if whole_ring else 1.15
    turn = np.linspace(-reach, reach, columns)
    steps = np.linspace(0, 1, rows)[:, None]
    width = np.full(columns, 0.07) if whole_ring else 0.075 * np.cos(turn * 1.25) ** 0.6
    x = (half[0] + width * steps) * np.sin(turn)
    y = middle[1] - (half[1] + width * steps) * np.cos(turn)
    z = middle[2] - 0.016 * steps**2 + (0.0 if whole_ring else 0.006) * np.cos(turn)
    vertices = np.stack([x, y, z + 0 * x], -1).reshape(-1, 3)
    faces = grid_faces(rows, columns, False)
    return piece(vertices, faces, {whole.bone("head"): 1.0}, ACCESSORY, outfit.hat_colour * 0.9)


def _neck(shape: Floats, to_own: Own) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Middle (x, y) and half axes of the neck above the collar."""
    points = attributes()
    around = (points[:, 5] == NECK) & (np.abs(points[:, 2] - 0.775) < 0.02)
    ring = shape[around][:, :2].astype(np.float64)
    return 0.5 * (ring.min(0) + ring.max(0)), 0.5 * (ring.max(0) - ring.min(0))


def _scarf(
    rng: np.random.Generator, whole: Body, outfit: Outfit, shape: Floats, to_own: Own
) -> list[Piece]:
    """A loop around the neck and an end that hangs on the chest."""
    middle, half = _neck(shape, to_own)
    columns = 20
    turn = np.linspace(0, 2 * np.pi, columns + 1)
    low = float(to_own(0.745))
    wobble = 0.006 * np.sin(3 * turn + rng.uniform(0, 6.3))
    path = np.stack(
        [
            middle[0] + (half[0] + 0.022) * np.sin(turn),
            middle[1] - (half[1] + 0.026) * np.cos(turn),
            low - 0.024 * np.cos(turn) + wobble,
        ],
        -1,
    )
    vertices, faces = tube(path, 0.030 + 0.004 * np.sin(5 * turn), 7)
    colour, chest = outfit.scarf_colour, whole.bone("spine01")
    loop = piece(vertices, faces, {chest: 0.6, whole.bone("neck01"): 0.4}, ACCESSORY, colour)
    points = attributes()
    rows, side = 8, int(rng.choice([-1, 1]))
    levels = np.linspace(0.71, rng.uniform(0.38, 0.55), rows)
    front = np.array(
        [
            shape[(np.abs(points[:, 0] - side * 0.045) < 0.03) & (points[:, 5] == TORSO)
                  & (np.abs(points[:, 2] - z) < 0.03), 1].min()
            for z in levels
        ]
    )  # fmt: skip
    front = np.minimum.accumulate(front) - 0.014
    across = np.array([-0.042, -0.014, 0.014, 0.042])
    x = side * 0.045 + across[None] * np.linspace(0.8, 1.1, rows)[:, None]
    y = front[:, None] - 0.006 * np.cos(across * 110)[None]
    z = to_own(levels)[:, None] + 0 * x
    end = np.stack([x, y + 0 * x, z], -1).reshape(-1, 3)
    hanging = piece(end, grid_faces(rows, 4, False), {chest: 1.0}, ACCESSORY, colour * 0.94)
    return [loop, hanging]


def _hood(whole: Body, outfit: Outfit, shape: Floats, to_own: Own) -> Piece:
    """A hood that lies on the back of the shoulders."""
    middle, half = _neck(shape, to_own)
    turn = np.linspace(-2.3, 2.3, 19)
    back = np.cos(turn / 2)  # 1 behind, less in front
    path = np.stack(
        [
            middle[0] + (half[0] + 0.030 + 0.030 * back) * np.sin(turn),
            middle[1] + (half[1] + 0.012 + 0.035 * back) * np.cos(turn),
            float(to_own(0.73)) + 0.015 * np.cos(turn) - 0.018 * (1 - back),
        ],
        -1,
    )
    vertices, faces = tube(path, 0.012 + 0.030 * back, 8)
    rest = vertices.copy()
    rest[:, 2] += 0.73 - float(to_own(0.73))
    return piece(vertices, faces, {whole.bone("spine01"): 1.0}, TOP, outfit.top_colour, rest)
