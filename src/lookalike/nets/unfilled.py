"""Networks that a file will fill: built without drawing the random weights that it replaces."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from torch import Tensor
from torch.nn import init
from torch.overrides import TorchFunctionMode

# What initialisations draw with. Those of nn.init that torch lets a mode replace run without it, so
# they are named too.
DRAWS = (
    Tensor.normal_, Tensor.uniform_, init.normal_, init.uniform_, init.trunc_normal_,
    init.kaiming_normal_, init.kaiming_uniform_, init.xavier_normal_, init.xavier_uniform_,
)  # fmt: skip


class Unfilled(TorchFunctionMode):
    """`with Unfilled():` networks are built with whatever lies in memory as their random weights.

    For those whose state dict is loaded next, strictly: drawing takes most of the time of building
    a ResNet-50. It leaves torch's random numbers as they were.
    """

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        given = kwargs or {}
        if function in DRAWS:
            return args[0] if args else given["tensor"]
        return function(*args, **given)
