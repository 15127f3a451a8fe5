"""The pose in one crop: a detector of 33 landmarks tried with several borders, and judged.

After GCL's way of taking bodies from crops (Chen et al., CVPR 2021). Every number here was chosen
on 200 real Market-1501 crops, whose poses OpenPose had estimated, and on 210 rendered ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lookalike.data.poses.poses import JOINTS

Pixels = NDArray[np.uint8]
Landmarks = NDArray[np.float64]
Detect = Callable[[Pixels], Landmarks | None]
"""H×W×3 RGB → MediaPipe's 33 landmarks of one person, 33×3: x, y in pixels, and the visibility
from 0 to 1; None if it finds nobody."""

HEIGHT = 256  # pixels to which smaller images are enlarged: people are too small for it otherwise
LONGEST = 1024  # pixels to which larger ones are reduced: more makes it slower, not better
# What is repeated around the image, as a share of its height, in the order of trying. The same on
# all sides: a square around a tall crop finds fewer people. Without a border the fewest are found.
BORDERS = (0.25, 0.5, 0.0)
THRESHOLD = 0.5  # of visibility: below it more than two joints of five are over 10 px of 128 off
MIN_VISIBILITY = 0.5  # the mean of the arms and legs
MIN_SPAN = 0.5  # from the nose to the ankles, of the image's height: less is a part taken for all
MIN_INSIDE = 0.5  # share of the joints of arms and legs inside the image
# Our joint j is landmark LANDMARKS[j]; −1: between the shoulders.
LANDMARKS = (0, -1, 12, 14, 16, 11, 13, 15, 24, 26, 28, 23, 25, 27, 5, 2, 8, 7)
ARMS_AND_LEGS = slice(2, 14)
NECK, NOSE = JOINTS.index("neck"), JOINTS.index("nose")
SHOULDERS, HIPS, ANKLES = (
    [JOINTS.index(f"{side}_{part}") for side in ("right", "left")]
    for part in ("shoulder", "hip", "ankle")
)


@dataclass(frozen=True, eq=False)
class Estimate:
    """What was found in one image.

    joints: 18×2, x and y in pixels of the image; −1 for a joint that isn't seen or is outside.
    confidence: 18 visibilities from 0 to 1. score: the mean of those of arms and legs; 0 where no
    pose was found that can be believed, and then every joint is −1.
    """

    joints: NDArray[np.float64]
    confidence: NDArray[np.float64]
    score: float


def estimate(image: Image.Image, detect: Detect, threshold: float = THRESHOLD) -> Estimate:
    """The pose in an RGB image, of the first border with which it can be believed.

    threshold: the visibility below which a joint is missing.
    """
    width, height = image.size
    scale = min(max(HEIGHT / height, 1), LONGEST / max(height, width))
    large = (max(1, round(width * scale)), max(1, round(height * scale)))
    pixels = np.asarray(image.resize(large, Image.Resampling.BICUBIC))
    for share in BORDERS:
        border = round(share * large[1])
        canvas = np.pad(pixels, ((border, border), (border, border), (0, 0)), mode="edge")
        landmarks = detect(canvas)
        if landmarks is None:
            continue
        joints = joints_of(landmarks)
        joints[:, :2] = (joints[:, :2] - border) * (width / large[0], height / large[1])
        if believable(joints, height, width):
            missing = (joints[:, 2] < threshold) | ~inside(joints, height, width)
            score = float(joints[ARMS_AND_LEGS, 2].mean())
            return Estimate(np.where(missing[:, None], -1, joints[:, :2]), joints[:, 2], score)
    return Estimate(np.full((len(JOINTS), 2), -1.0), np.zeros(len(JOINTS)), 0.0)


def joints_of(landmarks: Landmarks) -> NDArray[np.float64]:
    """The 18 joints, x, y and visibility, of MediaPipe's 33 landmarks: 33×3 → 18×3.

    The neck is the middle of the shoulders, as visible as the less visible one.
    """
    joints = np.array(landmarks[list(LANDMARKS)], np.float64)
    joints[NECK, :2] = joints[SHOULDERS, :2].mean(0)
    joints[NECK, 2] = joints[SHOULDERS, 2].min()
    return joints


def believable(joints: NDArray[np.float64], height: int, width: int) -> bool:
    """Whether 18×3 joints look like an upright person who fills a crop of that size."""
    if not np.isfinite(joints).all():
        return False
    nose = joints[NOSE, 1]
    shoulders, hips, ankles = (joints[part, 1].mean() for part in (SHOULDERS, HIPS, ANKLES))
    return bool(
        joints[ARMS_AND_LEGS, 2].mean() >= MIN_VISIBILITY
        and max(nose, shoulders) < hips < ankles
        and ankles - nose >= MIN_SPAN * height
        and inside(joints[ARMS_AND_LEGS], height, width).mean() >= MIN_INSIDE
    )


def inside(joints: NDArray[np.float64], height: int, width: int) -> NDArray[np.bool_]:
    """Which joints lie inside an image of that size: N bool."""
    x, y = joints[:, 0], joints[:, 1]
    return (x >= 0) & (x < width) & (y >= 0) & (y < height)
