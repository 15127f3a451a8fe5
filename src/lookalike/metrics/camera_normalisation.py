"""Features without what is their camera's: centred and scaled by the statistics of each camera.

Per-camera feature normalisation (arXiv 2502.10195, ICLR 2025). It needs no label, but it sees all
images of a camera at once: of a test set, it is transductive.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lookalike.metrics.distances import magnitudes, safe_scale, unit
from lookalike.metrics.inputs import Array, Ints, device_of, ids, matrix

EPSILON = 1e-6  # added to a deviation
FEW = 20  # images from which a camera's deviations can be told


class CameraStatistics(NamedTuple):
    """What the features of each camera have in common, to be kept beside a gallery.

    cameras: C numbers, ascending. counts: C, how many images each is from. scaled: C, whether there
    are deviations of it: from `FEW` images, where they are asked for. means, deviations: C×D
    float64; deviations are 1 where there are none.
    """

    cameras: Ints
    counts: Ints
    scaled: NDArray[np.bool_]
    means: Tensor
    deviations: Tensor

    @property
    def centred_only(self) -> Ints:
        """The cameras whose features are centred and not scaled."""
        return self.cameras[~self.scaled & (self.counts > 1)]

    @property
    def untouched(self) -> Ints:
        """The cameras with a single image, which says nothing of its camera."""
        return self.cameras[self.counts < 2]

    def normalise(self, feats: Array, camids: Array) -> Array:
        """N×D features by their cameras' statistics, of length 1; camids: N.

        (f − μ) / (σ + 1e-6). Features of a camera that isn't among these, or has a single image,
        only get length 1. Errors as in `normalise_cameras`.
        """
        x = matrix(feats, "Features", self.means.device)
        if x.shape[1] != self.means.shape[1]:
            raise ValueError(
                f"These are statistics of {self.means.shape[1]} dimensions, not of {x.shape[1]}."
            )
        x = _normalised(x, ids(camids, "camids", len(x)), self)
        return x if isinstance(feats, Tensor) else x.cpu().numpy()


def normalise_cameras(
    feats: Array,
    camids: Array,
    deviation: bool = True,
    device: torch.device | str | None = None,
) -> Array:
    """N×D features of length 1, each centred and scaled by the statistics of its camera.

    f̂ = (f − μ) / (σ + 1e-6), then divided by its length: μ and σ are the mean and the deviation of
    every dimension over all features of the camera in `feats` (arXiv 2502.10195). deviation: False
    only centres. A camera with fewer than 20 images is only centred, one with a single image left
    as it is; `camera_statistics` tells which they are. camids: N; below 0 is an unknown camera,
    left as it is. Queries and their gallery belong together: give both at once. Computed on
    `device`, by default where `feats` is; a tensor there if `feats` is one, else an array.
    Raises ValueError on shapes, `UserError` on empty or not finite features.
    """
    device = device_of(feats, device)
    x = matrix(feats, "Features", device)
    x = _normalised(x, ids(camids, "camids", len(x)), camera_statistics(x, camids, deviation))
    return x if isinstance(feats, Tensor) else x.cpu().numpy()


def camera_statistics(
    feats: Array,
    camids: Array,
    deviation: bool = True,
    device: torch.device | str | None = None,
) -> CameraStatistics:
    """The `CameraStatistics` of N×D features; arguments and errors as in `normalise_cameras`."""
    x = matrix(feats, "Features", device_of(feats, device))
    numbers = ids(camids, "camids", len(x))
    scale = safe_scale(magnitudes(x, "Features"))  # whose squares neither overflow nor vanish
    cameras, counts = np.unique(numbers[numbers >= 0], return_counts=True)
    scaled = (counts >= FEW) & deviation
    means = torch.zeros(len(cameras), x.shape[1], dtype=torch.float64, device=x.device)
    deviations = torch.ones_like(means)
    for row, camera in enumerate(cameras):
        images = torch.from_numpy(np.flatnonzero(numbers == camera)).to(x.device)
        of_camera = x[images].to(torch.float64, copy=True).mul_(scale)
        mean = of_camera.mean(0)
        means[row] = mean / scale
        if scaled[row]:
            deviations[row] = of_camera.sub_(mean).square_().mean(0).sqrt_() / scale
    return CameraStatistics(cameras, counts, scaled, means, deviations)


def _normalised(x: Tensor, camids: Ints, statistics: CameraStatistics) -> Tensor:
    """The N×D features by the statistics of their cameras (N), of length 1."""
    magnitudes(x, "Features")
    x = x.clone()
    for row in np.flatnonzero(statistics.counts > 1):
        images = torch.from_numpy(np.flatnonzero(camids == statistics.cameras[row])).to(x.device)
        own = x[images].double().sub_(statistics.means[row])
        x[images] = own.div_(statistics.deviations[row] + EPSILON).to(x.dtype)
    return unit(x, magnitudes(x, "Features"))
