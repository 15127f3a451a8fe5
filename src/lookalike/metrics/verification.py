"""Whether two images show the same person, by a threshold on their distance: ROC, EER and TPR.

A positive pair is a query and a gallery image of its identity from another camera; a negative pair
is of two identities, from any cameras, distractors (pid 0) included. Junk (pid −1), unknown persons
(pid −2), and images of the query's own identity from its own camera, make no pairs. The rule is:
the same person where distance < threshold. FPR, in biometrics the false-match rate FMR, is the
share of the negatives that it takes for the same person; TPR is the share of the positives that it
finds; FNR = 1 − TPR.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from lookalike.errors import UserError
from lookalike.metrics.inputs import Array
from lookalike.metrics.inputs import ids as whole_numbers
from lookalike.metrics.matches import no_valid_match
from lookalike.metrics.pair_counts import PairCounts, count_pairs, place, share_under
from lookalike.rates import decimal

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Point:
    """What a threshold gives: fractions of the N negatives and the P positives.

    target_fpr: the highest FPR allowed. fpr: the FPR that results, at most `target_fpr`; less where
    distances tie. measurable: whether N ≥ 1 / target_fpr; if not, the threshold is the smallest
    negative and says only that no negative was nearer.
    """

    target_fpr: float
    threshold: float
    fpr: float
    tpr: float
    measurable: bool


@dataclass(frozen=True, eq=False)
class Verification:
    """How well one threshold tells the same person from others.

    positives, negatives: numbers of pairs. points: a `Point` for each target FPR. eer: the
    error rate where FPR = FNR, linear between the vertices of the ROC; eer_threshold: the threshold
    there, likewise; where the EER is 0, midway between the last positive and the first negative.
    fpr, tpr, thresholds: the ROC's 2U + 2 vertices of U distinct positive
    distances, ascending: each is what the rule gives at its threshold; the last one is infinite.
    edges: the bins' edges, from 0 to the largest distance there can be. positive_density,
    negative_density: histograms whose area is 1.
    """

    positives: int
    negatives: int
    points: tuple[Point, ...]
    eer: float
    eer_threshold: float
    fpr: Floats
    tpr: Floats
    thresholds: Floats
    edges: Floats
    positive_density: Floats
    negative_density: Floats
    metric: str

    def row(self) -> dict[str, float]:
        """The results table's numbers: "TPR@1e-3" for each rate, and "EER", as fractions."""
        return {f"TPR@{decimal(p.target_fpr)}": p.tpr for p in self.points} | {"EER": self.eer}


def verify(
    query_feats: Array,
    gallery_feats: Array,
    query_pids: Array,
    gallery_pids: Array,
    query_camids: Array,
    gallery_camids: Array,
    fpr: Sequence[float] = (1e-2, 1e-3, 1e-4),
    metric: str = "cosine",
    chunk: int | None = None,
    device: torch.device | str | None = None,
    twins: Array | None = None,
) -> Verification:
    """The `Verification` of all pairs of the queries (Q×D) and the gallery (G×D), none left out.

    fpr: the FPRs to find thresholds for, in [0, 1). The threshold for f is the (⌊f·N⌋ + 1)-th
    smallest distance of the N negatives: at most f·N of them are nearer. metric: "cosine", 1 − cos
    in [0, 2], or "euclidean". Other arguments as in `rank`; twins make no pairs. Memory: a few
    times chunk × G, the positives and max f·N numbers.

    Given the distances, all counts are exact. The distances have the features' own precision. Of
    float32: 1 − cos is right to about 1e-6; a Euclidean distance d to a few
    ``1e-7 · (|q|² + |g|²) / d``, so that equal images may be a thousandth of their length apart (a
    ten-millionth in float64). Equal pairs tie in float32 on a CPU, of two queries or more;
    elsewhere they may differ in the last digits.
    Raises ValueError on shapes and rates, `UserError` on an unknown metric, empty or not finite
    features, queries of unknown persons, magnitudes whose distances float64 can't hold, and where
    there is no positive or no negative pair.
    """
    targets = [float(f) for f in fpr]
    if not all(0 <= f < 1 for f in targets):
        raise ValueError(f"fpr must be rates in [0, 1), got {targets}.")
    ids = query_pids, gallery_pids, query_camids, gallery_camids
    highest = max(targets, default=0.0)
    own = None if twins is None else whole_numbers(twins, "twins", len(gallery_feats))
    counts = count_pairs(
        query_feats, gallery_feats, *ids, highest, metric=metric, chunk=chunk, device=device,
        twins=own,
    )  # fmt: skip
    if not len(counts.positives):
        raise no_valid_match(counts.matches)
    if not counts.negatives:
        raise UserError(
            "Queries and gallery show one and the same identity: an FPR needs gallery "
            "images of somebody else."
        )
    false, true, thresholds = roc(counts)
    eer, eer_threshold = equal_error(false, true, thresholds)
    if eer == 0:
        eer_threshold = between(float(counts.positives[-1]), float(counts.nearest[0]))
    edges = counts.edges.numpy()
    width = np.diff(edges)
    return Verification(
        positives=len(counts.positives),
        negatives=counts.negatives,
        points=tuple(point(counts, f) for f in targets),
        eer=eer,
        eer_threshold=eer_threshold,
        fpr=false,
        tpr=true,
        thresholds=thresholds,
        edges=edges,
        positive_density=counts.positive_bins.numpy() / len(counts.positives) / width,
        negative_density=counts.negative_bins.numpy() / counts.negatives / width,
        metric=metric,
    )


def point(counts: PairCounts, target: float) -> Point:
    """The `Point` of a target FPR; P and N are at least 1."""
    at = place(target, counts.negatives)
    threshold = float(counts.nearest[at])
    return Point(
        target_fpr=target,
        threshold=threshold,
        fpr=int(torch.searchsorted(counts.nearest, threshold)) / counts.negatives,
        tpr=share_under(counts.positives, threshold),
        measurable=at >= 1,
    )


def roc(counts: PairCounts) -> tuple[Floats, Floats, Floats]:
    """FPR, TPR and threshold of the ROC's vertices: at, and just above, each positive distance."""
    thresholds = torch.stack([counts.values, counts.above], 1).flatten().numpy()
    negatives = torch.stack([counts.below, counts.upto], 1).flatten().numpy()
    positives = np.searchsorted(counts.positives.numpy(), thresholds)
    return (
        np.concatenate([[0], negatives / counts.negatives, [1]]),
        np.concatenate([[0], positives / len(counts.positives), [1]]),
        np.concatenate([[0], thresholds, [np.inf]]),
    )


def equal_error(fpr: Floats, tpr: Floats, thresholds: Floats) -> tuple[float, float]:
    """Where FPR and 1 − TPR cross, and the threshold there: linear between two vertices."""
    excess = fpr - (1 - tpr)  # from −1 to 1, ascending
    i = int(np.argmax(excess >= 0))
    part = -excess[i - 1] / (excess[i] - excess[i - 1])
    eer, threshold = (float(x[i - 1] + part * (x[i] - x[i - 1])) for x in (fpr, thresholds))
    return eer, threshold


def between(positive: float, negative: float) -> float:
    """A threshold that takes the smaller distance and not the larger one: midway, if it can be."""
    middle = positive + (negative - positive) / 2
    return middle if middle > positive else negative
