"""Which device a word such as "auto" means on this machine."""

from __future__ import annotations

import torch

from lookalike.errors import UserError


def device_named(name: str) -> torch.device:
    """The device that auto, cpu or cuda means here. Raises UserError for cuda without a GPU."""
    has_gpu = torch.cuda.is_available()
    if name == "cuda" and not has_gpu:
        raise UserError("There is no CUDA GPU here: leave out --device, or say --device cpu.")
    return torch.device("cuda" if has_gpu and name != "cpu" else "cpu")
