"""Each schedule against a literal version that counts epoch by epoch."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.methods import schedules

TIMES = [0.25 * k for k in range(400)]


@pytest.mark.parametrize("milestones", [(), (40.0,), (40.0, 70.0), (10, 10, 90.5)])
@pytest.mark.parametrize("factor", [0.1, 0.5])
def test_multistep(milestones: Sequence[float], factor: float) -> None:
    for t in TIMES:
        rate = 1.0
        for milestone in milestones:
            if t >= milestone:
                rate *= factor
        assert schedules.multistep(t, milestones, factor) == pytest.approx(rate)
    assert schedules.multistep(50, [40]) == pytest.approx(0.1)


@pytest.mark.parametrize("every", [40.0, 0.3, 7])
def test_stepped(every: float) -> None:
    drop = 0  # how many have passed
    for t in TIMES:
        while (drop + 1) * every <= t + 1e-9:
            drop += 1
        assert schedules.stepped(t, every) == pytest.approx(0.1**drop)
        assert schedules.stepped(t, every, 0.5) == pytest.approx(0.5**drop)


def test_stepped_drops_at_the_very_step_whatever_float_division_says() -> None:
    for every in (0.1, 0.3, 1.4, 40.0):
        for k in range(1, 50):
            assert schedules.stepped(k * every, every, 0.5) == 0.5**k
            assert schedules.stepped(k * every * (1 - 1e-6), every, 0.5) == 0.5 ** (k - 1)


def test_cosine() -> None:
    assert [schedules.cosine(t, 8) for t in (0, 2, 4, 6, 8)] == pytest.approx(
        [1, 0.5 + math.sqrt(0.125), 0.5, 0.5 - math.sqrt(0.125), 0])  # fmt: skip
    assert schedules.cosine(-3, 8) == 1  # during a warm-up
    assert schedules.cosine(9, 8) == 0
    for t in TIMES[:40]:
        assert schedules.cosine(t, 10) == pytest.approx((1 + math.cos(t / 10 * math.pi)) / 2)


def test_exponential() -> None:
    for t in TIMES:
        rate = 1.0 if t <= 15 else math.exp(math.log(0.001) * (t - 15) / 10)
        assert schedules.exponential(t, 15, 25) == pytest.approx(rate)
    assert schedules.exponential(20, 15, 25) == pytest.approx(math.sqrt(0.001))
    assert schedules.exponential(25, 15, 25) == pytest.approx(0.001)
    assert schedules.exponential(30, 10, 30, last=0.5) == pytest.approx(0.5)


def literal_fall(t: float, flat: int, length: int, early: bool) -> float:
    """pytorch-CycleGAN's λ: 1 − max(0, n + 1 − flat)/(length − flat + 1), n epochs from 1."""
    n = math.floor(t) + 1
    return 1 - max(0, n + (1 if early else 0) - flat) / (length - flat + 1)


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize(("flat", "length"), [(50, 100), (25, 50), (0, 10), (10, 10)])
def test_flat_then_linear(flat: int, length: int, early: bool) -> None:
    for t in (t for t in TIMES if t < length):
        rate = schedules.flat_then_linear(t, flat, length, early=early)
        assert rate == pytest.approx(literal_fall(t, flat, length, early))
    last = schedules.flat_then_linear(length - 1, flat, length, early=early)
    assert last == pytest.approx(0 if early else 1 / (length - flat + 1))
    assert schedules.flat_then_linear(length + 5, flat, length, early=early) == 0


@given(st.integers(1, 7), st.integers(0, 20), st.integers(1, 20), st.booleans())
def test_a_fall_every_few_epochs_is_the_same_in_another_unit(
    every: int, flat: int, more: int, early: bool
) -> None:
    length = flat + more
    for epoch in range(length):
        rate = schedules.flat_then_linear(
            epoch * every + every / 2, flat * every, length * every, every, early
        )
        assert rate == pytest.approx(literal_fall(epoch, flat, length, early))


def test_warmup() -> None:
    assert [schedules.warmup(t, 10) for t in (0, 5, 10, 20)] == pytest.approx([0.01, 0.505, 1, 1])
    assert schedules.warmup(0, 10, first=0.1) == pytest.approx(0.1)
    assert schedules.warmup(0, 0) == schedules.warmup(3, 0) == 1


def test_ramp() -> None:
    weight = [schedules.ramp(step, 30, 20, cap=2) for step in range(100)]
    expected = [min(2.0, max(0.0, (step - 30) / 20)) for step in range(100)]
    assert weight == pytest.approx(expected)
    assert weight[30] == 0
    assert weight[31] == pytest.approx(0.05)
    assert schedules.ramp(100, 0, 1) == 100  # without a cap
    assert schedules.ramp(100, 0, 1, cap=0) == 0
