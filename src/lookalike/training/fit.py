"""One stage on Lightning: trains from where its checkpoint stands to its end.

`fit_stage` builds the stage's module, its crops and Lightning's trainer, and fits. Everything that
happens between two steps is in `Watch`, in the order in which it happens.
"""

from __future__ import annotations

import logging
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities.exceptions import SIGTERMException
from torch import Tensor, nn
from tqdm import tqdm

from lookalike.data import People
from lookalike.data.batches import Steps, step_loader
from lookalike.data.images import ImageTable
from lookalike.data.samplers import step_seed
from lookalike.errors import UserError
from lookalike.files import replacing
from lookalike.methods.base import Stage, StageModule
from lookalike.methods.pictures import SwapGrid
from lookalike.report import grid, save_png, swap_grid
from lookalike.training.processes import is_main_process
from lookalike.training.run_folder import Metrics, load_checkpoint, save_checkpoint
from lookalike.training.settings import RunSettings, resolve_precision


class Interrupted(BaseException):
    """Ctrl-C or SIGTERM: the run goes on with `resume`. No `except Exception` catches it."""


def checkpoint_of(run: Path, number: int, stage: Stage) -> Path:
    """The one checkpoint of the run's stage `number`, which counts from 1."""
    return run / "stages" / f"{number}-{stage.name}" / "last.ckpt"


def fit_stage(
    stage: Stage,
    number: int,
    people: People,
    done: dict[str, nn.Module],
    run: Path,
    settings: RunSettings,
    resume: bool,
    ended: bool = False,
) -> tuple[nn.Module, float]:
    """What `stage` leaves behind (a trained module, in eval mode) and the seconds it trained.

    With `resume`, goes on from the stage's checkpoint, or takes its result where it had ended.
    ended: take its result wherever it stands, for a later stage has built on it.
    Raises Interrupted on Ctrl-C and SIGTERM; UserError on bad images, losses that aren't finite and
    a full disk.
    """
    file = checkpoint_of(run, number, stage)
    file.parent.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(step_seed(settings.seed, stage.name, "weights"))
    module = stage.build(done)
    module.stage, module.seed = stage.name, settings.seed
    state: dict[str, Any] = load_checkpoint(file) if resume and file.exists() else {}
    if state:
        module.load_state_dict(state["module"])
        module.step = state["step"]
    stop = min(stage.steps, settings.steps or stage.steps)
    if ended and not settings.steps and module.step < stop:
        raise UserError(
            f"Stage '{stage.name}' was stopped by --steps at {module.step} of {stop}, and a later "
            "stage has built on it: choose another --out, or give --steps again."
        )
    if state and (ended or module.step >= stop):
        return module.trained.eval(), state["seconds"]
    table = ImageTable(people.paths, *stage.size, cache=settings.cache)
    loader = step_loader(Steps(people, table, stage.plan), module.step, stop, settings.workers)
    watch = Watch(module, stop, file, run, settings, people, table, state)
    with ctrl_c(watch.on_ctrl_c), suppress(SIGTERMException):
        make_trainer(settings, run, watch).fit(module, loader)
    if watch.interrupted:
        raise Interrupted
    return module.trained.eval(), watch.seconds


def make_trainer(settings: RunSettings, run: Path, watch: Watch) -> L.Trainer:
    """Lightning's trainer, with everything off that `Watch` does step by step."""
    warnings.filterwarnings("ignore", module="lightning")
    warnings.filterwarnings("ignore", "torch.distributed.nn.functional", FutureWarning)
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    module = watch.module
    ddp = f"ddp_find_unused_parameters_{str(module.leaves_out).lower()}"
    try:
        return L.Trainer(
            accelerator=settings.accelerator,
            devices=settings.devices,
            strategy=ddp if settings.devices > 1 else "auto",
            precision="bf16-mixed" if resolve_precision(settings) == "bf16" else "32-true",
            max_epochs=1,
            logger=TensorBoardLogger(run, name="", version="tensorboard", sub_dir=module.stage),
            callbacks=[watch],
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            default_root_dir=str(run),
        )
    except MisconfigurationException as error:
        reason = " ".join(str(error).split()).rstrip(".!")
        raise UserError(
            f"Can't train with --accelerator {settings.accelerator} --devices {settings.devices}: "
            f"{reason}."
        ) from error


