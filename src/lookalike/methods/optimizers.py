"""Optimizers of several modules, each with a learning rate of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
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


def groups_by_name(
    module: nn.Module, rates: Callable[[str, nn.Parameter], tuple[float, float]]
) -> list[dict[str, Any]]:
    """A parameter group for each pair of learning rate and weight decay that `rates` gives, called
    with the name of each parameter that is to be trained, and the parameter."""
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, p in module.named_parameters():
        if p.requires_grad:
            groups.setdefault(rates(name, p), []).append(p)
    return [{"params": ps, "lr": lr, "weight_decay": decay} for (lr, decay), ps in groups.items()]


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
