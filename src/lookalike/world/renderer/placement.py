"""Where a person stands, which way they look, and the box a detector finds them in."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.world.places.cameras import FRAME, Camera, project
from lookalike.world.places.domains import Domain

Array = npt.NDArray[np.float32]
Box = tuple[float, float, float, float]
"""Left, top, width and height in the frame, pixels."""


@dataclass(frozen=True)
class Place:
    """A spot on the ground (metres) and a way to look: radians, as in `Truth.yaw`."""

    x: float
    y: float
    yaw: float


@dataclass(frozen=True)
class View:
    """A camera and its light in the axes of a person at a place.

    Turning the camera instead of the mesh saves three passes over all vertices a picture: heights
    are the same in both, and everything else is a handful of vectors.
    """

    eye: Array
    """Centre of projection, 3 metres."""
    rotation: Array
    """3×3: the rows are right, down and forward."""
    focal: float
    """Pixels of the frame."""
    sun: Array
    key: Array
    away: Array
    """The world's +y: what lies behind the person, seen from the camera."""
    wall: float
    """How far along `away` the ground ends, metres."""


def sample_place(random: np.random.Generator, camera: Camera, domain: Domain) -> Place:
    """A spot where a person of 1.75 m is inside the frame, and a yaw."""
    near, far = np.log(camera.distance)
    for _ in range(100):  # half of the spots will do, with every camera
        y = math.exp(random.uniform(near, far))
        x = random.uniform(-0.36, 0.36) * FRAME[0] / camera.focal * y
        feet, crown = project(camera, [(x, y, 0.0), (x, y, 1.75)])
        if feet[1] < FRAME[1] * 1.02 and crown[1] > -10:
            break
    if random.random() < domain.yaw_uniform:
        return Place(x, y, float(random.uniform(0, 2 * math.pi)))
    side = random.choice([0, 90, 180, -90], p=domain.yaw_sides)
    yaw = math.radians(side + random.normal(0, domain.yaw_sd))
    return Place(x, y, yaw % (2 * math.pi))


def view_from(camera: Camera, place: Place) -> View:
    """The camera as somebody at that place, looking along their own −y, has it around them."""
    cos, sin = math.cos(place.yaw), math.sin(place.yaw)
    turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])  # the person's axes to the world's

    def local(vectors: npt.ArrayLike) -> Array:
        # einsum's own loops: a BLAS product may change its last bit with the number of threads.
        turned: Array = np.einsum("...i,ij->...j", np.asarray(vectors, np.float64), turn).astype(
            np.float32
        )
        return turned

    return View(
        eye=local(camera.position - (place.x, place.y, 0.0)),
        rotation=local(camera.rotation),
        focal=camera.focal,
        sun=local(camera.sun),
        key=local(camera.key),
        away=local((0.0, 1.0, 0.0)),
        wall=camera.wall - place.y,
    )


def light_at(light: Array, x: float, y: float) -> tuple[float, float]:
    """What share of the sky's light, and of the sun's, is at a spot; `light` is `Frame.light`."""
    rows, columns = light.shape[0] - 1, light.shape[1] - 1
    row, column = min(max(2 * y, 0.0), rows - 1e-6), min(max(2 * (x + 15), 0.0), columns - 1e-6)
    i, j = int(row), int(column)
    down, across = row - i, column - j
    upper = light[i, j] * (1 - across) + light[i, j + 1] * across
    lower = light[i + 1, j] * (1 - across) + light[i + 1, j + 1] * across
    sky, sun = upper * (1 - down) + lower * down
    return float(sky), float(sun)


def outline(seen: Array) -> Box:
    """The smallest box around points of the frame (N×3)."""
    # Column by column: numpy is ten times slower at a minimum over the first axis.
    left, right = float(seen[:, 0].min()), float(seen[:, 0].max())
    top, bottom = float(seen[:, 1].min()), float(seen[:, 1].max())
    return left, top, right - left, bottom - top


def detector_box(random: np.random.Generator, domain: Domain, around: Box, trunk: float) -> Box:
    """The box, inside the frame, of a person with that outline and the trunk at that column.

    Narrower than half its height, as DPM boxes are: crops stretch people sideways by a quarter.
    """
    left, top, wide, person = around
    height = person * (domain.box_height[0] + abs(random.normal(0, domain.box_height[1])))
    width = 0.5 * height * math.exp(random.normal(*domain.box_width))
    # Halfway between the body and its outline, which an arm or a bag pulls aside.
    x = 0.5 * trunk + 0.5 * (left + wide / 2)
    x += random.normal(0, domain.box_x) * height
    y = top + person / 2 + random.normal(*domain.box_y) * height
    if random.random() < domain.shifted_share:
        y += random.choice([-1, 1]) * random.uniform(*domain.shifted) * height
    if random.random() < domain.zoomed_share:
        height, width = height * domain.zoomed, width * domain.zoomed
    return _inside((x - width / 2, y - height / 2, width, height))


def _inside(box: Box) -> Box:
    """The part of a box that lies in the frame: a detector knows nothing outside it."""
    left, top = max(box[0], 0.0), max(box[1], 0.0)
    right, bottom = min(box[0] + box[2], FRAME[0]), min(box[1] + box[3], FRAME[1])
    return left, top, right - left, bottom - top


def in_camera(points: Array, view: View) -> Array:
    """A few points beside a person (N×3 metres) in the camera's axes: right, down, forward."""
    seen: Array = np.einsum("ij,kj->ki", view.rotation, points - view.eye)
    return seen


def in_frame(seen: Array, view: View) -> Array:
    """Points in the camera's axes as column and row in the frame (pixels) and depth (metres)."""
    right, down, depth = seen.T
    centre = np.array(FRAME, np.float32) / 2
    scale = np.float32(view.focal) / depth
    frame: Array = np.stack([centre[0] + right * scale, centre[1] + down * scale, depth], axis=1)
    return frame


def in_crop(seen: Array, box: Box, height: int, width: int) -> Array:
    """Points of the frame (N×3 pixels, pixels, depth) in a crop of `height`×`width`."""
    scale = np.array([width / box[2], height / box[3], 1], np.float32)
    corner = np.array([box[0], box[1], 0], np.float32)
    return (seen - corner) * scale
