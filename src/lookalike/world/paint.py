"""Colour and material of any point of a dressed person, by where it lies in the rest pose.

Since nothing here knows the pose, a print stays where it was sewn on, to the last bit.
"""

# Warp has no types, and its kernels are not Python to mypy.
# mypy: disable-error-code="no-untyped-call,no-untyped-def,misc,attr-defined,valid-type,operator"
# mypy: disable-error-code="no-any-return,arg-type,assignment,index,return-value,type-var"

import numpy as np
import warp as wp
from numpy.typing import NDArray

from lookalike.world.borders import (
    gap,
    in_bottom,
    in_collar,
    in_hat,
    in_outer,
    in_shoe,
    in_top,
    neckline,
)
from lookalike.world.cloth import (
    around_trunk,
    bottom_colour,
    contact,
    outer_colour,
    shoe_colour,
    texel,
    top_colour,
)
from lookalike.world.head import hair_colour, head_colour, skin_colour, spot
from lookalike.world.palette import Paint, noise_at, ramp
from lookalike.world.raster import Floats, Ints

wp.set_module_options({"enable_backward": False})

__all__ = ["Paint", "albedo", "colours"]


@wp.func
def piece_colour(p: Paint, rest: wp.vec3, material: int, plain: wp.vec3) -> wp.vec4:
    """A point of a skirt, a coat's lower part, a hood, loose hair or a carried thing."""
    x = rest[0]
    y = rest[1]
    z = rest[2]
    colour = plain
    if material == 6:  # leather and canvas, a little worn
        colour = plain * (1.0 + 0.09 * noise_at(p.noise, x * 1.7 + y * 1.7, z * 1.7))
    if material == 2:
        colour = hair_colour(p, x, y, z)
    elif material == 3:
        colour = texel(p.top, around_trunk(x, y), z)
    elif material == 4:
        colour = texel(p.bottom, around_trunk(x, y), z)
    elif material == 7:
        colour = texel(p.outer_texture, around_trunk(x, y), z)
    return wp.vec4(colour[0], colour[1], colour[2], float(material))


@wp.func
def albedo(
    p: Paint,
    rest: wp.vec3,
    arm: float,
    is_arm: float,
    part: float,
    face_material: int,
    face_colour: wp.vec3,
) -> wp.vec4:
    """Display-ish colour in [0, 1] and material (1 skin 2 hair 3 top 4 bottom 5 shoe 6 accessory
    7 outer 8 sock) of a point, from its face's material (−1: the body's surface) and colour and
    its interpolated attributes."""
    if face_material >= 0:
        return piece_colour(p, rest, face_material, face_colour)
    x = rest[0]
    y = rest[1]
    z = rest[2]
    if part > 8.4:
        if in_hat(p, y, z):
            knit = 1.0 + 0.10 * noise_at(p.noise, x * 4.0 + y * 4.0, z * 2.0)
            hat = p.hat_colour * knit
            return wp.vec4(hat[0], hat[1], hat[2], 6.0)
        if p.mask == 1 and y < -0.075 and z > 0.795 and z < 0.872:
            fold = p.mask_colour * (1.0 - 0.12 * float(wp.abs(z - 0.835) < 0.003))
            return wp.vec4(fold[0], fold[1], fold[2], 6.0)
        return head_colour(p, x, y, z)

    colour = skin_colour(p, x, y, z)
    material = wp.float32(1.0)
    limb = is_arm > 0.5
    if limb:
        colour *= 1.0 - 0.10 * spot(arm - 0.5, 0.0, 0.04, 1.0)  # elbow
        if arm > 1.0:
            tint = ramp(arm, 1.0, 1.15, 0.0, 1.0)
            colour = wp.cw_mul(
                colour, wp.vec3(1.0 - 0.02 * tint, 1.0 - 0.10 * tint, 1.0 - 0.12 * tint)
            )
        if p.sleeve > 0.0:
            colour *= contact((arm - p.sleeve) * 0.55, 0.018)
    elif z < 0.1:
        colour *= 1.0 - 0.10 * spot(0.0, z + 0.29, 1.0, 0.03)  # knee
        colour *= contact(p.leg_end - z, 0.025)
    else:
        colour *= contact(z - neckline(p, x, y), 0.008)
        colour *= ramp(z - 0.2 * y, 0.77, 0.80, 1.0, 0.86)  # under the chin

    if not limb and part > 2.5 and z < p.sock_top and p.sandal == 0:
        colour = p.sock
        material = 8.0
    if in_bottom(p, z, is_arm, part):
        colour = bottom_colour(p, x, y, z) * contact(p.hem - z, 0.02)
        material = 4.0
        if p.dress == 1:
            material = 3.0
        if p.belt == 1 and z > 0.298 and z < 0.325:
            colour = p.belt_colour
            material = 6.0
            if wp.abs(x) < 0.02 and y < -0.05:
                colour = wp.vec3(0.6, 0.58, 0.52)
    over_shoe = material == 4.0 and z > -0.76
    if part > 2.5 and not over_shoe and in_shoe(p, y, z, is_arm):
        colour = shoe_colour(p, x, y, z)
        material = 5.0
    if part < 7.5 and in_top(p, x, y, z, arm, is_arm):
        colour = top_colour(p, x, y, z, arm, is_arm)
        material = 3.0
        if p.outer == 1 and not limb and y < -0.02:
            colour *= contact(gap(p, z) - wp.abs(x), 0.012)
    if in_collar(p, x, y, z, is_arm, part):
        colour = p.trim
        material = 3.0
    if part < 7.5 and in_outer(p, x, y, z, arm, is_arm):
        colour = outer_colour(p, x, y, z, arm, is_arm)
        material = 7.0
    if not limb and z > 0.2 and z < 0.76:
        if p.straps == 1 and y < 0.035 and z > 0.36:
            strap = wp.abs(wp.abs(x) - 0.095)
            if strap < 0.021:
                colour = p.strap_colour * (1.0 - 0.3 * float(strap > 0.016))
                material = 6.0
        if p.sling != 0.0 and wp.abs(x * p.sling * 0.83 + (z - 0.47) * 0.56) < 0.015:
            colour = p.sling_colour * 0.85
            material = 6.0
    return wp.vec4(colour[0], colour[1], colour[2], material)


@wp.kernel
def _colours(
    p: Paint,
    points: wp.array2d(dtype=wp.float32),
    materials: wp.array(dtype=wp.int32),
    plain: wp.array(dtype=wp.vec3),
    out: wp.array(dtype=wp.vec4),
):
    for n in range(points.shape[0]):
        rest = wp.vec3(points[n, 0], points[n, 1], points[n, 2])
        out[n] = albedo(p, rest, points[n, 3], points[n, 4], points[n, 5], materials[n], plain[n])


def colours(
    paint: Paint, attributes: NDArray[np.float32], materials: Ints, plain: Floats
) -> tuple[Floats, Ints]:
    """Colours n×3 and materials n of points with these n×6 attributes, by `albedo`.

    materials n and plain n×3 are those of the points' faces.
    """
    out = np.empty((len(attributes), 4), np.float32)
    inputs = [
        paint,
        np.ascontiguousarray(attributes, np.float32),
        np.ascontiguousarray(materials, np.int32),
        np.ascontiguousarray(plain, np.float32),
        out,
    ]
    wp.launch(_colours, 1, inputs=inputs, device="cpu")
    return np.ascontiguousarray(out[:, :3]), out[:, 3].astype(np.int32)
