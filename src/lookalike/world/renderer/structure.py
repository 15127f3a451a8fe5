"""Grey renders of a posed person from any side: geometry without colours or light of the place."""

# ruff: noqa: UP018  (Warp wants `float(0.0)` for what changes in a loop)
# mypy: disable-error-code="no-untyped-call,no-untyped-def,misc,attr-defined,valid-type"

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import warp as wp

from lookalike.world.raster import Buffers, zbuffer
from lookalike.world.renderer.layer import affine

Array = npt.NDArray[np.float32]

SAMPLES = 2
"""A pixel holds the mean of this squared samples."""
BODY = 0.92
FLOOR = 0.96
"""The person's height, and where the feet stand, as shares of the picture's height."""

wp.set_module_options({"enable_backward": False})


@wp.kernel
def _grey(
    normals: wp.array(dtype=wp.vec3),
    faces: wp.array(dtype=wp.vec3i),
    face: wp.array2d(dtype=wp.int32),
    b1: wp.array2d(dtype=float),
    b2: wp.array2d(dtype=float),
    viewer: wp.vec3,
    lamp: wp.vec3,
    samples: int,
    out: wp.array2d(dtype=wp.uint8),
):
    row, column = wp.tid()
    total = float(0.0)
    for sample in range(samples * samples):
        y = row * samples + sample // samples
        x = column * samples + sample % samples
        f = face[y, x]
        value = float(1.0)
        if f >= 0:
            corner = faces[f]
            w1 = b1[y, x]
            w2 = b2[y, x]
            normal = wp.normalize(
                (1.0 - w1 - w2) * normals[corner[0]]
                + w1 * normals[corner[1]]
                + w2 * normals[corner[2]]
            )
            facing = wp.dot(normal, viewer)
            if facing < 0.0:
                normal = -normal
            side = wp.clamp(wp.dot(normal, lamp), 0.0, 1.0)
            value = wp.min(0.22 + 0.52 * wp.abs(facing) + 0.30 * side, 0.97)
        total += value
    out[row, column] = wp.uint8(255.0 * total / float(samples * samples) + 0.5)


def structure(posed: Any, yaw: float, height: int = 256, width: int = 128) -> npt.NDArray[np.uint8]:
    """The person, grey on white, H×W uint8, seen level from far away.

    At yaw 0 they face us; the angle, in radians, turns them as `Place.yaw` does.
    """
    scale = BODY * height / float(posed.vertices[:, 2].max())
    cos, sin = math.cos(yaw), math.sin(yaw)
    right, away = np.array([cos, -sin, 0]), np.array([sin, cos, 0])
    rows = np.stack([right * scale, np.array([0, 0, -scale]), away])
    points = affine(posed.vertices, rows, (width / 2, FLOOR * height, 5.0))
    points[:, :2] *= SAMPLES
    buffers = zbuffer(points, posed.faces, height * SAMPLES, width * SAMPLES)
    return grey(posed, buffers, right, away, SAMPLES)


def grey(
    posed: Any, buffers: Buffers, right: npt.ArrayLike, away: npt.ArrayLike, samples: int
) -> npt.NDArray[np.uint8]:
    """What `buffers` see of a person, lit from the viewer and from the upper left; H×W uint8.

    `right` and `away` are the viewer's axes beside the person.
    """
    height, width = (size // samples for size in buffers.face.shape)
    out = np.empty((height, width), np.uint8)
    away = np.asarray(away, np.float32)
    lamp = np.array([0, 0, 0.6], np.float32) - np.float32(0.5) * np.asarray(right, np.float32)
    lamp = lamp - np.float32(0.6) * away
    inputs = [posed.normals, posed.faces, buffers.face, buffers.b1, buffers.b2]
    inputs += [wp.vec3(-away), wp.vec3(lamp), samples, out]
    wp.launch(_grey, (height, width), inputs=inputs, device="cpu")
    return out
