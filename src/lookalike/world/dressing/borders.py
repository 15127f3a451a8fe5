"""Where each garment begins and ends: inequalities on canonical coordinates, in one place.

The renderer asks them for each sample, which makes hems crisp at any density of the mesh; dressing
asks them for each vertex.
"""

# Warp has no types, and its kernels are not Python to mypy.
# mypy: disable-error-code="no-untyped-call,no-untyped-def,misc,attr-defined,valid-type,operator"
# mypy: disable-error-code="no-any-return,arg-type,assignment,index,return-value,type-var"

import numpy as np
import warp as wp

from lookalike.world.dressing.palette import Paint, noise_at, ramp
from lookalike.world.raster import Floats, Ints

wp.set_module_options({"enable_backward": False})

IN_TOP, IN_BOTTOM, IN_OUTER, IN_SHOE, IN_HAIR, IN_HAT, IN_COLLAR = 1, 2, 4, 8, 16, 32, 64
HEM = wp.constant(0.010)  # a top stands off the hips to its very edge, and a little beyond
NECKS = {"crew": 0, "v": 1, "scoop": 2}
HAIR_NONE, HAIR_SHAVED, HAIR_SHORT, HAIR_FRINGE, HAIR_BACK = range(5)
HATS = {"none": 0, "cap": 1, "brim": 2, "beanie": 3}


@wp.func
def neckline(p: Paint, x: float, y: float) -> float:
    """z of a top's neck opening: higher behind; a V or a scoop is cut deeper in front."""
    line = 0.735 + 0.55 * (y + 0.02)
    front = wp.clamp(-(y + 0.02) / 0.04, 0.0, 1.0)
    if p.neck == 1:
        line = wp.min(line, line - front * wp.max(0.085 - 2.1 * wp.abs(x), 0.0))
    if p.neck == 2:
        line = line - 0.02 - front * 0.045 * wp.max(1.0 - (x / 0.085) * (x / 0.085), 0.0)
    return line


@wp.func
def in_top(p: Paint, x: float, y: float, z: float, arm: float, is_arm: float) -> bool:
    """Under the top, sleeves included."""
    if is_arm > 0.5:
        return arm < p.sleeve
    inside = z > p.hem and z < neckline(p, x, y)
    if p.sleeve < 0.0 and z > 0.52:  # arm holes, and straps on the shoulders
        side = wp.abs(x)
        if side > 0.135 or (z > 0.64 and side > 0.115) or (z > 0.66 and side < 0.055):
            inside = False
    return inside


@wp.func
def in_bottom(p: Paint, z: float, is_arm: float, part: float) -> bool:
    """Under trousers, shorts or a skirt's waist (not yet its cloth, which is geometry)."""
    return is_arm < 0.5 and z < 0.345 and z > p.leg_end and part < 4.5


@wp.func
def gap(p: Paint, z: float) -> float:
    """Half the width of the front opening of what is worn over the top; it narrows upward."""
    if p.opening <= 0.0:
        return 0.0
    return wp.max(p.opening - 0.04 * wp.clamp((z - 0.33) / 0.27, 0.0, 1.0), 0.012)


@wp.func
def in_outer(p: Paint, x: float, y: float, z: float, arm: float, is_arm: float) -> bool:
    """Under the jacket. A coat's part below the crotch is geometry."""
    if p.outer == 0:
        return False
    if is_arm > 0.5:
        return arm < p.outer_sleeve
    if z < wp.max(p.outer_hem, 0.05) or z > 0.75 + 0.55 * (y + 0.02):
        return False
    return not (y < -0.02 and wp.abs(x) < gap(p, z))


@wp.func
def in_collar(p: Paint, x: float, y: float, z: float, is_arm: float, part: float) -> bool:
    """The band around the neck of a shirt, polo or hoodie, open in front."""
    if p.collar == 0 or is_arm > 0.5 or part > 8.6:
        return False
    low = 0.714 + 0.55 * (y + 0.02)
    high = low + 0.045
    if p.collar == 1 and y < -0.05 and wp.abs(x) < 0.018:
        return False
    return z > low and z < high


