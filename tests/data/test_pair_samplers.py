import numpy as np
import pytest

from lookalike import UserError, parallel
from lookalike.data.pair_samplers import OrderedPairs, VerificationPairs

# Nobody's crops are −1; 1 and 4 are alone.
LABELS = np.array([3, 0, 0, 1, 3, 3, 0, 3, -1, 2, 0, 3, 2, 0, -1, 3, 4])


def epoch_of(sampler: VerificationPairs | OrderedPairs, epoch: int = 0) -> tuple[np.ndarray, ...]:
    steps = range(epoch * sampler.steps_per_epoch, (epoch + 1) * sampler.steps_per_epoch)
    return tuple(np.concatenate(side) for side in zip(*map(sampler.batch, steps), strict=True))


def test_an_epoch_of_verification_pairs_is_the_papers() -> None:
    """Market-1501's 12,936 images: 51,744 pairs, 203 batches of 256, a quarter of them positive."""
    labels = np.random.default_rng(0).permutation(np.arange(12936) % 751)
    sampler = VerificationPairs(labels, 256)
    assert sampler.steps_per_epoch == 203
    for step in (0, 77, 201, 202, 203, 500):
        first, second = sampler.batch(step)
        assert first.shape == second.shape == (256,)
        assert first.dtype == second.dtype == np.int64
        assert np.array_equal(first.reshape(-1, 4), np.repeat(first[::4, None], 4, 1))
        same = (labels[first] == labels[second]).reshape(-1, 4)
        assert same[:, 0].all()
        assert not same[:, 1:].any()
        assert (first != second).all()
        assert len(np.unique(first)) == 64
    first, _ = epoch_of(sampler)
    assert np.array_equal(np.sort(first[:51744:4]), np.arange(12936))  # each image once
    assert np.array_equal(first[51744:], first[: 203 * 256 - 51744])  # filled up with the first


@pytest.mark.parametrize(("pairs", "negatives"), [(1, 3), (4, 3), (10, 1), (7, 5), (58, 3)])
def test_every_batch_of_verification_pairs_is_full(pairs: int, negatives: int) -> None:
    sampler = VerificationPairs(LABELS, pairs, negatives, seed=2)
    emitted = {i: negatives + (np.count_nonzero(LABELS[i] == LABELS) > 1) for i in range(17)}
    length = sum(emitted[i] for i in range(17) if LABELS[i] >= 0)
    assert sampler.steps_per_epoch == -(-length // pairs)
    orders = []
    for epoch in range(3):
        first, second = (side[:length] for side in epoch_of(sampler, epoch))
        assert len(sampler.batch(epoch)[0]) == pairs
        assert (LABELS[second] >= 0).all()
        assert (first != second).all()
        same, at, order = LABELS[first] == LABELS[second], 0, []
        while at < length:  # the stream, anchor by anchor
            end = at + emitted[first[at]]
            assert (first[at:end] == first[at]).all()
            assert same[at:end].tolist() == [True] * (end - at - negatives) + [False] * negatives
            order.append(first[at])
            at = end
        assert sorted(order) == np.flatnonzero(LABELS >= 0).tolist()
        orders.append(order)
    assert orders[0] != orders[1]


def test_partners_are_uniform() -> None:
    sampler = VerificationPairs(LABELS, 58, seed=1)
    drawn = [sampler.batch(k) for k in range(3000)]
    first, second = (np.concatenate(side) for side in zip(*drawn, strict=True))
    same = LABELS[first] == LABELS[second]
    for anchor in np.flatnonzero(LABELS >= 0):
        for positive in (True, False):
            allowed = (LABELS[anchor] == LABELS) == positive
            allowed &= (LABELS >= 0) & (np.arange(17) != anchor)
            found = second[(first == anchor) & (same == positive)]
            values, counts = np.unique(found, return_counts=True)
            assert values.tolist() == np.flatnonzero(allowed).tolist()
            if len(found):
                expected = len(found) / len(counts)
                assert np.abs(counts - expected).max() < 5 * np.sqrt(expected)


def test_ordered_pairs_of_market_are_as_many_as_published() -> None:
    """751 identities and 12,936 images, spread so that they give Market-1501's 296,938 pairs."""
    counts = [1, 33] * 169 + [3, 31] + [17] * 242 + [18] * 169
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(751), counts))
    sampler = OrderedPairs(labels, 16)
    assert (len(counts), len(labels)) == (751, 12936)
    assert sampler.count == 296_938
    assert sampler.steps_per_epoch == 18_558
    condition, target = sampler.batch(sampler.steps_per_epoch * 2 + 5)
    assert condition.shape == target.shape == (16,)
    assert (labels[condition] == labels[target]).all()


