"""Which pairs of crops make up the global batch of a step.

The samplers are pure functions of (seed, step), like those of `lookalike.data.samplers`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lookalike.data.people import Index
from lookalike.data.samplers import (
    Identities,
    Partners,
    check_batch,
    permutation,
    step_generator,
)
from lookalike.errors import UserError


@dataclass(frozen=True, eq=False)
class VerificationPairs:
    """FD-GAN's pairs: every image in turn, once with its own identity, then with others.

    labels: N int64, −1 for crops that are nobody's (never drawn). An epoch takes all images in a
    new random order; each gives a pair with another image of its identity (uniform, any camera) and
    then `negatives` pairs with an image of any other identity (uniform over the images). An image
    that is alone in its identity gives only the negatives, so that a batch may hold fewer
    positives than others, or none. Every batch has `pairs` pairs: the last one of an epoch is
    filled up with the epoch's first images, and partners of their own.
    Raises UserError when there is no positive or no negative pair at all, a batch is larger than an
    epoch, or it can't be shared equally among the processes.
    """

    labels: Index
    pairs: int
    negatives: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        if self.negatives < 1:
            raise UserError(f"Verification needs at least 1 negative pair, got {self.negatives}.")
        if len(self._ids.count) < 2:
            raise UserError(
                f"Pairs of different people need two identities, but the data has "
                f"{len(self._ids.count)}."
            )
        if self._ids.count.max() < 2:
            raise UserError(
                "No identity has two images, so there is no pair of the same person to learn from."
            )
        check_batch(self.pairs, self._epoch, "pair", "an epoch")

    @cached_property
    def _ids(self) -> Identities:
        return Identities(self.labels)

    @cached_property
    def _emitted(self) -> Index:
        """How many pairs each image of `_ids.order` gives."""
        return self.negatives + (np.repeat(self._ids.count, self._ids.count) > 1)

    @property
    def _epoch(self) -> int:
        return int(self._emitted.sum())

    @property
    def steps_per_epoch(self) -> int:
        return -(-self._epoch // self.pairs)

    def batch(self, step: int) -> tuple[Index, Index]:
        """The pairs of step `step`: `pairs` int64 in [0, N) each, the first and the second."""
        ids = self._ids
        epoch, within = divmod(step, self.steps_per_epoch)
        turn = permutation(len(ids.order), self.seed, "anchors", epoch)
        ends = np.cumsum(self._emitted[turn])
        place = np.arange(within * self.pairs, (within + 1) * self.pairs) % self._epoch
        at = np.searchsorted(ends, place, side="right")
        first = ids.order[turn[at]]
        positive = ends[at] - place > self.negatives
        identity = ids.identity[first]
        start, count = ids.start[identity], ids.count[identity]
        draws = step_generator(self.seed, "pairs", step).integers(
            np.where(positive, count - 1, len(ids.order) - count)
        )
        same = start + draws + (draws >= ids.place[first])  # skips the image itself
        other = draws + count * (draws >= start)  # skips its identity
        return first, ids.order[np.where(positive, same, other)]


@dataclass(frozen=True, eq=False)
class RedrawnPairs:
    """FD-GAN's batches: pairs of crops, and for each crop another of its person to be drawn as.

    pairs: where the pairs come from. seed: of the draw of targets. Both crops of a positive pair
    have one target; a crop that is alone in its identity is its own.
    """

    pairs: VerificationPairs
    seed: int = 0

    def batch(self, step: int) -> dict[str, Index]:
        """first, second, first_target and second_target of step `step`: as many int64 each."""
        labels = self.pairs.labels
        first, second = self.pairs.batch(step)
        partners = Partners(labels, self.seed)
        targets = [partners.draw(side, step, k) for k, side in enumerate((first, second))]
        targets[1] = np.where(labels[first] == labels[second], *targets)
        names = ("first", "second", "first_target", "second_target")
        return dict(zip(names, (first, second, *targets), strict=True))


class AllPairs:
    """All ordered pairs of two different images of one identity, by number."""

    def __init__(self, labels: Index) -> None:
        self.ids = Identities(labels)
        self.ends = np.cumsum(self.ids.count * (self.ids.count - 1))
        self.count = int(self.ends[-1]) if len(self.ends) else 0
        if not self.count:
            raise UserError(
                "No identity has two images, so no image can be made of another of the same person."
            )

    def at(self, number: Index) -> tuple[Index, Index]:
        """The pairs of these numbers in [0, count): the first and the second images' rows."""
        identity = np.searchsorted(self.ends, number, side="right")
        count = self.ids.count[identity]
        first, second = np.divmod(number - self.ends[identity] + count * (count - 1), count - 1)
        second = second + (second >= first)
        start = self.ids.start[identity]
        return self.ids.order[start + first], self.ids.order[start + second]


@dataclass(frozen=True, eq=False)
class OrderedPairs:
    """PG²'s pairs: two different images of one identity, any cameras, both ways round.

    labels: N int64, −1 for crops that are never drawn (nobody's, or without a pose). An epoch takes
    all pairs in a new random order, the rest that doesn't fill a batch left out.
    Raises UserError when there is no pair, a batch is larger than the data, or it can't be shared
    equally among the processes.
    """

    labels: Index
    batch_size: int
    seed: int = 0

    def __post_init__(self) -> None:
        check_batch(self.batch_size, self.count, "pair", "an epoch")

    @cached_property
    def _pairs(self) -> AllPairs:
        return AllPairs(self.labels)

    @property
    def count(self) -> int:
        """How many pairs there are."""
        return self._pairs.count

    @property
    def steps_per_epoch(self) -> int:
        return self.count // self.batch_size

    def batch(self, step: int) -> tuple[Index, Index]:
        """The pairs of step `step`: `batch_size` int64 in [0, N) each, condition and target."""
        epoch, within = divmod(step, self.steps_per_epoch)
        order = permutation(self.count, self.seed, "ordered pairs", epoch)
        return self._pairs.at(order[within * self.batch_size : (within + 1) * self.batch_size])
