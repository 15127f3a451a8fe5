"""Other people's pickles, read without running what may be in them.

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

from lookalike.errors import UserError

SUFFIXES = (".p", ".pkl", ".pickle")


def read_plain(file: Path) -> Any:
    """What a pickle of Python 2 or 3 holds: numbers, texts, lists, dictionaries and arrays.

    Tuples come as lists. Raises UserError where it asks for anything else or isn't whole.
    """
    try:
        # latin1 keeps the bytes of Python 2's strings, which its arrays were pickled as.
        value = _Unpickler(io.BytesIO(file.read_bytes()), encoding="latin1").load()
        return _plain(value)
    except UserError as error:
        raise UserError(f"'{file}' {error}") from None
    except OSError as error:
        raise UserError(f"Can't read '{file}' ({error.strerror}).") from error
    except Exception as error:  # a broken pickle raises whatever its opcodes lead to
        raise UserError(f"'{file}' is no whole pickle ({error}).") from error


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
                f"asks for {module}.{name}, so it isn't read: it should hold numbers, "
                "texts, containers and arrays."
            ) from None
