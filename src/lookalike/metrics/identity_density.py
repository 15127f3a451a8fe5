"""How densely the images of a person lie together: ID² of Pose2ID (CVPR 2025)."""

from __future__ import annotations

import numpy as np
import torch

from lookalike.errors import UserError
from lookalike.metrics.distances import magnitudes, unit
from lookalike.metrics.inputs import Array, device_of, ids, matrix


def identity_density(feats: Array, pids: Array, device: torch.device | str | None = None) -> float:
    """ID² of N×D features: how far an image lies from its person's mean, squared; 0 is densest.

    The mean over an identity's images of ‖f − c‖², c the mean of its f, all f of length 1; then the
    mean over identities, so that one with many images weighs as much as another (arXiv 2503.00938).
    In [0, 1]: 1 where an identity's features cancel. pids: N; junk (−1), distractors (0) and
    unknown persons (−2) don't count; an identity with a single image does, with 0. Numbers of two
    galleries compare only where identities have about as many images. Computed on `device`, by
    default where `feats` is. Raises ValueError on shapes, `UserError` on empty or not finite
    features and where nobody counts.
    """
    x = matrix(feats, "Features", device_of(feats, device))
    numbers = ids(pids, "pids", len(x))
    sizes = magnitudes(x, "Features")
    rows = np.flatnonzero(numbers > 0)
    if not len(rows):
        raise UserError("ID² is of persons, and none of these images has a pid from 1 up.")
    _, person, counts = np.unique(numbers[rows], return_inverse=True, return_counts=True)
    images, of = (torch.from_numpy(index).to(x.device) for index in (rows, person))
    count = torch.from_numpy(counts).to(x.device)
    f = unit(x[images], sizes[images]).double()
    centres = torch.zeros(len(count), f.shape[1], dtype=f.dtype, device=f.device)
    centres = centres.index_add_(0, of, f) / count[:, None]
    # The mean of |f − c|² is that of |f|² less |c|², in float64, where nothing much cancels.
    squares = torch.zeros_like(centres[:, 0]).index_add_(0, of, f.square().sum(1)) / count
    return float((squares - centres.square().sum(1)).clamp_(min=0).mean())
