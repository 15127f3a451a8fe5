"""Learned perceptual image patch similarity, given a network's maps of both pictures."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

EPS = 1e-10


def lpips(first: Sequence[Tensor], second: Sequence[Tensor], weights: Sequence[Tensor]) -> Tensor:
    """d = Σ_layers mean over places of w · (x̂ − ŷ)² (Zhang et al. 2018, eq. 1): B.

    first, second: for each layer the maps of both pictures, B×C×H×W; x̂ is x of unit length along
    its channels. weights: for each layer C numbers. Raises ValueError on unequal layers.
    """
    if not len(first) == len(second) == len(weights) or not len(weights):
        raise ValueError(f"{len(first)}, {len(second)} layers and {len(weights)} weights")
    total = first[0].new_zeros(len(first[0]))
    for x, y, w in zip(first, second, weights, strict=True):
        difference = (_unit(x) - _unit(y)).square()
        total = total + (difference * w.view(1, -1, 1, 1)).sum(1).mean((1, 2))
    return total


def _unit(x: Tensor) -> Tensor:
    return x / (x.square().sum(1, keepdim=True).sqrt() + EPS)
