"""Files that appear complete or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lookalike.errors import UserError


def cache(kind: str) -> Path:
    """The folder for files of a kind that can be made again: in $LOOKALIKE_CACHE if that is set."""
    return Path(os.environ.get("LOOKALIKE_CACHE") or "~/.cache/lookalike").expanduser() / kind


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path to write to; it becomes `path` when the block ends without an error.

    After an error `path` holds what it held before. Raises UserError when the disk refuses.
    """
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        part.replace(path)
    except OSError as error:
        raise UserError(
            f"Could not write {path} ({error}); what was there before is kept."
        ) from error
    finally:
        part.unlink(missing_ok=True)
