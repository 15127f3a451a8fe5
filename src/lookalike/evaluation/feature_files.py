"""The arrays in files that anybody's program wrote, by name: .npz, .npy, .mat, .pt; and lists."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lookalike.data.matlab import read_matlab
from lookalike.data.readers.crops import plain
from lookalike.data.text import table_rows
from lookalike.errors import UserError, short
from lookalike.reading import LARGE, check_file, check_inflated, inflated

Array = NDArray[Any]
Contents = dict[str, Callable[[], Array]]  # read when they are asked for: a file may hold more

MARKET_NAME = re.compile(r"(-?\d{1,18})_c(\d{1,18})(?!\d)")
KINDS = (
    "an .npz or .npy file of plain arrays, a .mat file (before MATLAB's 7.3), or a .pt file of "
    "tensors"
)


def arrays_in(file: str | Path) -> Contents:
    """What gives each array of a file, by its name; "" for one that has none.

    The content says the kind, not the suffix. Nothing is run: .npz and .npy need no pickle, and
    torch reads .pt with weights only, where numpy's arrays are arrays too. There dictionaries in
    dictionaries are named with a _ between, lists of batches are one array, and parts of a tuple
    are "0", "1", …. Raises UserError for what can't be read or is none of these.
    """
    file = Path(file)
    try:
        check_file(file)
        with file.open("rb") as start:
            head = start.read(128)
        if head.startswith(b"\x93NUMPY"):
            return {"": partial(_loaded, file)}
        if head.startswith(b"\x89HDF") or b"MATLAB 7.3" in head:
            raise UserError(
                f"{file} is a .mat file of MATLAB's version 7.3: save it with -v7, or as .npz."
            )
        if head.startswith(b"MATLAB") or file.suffix == ".mat":
            return _of_matlab(file)
        if head.startswith(b"PK"):
            with zipfile.ZipFile(file) as archive:
                if not any(PurePath(name).name == "data.pkl" for name in archive.namelist()):
                    _refuse_bombs(file, archive)
                    return _of_npz(file)
            return _of_torch(file)
        if file.suffix in (".pt", ".pth", ".bin", ".tar", ".t7"):
            return _of_torch(file)
    except FileNotFoundError:
        raise UserError(f"There is no features file {file}.") from None
    except UserError:
        raise
    except Exception as error:  # damage is answered with nearly every kind of exception
        raise _unreadable(file) from error
    raise _unreadable(file)


def _unreadable(file: Path) -> UserError:
    return UserError(f"{file} can't be read as features: give {KINDS}.")


def _refuse_bombs(file: Path, archive: zipfile.ZipFile) -> None:
    if info := inflated(archive):
        raise UserError(
            f"'{info.filename}' in {file} would be {info.file_size / 2**30:.0f} GiB of hardly "
            "anything: it is left alone, so write the features anew."
        )


def _loaded(file: Path, name: str = "") -> Array:
    """An array of an .npz file, or the one of an .npy file."""
    try:
        saved = np.load(file, allow_pickle=False)
        return np.asarray(saved[name] if name else saved)
    except Exception as error:
        if str(error).startswith("Object arrays"):
            raise UserError(
                f"'{name or 'the array'}' in {file} holds pickled objects, which aren't read: save "
                "it as plain numbers or texts, such as np.array(x.tolist())."
            ) from error
        raise _unreadable(file) from error


def _of_npz(file: Path) -> Contents:
    with np.load(file, allow_pickle=False) as saved:
        return {name: partial(_loaded, file, name) for name in saved.files}


def _of_matlab(file: Path) -> Contents:
    """MATLAB's rows and columns of numbers are one-dimensional; its whole numbers are doubles."""
    # An array is held several times while it is read, and features hardly become smaller.
    arrays = read_matlab(file, max(LARGE, 20 * file.stat().st_size))
    return {name: partial(_of_cells, array) for name, array in arrays.items()}


def _of_cells(array: Array) -> Array:
    if array.dtype == object and all(np.size(cell) == 1 for cell in array.flat):
        array = np.array([np.asarray(cell).item() for cell in array.flat])
    if array.dtype.kind == "U":
        return np.char.rstrip(array.ravel())
    if array.ndim == 2 and 1 in array.shape:
        row = array.ravel()
        whole = row.dtype.kind == "f" and (row == np.round(row)).all()
        return row.astype(np.int64) if whole else row
    return array


