"""Arrays in Matlab's .mat files of version 5, which SciPy writes too.

Not by SciPy: its reader crashes the process on damaged files.
"""

from __future__ import annotations

import math
import struct
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import UserError
from lookalike.reading import check_file

HEADER = 128  # bytes before the first element
MATRIX, COMPRESSED = 14, 15  # element types that hold others
NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8",
           13: "u8"}  # fmt: skip
TEXTS = {2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}
CELL, CHARACTERS = 1, 4  # classes of arrays
CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8",
           15: "u8"}  # fmt: skip
COMPLEX, LOGICAL = 0x800, 0x200  # flags of arrays
DEEPEST = 8  # cells in cells
MOST = 1 << 20  # arrays and cells; more of no bytes each would take minutes
LARGEST = 1 << 30  # bytes of an element once it is unpacked


class Element(NamedTuple):
    """A part of a file: its type, its bytes, and where the next one begins."""

    kind: int
    data: memoryview
    end: int


def read_matlab(file: str | Path, largest: int = LARGEST) -> dict[str, NDArray[Any]]:
    """The arrays of a file by their names: numbers; truths; texts, a row each; cells as objects.

    What is none of these (structures, sparse matrices, functions) is left out. largest: bytes that
    an array may unpack to. Raises UserError where one would be larger, ValueError for a file that
    is damaged or of another version, OSError for one that can't be read.
    """
    check_file(file)
    content = memoryview(Path(file).read_bytes())
    try:
        return _arrays(content, largest)
    except _TooLargeError:
        raise UserError(
            f"'{file}' would unpack to more than {largest / 2**30:.2g} GiB: it is left alone."
        ) from None
    except (ValueError, LookupError, ArithmeticError, struct.error, zlib.error, MemoryError) as e:
        raise ValueError("it isn't a whole .mat file of version 5 to 7") from e


class _TooLargeError(Exception):
    """That something unpacks to more than it may."""


def _arrays(content: memoryview, largest: int) -> dict[str, NDArray[Any]]:
    order = {b"IM": "<", b"MI": ">"}[bytes(content[HEADER - 2 : HEADER])]
    arrays = {}
    place, count = HEADER, 0
    while place < len(content):
        count += 1
        element = _element(content, place, order)
        place = element.end
        if element.kind not in (MATRIX, COMPRESSED) or count > MOST:
            raise ValueError("something else than arrays")
        if element.kind == COMPRESSED:
            inner = zlib.decompressobj()
            unpacked = inner.decompress(element.data, largest)
            if inner.unconsumed_tail:
                raise _TooLargeError
            if not inner.eof:
                raise ValueError("an element that ends too early")
            element = _element(memoryview(unpacked), 0, order)
        if element.kind == MATRIX:
            name, array = _array(element.data, order, 0)
            if array is not None:
                arrays[name] = array
    return arrays


def _element(content: memoryview, place: int, order: str) -> Element:
    kind, size = struct.unpack_from(f"{order}II", content, place)
    start = place + 8
    if kind >> 16:  # a short one, whose bytes are where the size would be
        kind, size, start = kind & 0xFFFF, kind >> 16, place + 4
        if size > 4:
            raise ValueError("a short element of more than four bytes")
        end = place + 8
    else:
        end = start + size + (-size % 8 if kind != COMPRESSED else 0)
    if start + size > len(content):
        raise ValueError("an element beyond the end")
    return Element(kind, content[start : start + size], end)


def _array(data: memoryview, order: str, depth: int) -> tuple[str, NDArray[Any] | None]:
    """The name of a matrix, and what it holds: None if that is no array."""
    if not len(data):
        return "", np.zeros((0, 0))
    flags, place = _numbers(data, 0, order)
    sizes, place = _numbers(data, place, order)
    name = _element(data, place, order)
    place = name.end
    shape = tuple(int(size) for size in sizes)
    if any(size < 0 for size in shape):
        raise ValueError("a negative size")
    kind, count = int(flags[0]) & 0xFF, math.prod(shape)
    text = bytes(name.data).decode()
    if kind == CELL:
        return text, _cells(data, place, order, depth, shape)
    if kind == CHARACTERS:
        return text, _texts(data, place, order, shape)
    if kind not in CLASSES:
        return text, None
    values, place = _numbers(data, place, order)
    array = values.astype(CLASSES[kind])
    if int(flags[0]) & COMPLEX:
        array = array + 1j * _numbers(data, place, order)[0]
    if len(array) != count:
        raise ValueError("another number of numbers than the sizes say")
    if int(flags[0]) & LOGICAL:
        array = array.astype(bool)
    return text, array.reshape(shape, order="F")


def _numbers(data: memoryview, place: int, order: str) -> tuple[NDArray[Any], int]:
    element = _element(data, place, order)
    kind = np.dtype(NUMBERS[element.kind]).newbyteorder("<" if order == "<" else ">")
    return np.frombuffer(element.data, kind), element.end


def _cells(
    data: memoryview, place: int, order: str, depth: int, shape: tuple[int, ...]
) -> NDArray[Any]:
    count = math.prod(shape)
    if count > min(MOST, len(data) // 8) or depth > DEEPEST:
        raise ValueError("more cells than there is room for")
    cells = np.empty(count, object)
    for i in range(count):
        element = _element(data, place, order)
        if element.kind != MATRIX:
            raise ValueError("a cell that is no array")
        cells[i] = _array(element.data, order, depth + 1)[1]
        place = element.end
    return cells.reshape(shape, order="F")


def _texts(data: memoryview, place: int, order: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """The rows of an array of characters, each as one text."""
    element = _element(data, place, order)
    encoding = TEXTS[element.kind]
    if encoding in ("utf-16", "utf-32"):
        encoding += "-le" if order == "<" else "-be"
    text = bytes(element.data).decode(encoding)
    if len(text) != math.prod(shape) or len(shape) != 2:
        raise ValueError("another number of letters than the sizes say")
    rows = ["".join(text[i :: shape[0]]) for i in range(shape[0])]
    return np.array(rows, np.str_)
