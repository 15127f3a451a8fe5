"""Folds of cloth: ridges with a sharper valley beside them, laid where gravity and joints put them.

A fold is a line on unrolled cloth. Each part of the surface is a cloth of its own: the trunk
(metres around, z), a leg (metres around it, z) and an arm (metres around it, metres along it).
"""

# Warp has no types, and its kernels are not Python to mypy.
# mypy: disable-error-code="no-untyped-call,no-untyped-def,misc,attr-defined,valid-type"
# mypy: disable-error-code="no-any-return"

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import warp as wp

from lookalike.world.dressing.surface import surface
from lookalike.world.raster import Floats, Ints

wp.set_module_options({"enable_backward": False})

TRUNK, LEFT_LEG, RIGHT_LEG, LEFT_ARM, RIGHT_ARM = range(5)
LEGS, ARMS = (LEFT_LEG, RIGHT_LEG), (LEFT_ARM, RIGHT_ARM)
ROUND = 0.9  # metres around the trunk
LEG_ROUND, ARM_ROUND = 0.54, 0.40  # of an average leg or sleeve
ARM_LENGTH = 0.55


class Unrolled(NamedTuple):
    """Where each of the surface's vertices lies on its cloth: which one, and metres on it.

    Around a leg 0 is in front and .13 outside; around an arm 0 is outside, .1 in front.
    """

    cloth: Ints
    around: Floats
    along: Floats


@lru_cache(maxsize=1)
def unrolled() -> Unrolled:
    """The dressed mesh's cloths, the same for all people."""
    mesh = surface()
    x, y, z = mesh.canonical.astype(np.float64).T
    on_arm, on_leg = mesh.is_arm > 0, (mesh.is_arm == 0) & (z < 0.08)
    cloth = np.where(on_arm, LEFT_ARM, np.where(on_leg, LEFT_LEG, TRUNK))
    cloth += (cloth > 0) & (x < 0)
    trunk = ROUND / (2 * np.pi) * np.arctan2(x, -(y + 0.03))
    axis = 0.152 - 0.089 * (z + 0.286)
    leg = 0.085 * (np.pi / 2 - np.arctan2(-(y + 0.02), np.abs(x) - axis))
    elbow = np.clip(mesh.arm, 0, 1)
    middle = [np.interp(elbow, (0, 0.5, 1), ends) for ends in _ARM_AXIS]
    outward = 0.75 * (np.abs(x) - middle[0]) + 0.66 * (z - middle[2])
    arm = -0.06 * np.arctan2(y - middle[1], outward)
    around = np.where(on_arm, arm, np.where(on_leg, leg, trunk))
    along = np.where(on_arm, mesh.arm * ARM_LENGTH, z)
    return Unrolled(cloth.astype(np.int32), around.astype(np.float32), along.astype(np.float32))


# canonical x, y and z of shoulder, elbow and wrist
_ARM_AXIS = ((0.187, 0.378, 0.51), (-0.021, -0.028, -0.204), (0.652, 0.437, 0.302))


@wp.kernel
def _raise(
    cloth: wp.array(dtype=wp.int32),
    around: wp.array(dtype=wp.float32),
    along: wp.array(dtype=wp.float32),
    folds: wp.array2d(dtype=wp.float32),
    out: wp.array(dtype=wp.float32),
):
    for v in range(cloth.shape[0]):
        total = wp.float32(0.0)
        for f in range(folds.shape[0]):
            if int(folds[f, 0]) != cloth[v]:
                continue
            du = folds[f, 3] - folds[f, 1]
            dv = folds[f, 4] - folds[f, 2]
            length = wp.sqrt(du * du + dv * dv)
            x = around[v] - folds[f, 1]
            x -= folds[f, 8] * wp.round(x / folds[f, 8])  # the short way round
            y = along[v] - folds[f, 2]
            t = (x * du + y * dv) / (length * length)
            if t <= 0.0 or t >= 1.0:
                continue
            width = folds[f, 5]
            across = (x * dv - y * du) / length + folds[f, 7] * 4.0 * t * (1.0 - t)
            if wp.abs(across) > 4.0 * width:
                continue
            ridge = across / width
            valley = (across - 1.5 * width) / (0.85 * width)
            fade = wp.min(t / 0.15, 1.0) * wp.sqrt(1.0 - t)
            total += folds[f, 6] * fade * (wp.exp(-ridge * ridge) - 0.7 * wp.exp(-valley * valley))
        out[v] = total


def heights(folds: list[tuple[float, ...]]) -> Floats:
    """Metres by which the folds raise each vertex of the surface (N).

    A fold: its cloth, start (around, along), end (around, along), half width of the ridge, its
    height at the start (it fades to the end) and how far it bows sideways. The valley lies on the
    right of the line from start to end, seen from outside.
    """
    cloth, around, along = unrolled()
    out = np.zeros(len(cloth), np.float32)
    if folds:
        turn = (ROUND, LEG_ROUND, LEG_ROUND, ARM_ROUND, ARM_ROUND)
        table = np.array([(*fold, turn[int(fold[0])]) for fold in folds], np.float32)
        inputs = [cloth, around, along, table, out]
        wp.launch(_raise, 1, inputs=inputs, device="cpu")
    return out
