"""Clothes as displacement of the rest-pose surface: smoothed, draped, hung, lifted and folded."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from lookalike.world.bodies.body import FOOT, LOWER_ARM, UPPER_ARM, Body, body
from lookalike.world.dressing import drapery, folds
from lookalike.world.dressing.borders import (
    IN_BOTTOM,
    IN_COLLAR,
    IN_HAT,
    IN_OUTER,
    IN_SHOE,
    IN_TOP,
    coverage,
)
from lookalike.world.dressing.palette import Paint
from lookalike.world.dressing.surface import Surface, adjacency, surface
from lookalike.world.dressing.tailoring import drape, widen_legs, widen_sleeves
from lookalike.world.raster import Floats, Ints, normals
from lookalike.world.wardrobe.clothes import Identity, Outfit

Array = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Tables:
    """The body's own trunk and limbs, coarse and so quick to smooth, and the surface's feet."""

    limb: Rows
    attributes: Floats
    laplacian: sp.csr_matrix
    foot: Rows
    foot_laplacian: sp.csr_matrix
    surface_attributes: Floats


@lru_cache(maxsize=1)
def _tables() -> _Tables:
    whole, mesh = body(), surface()
    limb = np.flatnonzero((whole.part <= 3) | np.isin(whole.part, (UPPER_ARM, LOWER_ARM, 8)))
    foot = np.flatnonzero(mesh.part == FOOT)
    feet = _within(mesh.faces, foot, len(mesh.canonical))
    points = _columns(mesh)
    for _ in range(_FEET):  # as the shoe's shape: a sole's edge runs straight over the toes
        points[foot, :3] += 0.8 * (feet @ points[foot, :3] - points[foot, :3])
    return _Tables(
        limb,
        _columns(whole)[limb],
        _within(whole.faces, limb, len(whole.canonical)),
        foot,
        feet,
        points,
    )


_FEET = 20  # averages that merge toes


def _columns(mesh: Body | Surface) -> Floats:
    """N×6: canonical x, y, z, arm, is_arm, part."""
    columns = np.column_stack([mesh.canonical, mesh.arm, mesh.is_arm, mesh.part])
    return np.ascontiguousarray(columns, np.float32)


def attributes() -> Floats:
    """N×6 of the surface: canonical x, y, z, arm, is_arm, part."""
    return _tables().surface_attributes


def _within(faces: Ints, chosen: Rows, count: int) -> sp.csr_matrix:
    """The mean of neighbours among the chosen vertices only."""
    place = np.full(count, -1, np.int32)
    place[chosen] = np.arange(len(chosen))
    inner = place[faces]
    return adjacency(inner[(inner >= 0).all(1)], len(chosen))


def dress(
    rng: np.random.Generator,
    identity: Identity,
    outfit: Outfit,
    paint: Paint,
    vertices: Floats,
    heads: Array,
) -> tuple[Floats, Floats]:
    """The dressed rest pose N×3, and how far each vertex moves as its joint bends fully, N×3.

    vertices, heads: the undressed rest pose of `body.rest`. Hair is not in it.
    """
    tables, mesh = _tables(), surface()
    bits = coverage(paint, tables.surface_attributes)
    shape = mesh.matrix @ _spanned(vertices, coverage(paint, tables.attributes))
    _merge_toes(shape)
    widen_legs(shape, bits, heads, outfit, identity)
    widen_sleeves(shape, bits, heads, outfit)
    drape(shape, bits, outfit)
    shape = shape.astype(np.float32)
    outwards = normals(shape, mesh.faces)
    shape += outwards * _offsets(rng, outfit, bits)[:, None]
    _stand_on_soles(shape)
    bent = folds.heights(drapery.bend_folds(rng, outfit))
    bent *= (bits & (IN_TOP | IN_BOTTOM | IN_OUTER)) > 0
    return shape, outwards * bent[:, None]


def _spanned(vertices: Floats, bits: Ints) -> Array:
    """The body as cloth finds it: fine anatomy gone, hollows spanned, what bulges kept.

    Averaging alone would shrink limbs, so only what it moved outwards stays moved.
    """
    tables = _tables()
    covered = (bits & (IN_TOP | IN_BOTTOM | IN_OUTER)) > 0
    weight = covered.astype(np.float64)
    for _ in range(2):  # fades at garments' edges
        weight = np.minimum(weight, tables.laplacian @ weight) * covered
    rate = 0.9 * weight[:, None]
    out = vertices.astype(np.float64)
    limb = out[tables.limb]
    for step in range(10):
        if step == 2:
            plain = limb.copy()
        limb += rate * (tables.laplacian @ limb - limb)
    outwards = normals(vertices, body().faces)[tables.limb].astype(np.float64)
    sunk = np.maximum(((plain - limb) * outwards).sum(1), 0)
    out[tables.limb] = limb + outwards * sunk[:, None]
    return out


def _merge_toes(shape: Array) -> None:
    """Toes merge into the toe of a shoe."""
    tables = _tables()
    foot = shape[tables.foot]
    for _ in range(_FEET):
        foot += 0.8 * (tables.foot_laplacian @ foot - foot)
    shape[tables.foot] = foot


def _stand_on_soles(shape: Floats) -> None:
    """Soles are flat: the lowest two centimetres are pressed down."""
    foot = _tables().foot
    floor = shape[foot, 2].min()
    high = shape[foot, 2] - floor
    shape[foot, 2] = floor + high * np.minimum(high / 0.022, 1)


def _offsets(rng: np.random.Generator, outfit: Outfit, bits: Ints) -> Array:
    """Metres along the normal: thickness, ease at hems, folds."""
    mesh = surface()
    z, on_arm = mesh.canonical[:, 2], mesh.is_arm > 0
    top, bottom, outer = bits & IN_TOP > 0, bits & IN_BOTTOM > 0, bits & IN_OUTER > 0
    loose = outfit.loose
    out = np.zeros(len(z))
    out += bottom * ~top * (0.005 + folds.heights(drapery.leg_folds(rng, outfit)))
    cloth = folds.heights(drapery.top_folds(rng, outfit.hem, loose))
    if outfit.sleeve > 0:
        cloth += folds.heights(drapery.sleeve_folds(rng, outfit.sleeve, loose))
    thick = {"hoodie": 0.012, "shirt": 0.008}.get(outfit.top, 0.007) + 0.005 * loose
    hem_ease = 0.012 * loose * np.clip((outfit.hem + 0.12 - z) / 0.12, 0, 1)
    out += top * (thick + cloth + np.where(on_arm, 0, hem_ease))
    out += ((bits & IN_COLLAR) > 0) * 0.006
    if outfit.outer:
        deep = folds.heights(drapery.top_folds(rng, max(outfit.outer_hem, 0.05), 0.8))
        deep += folds.heights(drapery.sleeve_folds(rng, outfit.outer_sleeve, 0.8))
        stand = np.where(on_arm, 0.7, 1.0) * outfit.outer_thick
        if outfit.outer_kind == "puffer":
            stand = stand * (0.75 + 0.25 * np.abs(np.sin(np.pi * z / 0.065)))
        out += outer * (stand + deep)
    out += (bits & IN_SHOE > 0) * (0.011 if not outfit.sandal else 0.003)
    if outfit.backpack > 0:
        strap = (np.abs(np.abs(mesh.canonical[:, 0]) - 0.095) < 0.024) & (z > 0.36)
        out += (strap & ~on_arm & (z < 0.76) & (mesh.part < 8)) * 0.006
    out += (bits & IN_HAT > 0) * 0.014
    return out
