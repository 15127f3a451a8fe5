"""An average of a network's weights over the steps of training, often better than the last ones.

Polyak, Juditsky, *Acceleration of stochastic approximation by averaging*, 1992; with exponentially
fading weights Tarvainen, Valpola, *Mean teachers are better role models*, 2017 (arXiv 1703.01780).
"""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import nn

N = TypeVar("N", bound=nn.Module)


def average_of(module: N) -> N:
    """A copy of `module` that is to be its average: it asks for no gradients.

    It starts as `module` is now, so weights must be loaded before. A stage that keeps both in its
    attributes has both in its checkpoint, and every process of several computes the same average.
    """
    return copy.deepcopy(module).requires_grad_(False)


@torch.no_grad()
def average_into(average: nn.Module, module: nn.Module, decay: float, step: int) -> None:
    """Moves the average towards `module` after the 0-based `step`: a ← d·a + (1 − d)·w.

    d is min(decay, (1 + step) / (10 + step)): the first weights, which know nothing yet, are soon
    forgotten. Buffers of numbers are averaged as the parameters are, for the statistics of batch
    norm belong to the weights that they were taken with; other buffers, such as counts, are copied.
    decay: in [0, 1).
    """
    new = 1 - min(decay, (1 + step) / (10 + step))
    for a, w in zip(average.parameters(), module.parameters(), strict=True):
        a.lerp_(w, new)
    for own, buffer in zip(average.buffers(), module.buffers(), strict=True):
        if own.is_floating_point():
            own.lerp_(buffer, new)
        else:
            own.copy_(buffer)
