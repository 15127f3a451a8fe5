"""The L1 distance that counts the person more (PG², arXiv 1705.09368, eq. 2 and 5)."""

from torch import Tensor

from lookalike.losses.precision import full_precision


def pose_mask_l1(picture: Tensor, target: Tensor, mask: Tensor, weight: float = 1.0) -> Tensor:
    """``mean |picture − target|·(1 + weight·mask)``: a scalar in float32 or better.

    picture, target: B×C×H×W. mask: B×1×H×W, 1 on the person and 0 elsewhere. The mean is over
    batch, channels and pixels, where the paper sums.
    """
    distance = (full_precision(picture) - full_precision(target)).abs()
    return (distance * (1 + weight * full_precision(mask))).mean()
