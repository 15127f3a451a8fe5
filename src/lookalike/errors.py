"""The one exception that means "the user can mend this"."""

import reprlib
from collections.abc import Iterable
from difflib import get_close_matches

QUOTED = 80  # letters of somebody's text that a sentence quotes


class UserError(Exception):
    """A mistake the user can mend: the command prints it as one sentence and exits with code 2.

    As a text it is one line that every terminal shows: what can't be printed, as the line's end in
    a file's name, is escaped.
    """

    def __str__(self) -> str:
        return printable(super().__str__())


class NotWritten(UserError):
    """The disk refused to take a file: it is full, or can't be written to."""


def printable(text: str) -> str:
    """The text as one line that every terminal shows: what can't be printed is escaped."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def short(value: object, most: int = QUOTED) -> str:
    """The value as a sentence quotes it: the first `most` letters of its text."""
    if isinstance(value, str):
        text = value
    else:  # a few lists can hold each other so often that no memory has room for the whole text
        form = reprlib.Repr()
        form.maxlevel = 3
        form.maxlist = form.maxtuple = form.maxdict = 12
        form.maxstring = form.maxother = form.maxlong = most
        text = form.repr(value)
    return text if len(text) <= most else f"{text[:most]}…"


def unknown(kind: str, name: str, known: Iterable[str]) -> UserError:
    """The `UserError` for a name that isn't known: suggests the nearest one and lists them all."""
    known = sorted(known)
    near = get_close_matches(short(name), known, n=1, cutoff=0.5)
    hint = f"; did you mean '{near[0]}'?" if near else "."
    return UserError(f"Unknown {kind} '{short(name)}'{hint} Known: {', '.join(known)}.")
