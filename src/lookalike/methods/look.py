"""A look at everybody whom a stage trains on, between its steps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from lookalike.data.people import Index, People
from lookalike.parallel import rank, sum_over_processes, world_size


class Look:
    """Everybody of a stage's table, to look at between its steps.

    people: the table. pixels: rows → uint8 B×3×H×W at the stage's size.
    """

    def __init__(
        self, people: People, pixels: Callable[[Index], Tensor], device: torch.device
    ) -> None:
        self.people, self.pixels, self.device = people, pixels, device

    @torch.no_grad()
    def over(
        self, function: Callable[[Tensor], Tensor], rows: Index | None = None, batch_size: int = 64
    ) -> Tensor:
        """`function` of the crops, B×3×H×W in [0, 1] → B×D float32: N×D in the order of `rows`.

        rows: of the table; all by default. Processes share the batches, whose rows don't depend on
        how many they are.
        """
        rows = np.arange(len(self.people)) if rows is None else rows
        outputs: Tensor | None = None
        for number, start in enumerate(range(0, len(rows), batch_size)):
            if number % world_size() == rank() or outputs is None:  # the first says how wide D is
                part = rows[start : start + batch_size]
                values = function(self.pixels(part).to(self.device).float() / 255).float()
                if outputs is None:
                    outputs = values.new_zeros(len(rows), *values.shape[1:])
                if number % world_size() == rank():
                    outputs[start : start + len(part)] = values
        assert outputs is not None
        return sum_over_processes(outputs)
