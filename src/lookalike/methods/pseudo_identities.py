"""Who is who, guessed: clusters of everybody's features, for methods that read no label."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np
from torch import Tensor

from lookalike.data.people import Index
from lookalike.errors import UserError
from lookalike.metrics import (
    choose_eps,
    clusters_over,
    drop_single_camera,
    normalise_cameras,
    pseudo_labels,
    reliable_labels,
)
from lookalike.metrics.links import linked_labels, links

STEP = 0.05  # by which eps is moved where it makes fewer than two clusters
LEAST, MOST = 0.05, 0.95  # where it is moved to at most


class Settings(Protocol):
    """The settings of a method that say how it clusters: see `clustering`."""

    @property
    def rho(self) -> float: ...
    @property
    def min_samples(self) -> int: ...
    @property
    def k1(self) -> int: ...
    @property
    def k2(self) -> int: ...
    @property
    def cameras(self) -> str: ...
    @property
    def single_camera(self) -> str: ...


class PseudoIdentities(NamedTuple):
    """labels: N int64, clusters from 0 on, −1 for images in none. eps: the distance that joined
    them. remarks: sentences on what was done otherwise than asked."""

    labels: Index
    eps: float
    remarks: list[str]


def pseudo_identities(
    features: Tensor,
    camids: Index,
    settings: Settings,
    eps: float,
    must: Index | None = None,
    cannot: Index | None = None,
) -> PseudoIdentities:
    """The clusters of N×D features as the settings ask for them, at `eps`.

    camids: N. eps: 0 chooses it (`choose_eps`), unless `settings.rho` finds it. must, cannot: M×2
    pairs of rows that always, or never, share a cluster. Where eps makes no cluster it is raised
    until there are two, and lowered where it makes one: a remark says so; links don't count there,
    and change the clusters of that eps. Where dropping the clusters of one camera would leave none,
    they are kept, with a remark; pairs that must share a cluster stay, as clusters of their own.
    Raises UserError where no eps makes two clusters, or links leave fewer.
    """
    s, x = settings, without_cameras(features, camids, settings)
    how: dict[str, Any] = dict(min_samples=s.min_samples, k1=s.k1, k2=s.k2)

    def at(eps: float) -> Index:
        return pseudo_labels(x, eps=eps, **how).labels

    if s.rho:
        labels, eps = pseudo_labels(x, rho=s.rho, **how)
    else:
        if not eps:
            eps = choose_eps(x, camids if s.single_camera == "drop" else None, **how).eps
        labels = at(eps)
    labels, used, remarks = two_clusters(at, labels, eps)
    if must is not None or cannot is not None:
        labels = pseudo_labels(x, eps=used, must=must, cannot=cannot, **how).labels
    return clusters_of_round(labels, used, camids, s, remarks, must)


def reliable_identities(
    features: Tensor,
    camids: Index,
    settings: Settings,
    eps: float,
    margin: float,
    threshold: float | None,
    must: Index | None = None,
    cannot: Index | None = None,
) -> tuple[PseudoIdentities, float]:
    """As `pseudo_identities`, of clusters that hold at eps ± margin too, and their threshold.

    threshold: of the first round, or None in it: see `reliable_labels`. Where no two clusters are
    reliable, all are kept, with a remark. Links change the clusters at all three distances; an
    image that isn't reliable stays with one that it must share a cluster with.
    """
    s, x = settings, without_cameras(features, camids, settings)
    how: dict[str, Any] = dict(min_samples=s.min_samples, k1=s.k1, k2=s.k2)
    if not eps:
        eps = choose_eps(x, camids if s.single_camera == "drop" else None, **how).eps

    def beside(eps: float, **links: Any) -> list[Index]:
        values = [max(eps - margin, 0.001), eps, min(eps + margin, 0.999)]
        return [clusters.labels for clusters in clusters_over(x, values, **how, **links)]

    three = beside(eps)
    _, used, remarks = two_clusters(lambda eps: beside(eps)[1], three[1], eps)
    if used != eps or must is not None or cannot is not None:
        three = beside(used, must=must, cannot=cannot)
    tight, labels, loose = three
    reliable = reliable_labels(tight, labels, loose, threshold)
    if reliable.labels.max(initial=-1) > 0:
        labels = reliable.labels
    else:
        remarks.append("no two clusters are reliable: all are kept in this round.")
    return clusters_of_round(labels, used, camids, s, remarks, must), reliable.threshold


def without_cameras(features: Tensor, camids: Index, settings: Settings) -> Tensor:
    """The features that are clustered: normalised per camera where the settings say so."""
    if settings.cameras == "none":
        return features
    x = normalise_cameras(features, camids, settings.cameras == "deviation")
    assert isinstance(x, Tensor)
    return x


def two_clusters(
    at: Callable[[float], Index], labels: Index, eps: float
) -> tuple[Index, float, list[str]]:
    """The labels, which eps makes, or those that `at` gives at an eps near it that makes two
    clusters; that one; and a remark on it.

    Raises UserError where none does.
    """
    used = eps
    direction = STEP if labels.max(initial=-1) < 0 else -STEP
    while labels.max(initial=-1) < 1:
        used += direction
        if not LEAST <= used <= MOST:
            raise UserError(
                f"These {len(labels)} images make no two clusters at any eps, so nobody can be "
                "told apart: start from a model that knows people (--start), or give more images "
                "of each."
            )
        labels = at(used)
    if used == eps:
        return labels, eps, []
    number = "no cluster" if direction > 0 else "a single cluster"
    return labels, used, [f"eps {eps:.3g} makes {number}: it is {used:.3g} in this round."]


def clusters_of_round(
    labels: Index,
    eps: float,
    camids: Index,
    settings: Settings,
    remarks: list[str],
    must: Index | None,
) -> PseudoIdentities:
    """The clusters that stay in the round, with the pairs that must share one.

    Raises UserError where links leave no two clusters.
    """
    labels = with_must_links(labels, must)
    if labels.max(initial=-1) < 1:
        raise UserError(
            f"With these links {len(labels)} images make no two clusters: nobody can be told apart."
        )
    if settings.single_camera == "drop":
        several = with_must_links(drop_single_camera(labels, camids), must)
        if several.max(initial=-1) > 0:
            return PseudoIdentities(several, eps, remarks)
        why = "there is one camera" if len(np.unique(camids)) == 1 else "no two are of two cameras"
        remarks.append(f"{why}: clusters that one camera alone saw are kept in this round.")
    return PseudoIdentities(labels, eps, remarks)


def with_must_links(labels: Index, must: Index | None) -> Index:
    """The labels where pairs that must share a cluster do so again after others have left it.

    Such an image comes back to its partner's cluster, where it was before; those whose cluster is
    gone are one of their own. So no forbidden pair meets.
    """
    return labels if must is None else linked_labels(labels, None, must, links(None, "", 0))
