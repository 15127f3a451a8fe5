"""Which crops make up the global batch of a step, as a pure function of (seed, step).

A sampler holds no position and no random state: `batch(k)` is the batch of the 0-based step k,
today, in another process, or after a crash. Going on inside an epoch is starting at step k.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

import numpy as np

from lookalike import parallel
from lookalike.data.people import Index
from lookalike.errors import UserError


def step_seed(seed: int, *parts: int | str) -> int:
    """A 63-bit seed that is a hash of (seed, *parts), for `torch.manual_seed` and the like.

    parts: whatever tells one use from another: a stage's name, a stream's name, an epoch, a step.
    Different parts, also of different length, give unrelated seeds; the same parts give the same
    seed on every machine. `np.random.SeedSequence` is no such hash: it takes (1,) for (1, 0).
    """
    key = repr((int(seed), *(p if isinstance(p, str) else int(p) for p in parts)))
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big") >> 1


def step_generator(seed: int, *parts: int | str) -> np.random.Generator:
    """A fresh NumPy generator seeded with `step_seed(seed, *parts)`."""
    return np.random.default_rng(step_seed(seed, *parts))


@lru_cache(maxsize=64)
def permutation(n: int, seed: int, *parts: int | str) -> Index:
    """0 … n−1 in a random order of (seed, *parts); kept, because every step of an epoch asks."""
    order = step_generator(seed, *parts).permutation(n).astype(np.int64)
    order.flags.writeable = False
    return order


class BatchError(UserError):
    """The data can't fill a batch of that size: whoever knows what sets it says so (`set_by`)."""


def check_batch(batch: int, available: int, noun: str = "image", of: str = "the data") -> None:
    """Raises UserError for a batch that is empty, larger than what it is of, or can't be shared
    equally among the processes. batch, available: numbers of `noun`s."""
    if batch < 1:
        raise UserError(f"A batch needs at least one {noun}, got {batch}.")
    if batch > available:
        raise BatchError(
            f"A batch of {batch} {noun}s is larger than {of}, {available} {noun}s. "
            "Choose a smaller batch."
        )
    check_processes(batch, noun)


def check_processes(batch: int, noun: str = "image") -> None:
    """Raises UserError when a batch can't be shared equally among the processes."""
    processes = parallel.world_size()
    if batch % processes:
        raise UserError(
            f"A batch of {batch} {noun}s can't be shared equally among {processes} processes; "
            f"choose a multiple of {processes}."
        )


@dataclass(frozen=True, eq=False)
class Shuffled:
    """All of these images in a new random order each epoch, `batch_size` at a time.

    rows: how many images there are, or which rows of a table (a part of `People.parts`).
    drop_last: leave out the rest of an epoch that doesn't fill a batch; otherwise the last batch
    is that rest. Raises UserError when the batch is larger than the data, or can't be shared
    equally among the processes.
    """

    rows: int | Index
    batch_size: int
    seed: int
    drop_last: bool = True

    @property
    def n(self) -> int:
        """How many images an epoch has."""
        return self.rows if isinstance(self.rows, int) else len(self.rows)

    def __post_init__(self) -> None:
        check_batch(self.batch_size, self.n)
        if not self.drop_last:
            check_processes(self.n % self.batch_size)

    @property
    def steps_per_epoch(self) -> int:
        return self.n // self.batch_size if self.drop_last else -(-self.n // self.batch_size)

    def batch(self, step: int) -> Index:
        """The images of step `step`: `batch_size` int64 in [0, n), or of the rows given."""
        epoch, within = divmod(step, self.steps_per_epoch)
        order = permutation(self.n, self.seed, epoch)
        batch = order[within * self.batch_size : (within + 1) * self.batch_size]
        return batch.copy() if isinstance(self.rows, int) else self.rows[batch]


class Identities:
    """The images sorted by identity: `order[start[c] + i]` is image i of identity c."""

    def __init__(self, labels: Index) -> None:
        labels = np.asarray(labels, dtype=np.int64)
        rows = np.flatnonzero(labels >= 0)
        self.order: Index = rows[np.argsort(labels[rows], kind="stable")]
        _, start, where, count = np.unique(
            labels[self.order], return_index=True, return_inverse=True, return_counts=True
        )
        self.start: Index = start
        self.count: Index = count
        self.identity = np.full(len(labels), -1, dtype=np.int64)  # of every image; −1: none
        self.identity[self.order] = where
        self.place = np.zeros(len(labels), dtype=np.int64)  # among its identity's images
        self.place[self.order] = np.arange(len(rows)) - start[where]


