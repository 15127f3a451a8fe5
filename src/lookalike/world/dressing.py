"""Clothes as displacement of the rest-pose surface: smoothed, draped, hung, lifted and folded."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from lookalike.world import drapery, folds
from lookalike.world.body import FOOT, LOWER_ARM, UPPER_ARM, Body, body
from lookalike.world.borders import (
    IN_BOTTOM,
    IN_COLLAR,
    IN_HAT,
    IN_OUTER,
    IN_SHOE,
    IN_TOP,
    Paint,
    coverage,
)
from lookalike.world.clothes import Identity, Outfit
from lookalike.world.raster import Floats, Ints, normals
from lookalike.world.surface import Surface, adjacency, surface

Array = NDArray[np.float64]

# Half the width of a leg's tube of cloth at z .12 and at its end: metres, and more when loose.
_LEG_TUBE = {
    "shorts": (0.098, 0.100, 0.028),
    "trousers": (0.086, 0.060, 0.026),
    "jeans": (0.084, 0.052, 0.020),
}


@dataclass(frozen=True, eq=False)
class _Tables:
    """The trunk and limbs of the body's own mesh, where smoothing is done: it is coarse, so quick."""

    limb: Ints
    attributes: Floats
    laplacian: sp.csr_matrix
    foot: Ints
    foot_laplacian: sp.csr_matrix
    surface_attributes: Floats


@lru_cache(maxsize=1)
def _tables() -> _Tables:
    whole, mesh = body(), surface()
    limb = np.flatnonzero((whole.part <= 3) | np.isin(whole.part, (UPPER_ARM, LOWER_ARM, 8)))
    foot = np.flatnonzero(mesh.part == FOOT)
    return _Tables(
        limb.astype(np.int32),
        _columns(whole)[limb],
        _within(whole.faces, limb, len(whole.canonical)),
        foot.astype(np.int32),
        _within(mesh.faces, foot, len(mesh.canonical)),
        _columns(mesh),
    )


def _columns(mesh: Body | Surface) -> Floats:
    """N×6: canonical x, y, z, arm, is_arm, part."""
    columns = np.column_stack([mesh.canonical, mesh.arm, mesh.is_arm, mesh.part])
    return np.ascontiguousarray(columns, np.float32)


def attributes() -> Floats:
    """N×6 of the surface: canonical x, y, z, arm, is_arm, part."""
    return _tables().surface_attributes


def _within(faces: Ints, chosen: Ints, count: int) -> sp.csr_matrix:
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
    shape = mesh.matrix @ _smoothed(vertices, coverage(paint, tables.attributes))
    _flatten_feet(shape, bits)
    _widen_legs(shape, bits, heads, outfit, identity)
    _widen_sleeves(shape, bits, heads, outfit)
    _drape(shape, bits, outfit)
    shape = shape.astype(np.float32)
    outwards = normals(shape, mesh.faces)
    shape += outwards * _offsets(rng, outfit, bits)[:, None]
    _stand_on_soles(shape)
    bent = folds.heights(drapery.bend_folds(rng, outfit))
    bent *= (bits & (IN_TOP | IN_BOTTOM | IN_OUTER)) > 0
    return shape, outwards * bent[:, None]


def _smoothed(vertices: Floats, bits: Ints) -> Array:
    """The body without the anatomy that cloth spans: ten averages, fading at the garments' edges."""
    tables = _tables()
    covered = (bits & (IN_TOP | IN_BOTTOM | IN_OUTER)) > 0
    weight = covered.astype(np.float64)
    for _ in range(2):
        weight = np.minimum(weight, tables.laplacian @ weight) * covered
    out = vertices.astype(np.float64)
    limb = out[tables.limb]
    for _ in range(10):
        limb += (0.9 * weight)[:, None] * (tables.laplacian @ limb - limb)
    out[tables.limb] = limb
    return out


def _flatten_feet(shape: Array, bits: Ints) -> None:
    """Toes merge into the toe of a shoe."""
    tables = _tables()
    foot = shape[tables.foot]
    for _ in range(12):
        foot += 0.8 * (tables.foot_laplacian @ foot - foot)
    shape[tables.foot] = foot


def _stand_on_soles(shape: Floats) -> None:
    """Soles are flat."""
    mesh = surface()
    floor = shape[:, 2].min()
    sole = (mesh.part == FOOT) & (mesh.canonical[:, 2] < -0.79)
    shape[sole, 2] = floor + 0.25 * (np.minimum(shape[sole, 2], floor + 0.02) - floor)


