"""A network whose weights are constants for one call."""

from typing import Any

from torch import Tensor, nn
from torch.func import functional_call


def frozen(module: nn.Module, *inputs: Tensor) -> Any:
    """`module(*inputs)` with its weights as constants: gradients reach the inputs alone.

    What a generator needs of its judge: the judge's own gradients would be thrown away.
    """
    weights = {name: p.detach() for name, p in module.named_parameters()}
    return functional_call(module, weights, inputs)
