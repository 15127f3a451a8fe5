"""A standing person as a detector would see it, for tests that need no model."""

import numpy as np

# MediaPipe's 33 landmarks, in its order.
NAMES = (
    "nose", "left_eye_inner", "left_eye", "left_eye_outer", "right_eye_inner", "right_eye",
    "right_eye_outer", "left_ear", "right_ear", "mouth_left", "mouth_right", "left_shoulder",
    "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_pinky",
    "right_pinky", "left_index", "right_index", "left_thumb", "right_thumb", "left_hip",
    "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle", "left_heel",
    "right_heel", "left_foot_index", "right_foot_index",
)  # fmt: skip
HEIGHTS = {"nose": 0.1, "eye": 0.08, "ear": 0.09, "mouth": 0.12, "shoulder": 0.2, "elbow": 0.35,
           "wrist": 0.48, "pinky": 0.5, "index": 0.5, "thumb": 0.5, "hip": 0.5, "knee": 0.7,
           "ankle": 0.9, "heel": 0.92, "foot": 0.95}  # fmt: skip


def standing(height, width):
    """33×3: somebody who faces the camera and fills an image of that size, all seen."""
    landmarks = np.ones((33, 3))
    for row, name in zip(landmarks, NAMES, strict=True):
        side = {"left": 0.2, "right": -0.2}.get(
            next((s for s in ("left", "right") if s in name), ""), 0
        )
        part = next(p for p in HEIGHTS if p in name and (p != "index" or "foot" not in name))
        row[:2] = (0.5 + side) * width, HEIGHTS[part] * height
    return landmarks


def person(at=0, nose_on_light=False, **changes):
    """A detector for one image: from its `at`-th try on it finds somebody who fills the image.

    The tries' borders are 1/4, 1/2 and none of the image's height. changes: of the landmarks that
    have the key in their names, (column, value), in shares of the image; column 2 is visibility.
    nose_on_light: the nose lies where pixels are bright. `seen` lists the sizes that it was given.
    """

    def detect(pixels):
        high, wide = pixels.shape[:2]
        detect.seen.append((high, wide))
        if len(detect.seen) <= at:
            return None
        share = (0.25, 0.5, 0)[len(detect.seen) - 1]
        border = round(high * share / (1 + 2 * share))
        size = np.array([wide, high]) - 2 * border
        landmarks = standing(1, 1)
        for name, (column, value) in changes.items():
            landmarks[[name in n for n in NAMES], column] = value
        landmarks[:, :2] = landmarks[:, :2] * size + border
        if nose_on_light:
            light = pixels.astype(float).sum(2)
            light[light < 0.5 * light.max()] = 0
            y, x = np.indices(light.shape) + 0.5
            landmarks[0, :2] = (x * light).sum() / light.sum(), (y * light).sum() / light.sum()
        return landmarks

    detect.seen = []
    return detect
