import math

import numpy as np
import pytest

from lookalike import UserError, parallel
from lookalike.data.samplers import (
    CameraBalanced,
    IdentityBalanced,
    Partners,
    Shuffled,
    step_generator,
    step_seed,
)

LABELS = np.array([3, 0, 0, 1, 3, 3, 0, 3, -1, 2, 0, 3, 1, 0, -1, 3, 4, 4, 4, 4, 4])


def test_step_seed_tells_every_part_apart_and_is_the_same_everywhere() -> None:
    parts = [
        (0,),
        (0, 0),
        (0, 0, 0),
        (0, "0"),
        (0, 1),
        (1, 0),
        (0, "joint", 1),
        (0, "joint1"),
        (-1,),
    ]
    seeds = [step_seed(*p) for p in parts]
    assert len(set(seeds)) == len(parts)
    assert all(0 <= s < 2**63 for s in seeds)
    assert step_seed(0, np.int64(1)) == step_seed(np.int64(0), 1) == 8566881351708354045
    assert step_generator(5, "x", 2).random() == step_generator(5, "x", 2).random()


def test_shuffled_epochs_are_permutations_and_differ() -> None:
    sampler = Shuffled(23, 5, seed=1)
    assert sampler.steps_per_epoch == 4
    epochs = [np.concatenate([sampler.batch(e * 4 + k) for k in range(4)]) for e in range(3)]
    assert all(len(set(e)) == 20 and set(e) <= set(range(23)) for e in epochs)
    assert not np.array_equal(epochs[0], epochs[1])
    assert len(set(range(23)) - set(np.concatenate(epochs))) < 3  # the left out change
    assert not np.array_equal(epochs[0], Shuffled(23, 5, seed=2).batch(0))


def test_shuffled_keeps_the_rest_of_an_epoch_without_drop_last() -> None:
    sampler = Shuffled(23, 5, seed=1, drop_last=False)
    batches = [sampler.batch(k) for k in range(5, 10)]
    assert sampler.steps_per_epoch == 5
    assert [len(b) for b in batches] == [5, 5, 5, 5, 3]
    assert sorted(np.concatenate(batches)) == list(range(23))


def test_epoch_lengths_are_the_papers() -> None:
    """HHL: 129 and 101 iterations of 128; 87 and 93 passes of 8 identities."""
    assert Shuffled(16522, 128, 0).steps_per_epoch == 129
    assert Shuffled(12936, 128, 0).steps_per_epoch == 101
    assert IdentityBalanced(np.arange(702), 8, 8, 0).steps_per_epoch == 87
    assert IdentityBalanced(np.arange(751), 8, 8, 0).steps_per_epoch == 93


@pytest.mark.parametrize(("p", "k"), [(2, 2), (2, 4), (5, 3), (1, 7), (4, 1)])
def test_identity_balanced_keeps_the_rules(p: int, k: int) -> None:
    sampler = IdentityBalanced(LABELS, p, k, seed=7)
    steps = sampler.steps_per_epoch
    assert steps == 5 // p
    for epoch in range(20):
        seen: list[int] = []
        for step in range(epoch * steps, (epoch + 1) * steps):
            batch = sampler.batch(step)
            assert batch.dtype == np.int64
            rows = LABELS[batch].reshape(p, k)
            assert (rows == rows[:, :1]).all()  # contiguous per identity
            assert (rows >= 0).all()  # nobody's crops are never drawn
            seen += rows[:, 0].tolist()
            for who, images in zip(rows[:, 0], batch.reshape(p, k), strict=True):
                if np.count_nonzero(who == LABELS) >= k:
                    assert len(set(images)) == k  # without replacement
        assert len(set(seen)) == len(seen) == steps * p  # an identity once per epoch


def test_identity_balanced_draws_images_uniformly() -> None:
    sampler = IdentityBalanced(LABELS, 5, 2, seed=0)
    counts = np.bincount(np.concatenate([sampler.batch(k) for k in range(6000)]), minlength=21)
    for who in range(5):
        mine = counts[who == LABELS]
        expected = 12000 / len(mine)
        assert np.abs(mine - expected).max() < 5 * np.sqrt(expected)


def test_identity_with_fewer_images_repeats_them_at_random() -> None:
    sampler = IdentityBalanced(np.array([0, 0]), 1, 4, seed=0)
    drawn = np.array([sampler.batch(k) for k in range(400)])
    assert 300 < (drawn == 0).sum(1).var() * 400 < 500  # binomial(4, ½): variance 1


def literal_even(count: int, k: int, rng: np.random.Generator) -> list[int]:
    """TriNet's: a list that holds every image equally often, at least k long, shuffled, cut."""
    padded = [i % count for i in range(math.ceil(k / count) * count)]
    return [padded[i] for i in rng.permutation(len(padded))[:k]]


