"""Colour and material of any point of a dressed person, by where it lies in the rest pose.

Since nothing here knows the pose, a print stays where it was sewn on, to the last bit.
"""

# Warp has no types, and its kernels are not Python to mypy.
# mypy: disable-error-code="no-untyped-call,no-untyped-def,misc,attr-defined,valid-type,operator"
# mypy: disable-error-code="no-any-return,arg-type,assignment,index,return-value,type-var"

import numpy as np
import warp as wp
from numpy.typing import NDArray

from lookalike.world.dressing.borders import (
    gap,
    in_bottom,
    in_collar,
    in_hat,
    in_outer,
    in_shoe,
    in_top,
    neckline,
)
from lookalike.world.dressing.cloth import (
    around_trunk,
    bottom_colour,
    contact,
    outer_colour,
    shoe_colour,
    texel,
    top_colour,
)
from lookalike.world.dressing.head import hair_colour, head_colour, skin_colour, spot
from lookalike.world.dressing.palette import Paint, noise_at, ramp
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
def with_material(colour: wp.vec3, material: float) -> wp.vec4:
    return wp.vec4(colour[0], colour[1], colour[2], material)


@wp.func
def covered_head(p: Paint, x: float, y: float, z: float) -> wp.vec4:
    """Hat and mask over the head."""
    if in_hat(p, y, z):
        knit = 1.0 + 0.10 * noise_at(p.noise, x * 4.0 + y * 4.0, z * 2.0)
        return with_material(p.hat_colour * knit, 6.0)
    if p.mask == 1 and y < -0.075 and z > 0.795 and z < 0.872:
        fold = 1.0 - 0.12 * float(wp.abs(z - 0.835) < 0.003)
        return with_material(p.mask_colour * fold, 6.0)
    return head_colour(p, x, y, z)


@wp.func
def strap_over(p: Paint, x: float, y: float, z: float) -> wp.vec4:
    """The straps of backpack and shoulder bag; material 0 beside them."""
    # in front, and over the shoulder; on the back the bag hides them
    if p.straps == 1 and z > 0.36 and y < ramp(z, 0.55, 0.62, -0.02, 0.035):
        strap = wp.abs(wp.abs(x) - 0.095)
        if strap < 0.021:
            return with_material(p.strap_colour * (1.0 - 0.3 * float(strap > 0.016)), 6.0)
    if p.sling != 0.0 and wp.abs(x * p.sling * 0.83 + (z - 0.47) * 0.56) < 0.015:
        return with_material(p.sling_colour * 0.85, 6.0)
    return wp.vec4(0.0, 0.0, 0.0, 0.0)


@wp.func
def bare_limb(p: Paint, x: float, y: float, z: float, arm: float, is_arm: float) -> wp.vec3:
    """Skin of arms, legs and neck, darker where cloth above it keeps the light off."""
    colour = skin_colour(p, x, y, z)
    if is_arm > 0.5:
        colour *= 1.0 - 0.10 * spot(arm - 0.5, 0.0, 0.04, 1.0)  # elbow
        tint = ramp(arm, 1.0, 1.15, 0.0, 1.0)  # hands are redder
        colour = wp.cw_mul(colour, wp.vec3(1.0 - 0.02 * tint, 1.0 - 0.10 * tint, 1.0 - 0.12 * tint))
        if p.sleeve > 0.0:
            colour *= contact((arm - p.sleeve) * 0.55, 0.018)
        return colour
    if z < 0.1:
        colour *= 1.0 - 0.10 * spot(0.0, z + 0.29, 1.0, 0.03)  # knee
        return colour * contact(p.leg_end - z, 0.025)
    colour *= contact(z - neckline(p, x, y), 0.008)
    return colour * ramp(z - 0.2 * y, 0.77, 0.80, 1.0, 0.86)  # under the chin


@wp.func
def over_legs(p: Paint, x: float, y: float, z: float) -> wp.vec4:
    """Trousers, tights and the belt."""
    if p.belt == 1 and z > 0.298 and z < 0.325:
        if wp.abs(x) < 0.02 and y < -0.05:
            return wp.vec4(0.6, 0.58, 0.52, 6.0)
        return with_material(p.belt_colour, 6.0)
    colour = bottom_colour(p, x, y, z) * contact(p.hem - z, 0.02)
    return with_material(colour, 4.0 - float(p.dress == 1 and p.under == 0))


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
        return covered_head(p, x, y, z)
    # from the outermost layer in
    limb = is_arm > 0.5
    if not limb and z > 0.2 and z < 0.76:
        strap = strap_over(p, x, y, z)
        if strap[3] > 0.0:
            return strap
    if part < 7.5 and in_outer(p, x, y, z, arm, is_arm):
        return with_material(outer_colour(p, x, y, z, arm, is_arm), 7.0)
    if in_collar(p, x, y, z, is_arm, part):
        return with_material(p.trim, 3.0)
    if part < 7.5 and in_top(p, x, y, z, arm, is_arm):
        colour = top_colour(p, x, y, z, arm, is_arm)
        if p.outer == 1 and not limb and y < -0.02:
            colour *= contact(gap(p, z) - wp.abs(x), 0.012)
        return with_material(colour, 3.0)
    on_leg = in_bottom(p, z, is_arm, part)
    if part > 2.5 and not (on_leg and z > -0.76) and in_shoe(p, y, z, is_arm):
        return with_material(shoe_colour(p, x, y, z), 5.0)
    if on_leg:
        return over_legs(p, x, y, z)
    if not limb and part > 2.5 and z < p.sock_top and p.sandal == 0:
        return with_material(p.sock, 8.0)
    return with_material(bare_limb(p, x, y, z, arm, is_arm), 1.0)


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
