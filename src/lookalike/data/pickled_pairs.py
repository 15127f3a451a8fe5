"""PG²'s lists of pairs of images: p_pairs_*.p, pickles of Python 2."""

import io
import pickle
from pathlib import Path
from typing import Any

from lookalike.errors import UserError

SUFFIXES = (".p", ".pkl", ".pickle")


def pickled_pairs(path: str | Path) -> list[tuple[str, str]]:
    """The pairs of file names, (from, to), in a pickle of a list of pairs, in its order.

    A pickle can run any program: this one may hold texts and lists and call nothing at all.
    Raises UserError where it calls something, isn't whole, or holds anything but pairs of texts.
    """
    path = Path(path)
    try:
        # Python 2's strings are bytes.
        found = _Unpickler(io.BytesIO(path.read_bytes()), encoding="latin1").load()
    except UserError as error:
        raise UserError(f"'{path}' {error}") from None
    except OSError as error:
        raise UserError(f"Can't read '{path}' ({error.strerror}).") from None
    except Exception as error:  # a broken pickle raises whatever its opcodes lead to
        raise UserError(f"'{path}' is no whole pickle ({error}).") from None
    if not isinstance(found, list) or not found:
        raise UserError(f"'{path}' holds no list of pairs.")
    for number, pair in enumerate(found):
        whole = isinstance(pair, (list, tuple)) and len(pair) == 2
        if not whole or not all(isinstance(name, str) for name in pair):
            raise UserError(f"'{path}', pair {number}: not two file names.")
    return [(one, other) for one, other in found]


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        raise UserError(
            f"asks for {module}.{name}, so it isn't read: a pickle of pairs holds texts and lists."
        )
