"""Colour of each garment at a point of the rest pose: its texture, seams, pockets and print."""

# Warp has no types, and its kernels are not Python to mypy.
# mypy: disable-error-code="no-untyped-call,no-untyped-def,misc,attr-defined,valid-type,operator"
# mypy: disable-error-code="no-any-return,arg-type,assignment,index,return-value,type-var"

import warp as wp

from lookalike.world.dressing.borders import gap, neckline
from lookalike.world.dressing.head import spot
from lookalike.world.dressing.palette import Paint, ramp


@wp.func
def texel(tile: wp.array3d(dtype=wp.float32), u: float, v: float) -> wp.vec3:
    """The nearest of the 128×128 values of a .9 m tile that repeats."""
    i = int(wp.floor(v / 0.9 * 128.0)) & 127
    j = int(wp.floor(u / 0.9 * 128.0)) & 127
    return wp.vec3(tile[i, j, 0], tile[i, j, 1], tile[i, j, 2])


@wp.func
def around_trunk(x: float, y: float) -> float:
    """Metres of cloth around the trunk, 0 in front; one tile goes round, so that it closes."""
    return 0.14324 * wp.atan2(x, -(y + 0.03))


@wp.func
def around_leg(x: float, y: float, z: float) -> float:
    """Metres of cloth around a leg, ±.25 in front; the ends meet on its inner side."""
    out = wp.abs(x) - (0.152 - 0.089 * (z + 0.286))
    turn = 1.5708 - wp.atan2(-(y + 0.02), out)
    return wp.sign(x) * (0.25 + 0.085 * turn)


@wp.func
def around_sleeve(x: float, y: float, z: float, arm: float) -> float:
    """Metres of cloth around an arm, .3 on its outer side; the ends meet towards the trunk."""
    t = wp.clamp(arm, 0.0, 1.0)
    ax = ramp(t, 0.0, 0.5, 0.187, 0.378) + ramp(t, 0.5, 1.0, 0.0, 0.132)
    ay = ramp(t, 0.0, 0.5, -0.021, -0.028) - ramp(t, 0.5, 1.0, 0.0, 0.176)
    az = ramp(t, 0.0, 0.5, 0.652, 0.437) - ramp(t, 0.5, 1.0, 0.0, 0.135)
    outward = 0.75 * (wp.abs(x) - ax) + 0.66 * (z - az)
    return 0.3 + 0.06 * wp.atan2(y - ay, outward)


@wp.func
def contact(distance: float, reach: float) -> float:
    """How much light is left beside the edge of cloth above: .66 at the edge, 1 beyond reach."""
    if distance < 0.0:
        return 1.0
    return 1.0 - 0.34 * wp.exp(-distance / reach)


@wp.func
def bottom_colour(p: Paint, x: float, y: float, z: float) -> wp.vec3:
    """Trousers with their seams, pockets and hems."""
    u = around_leg(x, y, z)
    if z > 0.06:
        u = around_trunk(x, y)
    if p.under == 1:
        return p.under_colour
    if p.dress == 1:
        return texel(p.top, u, z)
    colour = texel(p.bottom, u, z)
    side = wp.abs(x)
    leg = wp.abs(around_leg(x, y, z)) - 0.25  # 0 in front of the leg, .13 at the outer seam
    shade = wp.float32(1.0)
    if wp.abs(leg - 0.1335) < 0.004:
        shade = 0.82
    if y < -0.05:
        slant = side - 0.085 - 0.55 * (0.30 - z)
        if wp.abs(slant) < 0.005 and z > 0.21 and z < 0.30:
            shade = 0.66
        if side < 0.005 and z > 0.15:
            shade = 0.75
        if p.creased == 1 and wp.abs(leg) < 0.004 and z < 0.05:
            shade = 1.15
    elif y > 0.03 and z > 0.13 and z < 0.265 and p.leg_end < 0.05:
        u_pocket = wp.abs(side - 0.082)
        if u_pocket < 0.05 and (u_pocket > 0.045 or wp.abs(z - 0.26) < 0.005 or z < 0.137):
            shade = 0.72
    if p.jeans == 1:
        worn = spot(leg, z + 0.08, 0.05, 0.13) + 0.5 * spot(leg, z + 0.29, 0.05, 0.06)
        shade *= 1.0 + 0.22 * worn
    if z < p.leg_end + 0.018 and z > p.leg_end + 0.012:
        shade *= 0.8
    if p.cuff > 0.0 and z < p.leg_end + p.cuff:
        colour = colour * 0.65 + wp.vec3(0.27, 0.27, 0.27)
        if z > p.leg_end + p.cuff - 0.006:
            shade *= 0.7
    return colour * shade


@wp.func
def print_on(p: Paint, ground: wp.vec3, x: float, y: float, z: float) -> wp.vec3:
    """The top with its print on chest or back."""
    half = p.decal_half
    across = wp.float32(9.0)
    if p.decal_front == 1 and y < -0.03:
        across = x - p.decal_x
    if p.decal_back == 1 and y > -0.01:
        across = -x
    down = p.decal_height + half - z
    if wp.abs(across) >= half or down < 0.0 or down >= 2.0 * half:
        return ground
    i = wp.min(int(down / (2.0 * half) * 48.0), 47)
    j = wp.min(int((across + half) / (2.0 * half) * 48.0), 47)
    cover = p.decal[i, j, 3]
    ink = wp.vec3(p.decal[i, j, 0], p.decal[i, j, 1], p.decal[i, j, 2])
    return ground * (1.0 - cover) + ink * cover


