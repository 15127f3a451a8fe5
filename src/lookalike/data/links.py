"""What somebody knows of pairs of crops without knowing who is on them: one person, or two."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from lookalike.data.people import Index, People
from lookalike.data.row_names import row_finder
from lookalike.data.text import table_rows
from lookalike.errors import UserError, short

COLUMNS = ["a", "b", "same"]


class Links(NamedTuple):
    """must: pairs of rows that are one person. cannot: of two. M×2 int64, in the file's order."""

    must: Index
    cannot: Index


def read_links(file: str | Path, people: People) -> Links:
    """The pairs of a CSV file with the header a,b,same: two image files, and 1 where they are one
    person, 0 where they are two.

    Files are named by the end of their path, as far as it tells them apart (`row_finder`). A pair
    may come twice. Raises UserError naming the line of what can't be used: other columns, another
    answer, an image that isn't there, a name that several have, an image beside itself, a pair with
    both answers, and a pair of two persons whom other pairs make one.
    """
    file = Path(file)
    rows = list(table_rows(file))
    if not rows or [cell.strip().lower() for cell in rows[0][1]] != COLUMNS:
        raise UserError(f"The first line of {file} must be {','.join(COLUMNS)}.")
    find = row_finder(people, file)
    answers: dict[tuple[int, int], tuple[bool, int]] = {}  # pair → same, line
    for line, cells in rows[1:]:
        place = f"line {line}"
        if len(cells) != len(COLUMNS):
            raise UserError(
                f"{file}, {place}: a pair is two files and 1 or 0, three cells, not {len(cells)}."
            )
        said = cells[2].strip()
        if said not in ("0", "1"):
            raise UserError(
                f"{file}, {place}: same is 1 for one person or 0 for two, not '{short(said)}'."
            )
        one, other = sorted(find(name, place) for name in cells[:2])
        if one == other:
            raise UserError(f"{file}, {place}: '{short(cells[0])}' is paired with itself.")
        same, before = answers.setdefault((one, other), (said == "1", line))
        if same != (said == "1"):
            raise UserError(f"{file}, {place}: line {before} says the opposite of this pair.")
    if not answers:
        raise UserError(f"{file} holds no pair.")
    links = Links(*(_pairs(answers, same) for same in (True, False)))
    _check(links, answers, len(people), file)
    return links


def _pairs(answers: dict[tuple[int, int], tuple[bool, int]], which: bool) -> Index:
    pairs = [pair for pair, (same, _) in answers.items() if same == which]
    return np.array(pairs, np.int64).reshape(-1, 2)


def _check(
    links: Links, answers: dict[tuple[int, int], tuple[bool, int]], count: int, file: Path
) -> None:
    """Raises UserError where pairs of one person make one of a pair of two."""
    must, cannot = links
    graph = coo_matrix((np.ones(len(must)), (must[:, 0], must[:, 1])), (count, count))
    person = connected_components(graph, directed=False)[1]
    for one, other in cannot[person[cannot[:, 0]] == person[cannot[:, 1]]].tolist():
        line = answers[one, other][1]
        raise UserError(
            f"{file}, line {line}: these are said to be two persons, but pairs of one person join "
            "them: leave one of these out."
        )
