"""The table of estimated poses: a line an image, and the lines of a job that isn't finished."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lookalike.data.poses.estimate.pose import Estimate
from lookalike.errors import UserError
from lookalike.files import replacing

HEADER = "name:keypoints_y:keypoints_x:confidence:score"


def row(name: str, pose: Estimate) -> str:
    """An image's line: JSON lists of 18 y, 18 x, 18 visibilities, and the score."""
    x, y = pose.joints.T
    columns = (_tenths(y), _tenths(x), pose.confidence.round(2).tolist(), round(pose.score, 2))
    return ":".join([name, *map(json.dumps, columns)])


def _tenths(pixels: NDArray[np.float64]) -> list[float | int]:
    """Rounded down, so that a joint doesn't leave the image; −1 as that."""
    return [float(p) if p >= 0 else -1 for p in np.floor(pixels * 10) / 10]


def unfinished(out: Path) -> Path:
    """Where the lines of a job are until all are there."""
    return out.with_name(out.name + ".unfinished")


def read_rows(file: Path) -> dict[str, str]:
    """Name → line of the lines under our header, a last incomplete line left out; {} if no file.

    Raises UserError if the file can't be read or isn't a table of estimated poses.
    """
    try:
        with file.open(encoding="utf-8", newline="\n") as text:
            lines = text.read().split("\n")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"Can't read '{file}' ({error}).") from error
    if lines[0] != HEADER:
        raise UserError(
            f"'{file}' isn't a table of estimated poses: it stays as it is; give another --out, or "
            "--force to replace it."
        )
    return {line.rsplit(":", 4)[0]: line for line in lines[1:-1]}


def write_rows(file: Path, rows: Mapping[str, str]) -> None:
    """Writes the table, by name; complete or not at all."""
    with replacing(file) as part, part.open("w", encoding="utf-8", newline="\n") as text:
        text.writelines(f"{line}\n" for line in [HEADER, *(rows[name] for name in sorted(rows))])


def has_pose(line: str) -> bool:
    """Whether a pose was found in the line's image."""
    return float(line.rsplit(":", 1)[1]) > 0


class Journal:
    """The lines of a job, each on the disk as soon as it is known."""

    def __init__(self, file: Path, before: Mapping[str, str]) -> None:
        """Starts `file` with the rows `before`."""
        write_rows(file, before)
        self._file = os.open(file, os.O_WRONLY | os.O_APPEND)

    def add(self, line: str) -> None:
        """Appends it. Raises OSError when the disk takes only a part of it, or nothing."""
        content = f"{line}\n".encode()
        if os.write(self._file, content) < len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def close(self) -> None:
        os.close(self._file)
