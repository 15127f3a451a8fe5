"""The authors' FD-GAN files: where they lie and which is which."""

from __future__ import annotations

import re
from pathlib import Path

from lookalike.errors import UserError
from lookalike.importing.checkpoints import Checkpoint, names
from lookalike.importing.fdgan.entries import LAYOUTS

STAGE_ONE = ("model_best.pth.tar", "checkpoint.pth.tar")


def in_folder(folder: Path, step: int | None) -> list[Path]:
    """The files in a folder of epoch `step`; by default the best, else the newest with an encoder.

    A folder of stage I has its best encoder, or else its last one.
    """
    epochs: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("*_net_*.pth")):
        if match := re.fullmatch(r"(\d+|best)_net_(E|G|Di|Dp)\.pth", path.name):
            epochs.setdefault(match[1].lstrip("0") or "0", []).append(path)
    if step is None:
        with_encoder = {
            e for e, files in epochs.items() if any(f.stem.endswith("_E") for f in files)
        }
        if "best" in with_encoder:
            return epochs["best"]
        if with_encoder:
            return epochs[max(with_encoder, key=int)]
        for name in STAGE_ONE:
            if (folder / name).is_file():
                return [folder / name]
        raise UserError(
            f"{folder} holds no encoder of FD-GAN: give the folder with the authors' "
            "EPOCH_net_E.pth or model_best.pth.tar, or the files one by one."
        )
    if str(step) not in epochs:
        numbers = ", ".join(sorted(epochs.keys() - {"best"}, key=int)) or "none"
        raise UserError(f"{folder} has no networks of epoch {step}; it has {numbers}.")
    return epochs[str(step)]


def recognise(file: Checkpoint) -> str:
    """Which of the authors' files it is, by the names in it. Raises UserError if none."""
    for kind, layout in LAYOUTS.items():
        if any(name.startswith(layout.marks) for name in file.tensors):
            outputs = file.tensors.get("embed_model.classifier.bias")
            one = outputs is not None and outputs.numel() == 1
            return "Di" if kind == "E" and one else kind
    raise UserError(
        f"{file.path} is none of FD-GAN's E, G, Di and Dp files: it has the entries "
        f"{names(file.tensors)}."
    )
