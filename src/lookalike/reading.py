"""Files that anybody may have written, read without harm: no pipe that never ends, no archive that
fills the memory, no text that takes the interpreter down."""

from __future__ import annotations

import json
import os
import stat
from itertools import chain, islice
from pathlib import Path
from typing import Any
from zipfile import ZipFile, ZipInfo, is_zipfile

from lookalike.errors import UserError, short
from lookalike.files import ADVICE

LARGE, SHRINKING = 1 << 28, 200  # bytes, and how much smaller numbers may become in a zip
DEEPEST, MOST = 50, 1_000_000  # levels of settings, values of a level
LONG = 300  # letters of the fault in a text that a sentence quotes


def check_file(path: str | Path) -> None:
    """Raises ValueError for a folder, and for a pipe or a device, which would be read for ever;
    OSError where nothing is."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise ValueError("it is no file")


def read_bytes(path: str | Path) -> bytes:
    """The content of a file. Raises UserError for one that can't be read, or is none."""
    try:
        check_file(path)
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:  # ValueError: no file's name has a zero byte
        raise UserError(f"Can't read '{path}' ({reason(error)}).") from error


def inflated(archive: ZipFile) -> ZipInfo | None:
    """The largest member of a zip file that unpacks to so much of hardly anything as numbers never
    do; None of any other."""
    members = archive.infolist()
    size = sum(member.file_size for member in members)
    large = size > max(LARGE, SHRINKING * sum(member.compress_size for member in members))
    return max(members, key=lambda m: m.file_size) if large else None


def check_inflated(path: Path) -> None:
    """Raises ValueError for a zip file that is such a one."""
    if is_zipfile(path):
        with ZipFile(path) as archive:
            if inflated(archive):
                raise ValueError("it would unpack to gigabytes of hardly anything")


def reason(error: BaseException) -> str:
    """Why the system refuses, in its own few words."""
    return getattr(error, "strerror", None) or str(error)


def from_json(text: str | bytes) -> Any:
    """The value that JSON says; the one way in which JSON is read here.

    Raises ValueError, with a few words, for whatever is none or can't be held: JSONDecodeError,
    which has the line, for what isn't written as JSON.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise
    except ValueError:  # Python makes no whole number of more than 4,300 digits
        raise ValueError("it has a number of thousands of digits") from None


def from_yaml(text: str) -> Any:
    """The value that YAML says, without running what it may ask for; the one way to read YAML here.

    Raises ValueError, with one line, for whatever is none or can't be held.
    """
    import yaml

    try:
        value = yaml.safe_load(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except Exception as error:  # a wrong tag, as !!timestamp, is answered with any kind of error
        raise ValueError(short(" ".join(str(error).split()), LONG)) from error
    check_nesting(value)
    return value


def check_nesting(value: Any) -> None:
    """Raises ValueError for what is nested more deeply than any settings, or holds itself: YAML's
    names make that of few letters."""
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > DEEPEST or len(level) > MOST:
            raise ValueError("it is nested too deeply")
        holders = (value for value in level if isinstance(value, dict | list))
        parts = (value.values() if isinstance(value, dict) else value for value in holders)
        level = [*islice(chain.from_iterable(parts), MOST + 1)]


def read_settings(path: Path, advice: str = ADVICE, *keys: str) -> dict[str, Any]:
    """The object in a .json or .yaml file. Raises UserError, which ends with `advice`, if the file
    can't be read, holds anything else, or lacks one of the `keys`."""
    parse = from_json if path.suffix == ".json" else from_yaml
    try:
        values = parse(read_bytes(path).decode("utf-8"))
        check_nesting(values)
    except UserError as error:
        raise UserError(f"{str(error).removesuffix('.')}: {advice}.") from error
    except ValueError as error:
        why = short(" ".join(str(error).split()), LONG)
        raise UserError(f"{path} can't be read ({why}): {advice}.") from error
    if not isinstance(values, dict) or not values.keys() >= set(keys):
        raise UserError(f"{path} can't be read: {advice}.")
    return values
