"""A network that computes its batch in chunks, for less memory."""

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


def in_chunks(module: nn.Module, x: Tensor, chunk: int) -> Tensor:
    """`module(x)`, `chunk` rows at a time, computed a second time for the gradient; 0: at once.

    The same numbers as long as no row depends on another (batch norms by fixed statistics).
    """
    if not chunk:
        return module(x)
    return torch.cat(
        [checkpoint(module, part, use_reentrant=False) for part in torch.split(x, chunk)]
    )
