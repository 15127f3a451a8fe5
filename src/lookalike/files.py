"""Files that appear complete or not at all, and folders that are for one thing only."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from lookalike.errors import UserError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

STALE = 3600  # seconds without a write after which a temporary file is a killed process's
SHOWN = 6  # differences that a sentence names
ADVICE = "choose another --out"
ARROW = "{name}: {old} → {new}"


def cache(kind: str) -> Path:
    """The folder for files of a kind that can be made again: in $LOOKALIKE_CACHE if that is set."""
    return Path(os.environ.get("LOOKALIKE_CACHE") or "~/.cache/lookalike").expanduser() / kind


def temporary(path: Path) -> Path:
    """A name beside `path` that no other process takes, to write to before it becomes `path`."""
    return path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path to write to; it becomes `path` when the block ends without an error.

    After an error `path` holds what it held before. Several processes may write one file: the last
    to end has its way. Raises UserError when the disk refuses.
    """
    part = temporary(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        part.replace(path)
    except OSError as error:
        raise UserError(
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
        raise UserError(f"The folder {file.parent} is not writable; choose another --out.")
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


def write_yaml(path: Path, value: Any) -> None:
    """Writes `value` as YAML, in its order. Raises UserError when the disk refuses."""
    import yaml

    with replacing(path) as part:
        part.write_text(yaml.safe_dump(value, sort_keys=False))


def read_settings(path: Path, advice: str = ADVICE, *keys: str) -> dict[str, Any]:
    """The object in a .json or .yaml file. Raises UserError, which ends with `advice`, if the file
    can't be read, holds anything else, or lacks one of the `keys`."""
    import yaml

    parse = json.loads if path.suffix == ".json" else yaml.safe_load
    try:
        values = parse(path.read_text())
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UserError(f"{path} can't be read: {advice}.") from error
    if not isinstance(values, dict) or not values.keys() >= set(keys):
        raise UserError(f"{path} can't be read: {advice}.")
    return values


def differences(
    old: Mapping[str, Any], new: Mapping[str, Any], form: str = ARROW, prefix: str = ""
) -> list[str]:
    """What differs between two nested settings, each as "name: old → new" or in another `form`."""
    changes = []
    for key in [*old, *(k for k in new if k not in old)]:
        a, b = old.get(key), new.get(key)
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            changes += differences(a, b, form, f"{prefix}{key}.")
        elif a != b:
            changes.append(form.format(name=f"{prefix}{key}", old=a, new=b))
    return changes


def is_free(folder: Path, ours: Collection[str] = ()) -> bool:
    """Whether there is no `folder`, or one with nothing in it but what is called as `ours`."""
    if not folder.exists():
        return True
    return folder.is_dir() and all(entry.name in ours for entry in folder.iterdir())


def require_free(folder: Path, advice: str = ADVICE) -> None:
    """Raises UserError where `folder` is a file or holds anything."""
    if not is_free(folder):
        raise UserError(f"{folder} holds other files; {advice}.")


_held: set[int] = set()  # the folders that this process holds, as open files


def let_go() -> None:
    """A forked child holds nothing, so that its parent's folders are free when the parent ends."""
    for place in _held:
        os.close(place)
    _held.clear()


if fcntl is not None:
    os.register_at_fork(after_in_child=let_go)


@contextmanager
def held(folder: Path, what: str, resume: bool = False) -> Iterator[None]:
    """Inside, no other process holds `folder`, which is made if need be, unless to `resume`.

    The system lets go of it when this process ends, however it ends. Where the file system or the
    operating system has no such locks, nothing is held. Raises UserError where another process
    holds it.
    """
    refused = not folder.is_dir() and (resume or folder.exists())  # by `claim`
    if fcntl is None or refused:
        yield
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        place = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise UserError(f"Can't make the folder {folder} ({error.strerror}).") from error
    try:
        fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(place)
        raise UserError(
            f"Another process is at work on the {what} in {folder}: wait for it, or {ADVICE}."
        ) from error
    except OSError:  # a network's file system
        pass
    _held.add(place)
    try:
        yield
    finally:
        if place in _held:
            _held.remove(place)
            os.close(place)


def claim(
    folder: Path,
    note: str,
    about: Mapping[str, Any],
    what: str = "",
    *,
    resume: bool | None = None,
    other: str = "was started with other settings",
    advice: str = ADVICE,
    changes: Callable[[dict[str, Any], dict[str, Any]], list[str]] = differences,
    ours: Collection[str] = (),
) -> None:
    """Makes `folder` for what `about` says and writes that to its file `note`; or checks that the
    note that is there says the same.

    note: a .json or .yaml file, below `folder`. what: what the folder is for ("run").
    resume: whether the user asks to go on with what is there; None: it goes on where it can.
    other: what a sentence says of a folder with another note. advice: how the sentences end.
    changes: what differs between the old note and the new one though it mustn't, as texts.
    ours: names of entries beside which a folder without a note still counts as empty.
    Raises UserError for a folder with other files, with another note or with a broken one; and,
    with `resume`, where there is no note, or, without it, where there is one.
    """
    file, new = folder / note, json.loads(json.dumps(about))
    free = is_free(folder, ours)  # first: another process may write the note now, and more then
    if not file.exists():
        if resume:
            raise UserError(
                f"There is no {what} to resume in {folder}; leave out --resume to start one."
            )
        if not free:
            raise UserError(f"{folder} holds other files; {advice}.")
        (write_json if file.suffix == ".json" else write_yaml)(file, new)
        return
    if resume is False:
        raise UserError(f"{folder} already holds a {what}; add --resume to go on, or {advice}.")
    if texts := changes(read_settings(file, advice), new):
        text = "; ".join(texts[:SHOWN]) + ("; …" if len(texts) > SHOWN else "")
        same = "resume it with the same ones, or " if resume else ""
        raise UserError(f"{folder} {other} ({text}); {same}{advice}.")
    remove_stale(folder)
