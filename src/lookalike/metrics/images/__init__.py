"""How good pictures are: against the picture that they should be, and as sets.

Pictures are B×3×H×W, uint8 or float from 0 to 255, RGB, scored as they are; every function gives a
number a pair, float64. Pairs: `ssim`; `psnr` and `l1`, in `pixels` with `masked` for the same
inside a mask; `lab_dssim`, in `dssim`; `lpips` (of a network's maps). Sets: `frechet_distance`, in
`frechet`, and `inception_score`, in `inception` (of a network's features); `diversity_pairs`.
`mean_intervals` says how sure a mean is.
"""

from lookalike.metrics.bootstrap_intervals import mean_intervals
from lookalike.metrics.images.dssim import diversity_pairs, lab_dssim
from lookalike.metrics.images.frechet import frechet_distance
from lookalike.metrics.images.inception import SPLITS, inception_score
from lookalike.metrics.images.lpips import lpips
from lookalike.metrics.images.pixels import l1, masked, psnr
from lookalike.metrics.images.ssim import SMALLEST, VARIANTS, Variant, ssim

__all__ = [
    "SMALLEST",
    "SPLITS",
    "VARIANTS",
    "Variant",
    "diversity_pairs",
    "frechet_distance",
    "inception_score",
    "l1",
    "lab_dssim",
    "lpips",
    "masked",
    "mean_intervals",
    "psnr",
    "ssim",
]