def literal_pairs(labels: np.ndarray) -> set[tuple[int, int]]:
    n = range(len(labels))
    return {(i, j) for i in n for j in n if i != j and labels[i] == labels[j] >= 0}


@pytest.mark.parametrize("batch", [1, 4, 7])
def test_an_epoch_of_ordered_pairs_has_each_pair_once(batch: int) -> None:
    sampler, every = OrderedPairs(LABELS, batch, seed=3), literal_pairs(LABELS)
    assert sampler.count == len(every) == 52
    left = set()
    for epoch in range(4):
        found = list(zip(*epoch_of(sampler, epoch), strict=True))
        assert len(found) == len(set(found)) == 52 // batch * batch
        assert set(found) <= every
        left |= every - set(found)
    assert epoch_of(sampler, 0)[0].tolist() != epoch_of(sampler, 1)[0].tolist()
    assert len(left) > 52 % batch or not 52 % batch  # the left out change


def test_ordered_pairs_are_uniform_at_any_step() -> None:
    sampler = OrderedPairs(LABELS, 50)  # an epoch is one step: two pairs are left out
    drawn = [sampler.batch(k) for k in range(1000)]
    first, second = (np.concatenate(side) for side in zip(*drawn, strict=True))
    _, counts = np.unique(first * 17 + second, return_counts=True)
    assert len(counts) == 52
    assert counts.min() > 1000 * 50 / 52 - 6 * np.sqrt(1000 * 2 / 52)


def test_a_batch_is_a_pure_function_of_seed_and_step() -> None:
    for make in (
        lambda s: VerificationPairs(LABELS, 10, seed=s),
        lambda s: OrderedPairs(LABELS, 5, s),
    ):
        forwards = [make(1).batch(k) for k in range(30)]
        sampler = make(1)
        for k in reversed(range(30)):  # any order: as after a crash
            assert np.array_equal(sampler.batch(k), forwards[k])
        assert not np.array_equal(make(2).batch(0), forwards[0])
        forwards[0][0][:] = 0  # a caller may write in its batch
        assert not np.array_equal(make(1).batch(0)[0], forwards[0][0])


def test_mistakes_of_the_samplers_say_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    alone, one = np.arange(5), np.zeros(5, np.int64)
    with pytest.raises(UserError, match="No identity has two images"):
        VerificationPairs(alone, 2)
    with pytest.raises(UserError, match="No identity has two images"):
        OrderedPairs(alone, 2)
    with pytest.raises(UserError, match="No identity has two images"):
        OrderedPairs(-one - 1, 2)
    for labels, number in ((one, 1), (-one - 1, 0)):
        with pytest.raises(UserError, match=f"two identities, but the data has {number}"):
            VerificationPairs(labels, 2)
    with pytest.raises(UserError, match="at least 1 negative pair, got 0"):
        VerificationPairs(LABELS, 4, negatives=0)
    for make, most in ((VerificationPairs, 58), (OrderedPairs, 52)):
        with pytest.raises(UserError, match="at least one pair, got 0"):
            make(LABELS, 0)
        with pytest.raises(UserError, match=f"{most + 1} pairs is larger than an epoch, {most}"):
            make(LABELS, most + 1)
        with monkeypatch.context() as patched:
            patched.setattr(parallel, "world_size", lambda: 2)
            with pytest.raises(UserError, match="5 pairs can't be shared equally among 2"):
                make(LABELS, 5)
