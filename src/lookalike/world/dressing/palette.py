"""What the renderer knows of an outfit on a person, and the small tools of everything painted."""

# Warp has no types, and its kernels are not Python to mypy.
# mypy: disable-error-code="no-untyped-call,no-untyped-def,misc,attr-defined,valid-type,operator"
# mypy: disable-error-code="no-any-return,arg-type"

import warp as wp

from lookalike.world import raster  # noqa: F401  (silences Warp)

SKIN, HAIR, TOP, BOTTOM, SHOE, ACCESSORY, OUTER, SOCK = range(1, 9)
"""Materials, as every map of them numbers them; 0 is background."""


@wp.struct
class Paint:
    """An outfit on a person, as the renderer reads it: numbers, colours and textures."""

    noise: wp.array2d(dtype=wp.float32)
    # the head
    skin: wp.vec3
    hair: wp.vec3
    hair_kind: int
    hairline: float
    parting: float
    locks: float
    beard: float
    brows: float
    glasses: int
    hat: int
    hat_colour: wp.vec3
    mask: int
    mask_colour: wp.vec3
    # the top
    sleeve: float
    hem: float
    neck: int
    collar: int
    placket: float
    pocket: int
    top: wp.array3d(dtype=wp.float32)
    plain_sleeves: int
    sleeve_colour: wp.vec3
    trim: wp.vec3
    decal: wp.array3d(dtype=wp.float32)
    decal_half: float
    decal_height: float
    decal_x: float
    decal_front: int
    decal_back: int
    # the bottom
    bottom: wp.array3d(dtype=wp.float32)
    leg_end: float
    dress: int
    jeans: int
    creased: int
    under: int
    under_colour: wp.vec3
    cuff: float
    belt: int
    belt_colour: wp.vec3
    # what is worn open over it
    outer: int
    outer_hem: float
    opening: float
    outer_sleeve: float
    quilted: int
    outer_texture: wp.array3d(dtype=wp.float32)
    # feet
    shoe: wp.vec3
    sole: wp.vec3
    sock: wp.vec3
    shoe_top: float
    sock_top: float
    sandal: int
    # straps
    straps: int
    strap_colour: wp.vec3
    sling: float
    sling_colour: wp.vec3


@wp.func
def ramp(x: float, x0: float, x1: float, y0: float, y1: float) -> float:
    """The line through (x0, y0) and (x1, y1), level beyond them."""
    return y0 + (y1 - y0) * wp.clamp((x - x0) / (x1 - x0), 0.0, 1.0)


@wp.func
def noise_at(noise: wp.array2d(dtype=wp.float32), u: float, v: float) -> float:
    """The noise tile, 1×1 in u and v, between its 64×64 values; about −1 to 1."""
    x = u * 64.0
    y = v * 64.0
    x0 = wp.floor(x)
    y0 = wp.floor(y)
    fx = x - x0
    fy = y - y0
    i = int(y0) & 63
    j = int(x0) & 63
    k = (i + 1) & 63
    m = (j + 1) & 63
    upper = noise[i, j] * (1.0 - fx) + noise[i, m] * fx
    lower = noise[k, j] * (1.0 - fx) + noise[k, m] * fx
    return upper * (1.0 - fy) + lower * fy
