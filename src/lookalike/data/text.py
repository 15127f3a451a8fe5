"""The text of a list that anybody's program wrote, whatever its encoding."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from lookalike.errors import UserError
from lookalike.reading import from_json, read_bytes

# What a file begins with that says its encoding. UTF-32's mark begins with UTF-16's.
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
LIKELY = ("gbk", "big5", "shift_jis", "cp1252", "latin-1")  # to name in a sentence
SAMPLE = 4096  # bytes that tell UTF-16 without a mark

_chosen: ContextVar[str] = ContextVar("encoding", default="")


def read_text(file: str | Path) -> str:
    """The whole text, line ends as they are: of UTF-8, of UTF-16 or UTF-32 with a mark or, where
    the letters are mostly ASCII, UTF-16 without one; otherwise of the encoding that
    `text_encoding` chose.

    Raises UserError for a file that can't be read, and for one in another encoding, with those
    that it may have.
    """
    content = read_bytes(file)
    chosen, encoding = _chosen.get(), _encoding(content)
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        where = f"'{file}' isn't {encoding.removesuffix('-sig').upper()} in line {line}"
        likely = [name for name in LIKELY if name != chosen and _fits(content, name)]
        names = f", which may be {' or '.join(likely)}," if likely else ""
        raise UserError(
            f"{where}: name its encoding{names} (encoding=NAME behind a benchmark's path, "
            "--encoding NAME beside --lists or --csv), or save it as UTF-8."
        ) from None


def read_json(file: str | Path) -> Any:
    """The value in a JSON file. Raises UserError as `read_text`, and for what isn't JSON or
    can't be held."""
    try:
        return from_json(read_text(file))
    except ValueError as error:
        raise UserError(f"'{file}' isn't JSON that can be read ({error}).") from None


def table_rows(file: str | Path) -> Iterator[tuple[int, list[str]]]:
    """The rows of a table as text, as any spreadsheet writes it: the line, from 1, and the cells.

    Commas, semicolons or tabs separate them: the first of these that is in the first line, or what
    a first line `sep=;` says. Rows without a word are left out. Raises UserError as `read_text`,
    and for quotes that don't end.
    """
    text, before = read_text(file), 0
    if said := re.match(r"\s*sep=(.)[ \t]*(\r\n?|\n)", text):  # for Excel
        text, before = text[said.end() :], 1
    head = re.match(r"\s*([^\r\n]*)", text)
    separators = said[1] if said else ",;\t"
    separator = next((mark for mark in separators if head and mark in head[1]), ",")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield before + reader.line_num, row
    except csv.Error as error:
        line = before + reader.line_num
        raise UserError(f"'{file}' isn't a CSV file: {error} (line {line}).") from None


def first_line(file: str | Path) -> str:
    """The beginning of the first line, to tell a list by; what isn't in its encoding is replaced.

    Raises UserError for a file that can't be read.
    """
    content = read_bytes(file)[:SAMPLE]
    return content.decode(_encoding(content), "replace").split("\n", 1)[0]


@contextmanager
def text_encoding(name: str) -> Iterator[None]:
    """Inside, `read_text` takes what says no other encoding as `name`, "" for UTF-8.

    Raises UserError where there is no such encoding of texts.
    """
    try:
        if name:
            "".encode(name)
    except (LookupError, ValueError):
        raise UserError(
            f"There is no encoding '{name}': try utf-8, utf-16, gbk, big5, shift_jis, cp1252 or "
            "latin-1."
        ) from None
    before = _chosen.set(name)
    try:
        yield
    finally:
        _chosen.reset(before)


def _encoding(content: bytes) -> str:
    """The name of what the text is written in, as far as it says."""
    mark = next((name for start, name in MARKS if content.startswith(start)), "")
    return mark or _chosen.get() or _wide(content) or "utf-8"


def _wide(content: bytes) -> str:
    """UTF-16's name where every other byte is mostly NUL, as in no other text, or ""."""
    sample = content[:SAMPLE]
    half = len(sample) // 2
    if half and sample[1::2].count(0) > half // 2:
        return "utf-16-le"
    return "utf-16-be" if half and sample[::2].count(0) > half // 2 else ""


def _fits(content: bytes, encoding: str) -> bool:
    try:
        content.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
