"""The one exception that means "the user can mend this"."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """A mistake the user can mend: the command prints it as one sentence and exits with code 2."""


def unknown(kind: str, name: str, known: Iterable[str]) -> UserError:
    """The `UserError` for a name that isn't known: suggests the nearest one and lists them all."""
    known = sorted(known)
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"; did you mean '{near[0]}'?" if near else "."
    return UserError(f"Unknown {kind} '{name}'{hint} Known: {', '.join(known)}.")
