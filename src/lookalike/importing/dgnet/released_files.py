"""The authors' DG-Net files: where they lie and which is which."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from lookalike.errors import UserError
from lookalike.importing.checkpoints import Checkpoint, by_kind, names, read_options
from lookalike.importing.dgnet.entries import LAYOUTS


def in_folder(folder: Path, step: int | None, notes: list[str]) -> list[Path]:
    """The checkpoints of `step` in an output folder (None: the newest), and a teacher's folder's.

    The newest step is the newest that has all the kinds of file that any step has.
    """
    steps: dict[int, dict[str, Path]] = {}
    for path in sorted([*folder.glob("*.pt"), *folder.glob("checkpoints/*.pt")]):
        if match := re.fullmatch(r"(gen|dis|id)_(\d+)\.pt", path.name):
            steps.setdefault(int(match[2]), {})[match[1]] = path
    teacher = [path for path in [folder / "net_last.pth"] if path.is_file()]
    if not steps:
        if not teacher:
            raise UserError(
                f"{folder} holds no checkpoints: give the authors' folder outputs/NAME, which has "
                "checkpoints/gen_*.pt and id_*.pt, or the files one by one."
            )
        return teacher
    if step is None:
        kinds = {kind for files in steps.values() for kind in files}
        complete = [number for number, files in steps.items() if files.keys() == kinds]
        if not complete:
            raise UserError(
                f"{folder} has no step with all of {', '.join(sorted(kinds))}: choose one of its "
                f"steps with --step ({', '.join(map(str, sorted(steps)))})."
            )
        step = max(complete)
        if step < max(steps):
            notes.append(f"step {max(steps)} in {folder} is incomplete: step {step} was taken.")
    if step not in steps:
        numbers = ", ".join(map(str, sorted(steps)))
        raise UserError(f"{folder} has no checkpoints of step {step}; it has {numbers}.")
    return [*steps[step].values(), *teacher]


def collect(paths: Sequence[Path]) -> tuple[dict[str, Checkpoint], dict[str, Path]]:
    """The checkpoints by what they hold, and the option files "config" and "opts", where they are.

    An option file that isn't given is looked for where the authors' code leaves it.
    """
    option_files = [path for path in paths if path.suffix in (".yaml", ".yml")]
    options = {option_kind(path): path for path in option_files}
    files = by_kind([path for path in paths if path not in option_files], recognise)
    for kind, file in files.items():
        folder, name = file.path.parent, "opts" if kind == "teacher" else "config"
        for place in [folder, *([folder.parent] if folder.name == "checkpoints" else [])]:
            if (place / f"{name}.yaml").is_file():
                options.setdefault(name, place / f"{name}.yaml")
    return files, options


def option_kind(path: Path) -> str:
    """Which of the authors' option files it is. Raises UserError if neither."""
    keys = read_options(path).keys()
    if "ID_class" in keys:
        return "config"
    if "stride" in keys:
        return "opts"
    raise UserError(f"{path} is neither DG-Net's config.yaml nor its teacher's opts.yaml.")


def recognise(file: Checkpoint) -> str:
    """Which of the authors' files it is, by the names in it. Raises UserError if none."""
    for kind, layout in LAYOUTS.items():
        if any(name.startswith(layout.marks) for name in file.tensors):
            return kind
    raise UserError(
        f"{file.path} is none of DG-Net's gen, dis, id and teacher files: it has the entries "
        f"{names(file.tensors)}."
    )