def _widen_legs(shape: Array, bits: Ints, heads: Array, outfit: Outfit, identity: Identity) -> None:
    """Trouser legs and shorts become tubes about the bones, as wide as they are cut."""
    if outfit.bottom not in _LEG_TUBE:
        return
    mesh, whole = surface(), body()
    at_top, at_end, loose = _LEG_TUBE[outfit.bottom]
    z = mesh.canonical[:, 2]
    legs = (bits & IN_BOTTOM > 0) & (z < 0.13)
    for side, sign in (("L", 1), ("R", -1)):
        hip, knee, foot = (heads[whole.bone(f"{b}.{side}")] for b in _LEG_BONES)
        rows = np.flatnonzero(legs & (mesh.canonical[:, 0] * sign > 0))
        points = shape[rows]
        levels = [foot[2], knee[2], hip[2]]
        x = np.interp(points[:, 2], levels, [foot[0], knee[0], hip[0]])
        y = np.interp(points[:, 2], levels, [foot[1] + 0.012, knee[1] + 0.015, hip[1]])
        radius = np.hypot(points[:, 0] - x, points[:, 1] - y)
        wide = (at_end + loose * outfit.leg_loose, at_top + 0.4 * loose * outfit.leg_loose)
        target = np.interp(z[rows], (max(outfit.leg_end, -0.70), 0.12), wide)
        target *= 0.82 + 0.35 * identity.phenotype["weight"]
        grow = np.maximum(target / np.maximum(radius, 1e-3), 1) - 1
        grow *= np.clip((0.13 - z[rows]) / 0.12, 0, 1)
        shape[rows, 0] += (points[:, 0] - x) * grow
        shape[rows, 1] += (points[:, 1] - y) * grow


_LEG_BONES = ("upperleg01", "lowerleg01", "foot")
_ARM_BONES = ("upperarm01", "lowerarm01", "wrist")


def _widen_sleeves(shape: Array, bits: Ints, heads: Array, outfit: Outfit) -> None:
    """Sleeves become tubes about the bones; a short one stands open."""
    if outfit.sleeve <= 0 and not outfit.outer:
        return
    mesh, whole = surface(), body()
    for side, sign in (("L", 1), ("R", -1)):
        covered = (bits & (IN_TOP | IN_OUTER) > 0) & (mesh.is_arm > 0)
        rows = np.flatnonzero(covered & (mesh.canonical[:, 0] * sign > 0))
        shoulder, elbow, wrist = (heads[whole.bone(f"{b}.{side}")] for b in _ARM_BONES)
        arm = mesh.arm[rows].astype(np.float64)
        upper = shoulder + np.clip(2 * arm, 0, 1)[:, None] * (elbow - shoulder)
        axis = np.where(
            (arm > 0.5)[:, None], elbow + (2 * arm - 1)[:, None] * (wrist - elbow), upper
        )
        away = shape[rows] - axis
        radius = np.linalg.norm(away, axis=1)
        short = outfit.sleeve < 0.7 and not outfit.outer
        end = 0.064 + 0.022 * outfit.loose if short else 0.042 + 0.010 * outfit.loose
        top = 0.070 + 0.012 * outfit.loose
        reach = max(outfit.sleeve, outfit.outer_sleeve if outfit.outer else 0.0, 0.2)
        target = top + (end - top) * np.clip(arm / reach, 0, 1)
        grow = np.maximum(target / np.maximum(radius, 1e-3), 1) - 1
        grow *= np.clip((arm - 0.04) / 0.15, 0, 1) * (0.35 + 0.65 * outfit.loose)
        shape[rows] += away * grow[:, None]


def _drape(shape: Array, bits: Ints, outfit: Outfit) -> None:
    """A top hangs from its widest ring: going down, the cloth never follows the waist in."""
    mesh = surface()
    x, z = mesh.canonical[:, 0], mesh.canonical[:, 2]
    centre = np.interp(z, (-0.1, 0.2, 0.45, 0.7), (-0.03, -0.02, -0.045, -0.02))
    dx, dy = shape[:, 0], shape[:, 1] - centre
    angle, radius = np.arctan2(dx, -dy), np.hypot(dx, dy)
    column = np.minimum(((angle + np.pi) / (2 * np.pi) * _COLUMNS).astype(np.int64), _COLUMNS - 1)
    row = np.clip((0.62 - z) / 0.62 * _ROWS, 0, _ROWS - 1).astype(np.int64)
    trunk = (mesh.is_arm == 0) & (z < 0.62) & (z > 0.0) & (np.abs(x) < 0.2)
    reach = np.zeros((_ROWS, _COLUMNS))
    np.maximum.at(reach, (row[trunk], column[trunk]), radius[trunk])
    for _ in range(3):
        beside = np.maximum(np.roll(reach, 1, 1), np.roll(reach, -1, 1))
        reach = np.where(reach == 0, beside, reach)
    loose = outfit.loose
    taper = ((1 - loose) * 0.5 + 0.03) * 0.62 / _ROWS
    for i in range(1, _ROWS):
        reach[i] = np.maximum(reach[i], reach[i - 1] - taper)
    reach = (reach + np.roll(reach, 1, 1) + np.roll(reach, -1, 1)) / 3
    reach[1:-1] = (reach[1:-1] + reach[:-2] + reach[2:]) / 3
    hung = (bits & (IN_TOP | IN_OUTER) > 0) & (mesh.is_arm == 0) & (z < 0.6)
    fit = np.clip(1.1 * loose, 0.25, 0.95) * np.clip((0.60 - z) / 0.12, 0, 1)
    wider = np.maximum(reach[row, column] - radius, 0) * fit
    grow = np.where(hung, wider / np.maximum(radius, 1e-4), 0)
    shape[:, 0] += dx * grow
    shape[:, 1] += dy * grow


_ROWS, _COLUMNS = 40, 40  # of the rings that a top hangs from


def _offsets(rng: np.random.Generator, outfit: Outfit, bits: Ints) -> Array:
    """Metres along the normal: thickness, ease at hems, folds."""
    mesh = surface()
    z, arm, on_arm = mesh.canonical[:, 2], mesh.arm, mesh.is_arm > 0
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
