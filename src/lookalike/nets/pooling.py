"""How a trunk's last map becomes one vector: the average, or a generalised mean that is learnt."""

from typing import Literal

import torch
from torch import Tensor, nn

from lookalike.errors import unknown

PoolingName = Literal["avg", "gem"]


class Average(nn.Module):
    """The mean over all places: B×C×H×W → B×C."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3))


class GeM(nn.Module):
    """The generalised mean over all places, (mean x^p)^(1/p): B×C×H×W → B×C float32.

    p is one number that is trained, 3 at first; 1 is the average, ∞ the maximum. Values below `eps`
    count as `eps`. Radenović, Tolias, Chum, TPAMI 2019, eq. 3. Key: p.
    """

    def __init__(self, p: float = 3.0, eps: float = 1e-6) -> None:
        super().__init__()
        self.p = nn.Parameter(torch.tensor([p]))
        self.eps = eps

    def extra_repr(self) -> str:
        return f"p={self.p.item():.4g}"

    def forward(self, x: Tensor) -> Tensor:
        # In float32: the third power of a bfloat16 keeps two digits.
        full = x if x.dtype == torch.float64 else x.float()
        return full.clamp(min=self.eps).pow(self.p).mean((2, 3)).pow(1 / self.p)


def pooling(name: PoolingName) -> nn.Module:
    """The pooling of that name, "avg" or "gem". Raises UserError for another."""
    poolings: dict[str, type[nn.Module]] = {"avg": Average, "gem": GeM}
    if name not in poolings:
        raise unknown("pooling", name, poolings)
    return poolings[name]()
