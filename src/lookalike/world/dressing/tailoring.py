"""The cut of garments: cloth that hangs off chest, seat and thighs, as wide as it was made.

All change an undressed rest pose in place: `shape` N×3 of the surface, metres; `bits` N are
`borders.coverage`'s; `heads` B×3 the bones of the rest pose.
"""

import numpy as np
from numpy.typing import NDArray

from lookalike.world.bodies.body import body
from lookalike.world.dressing.borders import IN_BOTTOM, IN_OUTER, IN_TOP
from lookalike.world.dressing.surface import surface
from lookalike.world.raster import Ints
from lookalike.world.wardrobe.clothes import Identity, Outfit

Array = NDArray[np.float64]

# Half the width of a leg at its end, and more when loose; metres per metre that a leg comes in.
_LEGS = {
    "shorts": (0.088, 0.022, 0.06),
    "trousers": (0.050, 0.024, 0.13),
    "jeans": (0.043, 0.020, 0.17),
}


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


def widen_legs(shape: Array, bits: Ints, heads: Array, outfit: Outfit, identity: Identity) -> None:
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
        points, own = shape[rows], z[rows].astype(np.float64)
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
        target = np.maximum(hung, 0.074 + (tube - 0.074) * down)
        inner = np.clip(0.5 - sign * dx / np.maximum(radius, 1e-3), 0, 1)  # legs would meet there
        grow = np.maximum(target / np.maximum(radius, 1e-3), 1) - 1
        fade = np.clip((0.13 - own) / 0.16, 0, 1)
        grow *= fade * fade * (3 - 2 * fade) * (1 - 0.5 * inner * (own > -0.2))
        shape[rows, 0] += dx * grow
        shape[rows, 1] += dy * grow


_LEG_BONES = ("upperleg01", "lowerleg01", "foot")
_ARM_BONES = ("upperarm01", "lowerarm01", "wrist")


def widen_sleeves(shape: Array, bits: Ints, heads: Array, outfit: Outfit) -> None:
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
            target = np.interp(arm, (0.1, 0.45), (0.050, 0.054 + 0.018 * outfit.loose))
        else:
            wide = (0.052 + 0.010 * outfit.loose, 0.042 + 0.008 * outfit.loose, 0.034)
            target = np.interp(arm, (0.1, 0.5, 1.0), wide)
        grow = np.maximum(target / np.maximum(radius, 1e-3), 1) - 1
        shape[rows] += away * (grow * np.clip((arm - 0.05) / 0.2, 0, 1))[:, None]


def drape(shape: Array, bits: Ints, outfit: Outfit) -> None:
    """A top hangs from chest, shoulder blades and belly and doesn't follow the waist in."""
    mesh, loose = surface(), outfit.loose
    x, z = mesh.canonical[:, 0], mesh.canonical[:, 2]
    rows = np.flatnonzero((mesh.is_arm == 0) & (z < 0.62) & (z > 0.0) & (np.abs(x) < 0.2))
    own = z[rows].astype(np.float64)
    middle = np.interp(own, (-0.1, 0.2, 0.45, 0.7), (-0.03, -0.02, -0.045, -0.02))
    dx, dy = shape[rows, 0], shape[rows, 1] - middle
    radius = np.hypot(dx, dy)
    taper = ((1 - loose) * 0.5 + 0.03) * 0.62
    hung = _hung(np.arctan2(dx, -dy), (0.62 - own) / 0.62, radius, taper)
    fit = np.clip(1.1 * loose, 0.25, 0.95) * np.clip((0.60 - own) / 0.12, 0, 1)
    grow = (hung - radius) * fit / np.maximum(radius, 1e-4) * (bits[rows] & (IN_TOP | IN_OUTER) > 0)
    shape[rows, 0] += dx * grow
    shape[rows, 1] += dy * grow
