"""One stage on Lightning: trains from where its checkpoint stands to its end.

`fit_stage` builds the stage's module, its crops and Lightning's trainer, and fits. `rounds` gives
the trainer its batches, a round an epoch; what happens between two steps is in `callback`.
"""

from __future__ import annotations

import logging
import os
import subprocess
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.loggers import TensorBoardLogger
from torch import nn

from lookalike.data.image_table import Cache, ImageTable
from lookalike.data.samplers import step_seed
from lookalike.errors import UserError
from lookalike.methods.stage import Stage
from lookalike.stopping import MAIN, Interrupted, deaf_children, is_main_process, stoppable
from lookalike.training.callback import RunCallback
from lookalike.training.rounds import Rounds
from lookalike.training.run_folder import DELETE_IT, load_checkpoint, restore, stage_folder
from lookalike.training.settings import RunSettings


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
    Raises Interrupted on Ctrl-C, SIGTERM and SIGHUP; UserError on bad images, losses that aren't
    finite and a full disk.
    """
    file = stage_folder(run, number, stage) / "last.ckpt"
    file.parent.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(step_seed(settings.seed, stage.name, "weights"))
    module = stage.build(done)
    module.stage, module.seed = stage.name, settings.seed
    advice = DELETE_IT
    if ended:
        advice = (
            "a later stage has built on it: put back the file that was there, or delete "
            f"{file.parent} and the folders of later stages, and --resume starts them again"
        )
    if ended and not file.exists():
        raise UserError(f"There is no {file}, but {advice}.")
    state: dict[str, Any] = load_checkpoint(file, advice) if resume and file.exists() else {}
    if state:
        restore(module, state, file, advice)
    stop = min(stage.steps, settings.steps or stage.steps)
    if state and ended and not settings.steps and module.step < stop:
        raise UserError(
            f"Stage '{stage.name}' was stopped at step {module.step} of {stop}, and a later stage "
            "has built on it: give the length it had, or --steps again, or choose another --out."
        )
    if state and (ended or module.step >= stop):
        return module.trained.eval(), state["seconds"]
    cache: Cache = "none" if stage.area else settings.cache  # then a look alone asks for them
    table = ImageTable(stage.people.paths, *stage.size, cache, resampling=stage.resampling)
    rounds = Rounds(module, stage, table, stop, settings)
    with stoppable() as asked:
        callback = RunCallback(rounds, file, run, settings, state, truth, asked)
        trainer = make_trainer(settings, run, callback)
        try:
            trainer.fit(module, datamodule=rounds)
        except (Interrupted, RuntimeError) as error:
            if asked.asked is None or (isinstance(error, RuntimeError) and settings.devices == 1):
                raise
            end_helpers(trainer)
            raise Interrupted from error  # before the first step, here or in another process
        finally:
            callback.end_waiting()
        if callback.interrupted:
            raise Interrupted
    return module.trained.eval(), callback.seconds


def make_trainer(settings: RunSettings, run: Path, callback: RunCallback) -> L.Trainer:
    """Lightning's trainer, with everything off that `RunCallback` does step by step."""
    warnings.filterwarnings("ignore", module="lightning")
    warnings.filterwarnings("ignore", "torch.distributed.nn.functional", FutureWarning)
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    if settings.devices > 1 and is_main_process():
        os.environ[MAIN] = str(os.getpid())
    module = callback.module
    ddp = f"ddp_find_unused_parameters_{str(module.leaves_out).lower()}"
    try:
        trainer = L.Trainer(
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
    # Lightning's handler of SIGTERM waits for the other processes wherever this one stands, which
    # hangs; `stoppable` has ours.
    trainer._signal_connector.register_signal_handlers = lambda: None  # type: ignore[method-assign]
    if launcher := trainer.strategy.launcher:
        # A helper that ended before it has come to this process would leave it waiting in C code.
        launcher._call_children_scripts = deaf(launcher._call_children_scripts)  # type: ignore[attr-defined]
    return trainer


def end_helpers(trainer: L.Trainer) -> None:
    """Kills the processes that wait for this one in a run of several."""
    helpers: list[subprocess.Popen[bytes]] = getattr(trainer.strategy.launcher, "procs", [])
    for helper in helpers:
        helper.kill()
        helper.wait()
    helpers.clear()  # Lightning's observer would kill this process for their exit codes


def deaf(start: Callable[[], None]) -> Callable[[], None]:
    """As `start`, but what it starts does not hear what stops this process, which tells it then."""

    def start_deaf() -> None:
        with deaf_children():
            start()

    return start_deaf
