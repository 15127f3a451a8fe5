"""Colour of skin, face and hair at a point of the rest pose."""

# Warp has no types, and its kernels are not Python to mypy.
# mypy: disable-error-code="no-untyped-call,no-untyped-def,misc,attr-defined,valid-type,operator"
# mypy: disable-error-code="no-any-return,arg-type,assignment,index,return-value,type-var"
# mypy: disable-error-code="call-overload"

import warp as wp

from lookalike.world.dressing.borders import above_hairline
from lookalike.world.dressing.palette import Paint, noise_at, ramp


@wp.func
def spot(x: float, z: float, half_width: float, half_height: float) -> float:
    """A soft mark: 1 in its middle, 0 far away."""
    u = x / half_width
    v = z / half_height
    return wp.exp(-u * u - v * v)


@wp.func
def skin_colour(p: Paint, x: float, y: float, z: float) -> wp.vec3:
    """Bare skin, a little uneven."""
    return p.skin * (1.0 + 0.05 * noise_at(p.noise, x * 1.1 + y * 0.7, z * 0.9))


@wp.func
def hair_colour(p: Paint, x: float, y: float, z: float) -> wp.vec3:
    """Hair in strands from the crown down, lighter where the crown turns to the sky."""
    around = wp.atan2(x - p.parting, -(y + 0.03))
    strand = noise_at(p.noise, around * 0.8 + p.locks, z * 0.9)
    lock = noise_at(p.noise, around * 0.3 + p.locks, z * 0.5 + p.locks)
    tone = 1.0 + 0.26 * strand + 0.20 * lock
    band = (z - 0.985) / 0.022  # the sheen around a head of hair
    tone += 0.30 * wp.exp(-band * band) * (0.6 + 0.5 * strand)
    return p.hair * wp.clamp(tone, 0.35, 1.9)


@wp.func
def face_colour(p: Paint, x: float, y: float, z: float) -> wp.vec3:
    """The face: brows, eyes, nose, mouth, jaw, beard and glasses; where it is bare, skin."""
    skin = skin_colour(p, x, y, z)
    front = ramp(y, -0.085, -0.115, 0.0, 1.0)
    side = wp.abs(x)
    dark = 0.75 * p.brows
    shade = 0.85 * dark * spot(side - 0.032, z - 0.905, 0.0125, 0.0065)  # eyes
    shade += 0.35 * dark * spot(side - 0.030, z - 0.909, 0.022, 0.015)  # their sockets
    shade += 0.80 * dark * spot(side - 0.034, z - 0.927 + 0.12 * wp.abs(side - 0.034), 0.018, 0.005)
    shade += 0.30 * spot(x, z - 0.853, 0.016, 0.006)  # under the nose
    shade += 0.13 * spot(side - 0.017, z - 0.872, 0.006, 0.02)  # its sides
    shade += 0.18 * spot(x, z - 0.813, 0.022, 0.006)  # under the lip
    shade = wp.min(shade * front, 0.88)
    lips = front * spot(x, z - 0.829, 0.022, 0.0065)
    colour = skin * (1.0 - shade)
    red = 0.45 * lips * (0.5 + dark)
    colour = wp.cw_mul(colour, wp.vec3(1.0 - 0.55 * red, 1.0 - red, 1.0 - 0.95 * red))
    blush = 0.10 * front * spot(side - 0.045, z - 0.87, 0.022, 0.02)
    colour = wp.cw_mul(colour, wp.vec3(1.0 + 0.4 * blush, 1.0 - 0.6 * blush, 1.0 - 0.6 * blush))
    colour *= (
        1.0 - 0.22 * ramp(z, 0.815, 0.785, 0.0, 1.0) - 0.10 * ramp(side, 0.05, 0.078, 0.0, 1.0)
    )
    if p.beard > 0.0:
        jaw = ramp(z, 0.868 - 0.35 * (y + 0.15), 0.845 - 0.35 * (y + 0.15), 0.0, 1.0)
        jaw *= ramp(y, -0.02, -0.055, 0.0, 1.0)
        bare = spot(x, z - 0.829, 0.026, 0.008) + spot(side - 0.05, z - 0.865, 0.02, 0.02)
        grain = 0.75 + 0.4 * noise_at(p.noise, x * 5.0, z * 5.0 + y * 5.0)
        amount = wp.clamp(0.85 * p.beard * jaw * grain * (1.0 - wp.min(bare, 1.0)), 0.0, 0.9)
        colour = colour * (1.0 - amount) + p.hair * amount
    if p.glasses > 0 and y < -0.04:
        u = (side - 0.034) / 0.027
        v = (z - 0.904) / 0.0185
        lens = u * u * u * u + v * v * v * v
        rim = (lens > 0.55 and lens < 1.25) or (wp.abs(z - 0.912) < 0.0035 and side > 0.058)
        if rim or (side < 0.012 and wp.abs(z - 0.911) < 0.004):
            colour = colour * 0.22
        elif lens < 0.8 and p.glasses == 2:
            colour = wp.vec3(0.06, 0.06, 0.07)
    return colour


@wp.func
def head_colour(p: Paint, x: float, y: float, z: float) -> wp.vec4:
    """Colour and material (1 skin, 2 hair) of the bare head."""
    face = face_colour(p, x, y, z)
    above = above_hairline(p, x, y, z)
    if above <= -0.012:
        return wp.vec4(face[0], face[1], face[2], 1.0)
    hair = hair_colour(p, x, y, z)
    # single hairs thin out over half a centimetre; the skin under the edge lies in their shade
    cover = ramp(above, -0.002, 0.006, 0.0, 1.0)
    if p.hair_kind == 1:
        cover *= 0.62
    under = face * ramp(above, -0.012, 0.0, 1.0, 0.78)
    mixed = under * (1.0 - cover) + hair * cover
    material = wp.float32(1.0)
    if above > 0.002:
        material = 2.0
    return wp.vec4(mixed[0], mixed[1], mixed[2], material)
