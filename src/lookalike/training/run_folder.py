"""The run folder's files that grow: checkpoints and metrics."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from lookalike.errors import UserError
from lookalike.files import replacing
from lookalike.methods.stage import Stage, Write


def stage_folder(run: Path, number: int, stage: Stage | Write) -> Path:
    """Where the run's stage `number`, counted from 1, keeps its checkpoint.

    Stages and writes are counted together. A write keeps nothing there: its note lies beside its
    pictures, in generated/NAME.
    """
    return run / "stages" / f"{number}-{stage.name}"


def save_checkpoint(path: Path, state: Mapping[str, Any]) -> None:
    with replacing(path) as part:
        try:
            torch.save(dict(state), part)
        except RuntimeError as error:  # how torch reports a failed write
            raise OSError("is the disk full?") from error


def load_checkpoint(path: Path) -> dict[str, Any]:
    """What `save_checkpoint` wrote, on the CPU. Raises UserError for a file that isn't one."""
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load answers damage with nearly every kind of exception
        raise UserError(
            f"The checkpoint {path} can't be read: delete it to start its stage again."
        ) from error
    return state


class Metrics:
    """`metrics.jsonl`: a line a logged step. Opening it for a resumed stage drops later lines."""

    def __init__(self, path: Path, stage: str, done: int) -> None:
        self.path, self.stage = path, stage
        if path.exists():
            lines = [line for line in path.read_text().splitlines() if self._earlier(line, done)]
            with replacing(path) as part:
                part.write_text("".join(line + "\n" for line in lines))
        self.file = path.open("a")

    def _earlier(self, line: str, done: int) -> bool:
        try:
            entry = json.loads(line)
        except ValueError:  # the half line of a killed process
            return False
        # A round that begins where the resumed stage stands is begun again.
        last = done - 1 if "clusters" in entry else done
        return bool(entry["stage"] != self.stage or entry["step"] <= last)

    def write(self, entry: Mapping[str, Any]) -> None:
        """Raises UserError when the disk is full."""
        try:
            self.file.write(json.dumps({"stage": self.stage, **entry}) + "\n")
            self.file.flush()
        except OSError as error:
            raise UserError(f"Could not write {self.path} ({error}).") from error
