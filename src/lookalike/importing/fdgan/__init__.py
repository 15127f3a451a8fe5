"""FD-GAN's released checkpoints (yxgeee/FD-GAN) as models of ours.

Stage I leaves model_best.pth.tar with encoder and verifier; stages II and III leave
EPOCH_net_{E,G,Di,Dp}.pth and best_net_*.pth. E is encoder and verifier, which recognise alone; G,
which needs it, reposes; the identity discriminator Di and the pose discriminator Dp are for
training. All are of PyTorch 0.3.1, whose batch norm has no step counters: they become 0.

`released_files` tells these apart, `entries` has the names of weights.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lookalike.errors import UserError
from lookalike.importing.checkpoints import Checkpoint, by_kind, files_in, size
from lookalike.importing.fdgan.entries import LAYOUTS
from lookalike.importing.fdgan.released_files import in_folder, recognise
from lookalike.importing.outputs import Imported, Write, beside, check_free, write_all
from lookalike.importing.renaming import Report, take
from lookalike.methods.fdgan import FDGAN
from lookalike.methods.model_file import save_model, save_tensors
from lookalike.nets import resnet
from lookalike.nets.fdgan import IdentityDiscriminator, PoseDiscriminator
from lookalike.nets.unfilled import Unfilled

COUNTER = "num_batches_tracked"
ABOUT = {"E": "encoder", "Di": "identity", "Dp": "pose"}  # what is written beside the model


def import_files(paths: Sequence[Path], out: Path, step: int | None, force: bool) -> Imported:
    """Writes the model in the authors' files or folders: an importer of `IMPORTERS`.

    Beside `out`, with .encoder, .identity and .pose in their names: the encoder alone under
    torchvision's names, which --weights of any method takes, and the two discriminators.
    """
    check_free([out], force)
    files = by_kind(files_in(paths, step, lambda folder: in_folder(folder, step)), recognise)
    if "E" not in files:
        raise UserError(
            f"{', '.join(str(file.path) for file in files.values())} can't be used without the "
            "encoder: give the E file too (EPOCH_net_E.pth of the same epoch)."
        )
    method, reports, notes = settings(files), list[Report](), list[str]()
    epochs = {m[1] for f in files.values() if (m := re.match(r"(\w+)_net_", f.path.name))}
    if len(epochs) > 1:
        notes.append(
            f"the files are of different epochs ({', '.join(sorted(epochs))}): E and G "
            "fit each other only at the same one."
        )
    with torch.device("meta"), Unfilled():  # nothing large is built before all is checked
        template = method.model(0).state_dict()
    tensors: dict[str, Tensor] = {}
    for kind, parts in (("E", ("encoder.", "verifier.")), ("G", ("generator.",))):
        if kind in files:
            entries = {name: value for name, value in template.items() if name.startswith(parts)}
            tensors |= take_with_counters(kind, files[kind], entries, reports)
    size = f"{method.height}×{method.width}"
    does = "reposes" if "G" in files else "but doesn't repose (no G file)"
    writers: dict[Path, Write] = {}
    outputs = {out: f"fdgan, {size} pixels; recognises, {does}"}
    place = beside(out, ABOUT["E"])
    writers[place] = encoder_writer(tensors)
    outputs[place] = "the encoder alone, torchvision's resnet50; for `train METHOD --weights`"
    for kind, what in (("Di", "identity"), ("Dp", "pose")):
        if kind in files:
            place = beside(out, ABOUT[kind])
            writers[place] = discriminator_writer(kind, method, files[kind], reports)
            outputs[place] = f"the {what} discriminator, which only training needs"
    check_free(list(writers), force)
    with Unfilled():
        model = method.model(0)
    if "G" not in files:
        model.leave_out("generator")
    model.load_state_dict(tensors)
    write_all({out: partial(save_model, model), **writers})
    return Imported(outputs, reports, notes)


def settings(files: Mapping[str, Checkpoint]) -> FDGAN:
    """The released code's settings with the sizes that the shapes tell."""
    code = FDGAN.preset("code")
    gen = files.get("G")
    pose = size(gen, "en_avg.1.weight", 0, code.pose_dim)
    width = size(gen, "de_avg.1.weight", 0, 2048 + pose + code.noise_dim)
    inputs = [size(gen, f"de_conv{k}.1.weight", 0, 0) for k in (5, 4, 3, 2, 1)]
    outputs = [
        size(gen, f"de_{name}.1.weight", 1, 0)
        for name in ("avg", "conv5", "conv4", "conv3", "conv2")
    ]

    def fitting(connect: int) -> int:
        """How many decoders, the smallest maps first, have the inputs that so many skips give: a
        decoder that sees a map of the pose encoder has twice as many. One that lacks says nothing.
        """
        pairs = enumerate(zip(inputs, outputs, strict=True))
        return sum(into == (2 if k < connect else 1) * out for k, (into, out) in pairs)

    sizes: dict[str, Any] = {
        "height": 32 * size(gen, "en_avg.1.weight", 2, code.height // 32),
        "width": 32 * size(gen, "en_avg.1.weight", 3, code.width // 32),
        "generator_dim": size(gen, "en_conv1.weight", 0, code.generator_dim),
        "pose_dim": pose,
        "noise_dim": max(1, width - 2048 - pose),
        "connect_layers": max(range(6), key=fitting),
        "dis_dim": size(files.get("Dp"), "model.0.weight", 0, code.dis_dim),
    }
    return dataclasses.replace(code, stride_on="3x3", weights="none", **sizes)


def take_with_counters(
    kind: str, file: Checkpoint, template: Mapping[str, Tensor], reports: list[Report]
) -> dict[str, Tensor]:
    """The entries that `take` gives, with 0 for step counters that a file of that time has none of.

    Raises UserError where one of several counters is missing.
    """
    old = not any(name.endswith(COUNTER) for name in file.tensors)
    entries = {k: v for k, v in template.items() if not (old and k.endswith(COUNTER))}
    values, report = take(kind, file, LAYOUTS[kind], entries)
    reports.append(report)
    return {
        k: values[k] if k in values else torch.zeros((), dtype=v.dtype) for k, v in template.items()
    }


def encoder_writer(tensors: Mapping[str, Tensor]) -> Write:
    """What writes the encoder alone, under torchvision's names."""
    part = "encoder."
    weights = {
        k.removeprefix(part): v.contiguous() for k, v in tensors.items() if k.startswith(part)
    }
    about = {"format": "pt", "stride_on": "3x3"}
    return partial(save_tensors, weights, about)


def discriminator_writer(
    kind: str, method: FDGAN, file: Checkpoint, reports: list[Report]
) -> Write:
    """What writes a discriminator's weights under our names, once they are checked."""
    with torch.device("meta"), Unfilled():
        net: nn.Module = (
            IdentityDiscriminator(resnet(50)) if kind == "Di" else PoseDiscriminator(method.dis_dim)
        )
    values = take_with_counters(kind, file, net.state_dict(), reports)
    tensors = {name: value.contiguous() for name, value in values.items()}
    about = {"format": "pt", "network": f"lookalike.nets.fdgan.{type(net).__name__}"}
    return partial(save_tensors, tensors, about)
