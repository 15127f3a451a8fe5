"""A tiny untrained DG-Net, and a few images."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from lookalike.data import load
from lookalike.methods.dgnet import DGNet, DGNetModel


def untrained(seed: int = 0) -> DGNetModel:
    torch.manual_seed(seed)
    model = DGNet(backbone="resnet10", weights="none", stride_on="3x3", height=64, width=48,
                  structure_dim=2, mlp_dim=8).model(5)  # fmt: skip
    for name, p in model.named_parameters():  # so that the appearance is seen in the picture
        if "mlp" in name or "styles" in name:
            nn.init.normal_(p)
    return model.eval()


@pytest.fixture(scope="session")
def tiny_dgnet() -> Callable[..., DGNetModel]:
    """Makes an untrained model: seed → model in eval mode."""
    return untrained


@pytest.fixture(scope="session")
def model() -> DGNetModel:
    return untrained()


@pytest.fixture(scope="session")
def files(market: Path) -> list[str]:
    return list(load("market1501", market).query.paths[:5])
