"""The row of a table that a list means by a file's name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePath

from lookalike.data.people import People
from lookalike.errors import UserError, short


def row_finder(people: People, file: Path) -> Callable[[str, str], int]:
    """A function of a name in `file`, and of its place there, that gives the row of `people`.

    A name is the end of a path in `people.paths`, whole parts of it: the file's name alone is
    enough where no other file is called the same, and more of the path where one is. The function
    raises UserError naming the place for a name of no image or of several.
    """
    rows: dict[str, list[int]] = {}
    for row, path in enumerate(people.paths):
        rows.setdefault(PurePath(path).name, []).append(row)

    def find(name: str, place: str) -> int:
        parts = PurePath(name.strip()).parts
        matches = rows.get(parts[-1], []) if parts else []
        matches = [
            row for row in matches if PurePath(people.paths[row]).parts[-len(parts) :] == parts
        ]
        if len(matches) != 1:
            what = "no image is" if not matches else f"{len(matches)} images are"
            raise UserError(f"{file}, {place}: {what} called '{short(name)}'.")
        return matches[0]

    return find
