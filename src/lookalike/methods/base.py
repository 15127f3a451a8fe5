"""What every method is made of: settings with presets, stages to train in, and a model to use."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeVar

import lightning as L
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lookalike.data import People
from lookalike.data.batches import Plan
from lookalike.data.samplers import step_seed
from lookalike.data.transforms import Normalize
from lookalike.errors import UserError, unknown
from lookalike.methods.pictures import Columns, SwapGrid
from lookalike.parallel import mean_over_processes

M = TypeVar("M", bound="Method")


def schedule(default: Any) -> Any:
    """A settings field that counts steps or epochs: `--schedule-scale` multiplies it."""
    return dataclasses.field(default=default, metadata={"schedule": True})


@dataclass(frozen=True)
class Method:
    """The settings of a system. A subclass adds fields, presets, `stages` and `model`.

    presets: name → the fields in which it differs from the defaults.
    generates: the verbs (`swap`, `repose`, …) that its model offers.
    needs: what it must know of its training crops beside their identity: "pose".
    embeds: whether its model recognises people, or only makes pictures of them.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    generates: ClassVar[tuple[str, ...]] = ()
    needs: ClassVar[tuple[Literal["pose"], ...]] = ()
    embeds: ClassVar[bool] = True

    @classmethod
    def preset(cls: type[M], name: str | None = None, **changes: Any) -> M:
        """The settings of that preset, with changes. Raises UserError for an unknown name."""
        if name is not None and name not in cls.presets:
            raise unknown(f"preset of {cls.name}", name, cls.presets)
        fields = [f.name for f in dataclasses.fields(cls)]
        for change in changes:
            if change not in fields:
                raise unknown(f"setting of {cls.name}", change, fields)
        return cls(**{**(cls.presets[name] if name else {}), **changes})

    def scaled(self: M, factor: float) -> M:
        """The same settings with every length, milestone and ramp multiplied by `factor`."""

        def times(value: Any) -> Any:
            if isinstance(value, tuple):
                return tuple(times(v) for v in value)
            if isinstance(value, int):
                return max(1, round(value * factor)) if value else 0
            return value * factor

        changes: dict[str, Any] = {}
        for f in dataclasses.fields(self):
            value = getattr(self, f.name)
            if f.metadata.get("schedule"):
                changes[f.name] = times(value)
            elif isinstance(value, Method):
                changes[f.name] = value.scaled(factor)
        return dataclasses.replace(self, **changes)

    def resolved(self: M) -> M:
        """The settings with everything decided that depends on this machine (weights' layout)."""
        return self

    def stages(self, people: People, seed: int) -> list[Stage]:
        """What is trained, in order. Raises UserError when `people` can't fill a batch."""
        raise NotImplementedError

    def model(self, classes: int) -> Model:
        """The untrained model for `classes` identities, to be filled from a file."""
        raise NotImplementedError


@dataclass(frozen=True)
class Stage:
    """One fit. plan: step → the named global batches of crop indices. size: H×W of the crops.

    build: the finished stages' modules by name → this stage's module.
    """

    name: str
    steps: int
    size: tuple[int, int]
    plan: Plan
    build: Callable[[Mapping[str, nn.Module]], StageModule]


class NonFinite(UserError):
    """A loss term or a weight is NaN or infinite: the run stops before it is saved."""


