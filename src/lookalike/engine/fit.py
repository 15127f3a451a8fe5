"""One stage on Lightning: trains from where its checkpoint stands to its end."""

from __future__ import annotations

import logging
import signal
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor, nn
from tqdm import tqdm

from lookalike.data import People
from lookalike.data.images import ImageTable
from lookalike.data.loader import Steps, step_loader
from lookalike.data.samplers import step_seed
from lookalike.engine.folder import Metrics, load_checkpoint, save_checkpoint
from lookalike.engine.settings import RunSettings, is_main_process, resolve_precision
from lookalike.methods.base import Stage, StageModule
from lookalike.parallel import rank
from lookalike.report import save_png, swap_grid


class Interrupted(Exception):
    """Ctrl-C after the running step: everything is saved."""


def fit_stage(
    stage: Stage,
    number: int,
    people: People,
    done: dict[str, nn.Module],
    run: Path,
    settings: RunSettings,
    resume: bool,
) -> tuple[nn.Module, float]:
    """What `stage` leaves behind (a trained module, in eval mode) and the seconds it trained.

    With `resume`, goes on from the stage's checkpoint, or takes its result if it had ended.
    Raises Interrupted on Ctrl-C, UserError on bad images and non-finite losses.
    """
    folder = run / "stages" / f"{number}-{stage.name}"
    file = folder / "last.ckpt"
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(step_seed(settings.seed, stage.name, "weights"))
    module = stage.build(done)
    module.stage, module.seed = stage.name, settings.seed
    state: dict[str, Any] = load_checkpoint(file) if resume and file.exists() else {}
    if state:
        module.load_state_dict(state["module"])
        module.step = state["step"]
    stop = min(stage.steps, settings.steps or stage.steps)
    if module.step < stop:
        table = ImageTable(people.paths, *stage.size, cache=settings.cache)
        loader = step_loader(Steps(people, table, stage.plan), module.step, stop, settings.workers)
        watch = Watch(module, stop, file, run, settings, people, table, state)
        trainer = make_trainer(settings, run, folder, watch)
        trainer.fit(module, loader)
        if watch.interrupted:
            raise Interrupted
        seconds = watch.seconds
    else:
        seconds = state["seconds"]
    return module.trained.eval(), seconds


def make_trainer(settings: RunSettings, run: Path, folder: Path, watch: Watch) -> L.Trainer:
    """Lightning's trainer, with everything off that `Watch` does step by step."""
    warnings.filterwarnings("ignore", module="lightning")
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    precision = "bf16-mixed" if resolve_precision(settings) == "bf16" else "32-true"
    return L.Trainer(
        accelerator=settings.accelerator,
        devices=settings.devices,
        strategy="ddp_find_unused_parameters_true" if settings.devices > 1 else "auto",
        precision=precision,  # type: ignore[arg-type]
        max_epochs=1,
        logger=TensorBoardLogger(run, name="", version="tensorboard", sub_dir=folder.name),
        callbacks=[watch],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        default_root_dir=str(run),
    )


class Watch(L.Callback):
    """What happens around the steps: checkpoints, logs, pictures, progress, Ctrl-C."""

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

    def on_train_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        if self.state:
            optimizers = self.module.raw_optimizers()
            for optimizer, saved in zip(optimizers, self.state["optimizers"], strict=True):
                optimizer.load_state_dict(saved)
        self.state = {}  # frees its memory
        self.module.begin(self.people, self.pixels)
        self.main = rank() == 0
        if self.main:
            self.metrics = Metrics(self.run / "metrics.jsonl", self.module.stage, self.module.step)
            self.bar = tqdm(
                total=self.stop, initial=self.module.step, desc=self.module.stage, unit="step",
                dynamic_ncols=True, disable=not sys.stderr.isatty(), smoothing=0.05)  # fmt: skip
        self.first, self.clock = self.module.step, time.monotonic()
        try:
            self.old_handler = signal.signal(signal.SIGINT, self.on_sigint)
        except ValueError:  # not the main thread: whoever runs us handles Ctrl-C
            self.old_handler = None

    def pixels(self, rows: Any) -> Tensor:
        return self.table[np.asarray(rows)]

    def on_sigint(self, *_: Any) -> None:
        if self.interrupted:  # a second Ctrl-C doesn't wait
            raise KeyboardInterrupt
        self.interrupted = True
        self.say("Stopping after this step; press Ctrl-C again to stop at once.")

    def on_train_batch_end(self, trainer: L.Trainer, *_: Any) -> None:
        module, settings = self.module, self.settings
        now = time.monotonic()
        step_seconds, self.clock = now - self.clock, now
        self.seconds += step_seconds
        step, last = module.step, module.step >= self.stop
        if self.main:
            self.bar.update(1)
            if step % settings.log_every == 0 or last or step == self.first + 1:
                self.note(trainer, step, step_seconds)
            if step % settings.preview_every == 0 or last:
                self.draw(step)
            if step % settings.checkpoint_every == 0 or last or self.interrupted:
                self.save()
        if self.interrupted:
            trainer.should_stop = True
            trainer.fit_loop.epoch_loop.batch_progress.is_last_batch = True
        self.clock = time.monotonic()

    def note(self, trainer: L.Trainer, step: int, step_seconds: float) -> None:
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

    def draw(self, step: int) -> None:
        for name, picture in self.module.preview().items():
            image = swap_grid(picture.appearances, picture.structures, picture.cells)
            path = self.run / "images" / f"{self.module.stage}-{step:07d}-{name}.png"
            save_png(image, path)

    def save(self) -> None:
        module = self.module
        save_checkpoint(self.file, {
            "step": module.step,
            "seconds": self.seconds,
            "module": module.state_dict(),
            "optimizers": [o.state_dict() for o in module.raw_optimizers()],
        })  # fmt: skip

    def on_train_end(self, *_: Any) -> None:
        self.close()

    def on_exception(self, *_: Any) -> None:
        self.close()

    def close(self) -> None:
        if getattr(self, "old_handler", None) is not None:
            signal.signal(signal.SIGINT, self.old_handler)
        if is_main_process() and hasattr(self, "bar"):
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
        if lines[-1] and len(lines[-1]) + len(term) + 4 > width:
            lines.append("")
        lines[-1] += "  " + term
    return lines
