"""Rotations: 3×3 matrices of float64, angles in radians."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


def about_x(angle: float) -> Matrix:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def about_y(angle: float) -> Matrix:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def about_z(angle: float) -> Matrix:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def about(axis: Any, angle: float) -> Matrix:
    """The rotation about any axis (its length doesn't matter), by the right hand."""
    x, y, z = (axis * (math.sin(angle) / math.sqrt(axis @ axis))).tolist()
    return _rotation(x, y, z, math.cos(angle))


def turning(start: Any, end: Any) -> Matrix:
    """The smallest rotation that turns one direction into another (not into its opposite)."""
    ax, ay, az = (start / math.sqrt(start @ start)).tolist()
    bx, by, bz = (end / math.sqrt(end @ end)).tolist()
    return _rotation(
        ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx, ax * bx + ay * by + az * bz
    )


def _rotation(x: float, y: float, z: float, cosine: float) -> Matrix:
    """From the axis times the angle's sine, and its cosine (Rodrigues)."""
    f = 1 / (1 + max(cosine, -0.9999))
    return np.array(
        [
            [1 - f * (y * y + z * z), f * x * y - z, f * x * z + y],
            [f * x * y + z, 1 - f * (x * x + z * z), f * y * z - x],
            [f * x * z - y, f * y * z + x, 1 - f * (x * x + y * y)],
        ]
    )
