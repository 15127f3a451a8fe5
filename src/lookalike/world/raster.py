"""The renderer's loops over vertices, triangles and pixels: Warp kernels on numpy arrays.

Every kernel is one CPU thread that runs its own loop, so its order is fixed and no two writes race:
equal input gives equal bytes. Arrays are handed over without a copy; a launch costs about 20 µs.
"""

# Warp has no types, and its kernels are not Python to mypy.
# mypy: disable-error-code="no-untyped-call,no-untyped-def,misc,attr-defined,valid-type"
# mypy: disable-error-code="no-any-return"

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import warp as wp
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

EMPTY = 1e9  # depth where nothing was drawn


@contextmanager
def _no_stderr() -> Iterator[None]:
    """Warp's native code warns of a missing GPU driver on file descriptor 2; we never use one."""
    saved, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null)


wp.config.quiet = True  # older Warp
wp.config.log_level = 30  # warnings and worse
with _no_stderr():
    wp.init()
wp.set_module_options({"enable_backward": False})

mat34 = wp.types.matrix(shape=(3, 4), dtype=wp.float32)


class Buffers(NamedTuple):
    """What each pixel's centre sees: `depth` (EMPTY where nothing), `face` (−1 where nothing) and
    the weights `b1`, `b2` of the face's second and third corner; all H×W."""

    depth: Floats
    face: Ints
    b1: Floats
    b2: Floats


@wp.kernel
def _zbuffer(
    points: wp.array(dtype=wp.vec3),
    faces: wp.array(dtype=wp.vec3i),
    height: int,
    width: int,
    depth: wp.array(dtype=wp.float32),
    face: wp.array(dtype=wp.int32),
    b1: wp.array(dtype=wp.float32),
    b2: wp.array(dtype=wp.float32),
):
    for f in range(faces.shape[0]):
        corner = faces[f]
        p0 = points[corner[0]]
        p1 = points[corner[1]]
        p2 = points[corner[2]]
        # the pixels whose centres lie in the triangle's box: mostly none or a few
        left = wp.max(0, int(wp.ceil(wp.min(wp.min(p0[0], p1[0]), p2[0]) - 0.5)))
        right = wp.min(width - 1, int(wp.floor(wp.max(wp.max(p0[0], p1[0]), p2[0]) - 0.5)))
        top = wp.max(0, int(wp.ceil(wp.min(wp.min(p0[1], p1[1]), p2[1]) - 0.5)))
        bottom = wp.min(height - 1, int(wp.floor(wp.max(wp.max(p0[1], p1[1]), p2[1]) - 0.5)))
        if left > right or top > bottom:
            continue
        x1 = p1[0] - p0[0]
        y1 = p1[1] - p0[1]
        x2 = p2[0] - p0[0]
        y2 = p2[1] - p0[1]
        area = x1 * y2 - x2 * y1
        if area == 0.0:
            continue
        scale = 1.0 / area
        for y in range(top, bottom + 1):
            dy = float(y) + 0.5 - p0[1]
            for x in range(left, right + 1):
                dx = float(x) + 0.5 - p0[0]
                w1 = (dx * y2 - x2 * dy) * scale
                w2 = (x1 * dy - dx * y1) * scale
                w0 = 1.0 - w1 - w2
                z = w0 * p0[2] + w1 * p1[2] + w2 * p2[2]
                i = y * width + x
                # one test of four: a branch that can't be foreseen costs as much as all this
                nearer = wp.where(z < depth[i], 0.0, -1.0)
                if wp.min(wp.min(w0, nearer), wp.min(w1, w2)) >= 0.0:
                    depth[i] = z
                    face[i] = f
                    b1[i] = w1
                    b2[i] = w2


@wp.kernel
def _normals(
    vertices: wp.array(dtype=wp.vec3),
    faces: wp.array(dtype=wp.vec3i),
    out: wp.array(dtype=wp.vec3),
):
    for f in range(faces.shape[0]):
        corner = faces[f]
        p0 = vertices[corner[0]]
        normal = wp.cross(vertices[corner[1]] - p0, vertices[corner[2]] - p0)  # weighs by area
        # not "+=", which Warp makes an atomic addition
        out[corner[0]] = out[corner[0]] + normal
        out[corner[1]] = out[corner[1]] + normal
        out[corner[2]] = out[corner[2]] + normal
    for v in range(out.shape[0]):
        out[v] = out[v] / (wp.length(out[v]) + 1.0e-12)