@dataclass(frozen=True, eq=False)
class IdentityBalanced:
    """P×K batches: `num_ids` identities, `per_id` images of each, contiguous per identity.

    labels: N int64, −1 for crops that are nobody's (never drawn). One epoch is one pass over the
    shuffled identities, those that don't fill a batch left out; an identity's images are drawn
    without replacement. One with fewer than `per_id` repeats them: "random" draws each anew, "even"
    draws without replacement from all of them repeated, equally often, until there are enough.
    Raises UserError when there are fewer than `num_ids` identities, or the batch can't be shared
    equally among the processes.
    """

    labels: Index
    num_ids: int
    per_id: int
    seed: int
    repeats: Literal["random", "even"] = "random"

    def __post_init__(self) -> None:
        if min(self.num_ids, self.per_id) < 1:
            raise UserError(f"A P×K batch needs P, K ≥ 1, got {self.num_ids}×{self.per_id}.")
        if len(self._ids.count) < self.num_ids:
            raise BatchError(
                f"A batch of {self.num_ids} identities × {self.per_id} images needs "
                f"{self.num_ids} identities, but the data has {len(self._ids.count)}; "
                "choose fewer identities per batch."
            )
        check_processes(self.num_ids * self.per_id)

    @cached_property
    def _ids(self) -> Identities:
        return Identities(self.labels)

    @property
    def steps_per_epoch(self) -> int:
        return len(self._ids.count) // self.num_ids

    def batch(self, step: int) -> Index:
        """The images of step `step`: `num_ids`·`per_id` int64 in [0, N)."""
        epoch, within = divmod(step, self.steps_per_epoch)
        order = permutation(len(self._ids.count), self.seed, "identities", epoch)
        ids = order[within * self.num_ids : (within + 1) * self.num_ids]
        count = self._ids.count[ids, None]
        rng = step_generator(self.seed, "images", step)
        distinct = self._drawn(rng, count)
        if self.repeats == "random":
            again = rng.integers(count, size=(self.num_ids, self.per_id))
        else:
            again = self._drawn(rng, -(-self.per_id // count) * count) % count
        place = np.where(count >= self.per_id, distinct, again)
        return self._ids.order[self._ids.start[ids, None] + place].ravel()

    def _drawn(self, rng: np.random.Generator, count: Index) -> Index:
        """`per_id` different numbers below each count (P×1), in random order: P×K; where the count
        is less, larger ones at the end."""
        keys = rng.random((self.num_ids, max(int(count.max()), self.per_id)))
        keys[np.arange(keys.shape[1]) >= count] = np.inf
        return np.argsort(keys, axis=1)[:, : self.per_id]


@dataclass(frozen=True, eq=False)
class CameraBalanced:
    """Batches with an equal share of every camera; each camera is shuffled and cycled on its own.

    camids: N int64. The cameras take turns, so that a batch which isn't a multiple of their
    number is balanced within one image, and the run exactly. An epoch has N // batch_size steps.
    Raises UserError when the batch is larger than the data, or can't be shared equally among the
    processes.
    """

    camids: Index
    batch_size: int
    seed: int

    def __post_init__(self) -> None:
        check_batch(self.batch_size, len(self.camids))

    @cached_property
    def _cameras(self) -> list[Index]:
        camids = np.asarray(self.camids)
        return [np.flatnonzero(camids == c) for c in np.unique(camids)]

    @property
    def steps_per_epoch(self) -> int:
        return len(self.camids) // self.batch_size

    def batch(self, step: int) -> Index:
        """The images of step `step`: `batch_size` int64 in [0, N), cameras interleaved."""
        turn = np.arange(step * self.batch_size, (step + 1) * self.batch_size)
        camera, nth = turn % len(self._cameras), turn // len(self._cameras)
        out = np.empty(self.batch_size, dtype=np.int64)
        for c, images in enumerate(self._cameras):
            slots = np.flatnonzero(camera == c)
            cycle, place = np.divmod(nth[slots], len(images))
            for i in np.unique(cycle):
                order = permutation(len(images), self.seed, c, int(i))
                out[slots[cycle == i]] = images[order[place[cycle == i]]]
        return out


@dataclass(frozen=True, eq=False)
class Partners:
    """For every image another image of its identity, uniform, any camera; itself if it is alone.

    labels: N int64; a crop that is nobody's (−1) is its own partner.
    """

    labels: Index
    seed: int

    @cached_property
    def _ids(self) -> Identities:
        return Identities(self.labels)

    def draw(self, index: Index, step: int, stream: int = 0) -> Index:
        """The partners of the images `index` at step `step`: as many int64.

        index: the GLOBAL batch. stream: tells several draws of one step apart.
        """
        ids, identity = self._ids, self._ids.identity[index]
        others = np.where(identity >= 0, ids.count[identity] - 1, 0)
        place = step_generator(self.seed, "partners", stream, step).integers(np.maximum(others, 1))
        place = place + (place >= ids.place[index])  # skip the image itself
        return np.where(
            others > 0, ids.order[(ids.start[identity] + place) % len(ids.order)], index
        )


def of_other_people(labels: Index, a: Index, b: Index, seed: int, step: int) -> Index:
    """b with every image that shows a's person at its place replaced by one of somebody else."""
    rng, b = step_generator(seed, "different ids", step), b.copy()
    for i in np.flatnonzero(labels[a] == labels[b]):
        others = np.flatnonzero(labels != labels[a[i]])
        if not len(others):
            raise UserError("different_ids needs at least two identities in the training set.")
        b[i] = rng.choice(others)
    return b
