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
import torch
from torch import Tensor, nn

from lookalike.errors import UserError, short, unknown
from lookalike.files import replacing
from lookalike.methods.method import Method
from lookalike.methods.model import Model
from lookalike.methods.old_files import present_settings, with_later_settings
from lookalike.nets.unfilled import Unfilled
from lookalike.reading import from_json
from lookalike.version import __version__

M = TypeVar("M", bound=Method)
FORMAT = 2
MOST_CLASSES = 1 << 31  # more can't be meant, and have no place in memory
FOREIGN = "is not a Lookalike model; an authors' checkpoint goes through `lookalike import`."


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
        factory = fields[name].default_factory
        if isinstance(default, tuple):
            if not isinstance(value, (list, tuple)):
                raise UserError(f"{name} of {kind.name} should be a list, not '{short(value)}'.")
            value = tuple(value)
        elif (factory is not dataclasses.MISSING) != isinstance(value, Mapping):
            raise UserError(f"{name} of {kind.name} can't be '{short(value)}'.")
        elif factory is not dataclasses.MISSING:
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
            "resize": f"{model.resampling}, antialiased",
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
    about, tensors = read_file(path)
    name, settings, classes = about["method"], about["settings"], about["classes"]
    if name not in METHODS:
        raise unknown(f"method in {path}", name, METHODS)
    if "format" not in about:
        try:
            settings = present_settings(name, settings)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UserError(f"{path} {FOREIGN}") from error
    method = settings_from(METHODS[name], with_later_settings(name, settings))
    with torch.device("meta"), Unfilled():  # nothing large is built before all is checked
        hollow = method.model(classes)
    if any(part not in dict(hollow.named_children()) for part in about["without"]):
        raise UserError(f"{path} {FOREIGN}")
    for part in about["without"]:
        hollow.leave_out(part)
    if shapes(hollow.state_dict()) != shapes(tensors):
        raise UserError(f"The weights in {path} don't fit its settings: get the file again.")
    with Unfilled():
        model = method.model(classes)
    for part in about["without"]:
        model.leave_out(part)
    model.load_state_dict(tensors)
    model.pids = about["pids"]
    return model.eval()


def read_file(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What a model file says of itself, with values of the kinds that they should be, and its
    weights. Raises UserError as `load_model`."""
    try:
        with safetensors.safe_open(str(path), framework="pt") as file:
            about = from_json((file.metadata() or {})["lookalike"])
        tensors = safetensors.torch.load_file(path)
    except (safetensors.SafetensorError, KeyError, ValueError) as error:
        raise UserError(f"{path} {FOREIGN}") from error
    except OSError as error:
        raise UserError(f"The model {path} can't be opened ({error.strerror or error}).") from error
    if not isinstance(about, dict):
        raise UserError(f"{path} {FOREIGN}")
    number = about.get("format", 1)
    if type(number) is int and number > FORMAT:
        raise UserError(
            f"{path} was written by Lookalike {about.get('version')}, which is newer than this "
            "one: install that version to load it."
        )
    right = (
        type(number) is int
        and isinstance(about.get("method"), str)
        and isinstance(about.get("settings"), dict)
        and type(about.get("classes")) is int
        and 0 <= about["classes"] <= MOST_CLASSES
        and _are(about.get("pids"), int)
        and _are(about.get("without"), str)
    )
    if not right:
        raise UserError(f"{path} {FOREIGN}")
    return about, tensors


def _are(values: Any, kind: type) -> bool:
    """Whether it is a list of nothing else."""
    return isinstance(values, list) and all(type(value) is kind for value in values)


def shapes(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Name → shape."""
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


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
