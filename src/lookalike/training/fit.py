"""One stage on Lightning: trains from where its checkpoint stands to its end.

`fit_stage` builds the stage's module, its crops and Lightning's trainer, and fits. `Rounds` gives
the trainer its batches, a round an epoch; everything that happens between two steps is in
`RunCallback`, in the order in which it happens.
"""

from __future__ import annotations

import logging
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
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
from torch.utils.data import DataLoader
from tqdm import tqdm

from lookalike.data.batches import Batches, Steps, step_loader
from lookalike.data.image_table import ImageTable
from lookalike.data.samplers import step_seed
from lookalike.errors import UserError
from lookalike.files import replacing
from lookalike.methods.look import Look
from lookalike.methods.pictures import SwapGrid
from lookalike.methods.stage import Stage, StageModule
from lookalike.report import grid, save_png, swap_grid
from lookalike.training.clusters import describe_clusters
from lookalike.training.processes import is_main_process
from lookalike.training.run_folder import Metrics, load_checkpoint, save_checkpoint, stage_folder
from lookalike.training.settings import RunSettings


class Interrupted(BaseException):
    """Ctrl-C or SIGTERM: the run goes on with `resume`. No `except Exception` catches it."""


def fit_stage(
    stage: Stage,
    number: int,
    done: Mapping[str, nn.Module],
    run: Path,
    settings: RunSettings,
    resume: bool,
    ended: bool = False,
    truth: np.ndarray[Any, Any] | None = None,
) -> tuple[nn.Module, float]:
    """What `stage` leaves behind (a trained module, in eval mode) and the seconds it trained.

    number: the stage's place among those of the run, from 1. With `resume`, goes on from the
    stage's checkpoint, or takes its result where it had ended. ended: take its result wherever it
    stands, for a later stage has built on it. truth: the identities of the stage's people, where
    the module must not know them: what the log says of its clusters.
    Raises Interrupted on Ctrl-C and SIGTERM; UserError on bad images, losses that aren't finite and
    a full disk.
    """
    file = stage_folder(run, number, stage) / "last.ckpt"
    file.parent.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(step_seed(settings.seed, stage.name, "weights"))
    module = stage.build(done)
    module.stage, module.seed = stage.name, settings.seed
    state: dict[str, Any] = load_checkpoint(file) if resume and file.exists() else {}
    if state:
        module.load_state_dict(state["module"])
        module.step = state["step"]
    stop = min(stage.steps, settings.steps or stage.steps)
    if state and ended and not settings.steps and module.step < stop:
        raise UserError(
            f"Stage '{stage.name}' was stopped by --steps at {module.step} of {stop}, and a later "
            "stage has built on it: choose another --out, or give --steps again."
        )
    if state and (ended or module.step >= stop):
        return module.trained.eval(), state["seconds"]
    table = ImageTable(stage.people.paths, *stage.size, cache=settings.cache)
    rounds = Rounds(module, stage, table, stop, settings)
    callback = RunCallback(rounds, file, run, settings, state, truth)
    with ctrl_c(callback.on_ctrl_c), suppress(SIGTERMException):
        make_trainer(settings, run, callback).fit(module, datamodule=rounds)
    if callback.interrupted:
        raise Interrupted
    return module.trained.eval(), callback.seconds


def check_shares(stage: str, batches: Batches, devices: int) -> None:
    """Raises UserError when a global batch can't be shared equally among the processes."""
    for batch in batches.values():
        if len(batch) % devices:
            raise UserError(
                f"Stage '{stage}' has batches of {len(batch)} images, which {devices} devices "
                f"can't share equally: choose a multiple of {devices}."
            )


