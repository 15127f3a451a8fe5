"""Pretrained weights: where they come from, which stride placement they fit, a strict load."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from lookalike.errors import UserError, unknown
from lookalike.files import cache
from lookalike.nets.resnet import StrideOn
from lookalike.reading import check_file, check_inflated

_URL = "https://download.pytorch.org/models/"
# torchvision's IMAGENET1K_V1 files; the hexadecimal part is the start of their sha256.
PUBLIC = {
    "resnet18": "resnet18-f37072fd.pth",
    "resnet34": "resnet34-b627a593.pth",
    "resnet50": "resnet50-0676ba61.pth",
    "resnet101": "resnet101-63fe2227.pth",
}
# In the metadata of a file that was taken from a model of ours: whose tensors these are.
BACKBONE = "backbone"
# Files without metadata whose bottlenecks stride on the 1×1 convolution, by sha256.
KNOWN_1X1 = {
    "5bf806fed20181a5",  # ResNet-50 of the original He et al. placement, MIT, fp16
}


def weights_file(name: str, weights: str) -> Path | None:
    """The file that `weights` means for the network `name`; downloads it at the first use.

    weights: "none" (None comes out), "imagenet" or a path. "imagenet" is the file that the
    environment variable LOOKALIKE_<NAME> names, or else torchvision's public one, kept in
    $LOOKALIKE_CACHE/weights (~/.cache/lookalike/weights). Raises UserError when there is no file.
    """
    if weights == "none":
        return None
    if weights != "imagenet":
        path = Path(weights).expanduser()
        if is_trained(path):
            raise UserError(
                f"{weights} is a trained model of Lookalike, not a trunk's weights. To start from "
                "its trunk, give it as --start; to train its run on, give the run's folder as "
                "--out, with --resume and a longer length."
            )
        if not path.is_file():
            raise UserError(
                f"There is no weights file '{weights}': give --weights a .safetensors or .pth "
                "file, 'imagenet' or 'none'."
            )
        return path
    variable = f"LOOKALIKE_{name.upper()}"
    if variable in os.environ:
        path = Path(os.environ[variable]).expanduser()
        if not path.is_file():
            raise UserError(f"{variable} names '{path}', which is not a file: correct or unset it.")
        return path
    if name not in PUBLIC:
        raise unknown("network with public weights", name, PUBLIC)
    return _download(_URL + PUBLIC[name])


def is_trained(path: Path) -> bool:
    """Whether `path` is a run of ours, a model or a checkpoint of one."""
    if path.is_dir():
        return (path / "model.safetensors").is_file() or (path / "config.yaml").is_file()
    if path.suffix != ".safetensors":
        return path.name == "last.ckpt" and path.is_file()
    try:
        with safetensors.safe_open(str(path), framework="pt") as file:
            return "lookalike" in (file.metadata() or {})
    except (OSError, safetensors.SafetensorError):  # what is wrong with it is said later
        return False


def _download(url: str) -> Path:
    path = cache("weights") / url.rsplit("/", 1)[1]
    if path.is_file():
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Writes a temporary file, checks the hash, then renames: never half a file.
        torch.hub.download_url_to_file(url, str(path), hash_prefix=path.stem.rsplit("-", 1)[1])
    except (OSError, RuntimeError) as error:  # no network, no space; wrong hash
        raise UserError(
            f"Could not download {url} ({error}): put the file at {path}, or give "
            "--weights PATH, or --weights none to start from random weights."
        ) from error
    return path


def weights_stride_on(name: str, weights: str) -> StrideOn:
    """The stride placement that fits `weights`: what the file says, is known for, or "3x3".

    A .safetensors file says it in its metadata under `stride_on`. Raises UserError when there is
    no such file or its metadata names another placement.
    """
    path = weights_file(name, weights)
    if path is None:
        return "3x3"
    placement = metadata(path).get("stride_on")
    if placement == "1x1" or placement == "3x3":
        return "1x1" if placement == "1x1" else "3x3"
    if placement is not None:
        raise unknown(f"stride_on in {path}", placement, ("1x1", "3x3"))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return "1x1" if digest[:16] in KNOWN_1X1 else "3x3"


def metadata(path: Path) -> dict[str, str]:
    """What a .safetensors file says of its weights; other files say nothing.

    Raises UserError when it can't be read.
    """
    if path.suffix != ".safetensors":
        return {}
    try:
        with safetensors.safe_open(str(path), framework="pt") as file:
            return file.metadata() or {}
    except safetensors.SafetensorError as error:
        raise UserError(f"{path} is not a readable .safetensors file ({error}).") from error
    except OSError as error:
        raise UserError(
            f"The weights {path} can't be opened ({error.strerror or error})."
        ) from error


def load_imagenet(model: nn.Module, name: str = "resnet50", weights: str = "imagenet") -> None:
    """Loads pretrained weights into the trunk `model`, every key with its exact shape.

    weights: as in `weights_file`. A file of another float type is cast; a classifier in it is
    ignored. Raises UserError naming the key that is missing, misshapen or has no place.
    """
    path = weights_file(name, weights)
    if path is not None:
        load_trunk(model, read_weights(path), str(path))


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a .safetensors or .pth file on the CPU, names without a leading "module.".

    A .pth file may hold the tensors under "state_dict". Raises UserError on anything else.
    """
    content: Any
    try:
        check_file(path)
        if path.suffix == ".safetensors":
            content = safetensors.torch.load_file(path)
        else:
            content = load_plain(path)
    except UserError:
        raise
    except safetensors.SafetensorError as error:
        raise UserError(f"{path} is not a readable .safetensors file ({error}).") from error
    except OSError as error:
        raise UserError(f"The weights {path} can't be opened ({error.strerror}).") from error
    except Exception as error:  # torch.load answers damage with nearly every kind of exception
        raise UserError(f"{path} can't be read as .safetensors or .pth weights.") from error
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict):
        raise UserError(f"{path} holds a {type(content).__name__}, not named weights.")
    return {str(k).removeprefix("module."): v for k, v in content.items() if isinstance(v, Tensor)}


