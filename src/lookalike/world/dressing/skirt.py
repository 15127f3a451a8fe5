"""Skirts, dresses and the tails of coats: cloth hung around posed legs."""

# Warp has no types, and its kernels are not Python to mypy.
# mypy: disable-error-code="no-untyped-call,no-untyped-def,misc,attr-defined,valid-type"
# mypy: disable-error-code="no-any-return"

from dataclasses import dataclass

import numpy as np
import warp as wp
from numpy.typing import NDArray

from lookalike.world.bodies.body import SHIN
from lookalike.world.dressing.palette import BOTTOM, OUTER, TOP
from lookalike.world.dressing.pieces import grid_faces
from lookalike.world.dressing.surface import surface
from lookalike.world.raster import Floats, Ints
from lookalike.world.wardrobe.clothes import Outfit

wp.set_module_options({"enable_backward": False})

ROWS, COLUMNS = 14, 40


@dataclass(frozen=True, eq=False)
class Skirt:
    """One skirt's cut. Heights are canonical z; `around` and `waist` are rows of the surface."""

    top: float
    end: float
    flare: float
    """Metres of radius gained per metre down."""
    pleats: int
    pleat_depth: float
    phase: float
    """Radians by which the pleats are turned."""
    ease: float
    """Metres that it stands off the legs."""
    material: int
    around: Ints
    waist: Ints
    faces: Ints
    rest: Floats


def worn(rng: np.random.Generator, outfit: Outfit) -> list[Skirt]:
    """The outfit's skirt, or the skirt of its dress, and the tails of its coat."""
    made = []
    if outfit.skirt_end is not None:
        top, material = (0.36, TOP) if outfit.dress else (0.32, BOTTOM)
        pleats = (outfit.pleats, outfit.pleat_depth)
        made.append(_cut(rng, (top, outfit.skirt_end), outfit.flare, pleats, 0.012, 0.0, material))
    if outfit.outer and outfit.outer_hem < 0.05:
        ease, opening = 0.014 + outfit.outer_thick, 0.2 if outfit.outer_opening > 0 else 0.0
        made.append(_cut(rng, (0.20, outfit.outer_hem), 0.12, (5, 0.03), ease, opening, OUTER))
    return made


def _cut(
    rng: np.random.Generator,
    heights: tuple[float, float],
    flare: float,
    pleats: tuple[int, float],
    ease: float,
    opening: float,
    material: int,
) -> Skirt:
    """`opening`: radians left open on either side of the front."""
    mesh, (top, end) = surface(), heights
    z = mesh.canonical[:, 2]
    off_arms = mesh.is_arm == 0
    around = off_arms & (z < top + 0.03) & (z > max(end - 0.25, -0.70)) & (mesh.part <= SHIN)
    turn = _turns()
    faces = grid_faces(ROWS, COLUMNS, True)
    if opening > 0:
        faces = faces[(np.abs(turn) > opening)[faces % COLUMNS].all(1)]
    rest = np.empty((ROWS, COLUMNS, 3), np.float32)
    rest[..., 0], rest[..., 1] = 0.2 * np.sin(turn), -0.2 * np.cos(turn) - 0.03
    rest[..., 2] = np.linspace(top, end, ROWS)[:, None]
    return Skirt(
        top,
        end,
        flare,
        *pleats,
        float(rng.uniform(0, 2 * np.pi)),
        ease,
        material,
        np.flatnonzero(around).astype(np.int32),
        np.flatnonzero(off_arms & (np.abs(z - top) < 0.02)).astype(np.int32),
        faces,
        rest.reshape(-1, 3),
    )


def _turns() -> NDArray[np.float64]:
    """Each column's angle about the body: 0 in front, positive to the person's left."""
    return np.asarray((np.arange(COLUMNS) + 0.5) * (2 * np.pi / COLUMNS) - np.pi, np.float64)


@wp.kernel
def _reach(
    vertices: wp.array(dtype=wp.vec3),
    rows: wp.array(dtype=wp.int32),
    axis: wp.array(dtype=wp.vec3),
    out: wp.array2d(dtype=wp.float32),
):
    """The farthest vertex from the axis (its top and bottom) per level and angle."""
    levels = out.shape[0]
    columns = out.shape[1]
    top = axis[0]
    low = axis[1]
    for r in range(rows.shape[0]):
        p = vertices[rows[r]]
        t = (top[2] - p[2]) / (top[2] - low[2])
        level = int(wp.round(t * float(levels - 1)))
        if level < 0 or level >= levels:
            continue
        s = wp.clamp(t, 0.0, 1.0)
        dx = p[0] - (top[0] + (low[0] - top[0]) * s)
        dy = p[1] - (top[1] + (low[1] - top[1]) * s)
        turn = (wp.atan2(dx, -dy) + wp.PI) / (2.0 * wp.PI) * float(columns)
        column = wp.min(int(turn), columns - 1)
        out[level, column] = wp.max(out[level, column], wp.sqrt(dx * dx + dy * dy))


def hang(skirt: Skirt, vertices: Floats) -> Floats:
    """The skirt's vertices ROWS·COLUMNS×3 around a posed person's surface (N×3)."""
    high = float(vertices[skirt.waist, 2].mean())
    floor = float(vertices[:, 2].min())
    # canonical sole −.818 … top maps to floor … waist
    low = high - (skirt.top - skirt.end) / (skirt.top + 0.818) * (high - floor)
    around = vertices[skirt.around]
    feet = around[around[:, 2] < low + 0.25][:, :2]
    middle = vertices[skirt.waist, :2].mean(0)
    below = middle + (feet.mean(0) - middle) * 0.6
    axis = np.array([[*middle, high], [*below, low]], np.float32)
    reach = np.zeros((ROWS, COLUMNS), np.float32)
    inputs = [vertices, skirt.around, axis, reach]
    wp.launch(_reach, 1, inputs=inputs, device="cpu")
    turn = _turns()
    # cloth spans from leg to leg: the convex hull's support, read back as a radius
    facing = np.maximum(np.cos(turn[:, None] - turn[None]), 0).astype(np.float32)
    ring = (reach[:, None, :] * facing[None]).max(-1) + skirt.ease
    step = (high - low) / (ROWS - 1)
    for i in range(1, ROWS):
        ring[i] = np.maximum(ring[i], ring[i - 1] + (0.6 * skirt.flare - 0.04) * step)
    down = np.linspace(0, 1, ROWS)[:, None]
    wave = np.sin(skirt.pleats * turn + skirt.phase) + 0.5 * np.sin(
        (2 * skirt.pleats + 1) * turn + 2 * skirt.phase
    )
    ring = ring * (1 + skirt.pleat_depth * down * wave[None])
    centre = middle + down * (below - middle)
    x = centre[:, :1] + ring * np.sin(turn)
    y = centre[:, 1:] - ring * np.cos(turn)
    z = np.broadcast_to(high - down * (high - low), ring.shape)
    return np.stack([x, y, z], -1).reshape(-1, 3).astype(np.float32)