class Rounds(L.LightningDataModule):
    """The batches of a stage, a round an epoch: each begins with the module's `renew`."""

    def __init__(
        self, module: StageModule, stage: Stage, table: ImageTable, stop: int, settings: RunSettings
    ) -> None:
        super().__init__()
        self.module, self.stage, self.table = module, stage, table
        self.stop, self.settings = stop, settings
        self.after_renew: Callable[[], None] = lambda: None  # what else is done after a `renew`

    def look(self) -> Look:
        """What the module may see of everybody."""
        return Look(self.stage.people, self.pixels, self.module.device)

    def pixels(self, rows: Any) -> Tensor:
        return self.table[np.asarray(rows)]

    @property
    def epochs(self) -> int:
        """How many rounds, whole or in part, are left."""
        if not self.stage.round:
            return 1
        return -(-self.stop // self.stage.round) - self.module.step // self.stage.round

    def train_dataloader(self) -> DataLoader[dict[str, Any]]:
        module, stage, step = self.module, self.stage, self.module.step
        stop = self.stop
        if stage.round:
            if step % stage.round == 0 and step < stop:
                torch.manual_seed(step_seed(module.seed, module.stage, "renew", step))
                module.renew(self.look())
                self.after_renew()
            stop = min(stop, (step // stage.round + 1) * stage.round)
        plan = stage.plan or module.plan
        if step < stop:
            check_shares(stage.name, plan(step), self.settings.devices)
        if stage.plan is None and self.settings.workers:
            # A worker is a fork, in which a module's buffers on a GPU can't be read.
            plan = {k: plan(k) for k in range(step, stop)}.__getitem__
        steps = Steps(stage.people, self.table, plan)
        return step_loader(steps, step, stop, self.settings.workers)


def make_trainer(settings: RunSettings, run: Path, callback: RunCallback) -> L.Trainer:
    """Lightning's trainer, with everything off that `RunCallback` does step by step."""
    warnings.filterwarnings("ignore", module="lightning")
    warnings.filterwarnings("ignore", "torch.distributed.nn.functional", FutureWarning)
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    module = callback.module
    ddp = f"ddp_find_unused_parameters_{str(module.leaves_out).lower()}"
    try:
        return L.Trainer(
            accelerator=settings.accelerator,
            devices=settings.devices,
            strategy=ddp if settings.devices > 1 else "auto",
            precision="bf16-mixed" if settings.precision == "bf16" else "32-true",
            max_epochs=callback.rounds.epochs,
            reload_dataloaders_every_n_epochs=1,
            logger=TensorBoardLogger(run, name="", version="tensorboard", sub_dir=module.stage),
            callbacks=[callback],
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


class RunCallback(L.Callback):
    """What happens around the steps: logs, pictures, checkpoints, progress, Ctrl-C."""

    def __init__(
        self,
        rounds: Rounds,
        file: Path,
        run: Path,
        settings: RunSettings,
        state: dict[str, Any],
        truth: np.ndarray[Any, Any] | None,
    ) -> None:
        self.rounds, self.module, self.stop = rounds, rounds.module, rounds.stop
        self.file, self.run, self.settings, self.truth = file, run, settings, truth
        self.state = state
        self.seconds: float = state.get("seconds", 0.0)
        self.interrupted = False
        self.main = is_main_process()
        rounds.after_renew = self.on_renewed

    def on_ctrl_c(self) -> None:
        if self.interrupted:  # a second Ctrl-C doesn't wait
            raise Interrupted
        self.interrupted = True
        if self.main:
            self.say("Stopping after this step; press Ctrl-C again to stop at once.")

    def on_fit_start(self, trainer: L.Trainer, _: L.LightningModule) -> None:
        module = self.module
        if self.state:
            optimizers = module.raw_optimizers()
            for optimizer, state in zip(optimizers, self.state["optimizers"], strict=True):
                optimizer.load_state_dict(state)
            self.state = {}  # frees its memory
        module.begin(self.rounds.look())
        if self.main:
            self.metrics = Metrics(self.run / "metrics.jsonl", module.stage, module.step)
            self.bar = tqdm(
                total=self.stop,
                initial=module.step,
                desc=module.stage,
                unit="step",
                dynamic_ncols=True,
                disable=not sys.stderr.isatty(),
                smoothing=0.05,
            )
        self.clock = time.monotonic()

    def on_renewed(self) -> None:
        """Logs the clusters of the round that begins."""
        labels = self.module.clusters
        if self.main and labels is not None:
            clusters = describe_clusters(labels.cpu().numpy(), self.truth)
            self.metrics.write({"step": self.module.step, "clusters": clusters})
            words = [f"{name} {value:.4g}" for name, value in clusters.items()]
            self.say(f"{self.module.stage} {self.module.step}: " + ", ".join(words))

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
        self.metrics.write(
            {
                "step": step,
                "seconds": round(self.seconds, 3),
                "step_seconds": round(step_seconds, 4),
                "lr": rate,
                "losses": module.losses,
                "weights": module.weights,
            }
        )
        scalars = {f"loss/{k}": v for k, v in module.losses.items()}
        scalars.update({f"weight/{k}": v for k, v in module.weights.items()})
        assert trainer.logger is not None
        trainer.logger.log_metrics({**scalars, "lr": rate}, step)
        rest = (self.stop - step) * self.seconds / step
        terms = [f"{k} {v:.4g}" for k, v in module.losses.items()]
        head = f"{module.stage} {step}/{self.stop}  {step_seconds:.2f} s/step  {clock(rest)} left"
        self.say("\n".join([head, *wrapped(terms)]))

    def say(self, text: str) -> None:
        tqdm.write(text, file=sys.stderr)

    def save(self) -> None:
        """Replaces the checkpoint, unless the last update made a weight NaN or infinite."""
        self.module.check_weights()
        save_checkpoint(
            self.file,
            {
                "step": self.module.step,
                "seconds": self.seconds,
                "module": self.module.state_dict(),
                "optimizers": [o.state_dict() for o in self.module.raw_optimizers()],
            },
        )

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
    total = int(seconds)
    return f"{total // 3600}:{total // 60 % 60:02d}:{total % 60:02d}"


def wrapped(terms: list[str], width: int = 80) -> list[str]:
    """The terms on indented lines of at most `width` characters."""
    lines = [""]
    for term in terms:
        if lines[-1] and len(lines[-1]) + len(term) + 2 > width:
            lines.append("")
        lines[-1] += "  " + term
    return lines
