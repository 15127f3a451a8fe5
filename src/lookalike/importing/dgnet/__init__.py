"""DG-Net's released checkpoints (NVlabs/DG-Net) as models of ours.

The authors leave outputs/NAME/config.yaml and outputs/NAME/checkpoints/{gen,dis,id}_STEP.pt, and
take their teacher from a folder with net_last.pth and opts.yaml. id is the appearance encoder,
which recognises alone; gen, which needs it, swaps; dis and the teacher are for training.

`released_files` tells these apart, `config` reads the settings, `entries` has the names of weights.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from lookalike.errors import UserError
from lookalike.importing.checkpoints import Checkpoint, files_in
from lookalike.importing.dgnet.config import classes_of, settings, teacher_settings
from lookalike.importing.dgnet.entries import LAYOUTS
from lookalike.importing.dgnet.released_files import collect, in_folder
from lookalike.importing.outputs import Imported, Write, beside, check_free, write_all
from lookalike.importing.renaming import Report, take
from lookalike.methods.dgnet import DGNet, DGNetModel
from lookalike.methods.ide import BaselineModel
from lookalike.methods.model_file import save_model, save_tensors
from lookalike.nets.dgnet import Discriminator
from lookalike.nets.unfilled import Unfilled


def import_files(paths: Sequence[Path], out: Path, step: int | None, force: bool) -> Imported:
    """Writes the model in the authors' files or folders: an importer of `IMPORTERS`.

    A discriminator is written beside `out` as <stem>.discriminator.safetensors, a teacher as
    <stem>.teacher.safetensors, a model of ide; a teacher alone goes to `out` itself.
    """
    check_free([out], force)
    notes: list[str] = []
    files, options = collect(files_in(paths, step, lambda folder: in_folder(folder, step, notes)))
    if "id" not in files and files.keys() != {"teacher"}:
        sources = ", ".join(str(file.path) for file in files.values()) or "an option file"
        raise UserError(
            f"{sources} can't be used without the appearance encoder: give the id file too "
            "(id_*.pt of the same step)."
        )
    steps = {m[1] for f in files.values() if (m := re.search(r"_(\d+)\.pt$", f.path.name))}
    if len(steps) > 1:
        notes.append(
            f"the files are of different steps ({', '.join(sorted(steps))}): gen and id "
            "fit each other only at the same one."
        )
    reports: list[Report] = []
    writers: dict[Path, Write] = {}
    outputs: dict[Path, str] = {}
    if "id" in files:
        method = settings(files, options.get("config"), notes)
        model = joint_model(method, files, reports)
        writers[out] = partial(save_model, model)
        swaps = "swaps" if "gen" in files else "but doesn't swap (no gen file)"
        size = f"{method.height}×{method.width}"
        outputs[out] = f"dgnet, {model.classes} identities, {size} pixels; recognises, {swaps}"
        if "dis" in files:
            place = beside(out, "discriminator")
            writers[place] = discriminator_writer(method, files["dis"], reports)
            outputs[place] = f"{method.dis_scales} discriminators, which only training needs"
    if "teacher" in files:
        teacher = teacher_model(files["teacher"], options.get("opts"), reports, notes)
        if "id" in files and teacher.classes != model.classes:
            raise UserError(
                f"{files['teacher'].path} tells {teacher.classes} identities apart, but "
                f"{files['id'].path} {model.classes}: they were trained on different data."
            )
        place = beside(out, "teacher") if "id" in files else out
        writers[place] = partial(save_model, teacher)
        outputs[place] = f"ide, {teacher.classes} identities; for `train dgnet --teacher_model`"
    check_free(list(writers), force)
    write_all(writers)
    return Imported(outputs, reports, notes)


def joint_model(
    method: DGNet, files: Mapping[str, Checkpoint], reports: list[Report]
) -> DGNetModel:
    """The model with the weights of the id file and, if there is one, of the gen file."""
    classes = classes_of(files["id"])
    with torch.device("meta"), Unfilled():  # nothing large is built before all is checked
        template = method.model(classes).state_dict()
    tensors: dict[str, Tensor] = {}
    for kind, part in (("id", "appearance."), ("gen", "generator.")):
        if kind in files:
            entries = {name: value for name, value in template.items() if name.startswith(part)}
            values, report = take(kind, files[kind], LAYOUTS[kind], entries)
            tensors |= values
            reports.append(report)
    with Unfilled():
        model = cast(DGNetModel, method.model(classes))
    if "gen" not in files:
        model.leave_out("generator")
    model.load_state_dict(tensors)
    return model


def teacher_model(
    file: Checkpoint, opts: Path | None, reports: list[Report], notes: list[str]
) -> BaselineModel:
    """The teacher as a model of ide."""
    method, classes = teacher_settings(file, opts, notes)
    with torch.device("meta"), Unfilled():
        template = method.model(classes).state_dict()
    tensors, report = take("teacher", file, LAYOUTS["teacher"], template)
    reports.append(report)
    with Unfilled():
        model = cast(BaselineModel, method.model(classes))
    model.load_state_dict(tensors)
    return model


def discriminator_writer(method: DGNet, file: Checkpoint, reports: list[Report]) -> Write:
    """What writes the discriminators' weights under our names, once they are checked."""
    with torch.device("meta"), Unfilled():
        network = Discriminator(method.dis_dim, method.dis_scales, method.residual_blocks)
    template = network.state_dict()
    values, report = take("dis", file, LAYOUTS["dis"], template)
    reports.append(report)
    tensors = {name: value.float().contiguous() for name, value in values.items()}
    about = {
        "format": "pt",
        "network": "lookalike.nets.dgnet.Discriminator",
        "dim": str(method.dis_dim),
        "scales": str(method.dis_scales),
        "residuals": str(method.residual_blocks),
    }
    return partial(save_tensors, tensors, about)