@pytest.mark.parametrize(("count", "k"), [(1, 4), (2, 4), (3, 4), (3, 5), (2, 3), (4, 4), (6, 4)])
def test_identity_with_fewer_images_repeats_them_evenly(count: int, k: int) -> None:
    labels = np.repeat([0, 1], [count, 9])
    sampler = IdentityBalanced(labels, 2, k, seed=1, repeats="even")
    other = IdentityBalanced(labels, 2, k, seed=1)
    rng, steps = np.random.default_rng(0), 3000
    ours, theirs = [], []
    for step in range(steps):
        batch, random = sampler.batch(step), other.batch(step)
        assert np.array_equal(batch[labels[batch] == 1], random[labels[random] == 1])
        mine = batch[labels[batch] == 0]
        ours.append(np.bincount(mine, minlength=count))
        theirs.append(np.bincount(literal_even(count, k, rng), minlength=count))
        assert ours[-1].max() <= math.ceil(k / count)
    # How often an image comes, and how much that varies, as in the literal version
    for ours_, theirs_ in ((np.mean(ours, 0), np.mean(theirs, 0)), (np.var(ours), np.var(theirs))):
        np.testing.assert_allclose(ours_, theirs_, atol=0.06)


def test_camera_balanced_is_fair_and_cycles_each_camera() -> None:
    camids = np.repeat([0, 2, 5], [40, 7, 13])
    sampler = CameraBalanced(camids, 10, seed=3)
    assert sampler.steps_per_epoch == 6
    batches = [sampler.batch(k) for k in range(63)]
    for batch in batches:
        share = np.bincount(camids[batch], minlength=6)[[0, 2, 5]]
        assert share.sum() == 10
        assert share.max() - share.min() <= 1
    stream = np.concatenate(batches)
    for camera in (0, 2, 5):
        images = np.flatnonzero(camids == camera)
        drawn = stream[camids[stream] == camera]
        assert len(drawn) == 210  # exactly fair over the run
        for cycle in range(210 // len(images)):
            part = drawn[cycle * len(images) : (cycle + 1) * len(images)]
            assert sorted(part) == images.tolist()


def literal_partner(labels: np.ndarray, image: int) -> list[int]:
    others = [j for j in range(len(labels)) if labels[j] == labels[image] >= 0 and j != image]
    return others or [image]


def test_partners_are_uniform_over_the_other_images() -> None:
    partners, index = Partners(LABELS, seed=4), np.tile(np.arange(len(LABELS)), 20)
    drawn = np.concatenate([partners.draw(index, k) for k in range(150)]).reshape(-1, len(LABELS))
    for image in range(len(LABELS)):
        allowed = literal_partner(LABELS, image)
        values, counts = np.unique(drawn[:, image], return_counts=True)
        assert values.tolist() == allowed
        expected = len(drawn) / len(allowed)
        assert np.abs(counts - expected).max() < 5 * np.sqrt(expected)


def test_partner_streams_and_steps_differ() -> None:
    partners, index = Partners(np.zeros(500, dtype=np.int64), seed=4), np.arange(500)
    draws = [partners.draw(index, 0), partners.draw(index, 1), partners.draw(index, 0, stream=1)]
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert (draws[a] == draws[b]).mean() < 0.05


def test_a_batch_is_a_pure_function_of_seed_and_step() -> None:
    def samplers() -> list:
        camids = np.arange(len(LABELS)) % 4
        return [
            Shuffled(21, 4, 1),
            IdentityBalanced(LABELS, 2, 3, 1),
            CameraBalanced(camids, 6, 1),
        ]

    for one, other in zip(samplers(), samplers(), strict=True):
        forwards = [one.batch(k) for k in range(30)]
        for k in reversed(range(30)):  # any order, another object: as after a crash
            assert np.array_equal(other.batch(k), forwards[k])
        forwards[0][:] = 0  # a caller may write in its batch
        assert not np.array_equal(one.batch(0), forwards[0])
    index = np.arange(21)
    late = Partners(LABELS, 1).draw(index, 9)
    assert np.array_equal(Partners(LABELS, 1).draw(index, 9), late)


def test_mistakes_say_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="needs 6 identities, but the data has 5"):
        IdentityBalanced(LABELS, 6, 2, 0)
    with pytest.raises(UserError, match="batch of 30 images is larger than the data, 21 images"):
        Shuffled(21, 30, 0)
    with pytest.raises(UserError, match="larger than the data"):
        CameraBalanced(np.zeros(3), 4, 0)
    with pytest.raises(UserError, match="at least one image"):
        Shuffled(21, 0, 0)
    with pytest.raises(UserError, match="P, K ≥ 1, got 0×4"):
        IdentityBalanced(LABELS, 0, 4, 0)
    monkeypatch.setattr(parallel, "world_size", lambda: 2)
    for make in (
        lambda: Shuffled(21, 5, 0),
        lambda: IdentityBalanced(LABELS, 3, 3, 0),
        lambda: CameraBalanced(np.zeros(21), 5, 0),
        lambda: Shuffled(21, 4, 0, drop_last=False),  # the rest is 1
    ):
        with pytest.raises(UserError, match="shared equally among 2 processes"):
            make()
