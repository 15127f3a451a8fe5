"""Learning rates by step: the factor on every rate, as a function of the time in training."""

from __future__ import annotations

import math
from collections.abc import Sequence


def multistep(t: float, milestones: Sequence[float], factor: float = 0.1) -> float:
    """`factor` to the power of how many milestones have passed at time t."""
    return float(factor ** sum(t >= milestone for milestone in milestones))


def stepped(t: float, every: float, factor: float = 0.1) -> float:
    """`factor` to the power of how many times `every` fits into t."""
    return float(factor ** int(t / every + 1e-9))


def cosine(t: float, length: float) -> float:
    """Half a cosine, from 1 at time 0 to 0 at `length`."""
    return 0.5 * (1 + math.cos(math.pi * min(max(t, 0) / length, 1)))


def exponential(t: float, start: float, end: float, last: float = 0.001) -> float:
    """1 until `start`, then exponentially down to `last` at `end`."""
    return float(last ** max(0.0, (t - start) / (end - start)))


def flat_then_linear(t: float, flat: float, length: float, every: float = 1.0,
                     early: bool = False) -> float:  # fmt: skip
    """1 while flat, then in equal steps, `every` apart, towards 0 at the end.

    With n counting the steps of the whole length from 1, in units of `every`:
    1 − (n − flat) / (length − flat + 1), so that the last step isn't at 0 yet; early: begins the
    fall a step before and ends at 0 (a mistake of pytorch-CycleGAN's that many codes share).
    """
    decay = length / every - flat / every
    n = int(t / every + 1e-9) + 1 + early
    return min(1.0, max(0.0, 1 - (n - flat / every) / (decay + 1)))


def warmup(t: float, length: float, first: float = 0.01) -> float:
    """Linearly from `first` at time 0 to 1 at `length`; 1 where there is no warm-up."""
    return min(1.0, first + (1 - first) * t / length) if length else 1.0


def ramp(step: float, start: float, length: float, cap: float = math.inf) -> float:
    """A loss weight that rises from 0 at `start` by 1 in every `length` steps, up to `cap`."""
    return min(cap, max(0, step - start) / length)
