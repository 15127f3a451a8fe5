"""PG²'s variables by name: from an .npz file, or from the authors' TensorFlow checkpoint itself."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lookalike.errors import UserError
from lookalike.importing.checkpoints import Checkpoint, check_size
from lookalike.reading import check_inflated

RECIPE = (
    'where TensorFlow is installed run python -c "import numpy, tensorflow; '
    "r = tensorflow.train.load_checkpoint('{prefix}'); numpy.savez('pg2.npz', "
    '**{{n: r.get_tensor(n) for n in r.get_variable_to_shape_map()}})" and import the pg2.npz '
    "that it writes"
)


def find(paths: Sequence[Path], step: int | None) -> Path:
    """The .npz file or the checkpoint's prefix (…/model.ckpt-0) that is meant.

    step: of the checkpoints in a folder; None takes the newest. Raises UserError if there is none.
    """
    if len(paths) != 1:
        raise UserError(f"PG²'s networks lie in one file, but {len(paths)} are given.")
    (path,) = paths
    if path.is_dir():
        return in_folder(path, step)
    if step is not None:
        raise UserError("--step chooses in a folder: give the folder, or the file without --step.")
    prefix = path.with_name(re.sub(r"\.(index|meta|data-\d+-of-\d+)$", "", path.name))
    if prefix.with_name(f"{prefix.name}.index").is_file():
        return prefix
    if not path.is_file():
        raise UserError(f"There is no file or folder {path}.")
    return path


def in_folder(folder: Path, step: int | None) -> Path:
    """The checkpoint of `step` in a folder, or the only .npz file in a folder without any."""
    steps = {}
    for index in folder.glob("*.index"):
        if match := re.fullmatch(r".*-(\d+)", index.stem):
            steps[int(match[1])] = index.with_suffix("")
    if steps:
        if step is not None and step not in steps:
            numbers = ", ".join(map(str, sorted(steps)))
            raise UserError(f"{folder} has no checkpoint of step {step}; it has {numbers}.")
        return steps[max(steps) if step is None else step]
    files = sorted(folder.glob("*.npz"))
    if len(files) != 1 or step is not None:
        raise UserError(
            f"{folder} holds no checkpoint{'' if step is None else ' with a step'}: give the .npz "
            "file of variables or the folder with the authors' model.ckpt-*.index."
        )
    return files[0]


def read_variables(path: Path) -> Checkpoint:
    """The variables of an .npz file, or of a TensorFlow checkpoint if TensorFlow is installed.

    Raises UserError for a file that is neither, and saying how to make the .npz file.
    """
    if path.with_name(f"{path.name}.index").is_file():
        return as_checkpoint(path, from_tensorflow(path))
    try:
        check_inflated(path)
        file = np.load(path, allow_pickle=False)
        if isinstance(file, np.ndarray):
            raise ValueError("it holds one array without a name")
        with file:
            arrays = {name: file[name] for name in file.files}
    except Exception as error:  # a damaged, encrypted or foreign archive fails in its own way
        why = " ".join(str(error).split()).rstrip(".")
        recipe = RECIPE.format(prefix="model.ckpt-0")
        raise UserError(
            f"{path} can't be read as an .npz file of variables ({why}): {recipe}."
        ) from error
    return as_checkpoint(path, arrays)


def from_tensorflow(prefix: Path) -> dict[str, np.ndarray]:
    """All variables of a TensorFlow checkpoint."""
    try:
        tensorflow = import_module("tensorflow")
    except ImportError as error:
        raise UserError(
            f"Reading {prefix} needs TensorFlow, which isn't installed here: "
            f"{RECIPE.format(prefix=prefix)}."
        ) from error
    try:
        reader = tensorflow.train.load_checkpoint(str(prefix))
        return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}
    except Exception as error:  # TensorFlow has its own kinds for a damaged or missing part
        why = " ".join(str(error).split()).rstrip(".")
        raise UserError(f"TensorFlow can't read {prefix} ({why}); copy it again.") from error


def as_checkpoint(path: Path, arrays: dict[str, np.ndarray]) -> Checkpoint:
    """The arrays as tensors; a variable's name may end in :0."""
    tensors: dict[str, Tensor] = {}
    others: list[str] = []
    for name, value in sorted(arrays.items()):
        kind = np.asarray(value).dtype
        if kind.kind in "fiu" and kind.itemsize <= 8:  # torch has no long doubles
            value = np.array(value, kind.newbyteorder("="))  # nor a foreign byte order
            tensors[name.removesuffix(":0")] = torch.from_numpy(value)
        else:
            others.append(name)
    check_size(path, tensors)
    return Checkpoint(path, tensors, others)