@wp.func
def top_colour(p: Paint, x: float, y: float, z: float, arm: float, is_arm: float) -> wp.vec3:
    """The top with its bands, buttons, pocket and print."""
    side = wp.abs(x)
    if is_arm > 0.5:
        colour = texel(p.top, around_sleeve(x, y, z, arm), 0.68 - 0.55 * arm)
        if p.plain_sleeves == 1:
            colour = p.sleeve_colour
        left = (p.sleeve - arm) * 0.55  # metres to the sleeve's end
        if p.collar > 0 and p.sleeve > 0.8 and left < 0.045:
            colour = p.trim * (0.92 - 0.15 * float(left > 0.04))
        elif left > 0.014 and left < 0.021:
            colour = colour * 0.84
        return colour
    colour = print_on(p, texel(p.top, around_trunk(x, y), z), x, y, z)
    shade = wp.float32(1.0)
    if z > p.placket and y < -0.02:
        if side < 0.016:
            shade = 0.93
        if wp.abs(side - 0.016) < 0.003:
            shade = 0.72
        if side < 0.006 and (z - wp.floor(z / 0.085) * 0.085) < 0.010:
            shade = 0.5
    below = neckline(p, x, y) - z
    if p.collar == 0 and p.sleeve > 0.0:
        if below < 0.014:
            colour = p.trim
        elif below < 0.019:
            shade *= 0.8
    if z < p.hem + 0.020 and z > p.hem + 0.013:
        shade *= 0.86
    if p.pocket == 1 and y < -0.03 and side < 0.125 and z > 0.13 and z < 0.285:
        edge = 0.125 - 0.30 * wp.max(z - 0.20, 0.0) - side
        if (edge > -0.004 and edge < 0.005) or z > 0.277:
            shade *= 0.74
    if p.pocket == 1 and y < -0.02 and wp.abs(side - 0.026) < 0.004 and z > 0.58 and z < 0.69:
        colour = colour * 0.5 + wp.vec3(0.35, 0.35, 0.35)
    on_chest = x > 0.045 and x < 0.125 and z > 0.47 and z < 0.57
    if p.pocket == 2 and y < -0.05 and on_chest:
        edge = wp.min(wp.min(x - 0.045, 0.125 - x), wp.min(z - 0.47, 0.5 * (0.57 - z)))
        if edge < 0.005:
            shade *= 0.8
    point = (z - 0.664) * 0.75 - (side - 0.010)  # how far within the collar's points
    if p.collar == 1 and y < -0.02 and side > 0.010 and side < 0.06 and point > 0.0:
        colour = p.trim
        if point < 0.007:
            shade = 0.68
    return colour * shade


@wp.func
def outer_colour(p: Paint, x: float, y: float, z: float, arm: float, is_arm: float) -> wp.vec3:
    """Jacket or coat, with its edges, pockets and quilting."""
    side = wp.abs(x)
    if is_arm > 0.5:
        colour = texel(p.outer_texture, around_sleeve(x, y, z, arm), 0.68 - 0.55 * arm)
        left = (p.outer_sleeve - arm) * 0.55
        if left > 0.03 and left < 0.037:
            colour *= 0.75
        if p.quilted == 1 and (left / 0.065 - wp.floor(left / 0.065)) < 0.14:
            colour *= 0.72
        return colour
    colour = texel(p.outer_texture, around_trunk(x, y), z)
    if p.quilted == 1 and (z / 0.065 - wp.floor(z / 0.065)) < 0.14:
        colour *= 0.72
    if y < -0.02:
        edge = side - gap(p, z)
        if edge < 0.007:
            colour *= 0.62
        if z > 0.50 and edge < 0.055 and edge > 0.048 - 0.2 * (0.72 - z):
            colour *= 0.72  # lapel
        if wp.abs(side - 0.115 - 0.25 * (z - 0.2)) < 0.005 and z > 0.14 and z < 0.26:
            colour *= 0.66  # pocket
    if z > p.outer_hem + 0.03 and z < p.outer_hem + 0.037:
        colour *= 0.78
    return colour


@wp.func
def shoe_colour(p: Paint, x: float, y: float, z: float) -> wp.vec3:
    """The shoe's upper, laces and sole."""
    edge = ramp(y, -0.15, 0.02, -0.797, -0.781)
    if z < edge:
        return p.sole
    tongue = wp.abs(wp.abs(x) - 0.205 - 0.25 * (y + 0.1))
    if p.sandal == 0 and y < -0.055 and y > -0.135 and tongue < 0.016 and z > -0.775:
        return p.shoe * 0.65 + p.sole * 0.25
    return p.shoe * ramp(z, edge, edge + 0.01, 0.8, 1.0)
