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

# Half the width of a leg at its end, and more when loose; metres per metre that a leg comes in.
_LEGS = {
    "shorts": (0.088, 0.022, 0.06),
    "trousers": (0.054, 0.024, 0.12),
    "jeans": (0.047, 0.022, 0.16),
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
    feet = _within(mesh.faces, foot, len(mesh.canonical))
    points = _columns(mesh)
    for _ in range(_FEET):  # as the shoe's shape: a sole's edge runs straight over the toes
        points[foot, :3] += 0.8 * (feet @ points[foot, :3] - points[foot, :3])
    return _Tables(
        limb.astype(np.int32),
        _columns(whole)[limb],
        _within(whole.faces, limb, len(whole.canonical)),
        foot.astype(np.int32),
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
    for _ in range(_FEET):
        foot += 0.8 * (tables.foot_laplacian @ foot - foot)
    shape[tables.foot] = foot


def _stand_on_soles(shape: Floats) -> None:
    """Soles are flat: the lowest two centimetres are pressed down."""
    foot = _tables().foot
    floor = shape[foot, 2].min()
    high = shape[foot, 2] - floor
    shape[foot, 2] = floor + high * np.minimum(high / 0.022, 1)


def _hung(angle: Array, down: Array, radius: Array, taper: float) -> Array:
    """The radius at which cloth hangs over points of a limb or the trunk, at least their own.

    Angles in radians; down: 0 at the top to 1; taper: metres that the cloth comes in per unit of
    `down`. Going down, cloth never follows the body in faster than that.
    """
    column = np.minimum(((angle + np.pi) / (2 * np.pi) * _COLUMNS).astype(np.int64), _COLUMNS - 1)
    row = np.clip(down * _ROWS, 0, _ROWS - 1).astype(np.int64)
    reach = np.zeros((_ROWS, _COLUMNS))
    np.maximum.at(reach, (row, column), radius)
    for _ in range(3):
        beside = np.maximum(np.roll(reach, 1, 1), np.roll(reach, -1, 1))
        reach = np.where(reach == 0, beside, reach)
    for i in range(1, _ROWS):
        reach[i] = np.maximum(reach[i], reach[i - 1] - taper / _ROWS)
    reach = (reach + np.roll(reach, 1, 1) + np.roll(reach, -1, 1)) / 3
    reach[1:-1] = (reach[1:-1] + reach[:-2] + reach[2:]) / 3
    return np.maximum(reach[row, column], radius)


_ROWS, _COLUMNS = 40, 32  # of the rings that cloth hangs from


def _widen_legs(
    shape: Array, bits: Ints, heads: Array, outfit: Outfit, identity: Identity
) -> None:
    """Trouser legs and shorts hang from thigh and seat, as wide as they are cut."""
    if outfit.bottom not in _LEGS:
        return
    mesh, whole = surface(), body()
    end, end_loose, taper = _LEGS[outfit.bottom]
    z = mesh.canonical[:, 2]
    legs = (bits & IN_BOTTOM > 0) & (z < 0.13)
    for side, sign in (("L", 1), ("R", -1)):
        hip, knee, foot = (heads[whole.bone(f"{b}.{side}")] for b in _LEG_BONES)
        rows = np.flatnonzero(legs & (mesh.canonical[:, 0] * sign > 0))
        points, own = shape[rows], z[rows]
        levels = [foot[2], knee[2], hip[2]]
        x = np.interp(points[:, 2], levels, [foot[0], knee[0], hip[0]])
        y = np.interp(points[:, 2], levels, [foot[1] + 0.012, knee[1] + 0.015, hip[1]])
        dx, dy = points[:, 0] - x, points[:, 1] - y
        radius = np.hypot(dx, dy)
        low = max(outfit.leg_end, -0.72)
        down = np.clip((0.12 - own) / (0.12 - low), 0, 1)
        narrow = taper * (1.3 - 0.6 * outfit.leg_loose) * (0.12 - low)
        hung = _hung(np.arctan2(sign * dx, -dy), down, radius, narrow)
        tube = (end + end_loose * outfit.leg_loose) * (0.85 + 0.28 * identity.phenotype["weight"])
        target = np.maximum(hung, 0.080 + (tube - 0.080) * down)
        inner = np.clip(0.5 - sign * dx / np.maximum(radius, 1e-3), 0, 1)  # legs would meet there
        grow = np.maximum(target / np.maximum(radius, 1e-3), 1) - 1
        fade = np.clip((0.13 - own) / 0.16, 0, 1)
        grow *= fade * fade * (3 - 2 * fade) * (1 - 0.5 * inner * (own > -0.2))
        shape[rows, 0] += dx * grow
        shape[rows, 1] += dy * grow


_LEG_BONES = ("upperleg01", "lowerleg01", "foot")
_ARM_BONES = ("upperarm01", "lowerarm01", "wrist")


def _widen_sleeves(shape: Array, bits: Ints, heads: Array, outfit: Outfit) -> None:
    """Sleeves become cones about the bones; a short one stands open."""
    mesh, whole = surface(), body()
    long = outfit.outer_sleeve if outfit.outer else outfit.sleeve
    if long <= 0:
        return
    covered = (bits & (IN_TOP | IN_OUTER) > 0) & (mesh.is_arm > 0)
    for side, sign in (("L", 1), ("R", -1)):
        rows = np.flatnonzero(covered & (mesh.canonical[:, 0] * sign > 0))
        shoulder, elbow, wrist = (heads[whole.bone(f"{b}.{side}")] for b in _ARM_BONES)
        arm = mesh.arm[rows].astype(np.float64)
        upper = shoulder + np.clip(2 * arm, 0, 1)[:, None] * (elbow - shoulder)
        lower = elbow + (2 * arm - 1)[:, None] * (wrist - elbow)
        away = shape[rows] - np.where((arm > 0.5)[:, None], lower, upper)
        radius = np.linalg.norm(away, axis=1)
        if long < 0.7:
            target = np.interp(arm, (0.1, 0.45), (0.050, 0.056 + 0.030 * outfit.loose))
        else:
            wide = (0.052 + 0.010 * outfit.loose, 0.042 + 0.008 * outfit.loose, 0.034)
            target = np.interp(arm, (0.1, 0.5, 1.0), wide)
        grow = np.maximum(target / np.maximum(radius, 1e-3), 1) - 1
        shape[rows] += away * (grow * np.clip((arm - 0.05) / 0.2, 0, 1))[:, None]


def _drape(shape: Array, bits: Ints, outfit: Outfit) -> None:
    """A top hangs from chest, shoulder blades and belly and doesn't follow the waist in."""
    mesh, loose = surface(), outfit.loose
    x, z = mesh.canonical[:, 0], mesh.canonical[:, 2]
    rows = np.flatnonzero((mesh.is_arm == 0) & (z < 0.62) & (z > 0.0) & (np.abs(x) < 0.2))
    own = z[rows]
    middle = np.interp(own, (-0.1, 0.2, 0.45, 0.7), (-0.03, -0.02, -0.045, -0.02))
    dx, dy = shape[rows, 0], shape[rows, 1] - middle
    radius = np.hypot(dx, dy)
    taper = ((1 - loose) * 0.5 + 0.03) * 0.62
    hung = _hung(np.arctan2(dx, -dy), (0.62 - own) / 0.62, radius, taper)
    fit = np.clip(1.1 * loose, 0.25, 0.95) * np.clip((0.60 - own) / 0.12, 0, 1)
    grow = (hung - radius) * fit / np.maximum(radius, 1e-4) * (bits[rows] & (IN_TOP | IN_OUTER) > 0)
    shape[rows, 0] += dx * grow
    shape[rows, 1] += dy * grow


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