class StageModule(L.LightningModule):
    """A LightningModule whose step k, given the weights, is a function of (seed, k).

    A subclass gives `configure_optimizers` (every group with its `initial_lr`), `learning_rate` and
    `iteration`; `trained` is the module that the stage leaves behind.
    """

    stage: str
    seed: int = 0
    trained: nn.Module
    leaves_out = True  # whether a descent may leave parameters without a gradient

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.step = 0  # the number of steps done
        self.losses: dict[str, float] = {}  # the last step's terms, means over all processes
        self.weights: dict[str, float] = {}  # the terms' weights, where they change

    def iteration(self, batch: dict[str, Any], step: int) -> None:
        """One iteration, in order: compute the losses and `descend`."""
        raise NotImplementedError

    def learning_rate(self, step: int) -> float:
        """The factor on every learning rate at 0-based step `step`."""
        raise NotImplementedError

    def preview(self) -> dict[str, SwapGrid | Columns]:
        """Pictures of how far the stage is: name → `SwapGrid` or `Columns` of
        `lookalike.methods.pictures`. None by default."""
        return {}

    def begin(self, people: People, pixels: Callable[[Sequence[int]], Tensor]) -> None:
        """Called once before the first step; pixels: rows of `people` → uint8 B×3×H×W."""

    def training_step(self, batch: dict[str, Any], _: int) -> None:
        step = int(batch["step"])
        torch.manual_seed(step_seed(self.seed, self.stage, step))
        factor = self.learning_rate(step)
        for optimizer in self.raw_optimizers():
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * factor
        self.losses = {}
        self.iteration(batch, step)
        self.step = step + 1

    def raw_optimizers(self) -> list[torch.optim.Optimizer]:
        found = self.optimizers(use_pl_optimizer=False)
        return found if isinstance(found, list) else [found]

    def descend(
        self, total: Tensor, terms: Mapping[str, Tensor], *optimizers: torch.optim.Optimizer
    ) -> None:
        """One step of `optimizers` down the gradient of `total`, if every term is finite.

        Raises NonFinite naming the term; then no weight has changed.
        """
        names = list(terms)
        stacked = torch.stack([terms[n].detach().float() for n in names])
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
        self.manual_backward(total)
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


class Model(nn.Module):
    """A trained network in use. Images are float B×3×h×w in [0, 1], of any size.

    parts: names of the slices of a feature that are ranked on their own too.
    """

    parts: ClassVar[Mapping[str, slice]] = {}
    metric: str = "cosine"  # the distance that its features are made for, or "euclidean"
    pids: Sequence[int] = ()  # the identity of every class, where it is known

    def __init__(
        self, method: Method, classes: int, height: int, width: int, pixel_norm: str
    ) -> None:
        super().__init__()
        self.method = method
        self.classes = classes
        self.without: set[str] = set()
        self.size = (height, width)
        self.normalize = Normalize(pixel_norm)

    def leave_out(self, part: str) -> None:
        """Drops a part whose weights aren't there; what needs it raises UserError from now on."""
        delattr(self, part)
        self.without.add(part)

    def needs(self, part: str, purpose: str) -> None:
        """Raises UserError if `part` was left out."""
        if part in self.without:
            raise UserError(
                f"This model has no {part}, which {purpose} needs: import that file too."
            )

    def preprocess(self, images: Tensor) -> Tensor:
        """The network's input for images in [0, 1]: resized (bicubic, antialiased), normalised."""
        if images.dim() != 4 or images.shape[1] != 3:
            raise ValueError(f"images must be B×3×H×W, got {tuple(images.shape)}")
        images = images.to(next(self.parameters()).dtype)
        if tuple(images.shape[2:]) != self.size:
            images = F.interpolate(images, self.size, mode="bicubic", antialias=True).clamp(0, 1)
        return self.normalize(images)  # type: ignore[no-any-return]

    def features(self, x: Tensor) -> Tensor:
        """Preprocessed images → features, which are compared after `scored`: B×D."""
        raise NotImplementedError

    @torch.no_grad()
    def embed(self, images: Tensor) -> Tensor:
        """The features of images in [0, 1]: B×3×h×w → B×D, in eval mode and the model's dtype."""
        with evaluating(self):
            return self.features(self.preprocess(images))

    def scored(self, features: Tensor) -> Tensor:
        """The features scaled so that plain cosine, product and Euclidean distance between two of
        them all rank by the paper's score."""
        return features


class evaluating:
    """Inside, the module is in eval mode; afterwards as it was."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module

    def __enter__(self) -> None:
        self.was = self.module.training
        self.module.eval()

    def __exit__(self, *_: object) -> None:
        self.module.train(self.was)
