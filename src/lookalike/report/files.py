"""What lies in a run folder, read once; what is missing or broken becomes a sentence, not an error.

A run that was killed half way is the usual reason to open its report.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lookalike.errors import UserError
from lookalike.reading import from_json, from_yaml, read_bytes

# What each file's absence means to the reader of the report.
MEANING = {
    "config.yaml": "the settings and the command are unknown",
    "metrics.jsonl": "no training step was logged",
    "evaluation.json": "this run has not been evaluated",
    "ranked.json": "there are no ranked lists to show",
    "pictures.json": "its pictures were not measured",
    "calibration.json": "there are no thresholds to show",
    "environment.json": "the hardware and the stages' durations are unknown",
}
# What of a logged step is a number, and what are numbers by name
TIMES, TERMS = ("lr", "seconds", "step_seconds"), ("losses", "weights", "clusters")


@dataclass(frozen=True)
class RunFiles:
    """A run folder's contents: what each file held, empty where there was none, and `notes`."""

    folder: Path
    config: dict[str, Any]
    stages: list[str]  # in order of training
    steps: dict[str, list[dict[str, Any]]]  # stage → its logged steps, ascending
    evaluation: dict[str, Any]
    ranked: dict[str, Any]
    pictures: dict[str, Any]
    calibration: dict[str, Any]
    environment: dict[str, Any]
    images: list[Path]
    notes: list[str] = field(default_factory=list)

    @property
    def generates(self) -> bool:
        """Whether pictures are to be expected: a baseline makes none."""
        return bool(self.config.get("generates", True))

    @property
    def embeds(self) -> bool:
        """Whether its people are recognised: some methods only make pictures."""
        return bool(self.config.get("embeds", True))


def read_run(folder: Path) -> RunFiles:
    """Everything the report needs from the run folder; UserError when there is no such folder."""
    if not folder.is_dir():
        raise UserError(f"No run at '{folder}': give the folder that `lookalike train` wrote.")
    notes: list[str] = []
    config = _mapping(folder / "config.yaml", notes)
    steps = _steps(folder / "metrics.jsonl", notes)
    environment = _mapping(folder / "environment.json", notes)
    embeds = config.get("embeds", True)
    evaluation, ranked = (
        _mapping(folder / f"{name}.json", notes) if embeds else {}
        for name in ("evaluation", "ranked")
    )
    # Few runs are calibrated, and not all make pictures that can be measured: that isn't missed.
    calibration, quality = (
        _mapping(file, notes) if (file := folder / f"{name}.json").exists() else {}
        for name in ("calibration", "pictures")
    )
    images = sorted((folder / "images").glob("*.png"))
    stages = _stage_names(folder / "stages")
    stages += [name for name in steps if name not in stages]
    run = RunFiles(
        folder,
        config,
        stages,
        steps,
        evaluation,
        ranked,
        quality,
        calibration,
        environment,
        images,
        notes,
    )
    if not images and run.generates:
        notes.append("There is no picture in images/: nothing was generated yet.")
    return run


def _mapping(path: Path, notes: list[str]) -> dict[str, Any]:
    """The mapping in a JSON or YAML file; empty, with a note that says why, where there is none."""
    try:
        text = read_bytes(path).decode()
        value = from_yaml(text) if path.suffix == ".yaml" else from_json(text)
    except (UserError, ValueError) as error:
        notes.append(_unread(path, error))
        return {}
    nested = ("settings", "run") if path.name == "config.yaml" else ()
    if not isinstance(value, dict) or not all(isinstance(value.get(n) or {}, dict) for n in nested):
        notes.append(f"{path.name} holds no mapping: {MEANING[path.name]}.")
        return {}
    return value


def _unread(path: Path, error: Exception) -> str:
    """The note of a file that can't be read, or isn't there."""
    why = f"cannot be read ({error})" if path.exists() else "is missing"
    return f"{path.name} {why}: {MEANING[path.name]}."


def _steps(path: Path, notes: list[str]) -> dict[str, list[dict[str, Any]]]:
    """stage → its logged steps. A resumed run logs some steps again: the later line counts."""
    try:
        text = read_bytes(path).decode(errors="replace")
    except UserError as error:
        notes.append(_unread(path, error))
        return {}
    stages: dict[str, dict[int, dict[str, Any]]] = {}
    broken = 0
    for line in text.split("\n"):
        try:
            entry = _logged(from_json(line))
            steps = stages.setdefault(str(entry["stage"]), {})
            # One step may have two lines: its losses, and the clusters of the next round.
            steps.setdefault(int(entry["step"]), {}).update(entry)
        except (KeyError, OverflowError, TypeError, ValueError):  # a killed process's half line
            broken += bool(line.strip())
    if broken:
        notes.append(f"{broken} line{'s' * (broken > 1)} of {path.name} cannot be read: left out.")
    if not stages:
        notes.append(f"{path.name} is empty: {MEANING[path.name]}.")
    return {stage: [steps[s] for s in sorted(steps)] for stage, steps in stages.items()}


def _logged(entry: Any) -> dict[str, Any]:
    """The entry of a line. Raises KeyError, TypeError, ValueError or OverflowError for what no run
    logs."""
    numbers = [entry["step"], *(entry[name] for name in TIMES if entry.get(name) is not None)]
    for name in TERMS:
        numbers += [v for v in dict(entry.get(name) or {}).values() if v is not None]
    if not all(isinstance(number, int | float) for number in numbers):
        raise TypeError
    np.array(numbers, np.float64)  # 400 digits are no number that a curve shows
    return entry


def _stage_names(folder: Path) -> list[str]:
    """The names of `<n>-<name>` folders, by n."""
    matches = [re.fullmatch(r"(\d+)-(.+)", p.name) for p in folder.glob("*/")]
    return [m[2] for m in sorted((m for m in matches if m), key=lambda m: int(m[1]))]
