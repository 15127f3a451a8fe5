"""Other people of the place and things before the camera, pasted over a crop's light."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from lookalike.world.places.cameras import FRAME, Camera, project
from lookalike.world.places.domains import Domain
from lookalike.world.renderer import layer as layers
from lookalike.world.renderer.placement import Box, Place, outline, view_from

Array = npt.NDArray[np.float32]

SPRITES = 12
"""Other people that one camera knows."""
SAMPLES = 2
"""A sprite's pixel holds the mean of this squared samples."""
MARGIN = 0.02
"""Around a sprite, of its height."""
CONTACT = 0.25
"""Metres around the feet in which the ground is darker."""
REACH = 8
"""Pixels around the shown part of an image that a smaller copy of it may still blend in."""


@dataclass(frozen=True, eq=False)
class Sprite:
    """A stranger seen by one camera; colours are roots of linear light."""

    image: Image.Image
    """RGBA."""
    corner: tuple[float, float]
    """Left and top, pixels of the frame from where the feet stand."""
    size: tuple[float, float]
    """Width and height, pixels of the frame."""
    depth: float
    """Metres from the camera at which it has that size."""


def sprite_of(posed: Any, camera: Camera, yaw: float, height: int) -> Sprite:
    """The person at the middle of the camera's range, `height` pixels high."""
    y = float(np.mean(camera.distance))
    place = Place(0.0, y, yaw)
    view = view_from(camera, place)
    seen = layers.perspective(posed.vertices, view)
    left, top, wide, high = outline(seen)
    edge = MARGIN * high
    box = (left - edge, top - edge, wide + 2 * edge, high + 2 * edge)
    width = max(8, round(height * box[2] / box[3]))
    size = height * SAMPLES, width * SAMPLES
    light = layers.light_on(camera, view, posed.vertices, posed.faces, (1.0, 1.0))
    buffers = layers.cover(seen, posed.faces, box, *size)
    rgba = layers.render(posed, light, buffers, SAMPLES).rgba
    rgba[..., :3] /= np.maximum(rgba[..., 3:], 1e-6)
    roots = np.clip(rgba, 0, 1)
    roots[..., :3] **= 0.5
    image = Image.fromarray((roots * 255 + 0.5).astype(np.uint8), "RGBA")
    u, v, depth = project(camera, [(0.0, y, 0.0)])[0]
    return Sprite(image, (box[0] - u, box[1] - v), (box[2], box[3]), float(depth))


def beside(
    random: np.random.Generator,
    camera: Camera,
    domain: Domain,
    place: Place,
    box: Box,
    front: bool,
) -> tuple[float, float]:
    """Where somebody else stands, x and y in metres: behind the person, or in front of them."""
    if front:
        y = place.y * random.uniform(*domain.front_distance)
    else:
        y = place.y + random.uniform(*domain.behind_gap)
    aside = random.choice([-1, 1]) * (
        random.uniform(0.2, 0.8) if front else random.uniform(0.3, 1.6)
    )
    return (box[0] + box[2] / 2 - FRAME[0] / 2) / camera.focal * y + aside, y


def paste(
    sprite: Sprite,
    camera: Camera,
    spot: tuple[float, float],
    shares: tuple[float, float],
    mirrored: bool,
    box: Box,
    linear: Array,
) -> Array | None:
    """Draws a stranger standing at `spot` over the crop's light (H×W×3, in place).

    `shares` of the sky's light and of the sun's are there (`placement.light_at`). What comes out
    is their coverage of the crop, H×W in [0, 1]; None if they aren't in it.
    """
    u, v, depth = project(camera, [(*spot, 0.0)])[0]
    scale = sprite.depth / depth
    left = -sprite.corner[0] - sprite.size[0] if mirrored else sprite.corner[0]
    where = (
        u + left * scale,
        v + sprite.corner[1] * scale,
        sprite.size[0] * scale,
        sprite.size[1] * scale,
    )
    _stand(linear, box, (u, v), camera, depth)
    image = sprite.image
    if mirrored:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    sun = camera.sun_strength * max(camera.sun[2], 0.2)
    brightness = (camera.ambient * shares[0] + sun * shares[1]) / (camera.ambient + sun)
    return _over(image, where, box, linear, brightness)


def occlude(occluders: Image.Image, box: Box, linear: Array) -> Array | None:
    """Draws a frame's layer of things before the people over the crop's light, as `paste` does."""
    return _over(occluders, (0.0, 0.0, float(FRAME[0]), float(FRAME[1])), box, linear)


def _stand(
    linear: Array, box: Box, foot: tuple[float, float], camera: Camera, depth: float
) -> None:
    """Darkens the ground around a point of the frame: without that, people float."""
    height, width = linear.shape[:2]
    reach = camera.focal / depth * CONTACT
    wide = reach * width / box[2]
    high = reach * camera.height / depth * height / box[3]  # a circle seen from that height
    column, row = (foot[0] - box[0]) * width / box[2], (foot[1] - box[1]) * height / box[3]
    x = ((np.arange(width, dtype=np.float32) + 0.5 - column) / wide) ** 2
    y = ((np.arange(height, dtype=np.float32) + 0.5 - row) / high) ** 2
    linear *= 1 - np.float32(0.5) * (np.exp(-y)[:, None] * np.exp(-x)[None])[..., None]


def _over(
    image: Image.Image, where: Box, box: Box, linear: Array, brightness: float = 1.0
) -> Array | None:
    """The part of `image` (which fills `where` in the frame) that lies in `box`, pasted."""
    height, width = linear.shape[:2]
    step_x, step_y = box[2] / width, box[3] / height
    # The crop's pixels that the image fills, and which part of it they show.
    left = max(0, round((where[0] - box[0]) / step_x))
    right = min(width, round((where[0] + where[2] - box[0]) / step_x))
    top = max(0, round((where[1] - box[1]) / step_y))
    bottom = min(height, round((where[1] + where[3] - box[1]) / step_y))
    if left >= right or top >= bottom:
        return None
    scale_x, scale_y = image.width / where[2], image.height / where[3]
    source = (
        max(0.0, (box[0] + left * step_x - where[0]) * scale_x),
        max(0.0, (box[1] + top * step_y - where[1]) * scale_y),
        min(float(image.width), (box[0] + right * step_x - where[0]) * scale_x),
        min(float(image.height), (box[1] + bottom * step_y - where[1]) * scale_y),
    )
    if source[2] - source[0] < 0.5 or source[3] - source[1] < 0.5:
        return None
    # Only what is needed of it: Pillow premultiplies all of an RGBA image that it resizes.
    edges = (int(source[0]), int(source[1]), math.ceil(source[2]), math.ceil(source[3]))
    near = (edges[0] - REACH, edges[1] - REACH, edges[2] + REACH, edges[3] + REACH)
    near = (max(0, near[0]), max(0, near[1]), min(image.width, near[2]), min(image.height, near[3]))
    part = image.crop(near)
    if part.getchannel("A").getbbox() is None:
        return None
    inner = tuple(value - near[i % 2] for i, value in enumerate(source))
    part = part.resize((right - left, bottom - top), Image.Resampling.BILINEAR, box=inner)
    pixels = np.asarray(part, np.float32) / np.float32(255)
    alpha = pixels[..., 3:]
    target = linear[top:bottom, left:right]
    target *= 1 - alpha
    target += pixels[..., :3] ** 2 * (alpha * np.float32(brightness))
    coverage = np.zeros((height, width), np.float32)
    coverage[top:bottom, left:right] = alpha[..., 0]
    return coverage
