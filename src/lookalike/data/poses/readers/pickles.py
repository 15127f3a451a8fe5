"""Poses in pickles: the (row, column, visible) of each image, and PG²'s peaks and subsets.

A pickle can run any program, so these are read by an unpickler that knows numbers, texts,
containers and NumPy's arrays, each rebuilt here, and calls nothing else.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lookalike.data.poses.form import JOINTS
from lookalike.data.poses.readers.arrange import Joints, Table, arranged
from lookalike.errors import UserError

SUFFIXES = (".p", ".pkl", ".pickle")
PEAKS, SUBSETS = "all_peaks_dic", "subsets_dic"


def read_pickle(file: Path, unfiltered: bool = False) -> Table:
    """The poses in a pickle: image name → 18×3, or PG²'s peaks with their subsets beside them.

    unfiltered: of PG²'s peaks, everybody's first, as its DeepFashion converter took them.
    """
    for one, other in ((PEAKS, SUBSETS), (SUBSETS, PEAKS)):
        if file.name.startswith(one):
            pair = file.with_name(other + file.name.removeprefix(one))
            if not pair.is_file():
                raise UserError(f"'{file}' needs '{pair.name}' beside it.")
            peaks, subsets = (file, pair) if one == PEAKS else (pair, file)
            return _chosen(peaks, subsets, unfiltered)
    table: Table = {}
    for name, points in _dict(file).items():
        where = f"'{file}', image '{name}'"
        rows = _numbers(points, where)
        if rows.shape != (len(JOINTS), 3):
            raise UserError(f"{where}: {'×'.join(map(str, rows.shape))} numbers; a pose is 18 rows "
                            "of row, column and visible.")  # fmt: skip
        rows[(rows[:, :2] < 0).any(1), 2] = 0
        table[name] = arranged(rows[:, [1, 0, 2]], where)
    return table


def _chosen(peaks: Path, subsets: Path, unfiltered: bool) -> Table:
    """One person an image: the first candidates of the row with the highest total score.

    Where nobody was put together, the first candidate of each joint.
    """
    people = {} if unfiltered else _dict(subsets)
    table: Table = {}
    for name, candidates in _dict(peaks).items():
        where = f"'{peaks}', image '{name}'"
        if not isinstance(candidates, Sequence) or len(candidates) != len(JOINTS):
            raise UserError(f"{where}: not a list of candidates for each of the 18 joints.")
        rows = _numbers(people.get(name, []), f"'{subsets}', image '{name}'")
        if rows.size and rows.shape[1:] != (20,):
            raise UserError(f"'{subsets}', image '{name}': a person has 20 numbers.")
        ids = set(rows[rows[:, 18].argmax(), :18].tolist()) if rows.size else None
        table[name] = _firsts(candidates, ids, where)
    return table


def _firsts(candidates: Sequence[Any], ids: set[float] | None, where: str) -> Joints:
    """The first candidate (x, y, score, id) of each joint whose id is among `ids`, if any."""
    points = np.zeros((len(JOINTS), 3))
    for joint, found in enumerate(candidates):
        rows = _numbers(found, where)
        if rows.size and rows.shape[1:] != (4,):
            raise UserError(f"{where}: a candidate has x, y, score and number.")
        rows = rows.reshape(-1, 4)
        if ids is not None:
            rows = rows[[number in ids for number in rows[:, 3].tolist()]]
        if len(rows):
            points[joint] = (*rows[0, :2], 1)
    return arranged(points, where)


def _dict(file: Path) -> dict[str, Any]:
    """The dict in a pickle, its arrays rebuilt."""
    try:
        # latin1 keeps the bytes of Python 2's strings, which its arrays were pickled as.
        found = _Unpickler(io.BytesIO(file.read_bytes()), encoding="latin1").load()
        found = _plain(found)
    except UserError as error:
        raise UserError(f"'{file}' {error}") from None
    except OSError as error:
        raise UserError(f"Can't read '{file}' ({error.strerror}).") from error
    except Exception as error:  # a broken pickle raises whatever its opcodes lead to
        raise UserError(f"'{file}' is no whole pickle ({error}).") from error
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise UserError(f"'{file}' holds no dict of image names.")
    return found


def _numbers(value: Any, where: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    try:
        return np.array(value, np.float64)
    except (TypeError, ValueError):
        raise UserError(f"{where}: not all numbers.") from None


class _Dtype:
    """What stands for a NumPy type: its code and the order of its bytes."""

    def __init__(self, code: str, *_: Any) -> None:
        self.code, self.order = code, "="

    def __setstate__(self, state: Sequence[Any]) -> None:
        self.order = state[1]

    @property
    def real(self) -> np.dtype[Any]:
        if self.code.lstrip("<>|=")[:1] not in tuple("biufSU"):
            raise UserError(f"holds an array of '{self.code}', which isn't read.")
        # The order is said with the code or, as NumPy pickles it, in the state.
        return np.dtype((self.order if self.order in ("<", ">") else "") + self.code.lstrip("<>|="))


class _Array:
    """What stands for a NumPy array until `_plain` makes it one."""

    state: Sequence[Any] = ()

    def __init__(self, *_: Any) -> None: ...

    def __setstate__(self, state: Sequence[Any]) -> None:
        self.state = state

    @property
    def real(self) -> Any:
        _, shape, dtype, fortran, data = self.state
        if isinstance(data, list):  # an array of objects
            return data
        return _from_buffer(data, dtype, shape, "F" if fortran else "C")


def _plain(value: Any) -> Any:
    """The value with arrays in place of what stands for them."""
    if isinstance(value, _Array):
        value = value.real
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return value


def _bytes(data: Any = b"") -> bytes:
    return data.encode("latin1") if isinstance(data, str) else bytes(data)


def _from_buffer(data: Any, dtype: _Dtype, shape: Sequence[int], order: str, *_: Any) -> Any:
    array = np.frombuffer(_bytes(data), dtype.real)
    return array.reshape(shape[::-1]).T if order == "F" else array.reshape(shape)


def _scalar(dtype: _Dtype, data: Any) -> Any:
    return np.frombuffer(_bytes(data), dtype.real)[0].item()


def _encoded(text: str, encoding: str = "latin1") -> bytes:
    if encoding not in ("latin1", "latin-1", "ascii", "utf-8"):
        raise UserError(f"has a text in '{encoding}', which isn't read.")
    return text.encode(encoding)


def _empty_dict(*items: Any) -> dict[Any, Any]:
    return dict(items[0]) if items and isinstance(items[0], list) else {}


# What a pickle may call, by the name that NumPy 1 and Python 2 or 3 give it, and what is called.
KNOWN: dict[str, Callable[..., Any]] = {
    "numpy.core.multiarray._reconstruct": _Array,
    "numpy.core.multiarray.scalar": _scalar,
    "numpy.core.numeric._frombuffer": _from_buffer,
    "numpy.ndarray": _Array,
    "numpy.dtype": _Dtype,
    "_codecs.encode": _encoded,
    "collections.OrderedDict": _empty_dict,
    "collections.defaultdict": _empty_dict,
    "builtins.list": list,
    "builtins.bytes": _bytes,
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        place = module.replace("numpy._core", "numpy.core").replace("__builtin__", "builtins")
        try:
            return KNOWN[f"{place}.{name}"]
        except KeyError:
            raise UserError(
                f"asks for {module}.{name}, so it isn't read: a pickle of poses holds numbers, "
                "texts, containers and arrays."
            ) from None
