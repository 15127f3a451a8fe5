"""The run folder's files that grow: checkpoints and metrics."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from lookalike.errors import NotWritten, UserError
from lookalike.files import replacing
from lookalike.methods.stage import Stage, StageModule, Write
from lookalike.reading import check_file, check_inflated, from_json, read_bytes

DELETE_IT = "delete it, and --resume starts its stage again"  # where nothing stands on it


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


def load_checkpoint(path: Path, advice: str = "delete it") -> dict[str, Any]:
    """What `save_checkpoint` wrote of a stage, on the CPU.

    Raises UserError, which ends with `advice`, for a file that isn't one.
    """
    try:
        check_file(path)
        check_inflated(path)
        state: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load answers damage with nearly every kind of exception
        raise UserError(f"The checkpoint {path} can't be read: {advice}.") from error
    kinds = {"step": int, "seconds": float, "module": Mapping, "optimizers": list}
    if (
        not isinstance(state, dict)
        or not all(isinstance(state.get(name), kind) for name, kind in kinds.items())
        or state["step"] < 0
        or not 0 <= state["seconds"] < math.inf
    ):
        raise UserError(f"{path} is no checkpoint of a run: {advice}.")
    return state


def restore(module: StageModule, state: Mapping[str, Any], file: Path, advice: str) -> None:
    """Puts the saved weights and the step into `module`. Raises UserError where they are another
    network's."""
    try:
        module.load_state_dict(state["module"])
    except (RuntimeError, AttributeError, TypeError) as error:
        raise UserError(f"The checkpoint {file} is of another network: {advice}.") from error
    module.step = state["step"]


def restore_optimizers(optimizers: Sequence[Optimizer], states: Sequence[Any], file: Path) -> None:
    """Puts the saved states into the optimisers. Raises UserError where they are another method's:
    torch itself would go on with them, and end in a crash."""
    try:
        for optimizer, state in zip(optimizers, states, strict=True):
            optimizer.load_state_dict(state)
        fit = all(
            value.shape in ((), parameter.shape)
            for optimizer in optimizers
            for parameter, values in optimizer.state.items()
            for value in values.values()
            if isinstance(value, Tensor)
        )
    except Exception:  # whatever isn't a state fails in its own way
        fit = False
    if not fit:
        raise UserError(f"The checkpoint {file} has another method's optimisers: {DELETE_IT}.")


class Metrics:
    """`metrics.jsonl`: a line a logged step. Opening it for a resumed stage drops later lines."""

    def __init__(self, path: Path, stage: str, done: int) -> None:
        self.path, self.stage = path, stage
        if path.exists():
            text = read_bytes(path).decode(errors="replace")
            lines = [line for line in text.splitlines() if self._earlier(line, done)]
            with replacing(path) as part:
                part.write_text("".join(line + "\n" for line in lines))
        try:
            self.file = path.open("a")
        except OSError as error:
            raise UserError(f"Could not write {path} ({error.strerror}).") from error

    def _earlier(self, line: str, done: int) -> bool:
        try:
            entry = from_json(line)
            # A round that begins where the resumed stage stands is begun again.
            last = done - 1 if "clusters" in entry else done
            return bool(entry["stage"] != self.stage or entry["step"] <= last)
        except (ValueError, TypeError, KeyError):  # the half line of a killed process
            return False

    def write(self, entry: Mapping[str, Any]) -> None:
        """Raises NotWritten, a UserError, when the disk is full."""
        try:
            self.file.write(json.dumps({"stage": self.stage, **entry}) + "\n")
            self.file.flush()
        except OSError as error:
            raise NotWritten(f"Could not write {self.path} ({error}).") from error