@contextmanager
def ctrl_c(handler: Callable[[], None]) -> Iterator[None]:
    """Inside, Ctrl-C calls `handler`; Lightning would end the process instead."""
    try:
        before = signal.signal(signal.SIGINT, lambda *_: handler())
    except ValueError:  # not the main thread: whoever runs us handles Ctrl-C
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class Watch(L.Callback):
    """What happens around the steps: logs, pictures, checkpoints, progress, Ctrl-C."""

    def __init__(
        self,
        module: StageModule,
        stop: int,
        file: Path,
        run: Path,
        settings: RunSettings,
        people: People,
        table: ImageTable,
        state: dict[str, Any],
    ) -> None:
        self.module, self.stop, self.file, self.run = module, stop, file, run
        self.settings, self.people, self.table, self.state = settings, people, table, state
        self.seconds: float = state.get("seconds", 0.0)
        self.interrupted = False
        self.main = is_main_process()

    def on_ctrl_c(self) -> None:
        if self.interrupted:  # a second Ctrl-C doesn't wait
            raise Interrupted
        self.interrupted = True
        if self.main:
            self.say("Stopping after this step; press Ctrl-C again to stop at once.")

    def on_train_start(self, trainer: L.Trainer, _: L.LightningModule) -> None:
        module = self.module
        if self.state:
            optimizers = module.raw_optimizers()
            for optimizer, saved in zip(optimizers, self.state["optimizers"], strict=True):
                optimizer.load_state_dict(saved)
            self.state = {}  # frees its memory
        module.begin(self.people, self.pixels)
        if self.main:
            self.metrics = Metrics(self.run / "metrics.jsonl", module.stage, module.step)
            self.bar = tqdm(
                total=self.stop, initial=module.step, desc=module.stage, unit="step",
                dynamic_ncols=True, disable=not sys.stderr.isatty(), smoothing=0.05)  # fmt: skip
        self.clock = time.monotonic()

    def pixels(self, rows: Any) -> Tensor:
        return self.table[np.asarray(rows)]

    def on_train_batch_end(self, trainer: L.Trainer, *_: Any) -> None:
        step_seconds = time.monotonic() - self.clock
        self.seconds += step_seconds
        # Ctrl-C may reach the processes in different steps: they stop in the same one.
        if trainer.strategy.reduce_boolean_decision(self.interrupted, all=False):
            self.interrupted = trainer.should_stop = True
        if self.main:
            self.bar.update(1)
            step, settings = self.module.step, self.settings
            last = step >= self.stop
            if step % settings.log_every == 0 or last or step == 1:
                self.note(trainer, step, step_seconds)
            if step % settings.checkpoint_every == 0 or last or self.interrupted:
                self.save()
            if step % settings.preview_every == 0 or last:
                self.draw(step)
        self.clock = time.monotonic()

    def note(self, trainer: L.Trainer, step: int, step_seconds: float) -> None:
        """Writes the step's losses to metrics.jsonl, TensorBoard and stderr."""
        module = self.module
        rate = module.raw_optimizers()[-1].param_groups[-1]["lr"]
        self.metrics.write({
            "step": step, "seconds": round(self.seconds, 3),
            "step_seconds": round(step_seconds, 4), "lr": rate,
            "losses": module.losses, "weights": module.weights,
        })  # fmt: skip
        scalars = {f"loss/{k}": v for k, v in module.losses.items()}
        scalars.update({f"weight/{k}": v for k, v in module.weights.items()})
        assert trainer.logger is not None
        trainer.logger.log_metrics({**scalars, "lr": rate}, step)
        left = (self.stop - step) * self.seconds / step
        terms = [f"{k} {v:.4g}" for k, v in module.losses.items()]
        head = f"{module.stage} {step}/{self.stop}  {step_seconds:.2f} s/step  {clock(left)} left"
        self.say("\n".join([head, *wrapped(terms)]))

    def say(self, text: str) -> None:
        tqdm.write(text, file=sys.stderr)

    def save(self) -> None:
        """Replaces the checkpoint, unless the last update made a weight NaN or infinite."""
        self.module.check_weights()
        save_checkpoint(self.file, {
            "step": self.module.step,
            "seconds": self.seconds,
            "module": self.module.state_dict(),
            "optimizers": [o.state_dict() for o in self.module.raw_optimizers()],
        })  # fmt: skip

    def draw(self, step: int) -> None:
        for name, picture in self.module.preview().items():
            if isinstance(picture, SwapGrid):
                image = swap_grid(picture.appearances, picture.structures, list(picture.cells))
            else:
                image = grid(list(zip(*picture.images, strict=True)), column_labels=picture.labels)
            with replacing(self.run / f"images/{self.module.stage}-{step:07d}-{name}.png") as part:
                save_png(image, part)

    def on_train_end(self, *_: Any) -> None:
        self.close()

    def on_exception(self, trainer: L.Trainer, _: Any, error: BaseException) -> None:
        if isinstance(error, SIGTERMException):  # Lightning raises it between two steps
            self.interrupted = True
            if self.main:
                self.save()
        self.close()

    def close(self) -> None:
        if hasattr(self, "bar"):
            self.bar.close()
            self.metrics.file.close()


def clock(seconds: float) -> str:
    """Seconds as h:mm:ss."""
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def wrapped(terms: list[str], width: int = 80) -> list[str]:
    """The terms on indented lines of at most `width` characters."""
    lines = [""]
    for term in terms:
        if lines[-1] and len(lines[-1]) + len(term) + 2 > width:
            lines.append("")
        lines[-1] += "  " + term
    return lines
