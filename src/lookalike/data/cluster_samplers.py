"""Batches of clusters: like the others in `samplers`, pure functions of (seed, step)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from lookalike.data.people import Index
from lookalike.data.samplers import Identities, check_processes, permutation, step_generator
from lookalike.errors import UserError


@dataclass(frozen=True, eq=False)
class ClusterImages:
    """`batch_size` images at a time from passes over all clusters, K of each, those together.

    labels: N int64, −1 for images of no cluster, which are never drawn. camids: N int64: then a
    cluster's images are a random one, and K − 1 others of other cameras, or of the same one where
    it has no other; None: of any camera. Others are drawn without replacement, with it where there
    are fewer than K − 1 (the samplers of SpCL and Cluster Contrast). A cluster of one image gives
    that one, once. Passes follow each other without a gap. Raises UserError when there is no
    cluster, or the batch can't be shared equally among the processes.
    """

    labels: Index
    camids: Index | None
    batch_size: int
    per_cluster: int
    seed: int

    def __post_init__(self) -> None:
        if not len(self._ids.count):
            raise UserError("There is no cluster to draw images of.")
        if min(self.batch_size, self.per_cluster) < 1:
            raise UserError(
                f"A batch needs images, and some of each cluster, not {self.batch_size} and "
                f"{self.per_cluster}."
            )
        check_processes(self.batch_size)

    @cached_property
    def _ids(self) -> Identities:
        return Identities(self.labels)

    @cached_property
    def images_per_pass(self) -> int:
        """How many images a pass over the clusters has."""
        return int(np.where(self._ids.count > 1, self.per_cluster, 1).sum())

    def batch(self, step: int) -> Index:
        """The images of step `step`: `batch_size` int64 in [0, N)."""
        place = np.arange(step * self.batch_size, (step + 1) * self.batch_size)
        number, within = np.divmod(place, self.images_per_pass)
        batch = np.empty(self.batch_size, np.int64)
        for k in np.unique(number):
            batch[number == k] = self._passes(int(k))[within[number == k]]
        return batch

    @cached_property
    def _passes(self) -> Callable[[int], Index]:
        """The images of a pass by its number; kept, because every step asks."""
        return lru_cache(maxsize=2)(self._one_pass)

    def _one_pass(self, number: int) -> Index:
        """The images of a pass, cluster after cluster."""
        ids, rng = self._ids, step_generator(self.seed, "clusters", number)
        order = permutation(len(ids.count), self.seed, "cluster order", number)
        count = ids.count[order]
        anchor = rng.integers(count)
        widest = max(int(count.max()), self.per_cluster)
        places = np.arange(widest)
        inside = places < count[:, None]
        rows = ids.order[np.minimum(ids.start[order, None] + places, len(ids.order) - 1)]
        others = inside & (places != anchor[:, None])
        anchors = rows[np.arange(len(rows)), anchor]
        if self.camids is not None:
            elsewhere = others & (self.camids[rows] != self.camids[anchors][:, None])
            others = np.where(elsewhere.any(1, keepdims=True), elsewhere, others)
        keys = np.where(others, rng.random(others.shape), np.inf)
        shuffled = np.take_along_axis(rows, keys.argsort(1, kind="stable"), 1)
        available = others.sum(1, keepdims=True)
        turn = np.arange(self.per_cluster - 1)
        again = rng.integers(np.maximum(available, 1), size=(len(order), self.per_cluster - 1))
        place = np.where(available >= self.per_cluster - 1, turn, again)
        images = np.concatenate([anchors[:, None], np.take_along_axis(shuffled, place, 1)], 1)
        whole = np.ones_like(images, bool)
        whole[:, 1:] = count[:, None] > 1
        return images[whole]
