"""Hair on the head: how far each point of the scalp is raised, in locks."""

# Warp has no types, and its kernels are not Python to mypy.
# mypy: disable-error-code="no-untyped-call,no-untyped-def,misc,attr-defined,valid-type"
# mypy: disable-error-code="no-any-return"

import numpy as np
import warp as wp

from lookalike.world.dressing.borders import above_hairline
from lookalike.world.dressing.displacement import attributes
from lookalike.world.dressing.palette import Paint, noise_at, ramp
from lookalike.world.raster import Floats
from lookalike.world.wardrobe.clothes import Identity

wp.set_module_options({"enable_backward": False})


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