@wp.func
def in_shoe(p: Paint, y: float, z: float, is_arm: float) -> bool:
    """Under the shoe; of a sandal, its sole and straps."""
    if is_arm > 0.5 or z > p.shoe_top:
        return False
    if p.sandal == 1:
        return (
            z < ramp(y, -0.15, 0.02, -0.801, -0.785)
            or (y < -0.085 and y > -0.135)
            or (y > 0.0 and z < -0.735 and z > -0.76)
        )
    return True


@wp.func
def above_hairline(p: Paint, x: float, y: float, z: float) -> float:
    """Metres above the uneven line at which hair begins; negative on the face and neck."""
    if p.hair_kind == 0:
        return -1.0
    around = wp.atan2(x, -(y + 0.05))
    if y < -0.13:
        line = ramp(y, -0.17, -0.13, 1.0, 0.985)
    elif y < -0.085:
        line = ramp(y, -0.13, -0.085, 0.985, 0.958)
    elif y < -0.06:
        line = ramp(y, -0.085, -0.06, 0.958, 0.895)
    elif y < -0.02:
        line = ramp(y, -0.06, -0.02, 0.895, 0.872)
    elif y < 0.02:
        line = ramp(y, -0.02, 0.02, 0.872, 0.805)
    else:
        line = ramp(y, 0.02, 0.06, 0.805, 0.785)
    front = wp.clamp((-0.075 - y) / 0.03, 0.0, 1.0)
    # temples recede, the middle comes forward; a fringe falls to the brows, parted
    line += front * (p.hairline + 0.010 * (wp.abs(x) / 0.06))
    if p.hair_kind == 3:
        line -= front * (0.036 - 0.35 * wp.max(0.035 - wp.abs(x - p.parting), 0.0))
    fine = noise_at(p.noise, around * 0.8 + p.locks, p.locks * 0.7)
    broad = noise_at(p.noise, around * 0.22 + p.locks * 1.3, p.locks)
    return z - line + 0.007 * fine + 0.010 * broad * (0.4 + front)


@wp.func
def in_hat(p: Paint, y: float, z: float) -> bool:
    """Under the hat's crown."""
    if p.hat == 0:
        return False
    line = 0.945 + 0.12 * (-0.05 - y) * 0.5
    if p.hat == 3:
        line = 0.925 + 0.25 * (-0.05 - y)
    return z > line


@wp.kernel
def _coverage(p: Paint, points: wp.array2d(dtype=wp.float32), out: wp.array(dtype=wp.int32)):
    for v in range(points.shape[0]):
        x = points[v, 0]
        y = points[v, 1]
        z = points[v, 2]
        arm = points[v, 3]
        is_arm = points[v, 4]
        part = points[v, 5]
        bits = wp.int32(0)
        if part > 8.4:
            if above_hairline(p, x, y, z) > 0.0:
                bits |= IN_HAIR
            if in_hat(p, y, z):
                bits |= IN_HAT
        else:
            if part < 6.5 and (
                in_top(p, x, y, z, arm, is_arm)
                or (is_arm < 0.5 and in_top(p, x, y, z + HEM, arm, is_arm))
            ):
                bits |= IN_TOP
            if part < 6.5 and in_outer(p, x, y, z, arm, is_arm):
                bits |= IN_OUTER
            if part < 3.5 and in_bottom(p, z, is_arm, part):
                bits |= IN_BOTTOM
            if z < p.shoe_top and is_arm < 0.5:
                bits |= IN_SHOE
            if in_collar(p, x, y, z, is_arm, part):
                bits |= IN_COLLAR
        out[v] = bits


def coverage(paint: Paint, attributes: Floats) -> Ints:
    """Which garments lie over each point: N of the bits IN_TOP and so on, from N×6 attributes."""
    out = np.zeros(len(attributes), np.int32)
    inputs = [paint, np.ascontiguousarray(attributes, np.float32), out]
    wp.launch(_coverage, 1, inputs=inputs, device="cpu")
    return out
