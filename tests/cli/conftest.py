"""A tiny untrained DG-Net in a file: what it says and paints is noise, but of the right shape."""

from pathlib import Path

import pytest
import torch

from lookalike.methods.dgnet import DGNet
from lookalike.methods.model_file import save_model


@pytest.fixture(scope="session")
def dgnet_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    method = DGNet.preset("code", backbone="resnet10", weights="none", stride_on="3x3", height=64,
                          width=48, structure_dim=2, mlp_dim=8)  # fmt: skip
    return save_model(method.model(5), tmp_path_factory.mktemp("model") / "model.safetensors")
