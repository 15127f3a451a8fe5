"""A person as one camera sees them: coverage, light, materials, and a shadow on the ground."""

# mypy: disable-error-code="no-untyped-call,no-untyped-def,misc,attr-defined,valid-type"

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import warp as wp
from scipy.ndimage import uniform_filter

from lookalike.world.places.cameras import FRAME, Camera
from lookalike.world.raster import EMPTY, Buffers, zbuffer
from lookalike.world.renderer import light as kernels
from lookalike.world.renderer.placement import Box, View, in_crop

Array = npt.NDArray[np.float32]
Labels = npt.NDArray[np.uint8]

SHADOW_SIZE = 160
SHADOW_EXTENT = 2.6
"""Texels and metres of a side of the shadow map."""
FAINT = 0.08
"""A sun weaker than this throws no shadow that anybody could see."""

wp.set_module_options({"enable_backward": False})


@dataclass(frozen=True, eq=False)
class Layer:
    """One person alone, `height`×`width` pixels of `samples`² samples each."""

    rgba: Array
    """H×W×4: linear light times coverage, and coverage in [0, 1]."""
    materials: Labels
    """H×W; 0 where nobody is, else what `paint.albedo` says."""
    parts: Labels
    """H×W; 0 where nobody (or a carried thing) is, else the body's part + 1."""
    buffers: Buffers
    """Of the samples."""


@wp.kernel
def _perspective(
    vertices: wp.array(dtype=wp.vec3),
    eye: wp.vec3,
    right: wp.vec3,
    down: wp.vec3,
    forward: wp.vec3,
    centre: wp.vec2,
    out: wp.array(dtype=wp.vec3),
):
    for i in range(vertices.shape[0]):
        point = vertices[i] - eye
        depth = wp.dot(point, forward)
        scale = 1.0 / depth
        u = wp.dot(point, right) * scale + centre[0]
        v = wp.dot(point, down) * scale + centre[1]
        out[i] = wp.vec3(u, v, depth)


@wp.kernel
def _affine(
    vertices: wp.array(dtype=wp.vec3),
    x: wp.vec3,
    y: wp.vec3,
    z: wp.vec3,
    offset: wp.vec3,
    out: wp.array(dtype=wp.vec3),
):
    for i in range(vertices.shape[0]):
        p = vertices[i]
        out[i] = wp.vec3(wp.dot(p, x), wp.dot(p, y), wp.dot(p, z)) + offset


def perspective(points: Array, view: View) -> Array:
    """N×3: column and row in the frame (pixels) and depth (metres) of points beside a person."""
    out = np.empty_like(points)
    right, down, forward = view.rotation
    inputs = [
        points,
        wp.vec3(view.eye),
        wp.vec3(right * view.focal),
        wp.vec3(down * view.focal),
        wp.vec3(forward),
        wp.vec2(FRAME[0] / 2, FRAME[1] / 2),
        out,
    ]
    wp.launch(_perspective, 1, inputs=inputs, device="cpu")
    return out


def affine(points: Array, rows: npt.ArrayLike, offset: npt.ArrayLike) -> Array:
    """`rows` (3×3) times each of points N×3, plus `offset` (3)."""
    out = np.empty_like(points)
    x, y, z = np.asarray(rows, np.float32)
    inputs = [
        points,
        wp.vec3(x),
        wp.vec3(y),
        wp.vec3(z),
        wp.vec3(np.asarray(offset, np.float32)),
        out,
    ]
    wp.launch(_affine, 1, inputs=inputs, device="cpu")
    return out


def light_on(
    camera: Camera,
    view: View,
    vertices: Array,
    faces: npt.NDArray[np.int32],
    shares: tuple[float, float],
) -> Any:
    """The camera's light in a person's axes, with the shadow that the mesh throws.

    `shares` of the sky's light and of the sun's reach the person's spot (`placement.light_at`).
    """
    sky, sun = shares
    light = kernels.Light()
    light.sun, light.sun_strength = wp.vec3(view.sun), camera.sun_strength * sun
    light.key, light.key_strength = wp.vec3(view.key), camera.key_strength
    light.sky, light.ambient = wp.vec3(camera.sky), camera.ambient * sky
    light.eye = wp.vec3(view.eye)
    if light.sun_strength > FAINT:
        depth, rows, offset = _shadow_map(view.sun, vertices, faces)
        light.across, light.along = wp.vec3(rows[0]), wp.vec3(rows[1])
        light.shadow_offset = wp.vec2(offset[:2])
    else:
        depth = np.full((1, 1), EMPTY, np.float32)
    light.shadow = wp.array(depth, dtype=float, device="cpu", copy=False)
    return light