def _of_torch(file: Path) -> Contents:
    dtypes = [type(np.dtype(kind)) for kind in "?bBhHiIlLqQefdUS"]
    core = np._core if hasattr(np, "_core") else np.core
    numpys = [core.multiarray._reconstruct, core.multiarray.scalar, np.ndarray, np.dtype, *dtypes]
    try:
        check_inflated(file)
        with torch.serialization.safe_globals(numpys):
            value = torch.load(file, map_location="cpu", weights_only=True)
        arrays = _flat(value)
    except Exception as error:
        reason = re.search(r"Unsupported global: GLOBAL (\S+)", str(error))
        if reason:
            raise UserError(
                f"{file} asks for {reason[1]}, so it isn't read: save tensors, arrays, lists and "
                "dictionaries only."
            ) from error
        raise _unreadable(file) from error
    return {name: partial(np.asarray, array) for name, array in arrays.items()}


def _flat(value: Any, name: str = "") -> dict[str, Array]:
    """The arrays in what torch read, by the path to them; what is no array is left out."""
    if isinstance(value, dict):
        parts = [_flat(part, f"{name}_{key}" if name else str(key)) for key, part in value.items()]
        return dict(chain.from_iterable(part.items() for part in parts))
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        return {name: (value.float() if value.dtype == torch.bfloat16 else value).numpy()}
    if isinstance(value, (np.ndarray, np.generic, int, float, str)):
        return {name: np.asarray(value)}
    if not isinstance(value, (list, tuple)) or not value:
        return {}
    if all(isinstance(part, dict) for part in value):  # fast-reid's predictions, a batch each
        keys = list(value[0])
        if all(list(part) == keys for part in value):
            return _flat({key: [part[key] for part in value] for key in keys}, name)
    if all(isinstance(part, (list, tuple)) for part in value):
        return _flat([*chain.from_iterable(value)], name)
    if all(isinstance(part, (int, float, str, np.generic)) for part in value):
        return {name: np.array(value)}
    arrays = [_flat(part).get("") for part in value]
    if all(isinstance(a, np.ndarray) for a in arrays):
        batches = [a for a in arrays if a is not None]
        kinds = {(a.ndim, a.shape[1:], a.dtype.kind) for a in batches}
        if len(kinds) == 1:
            # Vectors of whole numbers are batches of ids, others are features one by one.
            one_each = not batches[0].ndim or (
                batches[0].ndim == 1 and batches[0].dtype.kind == "f"
            )
            if not one_each or len({a.shape for a in batches}) == 1:
                return {name: np.stack(batches) if one_each else np.concatenate(batches)}
    return _flat({str(i): part for i, part in enumerate(value)}, name)


def read_list(file: str | Path, names: Callable[[str], str]) -> dict[str, Array]:
    """The columns of a list of images, a row each: of a table with a head, by what `names` makes
    of it ("" for a column to leave alone); or pids and camids (from 0) of file names as Market's,
    0002_c1s1_000451_03.jpg. An .npy file has pids and camids as its N×2 whole numbers.

    Raises UserError for a file that is none of these.
    """
    if Path(file).suffix == ".npy":
        array = arrays_in(file)[""]()
        if array.ndim != 2 or array.shape[1] != 2 or array.dtype.kind not in "iu":
            raise UserError(
                f"The list {file} must be N×2 whole numbers, pid and camid, not {array.dtype} of "
                f"{array.shape}."
            )
        return {"pids": array[:, 0], "camids": array[:, 1]}
    rows = [row for _, row in table_rows(file)]
    head = [names(cell.strip()) for cell in rows[0]] if rows else []
    if "pids" in head or "camids" in head:
        return _table(file, rows[1:], head)
    found = [MARKET_NAME.match(PurePath(row[0].strip().replace("\\", "/")).name) for row in rows]
    for number, (row, match) in enumerate(zip(rows, found, strict=True), 1):
        if not match:
            raise UserError(
                f"The list {file} has neither a head with pid and camid nor names such as "
                f"0002_c1s1_000451_03.jpg: row {number} is '{short(', '.join(row))}'."
            )
    pids, camids = (np.array([int(m[group]) for m in found if m], np.int64) for group in (1, 2))
    paths = np.array([row[0].strip() for row in rows], np.str_)
    return {"pids": pids, "camids": camids - 1, "paths": paths}


def _table(
    file: str | Path, rows: Sequence[Sequence[str]], head: Sequence[str]
) -> dict[str, Array]:
    columns: dict[str, Array] = {}
    for place, name in enumerate(head):
        if not name:
            continue
        if name in columns:
            raise UserError(f"The list {file} has two columns for {name}: leave one.")
        cells = [row[place].strip() if place < len(row) else "" for row in rows]
        if name in ("paths", "clothes"):
            columns[name] = np.array(cells, np.str_)
            continue
        numbers = [plain(cell) for cell in cells]
        strange = [i for i, text in enumerate(numbers) if not re.fullmatch(r"-?[0-9]{1,18}", text)]
        if strange:
            raise UserError(
                f"The list {file} has '{short(cells[strange[0]])}' for {name} in row "
                f"{strange[0] + 1} below the head: give whole numbers."
            )
        columns[name] = np.array([int(text) for text in numbers], np.int64)
    return columns
