"""What a learned feature has to beat: the colours of eight stripes of a crop, nothing learned."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lookalike.data.image_table import ImageTable

STRIPES, LEVELS = 8, 4  # horizontal stripes, and levels of each of red, green and blue
HEIGHT, WIDTH, MARGIN = 128, 64, 12  # pixels; the columns left out on either side


def stripe_histogram(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Square-rooted RGB histograms of 8 stripes of the middle columns.

    N×128×64×3 → N×512: the cosine of two is the overlap of their colours, mostly of clothes.
    """
    middle = images[:, :, MARGIN : WIDTH - MARGIN] // (256 // LEVELS)
    colour = middle @ np.array([LEVELS**2, LEVELS, 1])
    bins = STRIPES * LEVELS**3
    stripe = np.arange(HEIGHT) // (HEIGHT // STRIPES)
    place = np.arange(len(images))[:, None, None] * bins + stripe[:, None] * LEVELS**3 + colour
    counts = np.bincount(place.ravel(), minlength=len(images) * bins).reshape(-1, bins)
    return np.sqrt(counts).astype(np.float32)


def histograms(paths: Sequence[str]) -> NDArray[np.float32]:
    """`stripe_histogram` of image files of any size: N×512."""
    table = ImageTable(paths, HEIGHT, WIDTH, cache="memory", progress=False)
    return stripe_histogram(table[np.arange(len(table))].permute(0, 2, 3, 1).numpy())
