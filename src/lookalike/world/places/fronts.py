"""What house fronts and hedges are made of: shop windows, rooms, notices and leaves."""

# Warp has no types, and its kernels are not Python to mypy.
# mypy: disable-error-code="no-untyped-call,no-untyped-def,misc,attr-defined,valid-type,operator"
# mypy: disable-error-code="no-any-return"

import warp as wp

from lookalike.world.places.noise import above, cell, line, mix, smooth, tile, within

wp.set_module_options({"enable_backward": False})


@wp.struct
class Wall:
    """One wall's numbers; lengths in metres, colours as albedo."""

    kind: int
    tone: wp.vec3
    second: wp.vec3  # of plinth, pillars, frames
    top: float
    bay: float
    storey: float
    offset: float  # where the first bay begins
    pillar: float  # width of the pillars between bays
    plinth: float
    dark: float  # how dark the rooms behind the glass are
    shiny: float  # how much glass mirrors the sky
    glow: float  # how brightly shop windows are lit, beside daylight of 1
    steps: wp.vec3  # from x, to x, height of the flight (0: none)
    joints: wp.vec2
    dirt: float
    salt: int
    shares: wp.types.vector(length=6, dtype=float)  # running sums over FILLINGS


@wp.func
def stock(u: float, v: float, salt: int, foot: float, clouds: tile, grain: tile):
    """A shop's inside behind glass: shelves of goods, figures and boards, a bright ceiling."""
    back = wp.vec3(0.30, 0.29, 0.27) * (0.5 + 0.9 * smooth(clouds, u * 0.08, v * 0.09))
    row = int(wp.floor(v / 0.38))
    wide = 0.12 + 0.25 * cell(grain, row, 3, salt)
    column = int(wp.floor(u / wide))
    tall = 0.38 * (0.3 + 0.65 * cell(grain, column, row, salt + 1))
    lit = 0.12 + 0.6 * cell(grain, column, row, salt + 2)
    warm = 0.24 * (cell(grain, column, row, salt + 3) - 0.5)
    goods = wp.vec3(lit * (1.0 + warm), lit, lit * (1.0 - warm))
    there = above(0.75, cell(grain, column, row, salt + 4), 0.01)
    on = 1.0 - above(v - 0.38 * float(row), tall, foot)
    tone = mix(back, goods, on * there)
    tone = mix(tone, wp.vec3(0.5, 0.49, 0.46), line(v, 0.38, 0.03, foot) * 0.8)
    # posters stuck to the glass, and somebody or something tall behind it
    board = int(wp.floor(u / 0.8))
    if cell(grain, board, 9, salt) > 0.68:
        shade = 0.25 + 0.6 * cell(grain, board, 10, salt)
        low = 0.2 + 1.0 * cell(grain, board, 11, salt)
        cover = within(u - 0.8 * float(board), 0.08, 0.66, foot) * within(v, low, low + 0.9, foot)
        tone = mix(tone, wp.vec3(shade, 0.97 * shade, 0.95 * shade), cover * 0.85)
    return mix(
        tone,
        wp.vec3(0.6, 0.6, 0.57),
        within(v, 2.25, 2.4, foot) * above(cell(grain, board, 12, salt), 0.5, 0.01),
    )


@wp.func
def room(
    w: Wall,
    x: float,
    z: float,
    u: float,
    v: float,
    salt: int,
    foot: float,
    clouds: tile,
    grain: tile,
):
    """A window: a dark room, blinds or curtains in some, and the sky and trees that it mirrors."""
    inner = w.dark * (0.5 + 1.2 * smooth(clouds, x * 0.06, z * 0.06))
    tone = wp.vec3(inner, 1.02 * inner, 1.06 * inner)
    cover = cell(grain, salt, 21, w.salt)
    if cover > 0.72:
        slats = 0.42 + 0.2 * line(v, 0.11, 0.06, foot)
        down = 0.3 + 1.4 * cell(grain, salt, 22, w.salt)
        tone = mix(tone, wp.vec3(slats, slats, 0.96 * slats), above(v, 1.6 - down, foot) * 0.8)
    elif cover > 0.55:
        fold = 0.36 + 0.14 * wp.sin(u * 26.0) * wp.clamp(0.1 / foot, 0.0, 1.0)
        tone = mix(
            tone, wp.vec3(fold, 0.97 * fold, 0.92 * fold), above(wp.abs(u - 0.6), 0.35, foot)
        )
    image = smooth(clouds, x * 0.045 + 0.4, z * 0.05)
    mirrored = 0.30 + 0.30 * above(image, 0.52, 0.12) - 0.24 * wp.clamp(1.0 - v, 0.0, 1.0)
    return mix(
        tone,
        wp.vec3(0.93, 1.0, 1.05) * mirrored,
        w.shiny * (0.4 + 0.6 * cell(grain, salt, 23, w.salt)),
    )


@wp.func
def poster(tone: wp.vec3, u: float, v: float, salt: int, foot: float, grain: tile):
    """A board with a picture and lines of print, pale or dark, in faded colours."""
    paper = 0.3 + 0.5 * cell(grain, salt, 31, 7)
    board = wp.vec3(paper, paper * 0.99, paper * 0.96)
    ink = 0.08 + 0.5 * cell(grain, salt, 32, 7)
    hue = 0.3 * (cell(grain, salt, 33, 7) - 0.5)
    picture = within(u, 0.15, 1.0, foot) * within(v, 1.25, 1.8, foot)
    board = mix(board, wp.vec3(ink * (1.0 + hue), ink, ink * (1.0 - hue)), picture)
    words = cell(grain, int(wp.floor(u / 0.08)), int(wp.floor(v / 0.12)), salt)
    print_ = within(v, 0.75, 1.18, foot) * above(words, 0.35, 0.1) * line(v, 0.12, 0.05, foot)
    board = mix(board, wp.vec3(0.12, 0.12, 0.13), print_ * 0.8)
    cover = within(u, 0.08, 1.08, foot) * within(v, 0.65, 1.9, foot)
    return mix(tone, board, cover)


@wp.func
def greenery(w: Wall, x: float, z: float, foot: float, clouds: tile, grain: tile):
    """Leaves in clumps, dark between them and below, some trunks."""
    clump = smooth(clouds, x * 0.10, z * 0.13)
    leaf = smooth(clouds, x * 0.31 + 0.2, z * 0.33)
    fine = smooth(grain, x * 0.10, z * 0.10) - 0.5
    tone = w.tone * (
        0.25 + 0.9 * clump + 0.7 * (leaf - 0.4) + 0.4 * fine * wp.clamp(0.08 / foot, 0.0, 1.0)
    )
    trunk = line(x + 0.3 * smooth(clouds, z * 0.03, x * 0.01), 1.7, 0.14, foot) * above(0.7, z, 0.3)
    tone = mix(tone, wp.vec3(0.16, 0.14, 0.12), trunk * 0.7)
    return tone * wp.clamp(0.55 + 0.6 * z, 0.4, 1.1)
