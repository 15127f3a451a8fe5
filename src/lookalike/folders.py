"""Folders that are for one thing only, and that one process at a time is at work on."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from lookalike.errors import UserError, short
from lookalike.files import ADVICE, remove_stale, write_json, write_yaml
from lookalike.reading import read_settings

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

LOCK = ".lock"  # in a folder that a process is at work on
SHOWN = 6  # differences that a sentence names
LONG = 300  # letters of a value in it: most are paths
ARROW = "{name}: {old} → {new}"


def differences(old: Any, new: Any, form: str = ARROW, name: str = "") -> list[str]:
    """What differs between two nested settings, each as "name: old → new" or in another `form`."""
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        texts = {"old": short(old, LONG), "new": short(new, LONG)}
        return [] if old == new else [form.format(name=short(name), **texts)]
    changes = []
    for key in [*old, *(k for k in new if k not in old)]:
        inner = f"{name}.{key}" if name else str(key)
        changes += differences(old.get(key), new.get(key), form, inner)
    return changes


def is_free(folder: Path, ours: Collection[str] = ()) -> bool:
    """Whether there is no `folder`, or one with nothing in it but what is called as `ours`.

    Raises UserError for a folder that can't be looked into.
    """
    try:
        if not folder.exists():
            return True
        return folder.is_dir() and all(e.name in (*ours, LOCK) for e in folder.iterdir())
    except OSError as error:
        raise UserError(f"Can't read the folder {folder} ({error.strerror}); {ADVICE}.") from error


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

    A lock on a file in it, which is gone afterwards; the system lets go of it when this process
    ends, however it ends, and on a network's file system the server does. Where there are no such
    locks nothing is held. Raises UserError where another process holds it, and where the folder
    can't be made or written to.
    """
    refused = not folder.is_dir() and (resume or folder.exists())  # by `claim`
    if fcntl is None or refused:
        yield
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        place = _locked(folder / LOCK)
    except BlockingIOError as error:
        raise UserError(
            f"Another process is at work on the {what} in {folder}: wait for it, or {ADVICE}."
        ) from error
    except OSError as error:
        verb = "write to" if folder.is_dir() else "make"
        raise UserError(
            f"Can't {verb} the folder {folder} ({error.strerror}); {ADVICE}."
        ) from error
    _held.add(place)
    try:
        yield
    finally:
        if place in _held:
            with suppress(OSError):
                (folder / LOCK).unlink()  # still locked: nobody else has this file
            _held.remove(place)
            os.close(place)


def _locked(file: Path) -> int:
    """The open, locked file. Raises BlockingIOError where another process has locked it."""
    while True:
        # To be written to: on NFS, a lock is one on bytes, which needs that.
        place = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(place)
            raise
        except OSError:  # a file system without locks
            return place
        try:
            if os.path.samestat(os.stat(file), os.fstat(place)):
                return place
        except FileNotFoundError:  # another process has just let go of it
            pass
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
            end = "leave out --resume to start one" if free else f"it holds other files: {advice}"
            raise UserError(f"There is no {what} to resume in {folder}; {end}.")
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
