"""What a camera sees with nobody there: ground, wall and far things by rays, clutter on top."""

# Warp has no types, and its kernels are not Python to mypy.
# mypy: disable-error-code="no-untyped-call,no-untyped-def,misc,attr-defined,valid-type,operator"
# mypy: disable-error-code="no-any-return"

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import warp as wp
from PIL import Image, ImageFilter

from lookalike.world.places import clutter
from lookalike.world.places.cameras import FRAME, Camera, daylight
from lookalike.world.places.domains import Domain, Weights
from lookalike.world.places.fronts import Wall
from lookalike.world.places.noise import above, mix, smooth, tile, tiles
from lookalike.world.places.walls import wall, wall_colour
from lookalike.world.places.yards import Yard, ground_colour, lamp_light, sun_share, yard
from lookalike.world.seeds import rng

wp.set_module_options({"enable_backward": False})

Array = npt.NDArray[np.float32]

BEHIND = ("trees", "sky", "night", "ceiling")
FAR = wp.constant(48.0)  # where the ground ends that is seen above a low wall, metres


@dataclass(frozen=True)
class Frame:
    """A camera's empty frame, as linear light's square root in 8 bits, before its exposure."""

    image: Image.Image
    """1280×720 RGB."""
    occluders: Image.Image
    """1280×720 RGBA: what stands nearer than `occluder_depth` people."""
    occluder_depth: float
    """Metres along y; 0 where nothing is there."""
    gain: float
    """The camera's gain with automatic exposure: the factor on linear light."""
    light: Array
    """H×W×2 on the ground from x = −15 m, y = 0, one value each half metre: how much of the sky's
    (and lamps') light is there, and how much of the sun's; 1 is what the camera's numbers say."""


@wp.struct
class View:
    """The camera's and the light's numbers."""

    rotation: wp.mat33
    focal: float
    height: float
    wall: float
    sky_up: wp.vec3  # light on the ground from everywhere
    sun_up: wp.vec3  # light on the ground from the sun
    wall_light: wp.vec3  # light on the wall, both
    behind: int
    far_tone: wp.vec3  # of the ground beyond a low wall
    sky_tone: wp.vec3
    gloss: float  # how much the floor mirrors


@wp.kernel
def _paint(
    view: View, yard: Yard, w: Wall, clouds: tile, grain: tile, out: wp.array(dtype=wp.vec3)
):
    for row in range(720):
        for column in range(1280):
            a = (float(column) + 0.5 - 640.0) / view.focal
            b = (float(row) + 0.5 - 360.0) / view.focal
            ray = wp.transpose(view.rotation) * wp.vec3(a, b, 1.0)
            out[row * 1280 + column] = _seen(view, yard, w, ray, clouds, grain)


@wp.func
def _seen(view: View, yard: Yard, w: Wall, ray: wp.vec3, clouds: tile, grain: tile):
    """Linear light along a ray."""
    steep = wp.max(-ray[2], 1.0e-4)
    t = view.height / steep
    y = ray[1] * t
    foot = t / view.focal
    if y < view.wall:
        x = ray[0] * t
        foot_y = foot / wp.max(steep, 0.05)
        tone = ground_colour(yard, x, y, foot, foot_y, clouds, grain)
        light = view.sky_up * lamp_light(yard, x, y) + view.sun_up * sun_share(yard, x, y, clouds)
        light *= 1.0 - 0.45 * wp.exp((y - view.wall) * 2.0)  # the wall keeps light off its foot
        seen = wp.cw_mul(wp.cw_mul(tone, tone), light)
        if view.gloss > 0.0:
            mirror = wall_colour(
                w,
                ray[0] * view.wall / ray[1],
                (view.wall - y) * steep / ray[1],
                0.3 + 3.0 * foot,
                clouds,
                grain,
            )
            image = wp.vec3(mirror[0], mirror[1], mirror[2])
            seen += view.gloss * wp.cw_mul(wp.cw_mul(image, image), view.wall_light) * (1.0 - steep)
        return seen
    reach = view.wall / wp.max(ray[1], 1.0e-3)
    x = ray[0] * reach
    z = view.height + ray[2] * reach
    top = w.top
    if w.top < 3.0:
        top += 0.5 * (smooth(clouds, x * 0.06, 0.5) - 0.5)
    if z < top:
        colour = wall_colour(w, x, z, reach / view.focal, clouds, grain)
        tone = wp.vec3(colour[0], colour[1], colour[2])
        light = view.wall_light * lamp_light(yard, x, view.wall - 1.0)
        lamp = wp.vec3(1.05, 1.0, 0.86) * colour[3]
        return wp.cw_mul(wp.cw_mul(tone, tone), light + lamp)
    return _beyond(view, ray, t, clouds)


