"""Everybody asks: the two sides of a ranking under the protocol open-reid."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lookalike.metrics.inputs import Array, ids
from lookalike.metrics.matches import JUNK


class Everyone(NamedTuple):
    """Rows of the Q queries followed by the G gallery images, ascending int64 below Q + G.

    asked: the images that ask. gallery: the images that are asked for, among them all who ask.
    """

    asked: NDArray[np.int64]
    gallery: NDArray[np.int64]


def everyone(query_pids: Array, gallery_pids: Array, twins: Array | None = None) -> Everyone:
    """The `Everyone` of a benchmark: all images but junk are the gallery, and those of the queries'
    identities ask.

    query_pids: Q whole numbers; gallery_pids: G. twins: G whole numbers, from 0 where the gallery
    image is one of the queries too, −1 where it isn't; such an image counts once, as the query.
    By default the sides share no image. Raises ValueError on shapes.
    """
    asking = ids(query_pids, "query_pids", len(query_pids))
    asked_for = ids(gallery_pids, "gallery_pids", len(gallery_pids))
    once = np.ones(len(asking) + len(asked_for), bool)
    if twins is not None:
        once[len(asking) :] = ids(twins, "twins", len(asked_for)) < 0
    pids = np.concatenate([asking, asked_for])
    gallery = np.flatnonzero(once & (pids != JUNK))
    return Everyone(gallery[np.isin(pids[gallery], asking)], gallery)
