"""What an import leaves: all its files, complete, or none; and the words that say so."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lookalike.errors import UserError
from lookalike.importing.renaming import Report

Write = Callable[[Path], object]


@dataclass(frozen=True)
class Imported:
    """What an import did. outputs: file → what is in it. notes: what the user should know."""

    outputs: Mapping[Path, str]
    reports: Sequence[Report]
    notes: Sequence[str]

    def __str__(self) -> str:
        lines = [*map(str, self.reports), *(f"{'note':<9}{note}" for note in self.notes)]
        return "\n".join(
            [*lines, *(f"{'wrote':<9}{p}: {what}" for p, what in self.outputs.items())]
        )


def beside(out: Path, what: str) -> Path:
    """model.safetensors, "teacher" → model.teacher.safetensors."""
    return out.with_name(f"{out.stem}.{what}{out.suffix}")


def check_free(files: Sequence[Path], force: bool) -> None:
    """Raises UserError when a file can't be written there, or exists and `force` isn't given."""
    for file in files:
        if file.suffix != ".safetensors":
            raise UserError(f"--out {file} must be a file whose name ends in .safetensors.")
        if file.is_dir():
            raise UserError(f"--out {file} is a folder; name a file in it.")
        if file.exists() and not force:
            raise UserError(f"{file} exists; choose another --out, or replace it with --force.")


def write_all(writers: Mapping[Path, Write]) -> None:
    """Calls every writer with a temporary path; all files appear when the last is complete.

    All lie in one folder. Raises UserError when the disk refuses; then none has changed.
    """
    folder = next(iter(writers)).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".import-", dir=folder) as scratch:
            for path, write in writers.items():
                write(Path(scratch) / path.name)
            for path in writers:
                os.replace(Path(scratch) / path.name, path)
    except (OSError, UserError) as error:
        why = error.__cause__ if isinstance(error, UserError) else error  # it names the scratch
        raise UserError(f"Could not write to {folder} ({why}); nothing was imported.") from error
