"""The pairs of images that pictures are judged on: drawn, or read from a list."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lookalike.data.pair_samplers import AllPairs
from lookalike.data.people import DISTRACTOR, People
from lookalike.data.pickles import SUFFIXES, read_plain
from lookalike.data.row_names import row_finder
from lookalike.data.samplers import step_generator
from lookalike.data.text import table_rows
from lookalike.errors import UserError


def held_out_pairs(people: People, count: int = 12_800, seed: int = 0) -> NDArray[np.int64]:
    """Random ordered pairs of two images of one person, to judge pictures on: M×2 int64 rows.

    M is `count`, or all pairs if there are fewer; no pair comes twice. Junk and distractors are
    left out, and, if `people.poses` is known, images without a single known joint.
    Raises UserError when there is no pair.
    """
    if count < 1:
        raise UserError(f"Pictures are judged on at least one pair, got {count}.")
    labels = people.labels()
    if people.poses is not None:
        labels[people.poses.known == 0] = -1
        if _has_pair(people.labels()) and not _has_pair(labels):
            raise UserError(
                "No identity has two images whose poses are known, so no image can be made of "
                f"another of the same person: {int((people.poses.known > 0).sum()):,} of "
                f"{len(people):,} images have a pose."
            )
    pairs = AllPairs(labels)
    rng = step_generator(seed, "held-out pairs")
    number = rng.choice(pairs.count, min(count, pairs.count), replace=False)
    return np.stack(pairs.at(number), 1)


def _has_pair(labels: NDArray[np.int64]) -> bool:
    """Whether an identity has two images."""
    return bool(np.bincount(labels[labels >= 0], minlength=1).max() > 1)


def read_pairs(path: str | Path, people: People) -> NDArray[np.int64]:
    """The pairs of a CSV file with the header from,to, or of PG²'s pickle of pairs (p_pairs_*.p):
    M×2 int64 rows of `people`.

    Pairs are of file names as in `people.paths`, of which the last part is enough where no other
    file is called the same. Raises UserError naming the line of a name that isn't there, of one
    that several files have, and of a pair of different people.
    """
    path = Path(path)
    if path.suffix in SUFFIXES:
        names = [(f"pair {i}", list(pair)) for i, pair in enumerate(pickled_pairs(path))]
    else:
        names = [(f"line {line}", cells) for line, cells in _lines(path)]
    find = row_finder(people, path)
    pairs = []
    for place, cells in names:
        if len(cells) != 2:
            raise UserError(f"{path}, {place}: a pair is two names, got {len(cells)}.")
        one, other = (find(name, place) for name in cells)
        if people.pids[one] != people.pids[other] or people.pids[one] <= DISTRACTOR:
            raise UserError(f"{path}, {place}: the two images are not of one person.")
        pairs.append((one, other))
    if not pairs:
        raise UserError(f"{path} holds no pair.")
    return np.array(pairs, np.int64)


def _lines(path: Path) -> list[tuple[int, list[str]]]:
    """The lines of a CSV file of pairs below its first, each with its number."""
    rows = list(table_rows(path))
    if not rows or [cell.strip().lower() for cell in rows[0][1]] != ["from", "to"]:
        raise UserError(f"The first line of {path} must be from,to.")
    return rows[1:]


def pickled_pairs(path: str | Path) -> list[tuple[str, str]]:
    """The pairs of file names, (from, to), in a pickle of a list of pairs, in its order.

    Raises UserError where it asks for anything but texts and lists, isn't whole, or holds anything
    but pairs of texts.
    """
    path = Path(path)
    pairs = read_plain(path)
    if not isinstance(pairs, list) or not pairs:
        raise UserError(f"'{path}' holds no list of pairs.")
    for number, pair in enumerate(pairs):
        is_pair = isinstance(pair, (list, tuple)) and len(pair) == 2
        if not is_pair or not all(isinstance(name, str) for name in pair):
            raise UserError(f"'{path}', pair {number}: not two file names.")
    return [(one, other) for one, other in pairs]
