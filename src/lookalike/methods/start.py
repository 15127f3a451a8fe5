"""What a method takes of a trained model to start from: its trunk, and its neck and pooling."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from lookalike.errors import UserError, printable, short
from lookalike.methods.method import Method
from lookalike.methods.model import Model
from lookalike.methods.model_file import fingerprint, load_model, shapes
from lookalike.nets.pooling import GeM
from lookalike.nets.unfilled import Unfilled
from lookalike.nets.weights import check_trunk, is_trained, metadata
from lookalike.reading import from_json

M = TypeVar("M", bound=Method)


@dataclass(frozen=True)
class StartWeights:
    """What is taken of a model.

    tensors, notes: content and metadata of a file of weights: the trunk's under its own names,
    those of other parts as "neck.weight". about: which model it is, as JSON. text: what was taken
    and what was left, as a sentence.
    """

    tensors: dict[str, Tensor]
    notes: dict[str, str]
    about: dict[str, Any]
    text: str


def check_use(method: Method) -> None:
    """Raises UserError where a method has no use for a trunk, or is given another one."""
    weights = getattr(method, "weights", None)
    if weights is None:
        raise UserError(
            f"{method.name} learns no trunk that could start from a model's: leave out --start."
        )
    if getattr(method, "teacher_model", "") and getattr(method, "start_from", "") == "teacher":
        raise UserError(
            "With --teacher_model and --start_from teacher the trunk starts from that teacher: "
            "leave out --start, or give --start_from weights."
        )
    if weights not in ("imagenet", "none"):
        raise UserError(
            f"--start takes the trunk of a model, --weights {weights} another one: leave one out."
        )


def weights_to_start_from(method: Method, model: str | Path) -> StartWeights:
    """What `method` starts from in that model, a run's folder or a file.

    Raises UserError where there is no model, its trunk is another one than the method's, or a
    weight isn't finite.
    """
    source = read_model(model)
    parts = source.parts_to_start_from()
    if "trunk" not in parts:
        raise UserError(f"{model} is a model of {source.method.name}, which has no trunk to take.")
    parts.setdefault("pool", GeM(1.0))  # who has none averages, as GeM does at 1
    notes = notes_of(source)
    if (name := notes["backbone"]) != (wanted := getattr(method, "backbone", "")):
        raise UserError(
            f"{model} has the trunk {name}, but {method.name} is to have a {wanted}: give "
            f"--backbone {name}, or another model."
        )
    with torch.device("meta"), Unfilled():
        here = with_weights(method, str(model), "none", notes).model(1).parts_to_start_from()
    check_trunk(here["trunk"].state_dict(), parts["trunk"].state_dict(), str(model))
    taken = {
        part: module
        for part, module in parts.items()
        if part in here and shapes(here[part].state_dict()) == shapes(module.state_dict())
    }
    tensors = {
        ("" if part == "trunk" else f"{part}.") + key: value.detach().contiguous()
        for part, module in taken.items()
        for key, value in module.state_dict().items()
    }
    data = data_of(model)
    about = {
        "model": str(model),
        "method": source.method.name,
        "data": data,
        "fingerprint": fingerprint(source),
        "parts": list(taken),
    }
    return StartWeights(tensors, notes, about, in_words(about, source, taken, here["trunk"]))


def read_model(model: str | Path) -> Model:
    """The trained model in a run folder or a file. Raises UserError where there is none."""
    path = Path(model).expanduser()
    if path.is_dir() and is_trained(path) and not place_of(model).exists():
        raise UserError(
            f"The run in {model} has no model yet: finish it with --resume, or start from another."
        )
    if path.is_file() and (path.suffix != ".safetensors" or not is_trained(path)):
        raise UserError(
            f"{model} is no model to start from: give --start a run's folder or its "
            "model.safetensors; a trunk's weights go to --weights, an authors' checkpoint through "
            "`lookalike import`."
        )
    trained = load_model(path)
    for name, value in trained.state_dict().items():
        if not value.isfinite().all():
            raise UserError(f"{model} has a '{name}' that isn't finite: start from another model.")
    return trained


def place_of(model: str | Path) -> Path:
    """The model file that is meant by it, or by a run's folder."""
    path = Path(model).expanduser()
    return path / "model.safetensors" if path.is_dir() else path


def data_of(model: str | Path) -> str:
    """What the model says that it was trained on; nothing of an imported one."""
    about = from_json(metadata(place_of(model))["lookalike"])
    return short(str(about.get("data") or ""), 300)


def notes_of(model: Model) -> dict[str, str]:
    """What the run's file says of the trunk: its name, the scale of the pixels that it sees, and
    where it strides, unless that can't be chosen."""
    m = model.method
    notes = {"backbone": m.backbone, "pixel_norm": getattr(m, "pixel_norm", "imagenet")}
    if m.backbone.startswith("timm:"):
        return notes
    return {**notes, "stride_on": "3x3" if m.stride_on == "auto" else m.stride_on}


def with_weights(method: M, model: str, weights: str, notes: Mapping[str, str] | None = None) -> M:
    """The settings with these weights, which were taken of `model`, and with what is noted of them
    where the settings are "auto".

    notes: by default those in the file `weights`. Raises UserError where the settings place the
    strides elsewhere.
    """
    notes = metadata(Path(weights)) if notes is None else notes
    changes: dict[str, Any] = {"weights": weights}
    stride_on = notes.get("stride_on", "auto")
    if (asked := getattr(method, "stride_on", "auto")) not in ("auto", stride_on):
        raise UserError(
            f"The trunk of {model} was trained with its strides on {stride_on}, in which "
            f"--stride_on {asked} is wrong: leave it out."
        )
    if hasattr(method, "stride_on"):
        changes["stride_on"] = stride_on
    if getattr(method, "pixel_norm", "") == "auto":
        changes["pixel_norm"] = notes.get("pixel_norm", "imagenet")
    return dataclasses.replace(method, **changes)


def in_words(
    about: Mapping[str, Any], source: Model, taken: Mapping[str, nn.Module], trunk: nn.Module
) -> str:
    """What was taken of a model, and what wasn't, as a sentence; trunk: the one that starts so."""
    tensors = len(taken["trunk"].state_dict())
    words = {"neck": "neck", "pool": "pooling"}
    others = "".join(f" and its {words[part]}" for part in taken if part != "trunk")
    trained = source.method.name + (f", trained on {about['data']}" if about["data"] else "")
    left = ", ".join(left_out(source, [*taken.values()]))
    people = f" of {source.classes:,} people" if source.classes else ""
    text = f"starts from {about['model']} ({trained}): {tensors} tensors of its "
    text += f"{source.method.backbone} trunk{others}"
    text += f"; left: {left}{people}." if left else "."
    before, now = (getattr(net, "last_stride", None) for net in (taken["trunk"], trunk))
    if before != now:
        text += f" Its last stage had stride {before} and has {now} here, which changes no weight."
    return printable(text)


def left_out(module: nn.Module, taken: list[nn.Module], name: str = "") -> list[str]:
    """The names of the largest parts of a module in which nothing is that was taken."""
    if any(module is part for part in taken) or not module.state_dict():
        return []
    if not any(part is inner for inner in module.modules() for part in taken):
        return [name]
    return [
        text
        for child, inner in module.named_children()
        for text in left_out(inner, taken, f"{name}.{child}" if name else child)
    ]
