"""Files that appear complete or not at all."""

from __future__ import annotations

import csv
import json
import os
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from lookalike.errors import NotWritten, UserError

STALE = 3600  # seconds without a write after which a temporary file is a killed process's
ADVICE = "choose another --out"


def cache(kind: str) -> Path:
    """The folder for files of a kind that can be made again: in $LOOKALIKE_CACHE if that is set."""
    return Path(os.environ.get("LOOKALIKE_CACHE") or "~/.cache/lookalike").expanduser() / kind


def temporary(path: Path) -> Path:
    """A name beside `path` that no other process takes, to write to before it becomes `path`."""
    return path.with_name(f"{path.name}.{secrets.token_hex(8)}.part")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path to write to; it becomes `path` when the block ends without an error.

    After an error `path` holds what it held before. Several processes may write one file: the last
    to end has its way. Raises NotWritten, a UserError, when the disk refuses.
    """
    part = temporary(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        part.replace(path)
    except OSError as error:
        raise NotWritten(
            f"Could not write {path} ({error}); what was there before is kept."
        ) from error
    finally:
        with suppress(OSError):  # renamed, or never made
            part.unlink()


def writable(path: str | Path) -> Path:
    """`path`, whose folder now exists: a long job must not find out at its end that it can't write.

    Raises UserError when that folder can't be made or written to.
    """
    file = Path(path)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"Can't make the folder {file.parent} ({error.strerror}).") from error
    if not os.access(file.parent, os.W_OK):
        raise UserError(f"The folder {file.parent} is not writable; {ADVICE}.")
    return file


def writable_file(path: str | Path) -> Path:
    """As `writable`, for what can't be a folder."""
    if Path(path).is_dir():
        raise UserError(f"{path} is a folder: --out must be a file.")
    return writable(path)


def remove_stale(folder: Path, age: float = STALE) -> None:
    """Removes the temporary files in `folder` and below that killed processes left behind.

    Those written to within the last `age` seconds stay: another process may be at work.
    """
    for place, _, names in os.walk(folder):
        for name in names:
            if name.endswith(".part"):
                with suppress(OSError):  # another process renamed it meanwhile
                    part = Path(place, name)
                    if time.time() - part.stat().st_mtime >= age:
                        part.unlink()


def write_json(path: Path, value: Any) -> None:
    """Writes `value` as JSON. Raises UserError when the disk refuses."""
    with replacing(path) as part:
        part.write_text(json.dumps(value, indent=1))


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes rows that have the same keys as CSV in UTF-8, the keys as its header.

    Raises UserError when the disk refuses.
    """
    with replacing(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else [], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_yaml(path: Path, value: Any) -> None:
    """Writes `value` as YAML, in its order. Raises UserError when the disk refuses."""
    import yaml

    with replacing(path) as part:
        part.write_text(yaml.safe_dump(value, sort_keys=False))
