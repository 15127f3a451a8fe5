"""What is known about a crop: where everything of the person is, and what hides it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.world.raster import joint_visible
from lookalike.world.renderer.layer import Layer
from lookalike.world.renderer.placement import Box, Place, View, in_camera, in_crop, in_frame

COVERED = 0.5
"""Share of a pixel that somebody fills to own it."""


@dataclass(frozen=True, eq=False)
class Truth:
    """The ground truth of one crop of H×W pixels."""

    person: int
    camera: int
    clothes: int
    k: int
    """Number of the crop among the person's by this camera."""
    keypoints2d: npt.NDArray[np.float32]
    """18×3: x, y (pixels of the crop, (0, 0) its corner), and 1 where nothing hides the joint."""
    keypoints3d: npt.NDArray[np.float32]
    """18×3 metres in the camera's axes: right, down, forward."""
    box: Box
    """Of the crop in the frame: left, top, width, height, pixels."""
    yaw: float
    """Radians in [0, 2π): 0 looks towards the camera, π/2 to the picture's right."""
    pose: str
    """Kind of pose."""
    native_height: float
    """Of the person in the frame, pixels."""
    occluded: float
    """Share of the person, as far as inside the crop, that something hides."""
    mask: npt.NDArray[np.bool_]
    """H×W: where the person is seen."""
    amodal: npt.NDArray[np.bool_]
    """H×W: where the person would be seen if nothing stood in front."""
    materials: npt.NDArray[np.uint8]
    """H×W, within `amodal`: 1 skin 2 hair 3 top 4 bottom 5 shoe 6 accessory 7 outer 8 sock."""
    parts: npt.NDArray[np.uint8]
    """H×W, within `amodal`: 1 torso 2 hip 3 thigh 4 shin 5 foot 6 upper arm 7 lower arm 8 hand
    9 neck 10 head; 0 also on things carried."""


def geometry(
    joints: npt.NDArray[np.float32], view: View, layer: Layer, seen: npt.NDArray[np.bool_], box: Box
) -> dict[str, Any]:
    """`keypoints2d` and `keypoints3d` of joints (18×3 metres in the person's axes).

    A joint is visible where the person's own body leaves it free and the pixel is in the mask
    `seen` (H×W).
    """
    height, width = seen.shape
    rows, columns = layer.buffers.depth.shape
    points = in_camera(joints, view)
    frame = in_frame(points, view)
    crop = in_crop(frame, box, height, width)
    free = joint_visible(in_crop(frame, box, rows, columns), layer.buffers.depth)
    x, y = np.floor(crop[:, 0]).astype(int), np.floor(crop[:, 1]).astype(int)
    free &= seen[y.clip(0, height - 1), x.clip(0, width - 1)]
    return {
        "keypoints2d": np.concatenate([crop[:, :2], free[:, None]], axis=1).astype(np.float32),
        "keypoints3d": points,
    }


def truth_of(
    names: tuple[int, int, int, int],
    place: Place,
    pose: str,
    native_height: float,
    box: Box,
    joints: npt.NDArray[np.float32],
    view: View,
    layer: Layer,
    visible: npt.NDArray[np.float32],
) -> Truth:
    """The truth of a crop. `names` are person, camera, clothes and k.

    `visible` H×W is what of the person's coverage nothing hides.
    """
    person, camera, clothes, k = names
    coverage = layer.rgba[..., 3]
    amodal, mask = coverage >= COVERED, visible >= COVERED
    whole = max(float(coverage.sum()), 1e-6)
    return Truth(
        person=person,
        camera=camera,
        clothes=clothes,
        k=k,
        box=box,
        yaw=place.yaw,
        pose=pose,
        native_height=native_height,
        occluded=1 - float(visible.sum()) / whole,
        mask=mask,
        amodal=amodal,
        materials=np.where(amodal, layer.materials, 0).astype(np.uint8),
        parts=np.where(amodal, layer.parts, 0).astype(np.uint8),
        **geometry(joints, view, layer, mask, box),
    )
