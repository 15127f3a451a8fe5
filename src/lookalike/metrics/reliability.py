"""The reliability criterion of SpCL: which clusters stay what they are at another eps."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lookalike.metrics.inputs import Array, Ints, ids

QUANTILE = 0.9  # of the first round's clusters are independent enough


class Reliable(NamedTuple):
    """labels: N int64, −1 for outliers and dissolved images. threshold: of 1 − independence."""

    labels: Ints
    threshold: float


def reliable_labels(
    tight: Array, normal: Array, loose: Array, threshold: float | None = None
) -> Reliable:
    """The reliable ones of N `normal` cluster labels (Ge et al., SpCL, NeurIPS 2020, section 3.3).

    tight, normal, loose: labels at a smaller eps, the one in use and a larger one; −1 is an
    outlier, a cluster of its own. An image's independence is the IoU of its cluster with its looser
    one, its compactness that with its tighter one, both in (0, 1]; a cluster's are the best of its
    images'. A cluster whose 1 − independence is above `threshold` is dissolved; of the others, the
    images that are less compact than the best leave. threshold: that of the first round; None sets
    it to the 90th percentile of these clusters, the authors' rule: of n, sorted, number
    min(n − 1, round(0.9 n)) from 0. Images left alone become outliers too. Clusters keep their
    order. Raises ValueError on shapes.
    """
    count = len(np.asarray(normal))
    own = ids(normal, "normal", count)
    apart = 1 - _iou(own, ids(loose, "loose", count))
    spread = 1 - _iou(own, ids(tight, "tight", count))
    clustered = own >= 0
    clusters = int(own.max(initial=-1)) + 1
    best = np.full((2, clusters), np.inf)
    for row, score in zip(best, (apart, spread), strict=True):
        np.minimum.at(row, own[clustered], score[clustered])
    if threshold is None:
        sorted_scores = np.sort(best[0][np.isfinite(best[0])])
        at = min(len(sorted_scores) - 1, round(QUANTILE * len(sorted_scores)))
        threshold = float(sorted_scores[at]) if len(sorted_scores) else 0.0
    reliable = clustered.copy()
    mine = own[clustered]
    reliable[clustered] = (best[0][mine] <= threshold) & (spread[clustered] <= best[1][mine])
    size = np.bincount(own[reliable], minlength=clusters)
    number = np.where(size > 1, (size > 1).cumsum() - 1, -1)
    labels = np.full(count, -1, np.int64)
    labels[reliable] = number[own[reliable]]
    return Reliable(labels, threshold)


def _iou(one: Ints, other: Ints) -> NDArray[np.float64]:
    """Of every image, the IoU of its clusters in two clusterings; outliers are alone."""
    one, other = _alone(one), _alone(other)
    _, pair, common = np.unique(one * (len(one) * 2 + 1) + other, return_inverse=True,
                                return_counts=True)  # fmt: skip
    common = common[pair]
    either = np.bincount(one)[one] + np.bincount(other)[other] - common
    ratio: NDArray[np.float64] = common / either
    return ratio


def _alone(labels: Ints) -> Ints:
    """Labels from 0 on, with a number of its own for every outlier."""
    rows = np.arange(len(labels))
    named = np.where(labels >= 0, labels, int(labels.max(initial=-1)) + 1 + rows)
    numbers: Ints = np.unique(named, return_inverse=True)[1]
    return numbers
