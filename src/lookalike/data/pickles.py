"""Other people's pickles, read without running what may be in them.

A pickle can run any program, so these are read by an unpickler that knows numbers, texts,
containers and NumPy's arrays, each rebuilt here, and calls nothing else.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lookalike.errors import UserError, short
from lookalike.reading import read_bytes

SUFFIXES = (".p", ".pkl", ".pickle")


def read_plain(file: Path) -> Any:
    """What a pickle of Python 2 or 3 holds: numbers, texts, lists, dictionaries and arrays.

    Tuples come as lists. Raises UserError where it asks for anything else or isn't whole.
    """
    content = read_bytes(file)
    try:
        # latin1 keeps the bytes of Python 2's strings, which its arrays were pickled as.
        reader = _Unpickler if _notes_fit(content) else _SlowUnpickler
        return _plain(reader(io.BytesIO(content), encoding="latin1").load())
    except UserError as error:
        raise UserError(f"'{file}' {error}") from None
    except Exception as error:  # a broken pickle raises whatever its opcodes lead to
        raise UserError(f"'{file}' is no whole pickle ({short(str(error))}).") from error


def _notes_fit(content: bytes) -> bool:
    """Whether it surely notes no thing under a number beyond the file's length: C's unpickler makes
    room for all smaller numbers, so that a few bytes would take 32 GiB."""
    notes = re.finditer(rb"r(?=(.{4}))|p(?=(\d{7,})\n)", content, re.DOTALL)
    numbers = (int.from_bytes(m[1], "little") if m[1] else int(m[2][:20]) for m in notes)
    if not any(number > len(content) for number in numbers):
        return True
    try:  # these bytes may be other things' too
        codes = pickletools.genops(content)
        return not any(
            code.name in ("PUT", "LONG_BINPUT") and int(number or 0) > len(content)
            for code, number, _ in codes
        )
    except ValueError:  # a broken one, or Python 2's texts, which pickletools doesn't know
        return False


class _Dtype:
    """What stands for a NumPy type: its code and the order of its bytes."""

    def __init__(self, code: str, *_: Any) -> None:
        self.code, self.order = code, "="

    def __setstate__(self, state: Sequence[Any]) -> None:
        self.order = state[1]

    @property
    def real(self) -> np.dtype[Any]:
        if self.code.lstrip("<>|=")[:1] not in tuple("biufSU"):
            raise UserError(f"holds an array of '{short(self.code)}', which isn't read.")
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


def _plain(value: Any, known: dict[int, Any] | None = None) -> Any:
    """The value with arrays in place of what stands for them.

    known: results by the number of their object: a part that occurs often is made once.
    """
    known = {} if known is None else known
    if id(value) in known:
        return known[id(value)]
    plain = value.real if isinstance(value, _Array) else value
    if isinstance(plain, dict):
        plain = {name: _plain(part, known) for name, part in plain.items()}
    elif isinstance(plain, (list, tuple)):
        plain = [_plain(part, known) for part in plain]
    if plain is not value:
        known[id(value)] = plain
    return plain


def _bytes(data: Any = b"") -> bytes:
    return data.encode("latin1") if isinstance(data, str) else bytes(data)


def _from_buffer(data: Any, dtype: _Dtype, shape: Sequence[int], order: str, *_: Any) -> Any:
    array = np.frombuffer(_bytes(data), dtype.real)
    return array.reshape(shape[::-1]).T if order == "F" else array.reshape(shape)


def _scalar(dtype: _Dtype, data: Any) -> Any:
    return np.frombuffer(_bytes(data), dtype.real)[0].item()


def _encoded(text: str, encoding: str = "latin1") -> bytes:
    if encoding not in ("latin1", "latin-1", "ascii", "utf-8"):
        raise UserError(f"has a text in '{short(encoding)}', which isn't read.")
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


class _Plain:
    """How an unpickler finds what a pickle asks for."""

    def find_class(self, module: str, name: str) -> Any:
        place = module.replace("numpy._core", "numpy.core").replace("__builtin__", "builtins")
        try:
            return KNOWN[f"{place}.{name}"]
        except KeyError:
            raise UserError(
                f"asks for {short(f'{module}.{name}')}, so it isn't read: it should hold numbers, "
                "texts, containers and arrays."
            ) from None


class _Unpickler(_Plain, pickle.Unpickler): ...


class _SlowUnpickler(_Plain, pickle._Unpickler):
    """Python's own, which is slow, and notes things in a dictionary."""
