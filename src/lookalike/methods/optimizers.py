"""Optimizers of several modules, each with a learning rate of its own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

Rates = tuple[nn.Module | Iterable[nn.Module], float]  # what is trained together, and its rate


def groups(*rates: Rates) -> list[dict[str, Any]]:
    """A parameter group for each of `rates` that has a parameter to train."""
    pairs = []
    for modules, lr in rates:
        parts = [modules] if isinstance(modules, nn.Module) else list(modules)
        weights = [p for part in parts for p in part.parameters() if p.requires_grad]
        if weights:
            pairs.append({"params": weights, "lr": lr})
    return pairs


def adam(
    *rates: Rates, betas: tuple[float, float] = (0.5, 0.999), weight_decay: float = 0.0
) -> torch.optim.Optimizer:
    """Adam; the default betas are those of most GANs."""
    return torch.optim.Adam(groups(*rates), betas=betas, weight_decay=weight_decay, fused=True)


def sgd(
    *rates: Rates, momentum: float = 0.9, nesterov: bool = False, weight_decay: float = 0.0
) -> torch.optim.Optimizer:
    """SGD with momentum."""
    return torch.optim.SGD(
        groups(*rates), momentum=momentum, nesterov=nesterov, weight_decay=weight_decay, fused=True
    )