def _shadow_map(
    sun: Array, vertices: Array, faces: npt.NDArray[np.int32]
) -> tuple[Array, Array, Array]:
    """Depth of the mesh along the sun's rays, and the affine map into it."""
    across = np.cross((0, 0, 1), sun)
    across /= np.sqrt((across**2).sum())
    along = np.cross(sun, across)
    scale = SHADOW_SIZE / SHADOW_EXTENT
    rows = np.stack([across * scale, along * scale, -sun]).astype(np.float32)
    centre = np.float32(0.9)  # a person's middle lies this high above the origin
    half = np.float32(SHADOW_SIZE / 2)
    offset = np.array([half, half, 0], np.float32) - rows[:, 2] * np.array(
        [centre, centre, 0], np.float32
    )
    depth = zbuffer(affine(vertices, rows, offset), faces, SHADOW_SIZE, SHADOW_SIZE).depth
    return depth, rows, offset


def cover(seen: Array, faces: npt.NDArray[np.int32], box: Box, height: int, width: int) -> Buffers:
    """What each sample of a crop sees; `seen` V×3 are vertices in the frame."""
    return zbuffer(in_crop(seen, box, height, width), faces, height, width)


def render(posed: Any, light: Any, buffers: Buffers, samples: int) -> Layer:
    """The person lit, from `buffers` with `samples`×`samples` samples a pixel."""
    height, width = buffers.depth.shape[0] // samples, buffers.depth.shape[1] // samples
    rgba = np.zeros((height, width, 4), np.float32)
    materials, parts = np.zeros((height, width), np.uint8), np.zeros((height, width), np.uint8)
    inputs = [
        posed.paint,
        light,
        posed.vertices,
        posed.normals,
        posed.attributes,
        posed.faces,
        posed.face_material,
        posed.face_colour,
        buffers.face,
        buffers.b1,
        buffers.b2,
        buffers.depth,
        *_around(buffers, samples),
        samples,
        rgba,
        materials,
        parts,
    ]
    wp.launch(kernels.shade, (height, width), inputs=inputs, device="cpu")
    return Layer(rgba, materials, parts, buffers)


def _around(buffers: Buffers, samples: int) -> tuple[float, Array, Array]:
    """The depth of the background, and H×W mean depths over a small and a larger square.

    What lies deeper than those means is dark. The background counts as just behind the person.
    """
    hit = buffers.face >= 0
    back = np.float32(buffers.depth[hit].mean() + 0.6) if hit.any() else np.float32(EMPTY)
    depth = np.minimum(buffers.depth[::samples, ::samples], back)  # one sample a pixel is enough
    size = len(depth) / 128
    small, large = max(3, round(4.5 * size)), max(5, round(10.5 * size))
    return float(back), uniform_filter(depth, small), uniform_filter(depth, large)


def on_ground(picture: Labels, light: Any, view: View, box: Box, feet: npt.ArrayLike) -> Array:
    """A crop of the frame (H×W×3 uint8) as linear light, with the person's shadow on the ground.

    `feet` 2×3 are the soles' middles; without the dark spots below them people float.
    """
    height, width = picture.shape[:2]
    out = np.empty((height, width, 3), np.float32)
    right, down, forward = view.rotation
    corner = ((box[0] - FRAME[0] / 2) / view.focal, (box[1] - FRAME[1] / 2) / view.focal)
    step = (box[2] / width / view.focal, box[3] / height / view.focal)
    left_foot, right_foot = np.asarray(feet, np.float32)
    inputs = [
        picture,
        light,
        *map(wp.vec3, (right, down, forward)),
        wp.vec2(corner),
        wp.vec2(step),
        *map(wp.vec3, (left_foot, right_foot, view.away)),
        view.wall,
        out,
    ]
    wp.launch(kernels.ground, (height, width), inputs=inputs, device="cpu")
    return out
