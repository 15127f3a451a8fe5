"""What happens around a stage's steps: logs, pictures, checkpoints, progress, Ctrl-C."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
from tqdm import tqdm

from lookalike import parallel
from lookalike.files import replacing
from lookalike.methods.pictures import SwapGrid
from lookalike.report import grid, save_png, swap_grid
from lookalike.stopping import MAIN, Stop, is_main_process, say
from lookalike.training.clusters import describe_clusters
from lookalike.training.rounds import Rounds
from lookalike.training.run_folder import Metrics, restore_optimizers, save_checkpoint
from lookalike.training.settings import RunSettings


class RunCallback(L.Callback):
    """In the order in which it happens. state: what the stage's checkpoint `file` holds; truth: the
    identities of the stage's people, for the log; asked: who asks to stop."""

    def __init__(
        self,
        rounds: Rounds,
        file: Path,
        run: Path,
        settings: RunSettings,
        state: dict[str, Any],
        truth: np.ndarray[Any, Any] | None,
        asked: Stop,
    ) -> None:
        self.rounds, self.module, self.stop = rounds, rounds.module, rounds.stop
        self.file, self.run, self.settings, self.truth = file, run, settings, truth
        self.state = state
        self.seconds: float = state.get("seconds", 0.0)
        self.interrupted = False
        self.waiting = ExitStack()  # for the end of a step, when somebody asks to stop
        self.asked = asked
        self.main = is_main_process()
        rounds.after_renew = self.on_renewed

    def on_fit_start(self, trainer: L.Trainer, _: L.LightningModule) -> None:
        os.environ.pop(MAIN, None)  # the helpers have it now
        module = self.module
        if self.state:
            restore_optimizers(module.raw_optimizers(), self.state["optimizers"], self.file)
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

    def on_train_start(self, *_: Any) -> None:
        self.waiting.enter_context(self.asked.waits(self.on_asked))

    def on_asked(self, number: int) -> None:
        self.interrupted = True
        if self.main:
            again = "; press Ctrl-C again to stop at once" if number == signal.SIGINT else ""
            self.say(f"Stopping after this step{again}.")

    def end_waiting(self) -> None:
        self.waiting.close()

    def on_renewed(self) -> None:
        """Logs the clusters of the round that begins, and what the module says of them."""
        module, labels = self.module, self.module.clusters
        if self.main and labels is not None:
            clusters = describe_clusters(labels.cpu().numpy(), self.truth)
            clusters |= {name: round(x, 4) for name, x in module.round_numbers.items()}
            self.metrics.write({"step": self.module.step, "clusters": clusters})
            words = [f"{name} {value:.4g}" for name, value in clusters.items()]
            self.say("\n".join([f"{module.stage} {module.step} clusters anew", *wrapped(words)]))
            for remark in module.remarks:
                self.say(f"  {remark}")
        self.seconds += time.monotonic() - self.clock
        self.clock = time.monotonic()  # so that it isn't counted to the next step

    def on_train_batch_end(self, trainer: L.Trainer, *_: Any) -> None:
        step_seconds = time.monotonic() - self.clock
        self.seconds += step_seconds
        # A signal may reach the processes in different steps: they stop in the same one.
        stops = trainer.strategy.reduce_boolean_decision(self.interrupted, all=False)
        if stops:
            self.interrupted = trainer.should_stop = True
        if self.main:
            self.bar.update(1)
            step, settings = self.module.step, self.settings
            last = step >= self.stop
            if step % settings.log_every == 0 or last or step == 1:
                self.note(trainer, step, step_seconds)
            if step % settings.checkpoint_every == 0 or last or stops:
                self.save()
            if step % settings.preview_every == 0 or last:
                self.draw(step)
        if stops:
            parallel.wait()  # for the checkpoint: a helper that ends before takes the rest along
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
        say(text, lambda line: tqdm.write(line, file=sys.stderr))

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

    def on_exception(self, *_: Any) -> None:
        self.close()

    def close(self) -> None:
        if hasattr(self, "bar"):
            self.bar.close()
            with suppress(OSError):  # of a full disk, which the line that didn't fit has told
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