class Skipped:
    """What stands for NumPy's numbers and arrays beside weights (the best rank-1, say), which
    nobody needs: none of what a file says of them is kept or called."""

    def __init__(self, *_: Any) -> None: ...

    def __setstate__(self, state: object) -> None: ...


# By the names that NumPy 1 and 2 give what pickles of them ask for.
_SKIPPED: list[Any] = [
    type(name, (Skipped,), {"__module__": module})
    for module, name in (
        ("numpy.core.multiarray", "scalar"), ("numpy._core.multiarray", "scalar"),
        ("numpy.core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "_reconstruct"),
        ("numpy", "ndarray"), ("numpy", "dtype"), ("_codecs", "encode"),
    )
]  # fmt: skip


def load_plain(path: Path) -> Any:
    """What a PyTorch file holds, on the CPU, without running code that may be in it.

    NumPy's numbers and arrays are read over. Raises UserError for a file that unpacks to so much
    more than its size as weights never do, and for damage nearly every kind of exception.
    """
    check_file(path)
    try:
        check_inflated(path)
    except ValueError as error:
        raise UserError(f"{path} can't be read ({error}): get the file again.") from error
    with torch.serialization.safe_globals(_SKIPPED):
        return torch.load(path, map_location="cpu", weights_only=True)


def load_part(module: nn.Module | None, weights: str, part: str) -> bool:
    """Fills a module beside the trunk, "neck" or "pool", from `weights`, if there is one and they
    have it.

    Only the file that a run keeps of the model that it starts from has such parts. Whether it has
    this one, with the module's exact names and shapes: else nothing changes. Raises UserError for
    a file that can't be read.
    """
    path = Path(weights)
    if module is None or weights in ("none", "imagenet") or BACKBONE not in metadata(path):
        return False
    state, prefix = module.state_dict(), f"{part}."
    tensors = {
        key.removeprefix(prefix): value
        for key, value in read_weights(path).items()
        if key.startswith(prefix)
    }
    if {k: v.shape for k, v in tensors.items()} != {k: v.shape for k, v in state.items()}:
        return False
    module.load_state_dict(tensors)
    return True


def load_trunk(model: nn.Module, tensors: Mapping[str, Tensor], source: str) -> None:
    """Copies `tensors` into `model`; extra keys are ignored outside the model's own parts.

    Raises UserError as `check_trunk`.
    """
    state = model.state_dict()
    check_trunk(state, tensors, source)
    model.load_state_dict({key: tensors.get(key, value) for key, value in state.items()})


def check_trunk(state: Mapping[str, Tensor], tensors: Mapping[str, Tensor], source: str) -> None:
    """Raises UserError where `tensors` of the file `source` aren't those of a trunk that has the
    `state`: for the first that lacks, has another shape, or is of a part of it and has no place."""
    for key, value in state.items():
        if key.endswith("num_batches_tracked"):  # a count of steps, absent from many files
            continue
        if key not in tensors:
            raise UserError(f"{source} has no '{key}': these are not weights of this network.")
        if tensors[key].shape != value.shape:
            raise UserError(
                f"{source} has '{key}' of shape {tuple(tensors[key].shape)}, but this network "
                f"needs {tuple(value.shape)}."
            )
    parts = {key.split(".")[0] for key in state}
    extra = [key for key in tensors if key not in state and key.split(".")[0] in parts]
    if extra:
        raise UserError(f"{source} has '{extra[0]}', for which this network has no place.")
