"""A trained model as one safetensors file: weights, and in its metadata everything else.

The metadata's entry "lookalike" is JSON: format, version, method, settings, pids (the identity of
every class), classes, data, preprocessing, without. Files without a format are of format 1.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import safetensors
import safetensors.torch
from torch import Tensor, nn

from lookalike.errors import UserError, unknown
from lookalike.files import replacing
from lookalike.methods.method import Method
from lookalike.methods.model import Model
from lookalike.methods.old_files import present_settings
from lookalike.nets.unfilled import Unfilled
from lookalike.version import __version__

M = TypeVar("M", bound=Method)
FORMAT = 2


def settings_from(kind: type[M], values: Mapping[str, Any]) -> M:
    """The settings that `dataclasses.asdict` made `values` of, after a trip through JSON or YAML.

    Raises UserError for a setting that the method doesn't have or a value that it doesn't allow.
    """
    fields = {f.name: f for f in dataclasses.fields(kind)}
    known: dict[str, Any] = {}
    for name, value in values.items():
        if name not in fields:
            raise unknown(f"setting of {kind.name}", name, fields)
        default = fields[name].default
        if isinstance(default, tuple):
            value = tuple(value)
        elif isinstance(value, Mapping):
            factory = fields[name].default_factory
            assert factory is not dataclasses.MISSING  # only nested settings are mappings
            try:
                value = settings_from(type(factory()), value)
            except UserError as error:
                raise UserError(f"{name}: {error}") from error
        known[name] = value
    return kind(**known)


def save_model(model: Model, path: str | Path, data: str = "") -> Path:
    """Writes `model` to `path`, complete or not at all. Raises UserError when the disk refuses."""
    path = Path(path)
    about = {
        "format": FORMAT,
        "version": __version__,
        "method": model.method.name,
        "settings": dataclasses.asdict(model.method),
        "classes": model.classes,
        "pids": [int(p) for p in model.pids],
        "data": data,
        "preprocessing": {
            "size": list(model.size),
            "resize": "bicubic, antialiased",
            "mean": list(model.normalize.norm.mean),
            "std": list(model.normalize.norm.std),
            "bgr": model.normalize.norm.bgr,
        },
        "without": sorted(model.without),
    }
    tensors = {k: v.detach().cpu().contiguous() for k, v in model.state_dict().items()}
    with replacing(path) as part:
        # One entry: safetensors writes several in random order, and equal runs differ then.
        save_tensors(tensors, {"lookalike": json.dumps(about)}, part)
    return path


def save_tensors(tensors: dict[str, Tensor], about: dict[str, str], path: Path) -> None:
    """Writes a safetensors file that everybody can read, about: its metadata. Raises OSError when
    the disk refuses."""
    try:
        safetensors.torch.save_file(tensors, path, about)
    except safetensors.SafetensorError as error:  # how safetensors reports a failed write
        raise OSError(str(error)) from error
    path.chmod(0o644)  # safetensors makes a file that only its owner can read


def load_model(path: str | Path) -> Model:
    """The model that `save_model` wrote, in eval mode, on the CPU.

    Raises UserError when there is no such file, it isn't a Lookalike model, a newer version wrote
    it, or its weights don't fit its settings.
    """
    from lookalike.methods import METHODS  # the list of methods stands above this file

    path = Path(path)
    if path.is_dir():
        path = path / "model.safetensors"
    if not path.is_file():
        raise UserError(f"There is no model file {path}.")
    try:
        with safetensors.safe_open(str(path), framework="pt") as file:
            about = json.loads((file.metadata() or {})["lookalike"])
        tensors = safetensors.torch.load_file(path)
    except (safetensors.SafetensorError, KeyError, ValueError) as error:
        raise UserError(
            f"{path} is not a Lookalike model; an authors' checkpoint goes through "
            "`lookalike import`."
        ) from error
    if about.get("format", 1) > FORMAT:
        raise UserError(
            f"{path} was written by Lookalike {about['version']}, which is newer than this one: "
            "install that version to load it."
        )
    name, settings = about["method"], about["settings"]
    if name not in METHODS:
        raise unknown(f"method in {path}", name, METHODS)
    if "format" not in about:
        settings = present_settings(name, settings)
    with Unfilled():
        model = settings_from(METHODS[name], settings).model(about["classes"])
    for part in about["without"]:
        model.leave_out(part)
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise UserError(
            f"The weights in {path} don't fit its settings: get the file again."
        ) from error
    model.pids = about["pids"]
    return model.eval()


def fingerprint(module: nn.Module) -> str:
    """A name for a network's weights, and for a `Model`'s settings too: 16 hexadecimal digits.

    A trained model has the name that it has when it is loaded from its file.
    """
    digest = hashlib.sha256()
    if isinstance(module, Model):
        settings = dataclasses.asdict(module.method)
        if "weights" in settings:  # where it started, which a file has overwritten
            settings["weights"] = "none"
        digest.update(json.dumps(settings).encode())
    for tensor in module.state_dict().values():
        digest.update(tensor.detach().cpu().contiguous().numpy())
    return digest.hexdigest()[:16]
