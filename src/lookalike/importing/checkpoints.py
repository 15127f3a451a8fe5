"""Authors' files, read on the CPU without running any code that may be in them."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from lookalike.errors import UserError, short
from lookalike.nets.weights import load_plain
from lookalike.reading import from_yaml, read_bytes

# Numbers in one entry and in a file, the double of what any network here has: a file of few bytes
# can claim more.
MOST_NUMBERS, MOST_IN_ALL = 1 << 27, 1 << 28


class Checkpoint(NamedTuple):
    """One file of the authors. others: the names of its entries that are no tensors."""

    path: Path
    tensors: dict[str, Tensor]
    others: list[str]


def size(file: Checkpoint | None, name: str, axis: int, default: int) -> int:
    """The length of an axis that tells a network's size; the default where it isn't there."""
    value = file.tensors.get(name) if file else None
    return value.shape[axis] if value is not None and value.dim() > axis else default


def read_checkpoint(path: Path) -> Checkpoint:
    """The named tensors in `path`, without a leading "module." and a wrapping {"a": …} or
    {"state_dict": …, and other entries}.

    Raises UserError for anything else: a pickled object, a damaged file, no named tensors.
    """
    try:
        content: Any = load_plain(path)
    except UserError:
        raise
    except PermissionError as error:
        raise UserError(f"{path} can't be opened: {error.strerror}.") from error
    except Exception as error:  # torch.load answers damage with nearly every kind of exception
        if isinstance(error, pickle.UnpicklingError) and "GLOBAL" in str(error):
            raise UserError(
                f"{path} holds a pickled object, which could run any code, so it isn't opened: "
                "save the network's state_dict() instead."
            ) from error
        raise UserError(
            f"{path} can't be read as a PyTorch checkpoint: it is damaged, incomplete or another "
            "kind of file; copy or download it again."
        ) from error
    extras: list[str] = []
    if isinstance(content, dict) and content.keys() == {"a"}:
        content = content["a"]
    elif isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        extras = [str(key) for key in content if key != "state_dict"]
        content = content["state_dict"]
    if isinstance(content, dict) and all(isinstance(content.get(k), dict) for k in ("a", "b")):
        raise UserError(
            f"{path} holds the networks of two domains, 'a' and 'b', as DG-Net++ writes them: that "
            "is another system, which isn't imported; give the folder of a DG-Net."
        )
    if not isinstance(content, dict) or not any(isinstance(v, Tensor) for v in content.values()):
        inside = (
            f"only {names(content)}" if isinstance(content, dict) else f"a {type(content).__name__}"
        )
        raise UserError(f"{path} holds no named weights, but {inside}: leave it out.")
    entries = {str(key).removeprefix("module."): value for key, value in content.items()}
    tensors = {key: value for key, value in entries.items() if isinstance(value, Tensor)}
    check_size(path, tensors)
    return Checkpoint(path, tensors, [*(key for key in entries if key not in tensors), *extras])


def check_size(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Raises UserError for entries that are larger than any network's."""
    total = sum(value.numel() for value in tensors.values())
    name = max(tensors, key=lambda key: tensors[key].numel(), default="")
    if total > MOST_IN_ALL or (name and tensors[name].numel() > MOST_NUMBERS):
        raise UserError(
            f"{path} has {total:,} numbers, {tensors[name].numel():,} of them in "
            f"'{short(name)}', more than any network that is imported: it is damaged or of another "
            "network."
        )


def files_in(
    paths: Sequence[Path], step: int | None, in_folder: Callable[[Path], list[Path]]
) -> list[Path]:
    """The files of `paths`: a file stands for itself, a folder for those that `in_folder` finds.

    step: the value of --step, which only a folder can obey. Raises UserError for it without a
    folder, and for what isn't there.
    """
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            files += in_folder(path)
        elif path.is_file():
            files.append(path)
        else:
            raise UserError(f"There is no file or folder {path}.")
    if step is not None and not any(path.is_dir() for path in paths):
        raise UserError("--step chooses in a folder: give the folder, or the files without --step.")
    return files


def by_kind(paths: Sequence[Path], recognise: Callable[[Checkpoint], str]) -> dict[str, Checkpoint]:
    """The checkpoints by what `recognise` sees in each. Raises UserError for two of a kind."""
    files: dict[str, Checkpoint] = {}
    for path in paths:
        file = read_checkpoint(path)
        kind = recognise(file)
        if kind in files:
            raise UserError(
                f"{files[kind].path} and {path} are both {kind} files: give one of them."
            )
        files[kind] = file
    return files


def names(entries: Any, most: int = 4) -> str:
    """The first few keys, for a message."""
    keys = [f"'{short(key)}'" for key in entries]
    return ", ".join(keys[:most]) + (" …" if len(keys) > most else "") if keys else "nothing"


def read_options(path: Path) -> dict[str, Any]:
    """The options in a YAML file, nested ones as "gen.dim". Raises UserError if it isn't one."""
    try:
        options = from_yaml(read_bytes(path).decode())
    except ValueError as error:
        raise UserError(f"{path} can't be read as YAML ({error}).") from error
    if not isinstance(options, dict):
        raise UserError(f"{path} holds no options: give the one that the authors' code wrote.")
    flat: dict[str, Any] = {}
    for key, value in options.items():
        inner = value if isinstance(value, dict) else {}
        flat |= {f"{key}.{name}": v for name, v in inner.items()} or {str(key): value}
    return flat
