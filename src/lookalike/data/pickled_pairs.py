"""PG²'s lists of pairs of images: p_pairs_*.p, pickles of Python 2."""

from pathlib import Path

from lookalike.data.pickles import read_plain
from lookalike.errors import UserError


def pickled_pairs(path: str | Path) -> list[tuple[str, str]]:
    """The pairs of file names, (from, to), in a pickle of a list of pairs, in its order.

    Raises UserError where it asks for anything but texts and lists, isn't whole, or holds anything
    but pairs of texts.
    """
    path = Path(path)
    found = read_plain(path)
    if not isinstance(found, list) or not found:
        raise UserError(f"'{path}' holds no list of pairs.")
    for number, pair in enumerate(found):
        whole = isinstance(pair, (list, tuple)) and len(pair) == 2
        if not whole or not all(isinstance(name, str) for name in pair):
            raise UserError(f"'{path}', pair {number}: not two file names.")
    return [(one, other) for one, other in found]