@wp.kernel
def _skin(
    vertices: wp.array(dtype=wp.vec3),
    bones: wp.array2d(dtype=wp.int32),
    weights: wp.array2d(dtype=wp.float32),
    transforms: wp.array(dtype=mat34),
    out: wp.array(dtype=wp.vec3),
):
    width = weights.shape[1]
    for v in range(vertices.shape[0]):
        p = vertices[v]
        moved = wp.vec3(0.0, 0.0, 0.0)
        for k in range(width):
            w = weights[v, k]
            if w == 0.0:  # a row's zeros come last
                break
            m = transforms[bones[v, k]]
            moved += w * wp.vec3(
                m[0, 0] * p[0] + m[0, 1] * p[1] + m[0, 2] * p[2] + m[0, 3],
                m[1, 0] * p[0] + m[1, 1] * p[1] + m[1, 2] * p[2] + m[1, 3],
                m[2, 0] * p[0] + m[2, 1] * p[1] + m[2, 2] * p[2] + m[2, 3],
            )
        out[v] = moved


def _floats(array: NDArray[Any]) -> Floats:
    return np.ascontiguousarray(array, np.float32)


def _ints(array: NDArray[Any]) -> Ints:
    return np.ascontiguousarray(array, np.int32)


def zbuffer(points: NDArray[Any], faces: NDArray[Any], height: int, width: int) -> Buffers:
    """The nearest triangle at each pixel's centre; of equally near ones the first in `faces`.

    points: P×3 (x px, y px, depth), with pixel (0, 0) from 0 to 1; anything outside is cut off.
    Both sides of a triangle count. Depth may be negative: nothing is cut off near the camera.
    """
    out = Buffers(
        np.full((height, width), EMPTY, np.float32),
        np.full((height, width), -1, np.int32),
        np.zeros((height, width), np.float32),
        np.zeros((height, width), np.float32),
    )
    inputs = [_floats(points), _ints(faces), height, width, *(plane.ravel() for plane in out)]
    wp.launch(_zbuffer, 1, inputs=inputs, device="cpu")
    return out


def normals(vertices: NDArray[Any], faces: NDArray[Any]) -> Floats:
    """Unit normals V×3 of a mesh, smoothed over the faces at each vertex; 0 where no face is."""
    out = np.zeros((len(vertices), 3), np.float32)
    inputs = [_floats(vertices), _ints(faces), out]
    wp.launch(_normals, 1, inputs=inputs, device="cpu")
    return out


def skin(
    vertices: NDArray[Any], bones: NDArray[Any], weights: NDArray[Any], transforms: NDArray[Any]
) -> Floats:
    """Posed vertices V×3: each moved by the weighted mean of its bones' 3×4 transforms.

    bones, weights: V×K; a vertex's bones end at its first weight of 0. transforms: B×3×4.
    """
    out = np.empty((len(vertices), 3), np.float32)
    inputs = [_floats(vertices), _ints(bones), _floats(weights), _floats(transforms), out]
    wp.launch(_skin, 1, inputs=inputs, device="cpu")
    return out


# How far a joint lies under the skin, metres, in OpenPose's order.
JOINT_DEPTH = np.array(
    [0.05, 0.12]  # nose, neck
    + 2 * [0.12, 0.07, 0.06]  # shoulder, elbow, wrist: right, left
    + 2 * [0.16, 0.10, 0.08]  # hip, knee, ankle: right, left
    + 4 * [0.05]  # eyes, ears
)


def joint_visible(points: NDArray[Any], depth: Floats) -> NDArray[np.bool_]:
    """Which of 18 joints nothing hides: true where the surface at a joint's pixel is its own skin.

    points: 18×3 (x px, y px, depth) in OpenPose's order, in the pixels of `depth` (H×W, from
    `zbuffer` with depth in metres). A joint outside the image is not visible.
    """
    height, width = depth.shape
    x, y = np.floor(points[:, 0]).astype(np.int64), np.floor(points[:, 1]).astype(np.int64)
    inside = (x >= 0) & (y >= 0) & (x < width) & (y < height)
    surface = depth[y.clip(0, height - 1), x.clip(0, width - 1)]
    return inside & (points[:, 2] - surface < JOINT_DEPTH)
