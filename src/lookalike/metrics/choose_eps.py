"""An eps chosen without labels: the one that gives the most clusters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sklearn.metrics import adjusted_rand_score

from lookalike.errors import UserError
from lookalike.metrics.clustering import Clusters, clusters_over, drop_single_camera
from lookalike.metrics.inputs import Array

GRID = tuple(round(0.3 + 0.02 * k, 2) for k in range(21))  # 0.3 to 0.7


class EpsPoint(NamedTuple):
    """eps, clusters: how many; outliers: the share of images; largest: images of the largest
    cluster; stability: the adjusted Rand index with the next smaller eps, 1 at the first."""

    eps: float
    clusters: int
    outliers: float
    largest: int
    stability: float


class EpsChoice(NamedTuple):
    """eps: the choice. curve: what every eps gave, ascending. clusters: those at the choice."""

    eps: float
    curve: list[EpsPoint]
    clusters: Clusters


def choose_eps(
    feats: Array,
    camids: Array | None = None,
    eps_values: Sequence[float] = GRID,
    min_samples: int = 4,
    k1: int = 30,
    k2: int = 6,
    recipe: str = "spcl",
) -> EpsChoice:
    """The eps of `eps_values` at which N×D features fall into the most clusters, with the curve.

    Below it persons are in pieces or outliers, above it they grow together: either loses clusters.
    camids: N; with them clusters that one camera alone saw don't count. Of equal ones the smallest
    eps, whose clusters are purer. Deterministic. Other arguments and errors: `pseudo_labels`;
    `UserError` where no eps gives a cluster.
    """
    values = sorted(set(eps_values))
    every = clusters_over(feats, values, min_samples, k1, k2, recipe)
    if camids is not None:
        every = [x._replace(labels=drop_single_camera(x.labels, camids)) for x in every]
    curve = [
        EpsPoint(
            x.eps,
            x.num_clusters,
            x.num_outliers / len(x.labels),
            x.largest,
            float(adjusted_rand_score(every[max(k - 1, 0)].labels, x.labels)),
        )
        for k, x in enumerate(every)
    ]
    best = max(range(len(every)), key=lambda k: (every[k].num_clusters, -k))
    if not every[best].num_clusters:
        raise UserError(
            f"No eps from {values[0]:g} to {values[-1]:g} gives a cluster: the features tell no "
            "groups apart, or there are too few images."
        )
    return EpsChoice(every[best].eps, curve, every[best])
