"""What a method is trained in: stages that fit a module, and pictures written between them.

A stage's batches name rows of one table, and batch k is a pure function of (seed, k), and of the
module's buffers where its plan is the module's own: so a run resumes, and shares its work among
processes, without changing a number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch import Tensor, nn

from lookalike.data.batches import Batches, Plan
from lookalike.data.images import Resampling
from lookalike.data.people import Index, People
from lookalike.data.samplers import step_seed
from lookalike.errors import UserError
from lookalike.methods.look import Look
from lookalike.methods.pictures import Columns, SwapGrid
from lookalike.parallel import mean_over_processes

Done = Mapping[str, nn.Module]  # what the finished stages left behind, by their names


@dataclass(frozen=True)
class Given:
    """What a method is given to plan with.

    source: the people of `--data`; unlabelled if the method reads no labels. target: those of
    `--target`, unlabelled unless the method's settings ask for their identities. seed: the run's.
    folder: where a stage may write pictures.
    """

    source: People
    target: People | None = None
    seed: int = 0
    folder: Path = Path("pictures")

    @property
    def learner(self) -> People:
        """The people that a label-free method learns on: the target's, or else the source's."""
        return self.source if self.target is None else self.target


@dataclass(frozen=True)
class Stage:
    """One fit. people: the table of its crops, at `size` (H, W) pixels.

    plan: step → the named global batches of rows of `people`; None: the module's own `plan`.
    build: what the finished stages left behind, by name → this stage's module.
    round: steps between two `renew` of the module; 0: it has none.
    resampling: how the images are resized. area: the least and the greatest share of an image that
    a crop shows, a random part cut from the image as it is in its file; None: whole images.
    """

    name: str
    people: People
    steps: int
    size: tuple[int, int]
    plan: Plan | None
    build: Callable[[Done], StageModule]
    round: int = 0
    resampling: Resampling = "bicubic"
    area: tuple[float, float] | None = None


@dataclass(frozen=True)
class Write:
    """Pictures that trained stages make, for the people of a later stage.

    pictures: the files to write. draw: what the finished stages left behind, by name, on the device
    to draw on → a function of rows of `pictures` → B×3×H×W in [0, 1]. It is called for the same
    batches, with the same seed each, however often the run is stopped.
    """

    name: str
    pictures: People
    draw: Callable[[Done], Callable[[Index], Tensor]]
    batch_size: int = 32


class NonFinite(UserError):
    """A loss term or a weight is NaN or infinite: the run stops before it is saved."""


class Terms:
    """The loss terms of a descent by their names in the log, each with its weight.

    times: what all values are multiplied by: 2 where both sides of a swap give a term, whose common
    mean was computed.
    """

    def __init__(self, times: float = 1) -> None:
        self.times = times
        self.values: dict[str, Tensor] = {}
        self.weights: dict[str, float] = {}

    def add(self, name: str, weight: float, value: Tensor) -> None:
        """weight · times · value goes into the total; times · value into the log."""
        self.values[name] = value if self.times == 1 else self.times * value
        self.weights[name] = weight

    def note(self, name: str, value: Tensor) -> None:
        """A number for the log alone."""
        self.values[name] = value.detach()

    def total(self) -> Tensor:
        """The weighted sum."""
        return torch.stack([w * self.values[name] for name, w in self.weights.items()]).sum()


class StageModule(L.LightningModule):
    """A LightningModule whose step k, given the weights, is a function of (seed, k).

    A subclass gives `configure_optimizers`, `learning_rate` and `iteration`; `trained` is the
    module that the stage leaves behind. Without a trainer, in a notebook, `training_step` works
    too: the module then makes its own optimizers.
    """

    stage: str = ""
    seed: int = 0
    trained: nn.Module
    leaves_out = True  # whether a descent may leave parameters without a gradient

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.step = 0  # the number of steps done
        self.losses: dict[str, float] = {}  # the last step's terms, means over all processes
        self.weights: dict[str, float] = {}  # the terms' weights, where they change
        self.round_numbers: dict[str, float] = {}  # what the last `renew` has to log
        self.remarks: list[str] = []  # and to say
        self._own_optimizers: list[torch.optim.Optimizer] | None = None

    def iteration(self, batch: dict[str, Any], step: int) -> None:
        """One iteration, in order: compute the losses and `descend`."""
        raise NotImplementedError

    def learning_rate(self, step: int) -> float:
        """The factor on every learning rate at 0-based step `step`."""
        raise NotImplementedError

    def begin(self, look: Look) -> None:
        """Called once before the first step of a process, also of one that resumes."""

    def renew(self, look: Look) -> None:
        """Called before the steps 0, round, 2·round, …: may embed everybody; writes buffers.

        Whatever it draws must come from torch's generator, which is seeded for it, and whatever it
        finds must be in buffers: a run resumed inside a round isn't renewed.
        """

    def run_precision(self) -> AbstractContextManager[Any]:
        """Inside, networks compute in the precision that the run trains in."""
        if self._trainer is None:
            return nullcontext()
        return self.trainer.precision_plugin.forward_context()

    @property
    def clusters(self) -> Tensor | None:
        """The label of every row of the table as the last `renew` left it, −1 for none: N int64.

        For the log, which knows the truth; None where a stage has no clusters.
        """
        return None

    def plan(self, step: int) -> Batches:
        """The named global batches of rows at a step, where the stage has no plan of its own: pure
        in (seed, step, buffers)."""
        raise NotImplementedError

    def preview(self) -> dict[str, SwapGrid | Columns]:
        """Pictures of how far the stage is: name → `SwapGrid` or `Columns` of
        `lookalike.methods.pictures`. None by default."""
        return {}

    def training_step(self, batch: dict[str, Any], _: int = 0) -> None:
        step = int(batch["step"])
        torch.manual_seed(step_seed(self.seed, self.stage, step))
        factor = self.learning_rate(step)
        for optimizer in self.raw_optimizers():
            for group in optimizer.param_groups:
                group["lr"] = group.setdefault("initial_lr", group["lr"]) * factor
        self.losses = {}
        self.iteration(batch, step)
        self.step = step + 1

    def raw_optimizers(self) -> list[torch.optim.Optimizer]:
        """The optimizers of `configure_optimizers`, in its order."""
        if self._trainer is not None:
            optimizers: Any = self.optimizers(use_pl_optimizer=False)
        elif self._own_optimizers is None:
            optimizers = self.configure_optimizers()
        else:
            return self._own_optimizers
        several = list(optimizers) if isinstance(optimizers, list | tuple) else [optimizers]
        if self._trainer is None:
            self._own_optimizers = several
        return several

    def descend(self, terms: Terms, *optimizers: torch.optim.Optimizer) -> None:
        """One step of `optimizers` down the gradient of the terms' total, if all are finite.

        Raises NonFinite naming the term; then no weight has changed.
        """
        names = list(terms.values)
        stacked = torch.stack([terms.values[n].detach().float() for n in names])
        values = mean_over_processes(stacked).tolist()
        for name, value in zip(names, values, strict=True):
            if not math.isfinite(value):
                raise NonFinite(
                    f"Loss term '{name}' of stage '{self.stage}' is {value} at step {self.step}: "
                    "start anew with a lower learning rate; the last checkpoint is kept."
                )
        self.losses.update(zip(names, values, strict=True))
        for optimizer in optimizers:
            optimizer.zero_grad(set_to_none=True)
        if self._trainer is None:
            terms.total().backward()  # type: ignore[no-untyped-call]
        else:
            self.manual_backward(terms.total())
        for optimizer in optimizers:
            start_momentum(optimizer)
            optimizer.step()

    def check_weights(self) -> None:
        """Raises NonFinite if the last update, which no loss has judged yet, broke a weight."""
        for name, p in self.named_parameters():
            if not p.isfinite().all():
                raise NonFinite(
                    f"Weight '{name}' of stage '{self.stage}' is not finite after step "
                    f"{self.step}: start anew with a lower learning rate; the last checkpoint is "
                    "kept."
                )

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> Any:
        """As torch's; buffers take the saved shape, for a round may have changed or made them."""
        for place, module in self.named_modules():
            for own, buffer in list(module._buffers.items()):
                saved = state_dict.get(f"{place}.{own}" if place else own)
                if saved is not None and (buffer is None or buffer.shape != saved.shape):
                    module.register_buffer(own, torch.empty_like(saved))
        return super().load_state_dict(state_dict, strict, assign)


def start_momentum(optimizer: torch.optim.Optimizer) -> None:
    """Gives SGD's parameters that meet their first gradient a momentum of 0, which is as none.

    torch's fused SGD does so itself only if no parameter of the group has momentum yet.
    """
    if not isinstance(optimizer, torch.optim.SGD):
        return
    for group in optimizer.param_groups:
        for p in group["params"] if group["momentum"] else ():
            if p.grad is not None and optimizer.state[p].get("momentum_buffer") is None:
                optimizer.state[p]["momentum_buffer"] = torch.zeros_like(p)
