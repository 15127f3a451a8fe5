"""Poses as pictures for people to look at: coloured stick figures."""

from __future__ import annotations

import colorsys
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from lookalike.data.poses.poses import JOINTS, LIMBS

GROUND = (24, 26, 30)
# Round the colour circle as OpenPose: right arm orange, left green, right leg cyan, left blue.
COLOURS = tuple(
    tuple(round(255 * c) for c in colorsys.hsv_to_rgb(hue / 360, 0.85, 1))
    for hue in (330, 0, 15, 30, 45, 75, 95, 115, 150, 165, 180, 200, 215, 235, 290, 260, 310, 275)
)
THICKNESS = 1 / 48  # of a limb, in image heights
FINER = 4  # drawn so many times larger and shrunk, for smooth edges


def skeletons(joints: NDArray[Any], height: int, width: int) -> NDArray[np.uint8]:
    """N×height×width×3 uint8: the poses as coloured stick figures on a dark ground.

    joints: N×18×3, x and y in pixels of a height×width image, and above 0 if known. A joint that is
    missing or outside the image is left out, and so are its limbs. The person's right arm is
    orange, the left one green, the right leg cyan, the left one blue.
    """
    joints = np.asarray(joints, float).reshape(-1, len(JOINTS), 3)
    figures = [_figure(pose, height, width) for pose in joints]
    return np.array(figures, np.uint8).reshape(-1, height, width, 3)


def _figure(pose: NDArray[Any], height: int, width: int) -> NDArray[np.uint8]:
    canvas = Image.new("RGB", (width * FINER, height * FINER), GROUND)
    draw = ImageDraw.Draw(canvas)
    thick = max(height * THICKNESS, 1) * FINER
    x, y, known = pose.T
    inside = (known > 0) & (x >= 0) & (x < width) & (y >= 0) & (y < height)
    middles = (np.floor(np.where(inside, (x, y), 0)).T + 0.5) * FINER  # of the joints' pixels
    for first, second in LIMBS:
        if inside[first] and inside[second]:
            draw.line(
                middles[[first, second]].ravel().tolist(), fill=COLOURS[second], width=round(thick)
            )
    for joint in np.flatnonzero(inside):
        (x, y), r = middles[joint], 0.8 * thick
        draw.ellipse((x - r, y - r, x + r, y + r), fill=COLOURS[joint])
    return np.asarray(canvas.resize((width, height), Image.Resampling.BOX))