@wp.func
def _beyond(view: View, ray: wp.vec3, t: float, clouds: tile):
    """Over the wall: a lawn or court and its far trees, the sky, far windows, or a ceiling."""
    y = ray[1] * t
    light = 0.8 * (view.sky_up + view.sun_up)
    if y < FAR and ray[2] < 0.0:
        x = ray[0] * t
        tone = view.far_tone * (0.75 + 0.5 * smooth(clouds, x * 0.05, y * 0.02))
        return wp.cw_mul(wp.cw_mul(tone, tone), light)
    x = ray[0] * FAR / wp.max(ray[1], 1.0e-3)
    z = view.height + ray[2] * FAR / wp.max(ray[1], 1.0e-3)
    leaf = smooth(clouds, x * 0.07, z * 0.09)
    crown = 6.0 + 6.0 * smooth(clouds, x * 0.017, 0.3)
    if view.behind == 0 and z < crown:
        tone = wp.vec3(0.30, 0.36, 0.24) * (0.35 + 1.1 * leaf)
        return wp.cw_mul(wp.cw_mul(tone, tone), light)
    if view.behind == 2:
        lit = above(leaf, 0.72, 0.02) * above(14.0, z, 0.1)
        return mix(view.sky_tone, wp.vec3(0.5, 0.42, 0.28), lit)
    if view.behind == 3:
        rows = above(wp.sin(x * 0.8) * wp.sin(z * 0.9), 0.75, 0.05)
        return mix(view.sky_tone, wp.vec3(1.0, 1.0, 0.95), rows)
    return view.sky_tone * (0.9 + 0.2 * leaf)


@wp.kernel
def _ground_light(yard: Yard, clouds: tile, out: wp.array3d(dtype=wp.float32)):
    for row in range(out.shape[0]):
        for column in range(out.shape[1]):
            x = 0.5 * float(column) - 15.0
            y = 0.5 * float(row)
            out[row, column, 0] = lamp_light(yard, x, y)
            out[row, column, 1] = sun_share(yard, x, y, clouds)


def frame(camera: Camera, domain: Domain, seed: int, site: int) -> Frame:
    """The empty frame of a camera of that site; the same arguments give the same bytes."""
    random = rng("frame", seed, domain.name, site, camera.index)
    wall_kind = pick(random, domain.walls)
    ground_kind = pick(random, domain.grounds)
    floor = yard(random, camera, domain, ground_kind)
    front = wall(random, wall_kind, _glow(random, domain))
    clouds, grain = tiles()
    linear = np.empty((FRAME[1] * FRAME[0], 3), np.float32)
    view = _view(random, camera, domain, ground_kind)
    wp.launch(_paint, 1, inputs=[view, floor, front, clouds, grain, linear], device="cpu")
    light = np.empty((80, 61, 2), np.float32)
    wp.launch(_ground_light, 1, inputs=[floor, clouds, light], device="cpu")
    display = np.sqrt(linear.reshape(FRAME[1], FRAME[0], 3).clip(0, 1))
    display = clutter.draw(camera, display, clutter.things(random, camera, domain), light)
    occluders, depth = clutter.occluders(random, camera, domain)
    gain = camera.gain * _exposure(display, domain.exposure_target)
    image = Image.fromarray((display * 255 + 0.5).astype(np.uint8))
    image = image.filter(ImageFilter.GaussianBlur(random.uniform(0.0, 0.35)))
    return Frame(image, occluders, depth, gain, light)


def _exposure(display: Array, target: float) -> float:
    """The factor on linear light that brings the middle of the lower 3/4 of the frame to `target`.

    Less where the rest of the frame is much brighter, and within the ends of a real camera.
    """
    linear = (display[::4, ::4] ** 2).mean(-1)
    middle = float(np.median(linear[FRAME[1] // 16 :]))
    return float(np.clip(target / max(middle, 0.7 * float(linear.mean()), 1e-3), 0.4, 2.6))


def pick(random: np.random.Generator, weights: Weights) -> str:
    """One of the names, as often as its weight says."""
    names, shares = zip(*weights, strict=True)
    return str(names[random.choice(len(names), p=np.array(shares) / sum(shares))])


def _view(random: np.random.Generator, camera: Camera, domain: Domain, ground_kind: str) -> Any:
    view = View()
    view.rotation = wp.mat33(*camera.rotation.ravel())
    view.focal, view.height, view.wall = camera.focal, camera.height, camera.wall
    sky, sun = daylight(camera, (0.0, 0.0, 1.0))
    view.sky_up, view.sun_up = wp.vec3(*sky), wp.vec3(*sun)
    view.wall_light = wp.vec3(
        *(np.add(*daylight(camera, (0.0, -1.0, 0.0))) * random.uniform(0.7, 1.1))
    )
    view.behind = BEHIND.index(domain.behind_walls)
    far = [(0.32, 0.40, 0.22), (0.52, 0.42, 0.40), (0.45, 0.45, 0.44)][random.integers(0, 3)]
    view.far_tone = wp.vec3(*(np.array(far) * random.uniform(0.8, 1.15)))
    sky_tone = {"night": (0.004, 0.004, 0.008), "ceiling": (0.35, 0.34, 0.31)}
    view.sky_tone = wp.vec3(*sky_tone.get(domain.behind_walls, (0.72, 0.80, 0.92)))
    view.gloss = random.uniform(0.15, 0.5) if ground_kind == "tiles" else 0.0
    return view


def _glow(random: np.random.Generator, domain: Domain) -> float:
    """How brightly shop windows are lit: much indoors and at night, hardly by day."""
    strength = {"night": (0.4, 1.8), "ceiling": (0.5, 1.6)}.get(domain.behind_walls, (0.0, 0.15))
    return float(random.uniform(*strength))
