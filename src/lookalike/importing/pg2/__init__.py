"""PG²'s released weights (charliememory/Pose-Guided-Person-Image-Generation) as models of ours.

The authors leave a TensorFlow 1 checkpoint, model.ckpt-STEP.{index,data-…,meta}, of G1 (scope
Pose_AE), G2 (UAEnoFC) and D (Discriminator.*), which may be absent. It is read where TensorFlow is
installed, and elsewhere as an .npz file of its variables by name. All sizes are in the shapes.

`tensorflow` reads either, `entries` has the names of variables and how their numbers are turned.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from lookalike.errors import UserError
from lookalike.importing.checkpoints import Checkpoint, names
from lookalike.importing.outputs import Imported, Write, beside, check_free, write_all
from lookalike.importing.pg2.entries import (
    KINDS,
    d_rows,
    g1_rows,
    g2_rows,
    others,
    scope_of,
    take,
)
from lookalike.importing.pg2.tensorflow import find, read_variables
from lookalike.importing.renaming import Report, by
from lookalike.methods.model_file import save_model, save_tensors
from lookalike.methods.pg2 import PG2, PG2Model
from lookalike.nets.pg2 import Discriminator
from lookalike.nets.unfilled import Unfilled

DATA = {(128, 64): "Market-1501", (256, 256): "DeepFashion"}


def import_files(paths: Sequence[Path], out: Path, step: int | None, force: bool) -> Imported:
    """Writes the model in the authors' file: an importer of `IMPORTERS`.

    A discriminator is written beside `out` as <stem>.discriminator.safetensors.
    """
    check_free([out], force)
    file = read_variables(find(paths, step))
    kinds = {kind for kind in map(scope_of, file.tensors) if kind}
    if "G1" not in kinds:
        raise UserError(
            f"{file.path} has no variables of {KINDS['G1']}G, PG²'s first network, but "
            f"{names(file.tensors)}."
        )
    method = settings(file, kinds)
    with torch.device("meta"), Unfilled():  # nothing large is built before all is checked
        hollow = cast(PG2Model, method.model(0))
    blocks, deepest = method.depth, hollow.g1.small[1:]
    values, report = take("G1", file, g1_rows(blocks, deepest, hollow.g1.state_dict()))
    state, reports = {f"g1.{name}": value for name, value in values.items()}, [report]
    if hollow.g2 is not None:
        values, report = take("G2", file, g2_rows(blocks - 2, hollow.g2.state_dict()))
        state |= {f"g2.{name}": value for name, value in values.items()}
        reports.append(report)
    writers: dict[Path, Write] = {}
    outputs: dict[Path, str] = {}
    if "D" in kinds:
        place = beside(out, "discriminator")
        writers[place] = discriminator_writer(method, file, reports)
        outputs[place] = "the discriminator, which only training needs"
    rest = others(file)
    reports += [rest] if rest.rest else []
    with Unfilled():
        model = method.model(0)
    model.load_state_dict(state)
    data = DATA.get(model.size, "other data")
    does = "reposes" if "G2" in kinds else "reposes coarsely (no G2)"
    writers = {out: partial(save_model, model), **writers}
    outputs = {out: f"pg2, {by(model.size)} pixels ({data}); {does}", **outputs}
    check_free(list(writers), force)
    write_all(writers)
    return Imported(outputs, reports, [])


def settings(file: Checkpoint, kinds: set[str]) -> PG2:
    """The settings that the shapes tell; the rest is the released code's.

    Raises UserError when the shapes are of no PG².
    """
    convs = count(file, "Pose_AE/G/Conv")
    if not convs or convs % 6:
        raise UserError(
            f"{file.path} has {convs} convolutions in {KINDS['G1']}G, which has 6 for every block: "
            "it is incomplete or of another network."
        )
    blocks, channels = convs // 6, axes(file, "Pose_AE/G/Conv/weights", 4)[3]
    # N = log2(H) − 2, so that the deepest map is 8 pixels high.
    narrow = axes(file, "Pose_AE/G/fully_connected/weights", 2)[0] // (8 * channels * blocks)
    sizes: dict[str, Any] = {
        "height": 4 << blocks,
        "width": narrow << (blocks - 1),
        "channels": channels,
        "parts": "g1",
    }
    if "G2" in kinds and blocks >= 3:
        last = axes(file, f"UAEnoFC/G/Conv_{5 * (blocks - 2) - 2}/weights", 4)  # the last block's
        sizes |= {"parts": "g1+g2+d", "g2_skip_outer": last[2] > channels}
    if "D" in kinds and axes(file, "Discriminator.1/Discriminator.1.Filters", 4)[2] == 6:
        sizes["dis_mode"] = "pair"
    method = PG2.preset("deepfashion_code" if blocks == 6 else "code")
    try:
        return dataclasses.replace(method, **sizes)
    except UserError as error:
        raise UserError(
            f"{file.path} has variables of no PG² that Lookalike can build: {error!s}"
        ) from error


def count(file: Checkpoint, scope: str) -> int:
    """One more than the highest number in the names of a scope's convolutions."""
    pattern = re.compile(re.escape(scope) + r"(?:_(\d+))?/weights")
    numbers = [int(m[1] or 0) for m in map(pattern.fullmatch, file.tensors) if m]
    return max(numbers, default=-1) + 1


def axes(file: Checkpoint, name: str, dims: int) -> tuple[int, ...]:
    """The shape of a variable that tells a size. Raises UserError where that isn't there."""
    value = file.tensors.get(name)
    if value is None:
        raise UserError(
            f"{file.path} has no '{name}', which tells a size of PG²'s networks: it is incomplete "
            "or of another network."
        )
    if value.dim() != dims:
        raise UserError(f"{file.path} has '{name}' of shape {by(value.shape)}, not {dims} axes.")
    if not value.numel():
        raise UserError(f"{file.path} has '{name}' of shape {by(value.shape)}: it is empty.")
    return tuple(value.shape)


def discriminator_writer(method: PG2, file: Checkpoint, reports: list[Report]) -> Write:
    """What writes D's weights under our names, once they are checked."""
    inputs, layers = 6 if method.dis_mode == "pair" else 3, method.depth - 1
    with torch.device("meta"), Unfilled():
        net: nn.Module = Discriminator(
            method.height, method.width, layers, method.channels, inputs, method.padding
        )
    template = net.state_dict()
    values, report = take("D", file, d_rows(layers, template))
    reports.append(report)
    tensors: dict[str, Tensor] = {
        name: values.get(name, torch.zeros(like.shape, dtype=like.dtype))
        for name, like in template.items()
    }  # zeros: the counters of steps, which TensorFlow has none of
    about = {
        "format": "pt",
        "network": "lookalike.nets.pg2.Discriminator",
        "height": str(method.height),
        "width": str(method.width),
        "layers": str(layers),
        "channels": str(method.channels),
        "inputs": str(inputs),
    }
    return partial(save_tensors, tensors, about)
