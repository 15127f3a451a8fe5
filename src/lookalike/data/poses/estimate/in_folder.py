"""The poses of all images in a folder, estimated by several processes, in one table."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lookalike import workers as processes
from lookalike.data.images import images_below
from lookalike.data.poses.estimate.landmarker import model_file, require_mediapipe
from lookalike.data.poses.estimate.pose import THRESHOLD
from lookalike.data.poses.estimate.poses_csv import (
    Journal,
    has_pose,
    read_rows,
    unfinished,
    write_rows,
)
from lookalike.errors import UserError


@dataclass(frozen=True)
class Estimated:
    """What `estimate_folder` did. Names are paths below the folder, in order."""

    out: Path
    images: int
    new: int
    """How many of the images were estimated now."""
    failed: tuple[str, ...]
    """Images in which no pose was found that can be believed, now or before."""
    unreadable: tuple[str, ...]
    """Images without a line in the table: not readable, or with a line break in their names."""
    seconds: float


def estimate_folder(
    folder: str | Path,
    out: str | Path | None = None,
    model: str | None = None,
    *,
    threshold: float = THRESHOLD,
    workers: int = 0,
    force: bool = False,
    progress: bool = True,
) -> Estimated:
    """Writes the poses of the images in `folder` and below to the table `out`; says what was found.

    Images that the table has are left out, and a stopped job goes on where it was. out:
    FOLDER/poses.csv by default, where `load` finds it. model: a file or URL, see `model_file`.
    threshold: the visibility, from 0 to 1, below which a joint is missing. workers: processes, 0
    means one a core. force: begins anew and replaces `out`, whatever it is. progress: shows a bar
    where stderr is a terminal. The table's lines are name:keypoints_y:keypoints_x:confidence:score,
    see `table.row`; every joint of an image without a pose is −1.
    Raises UserError when there are no images, no model or no package, or `out` can't be written or
    is somebody else's.
    """
    folder = Path(folder).expanduser()
    out = Path(out).expanduser() if out else folder / "poses.csv"
    names = image_names_below(folder)
    _require_writable(out)
    written = {} if force else read_rows(out) | read_rows(unfinished(out))
    todo = [name for name in names if name not in written]
    started = time.perf_counter()
    unreadable = [name for name in todo if not _fits(name)]
    todo = [name for name in todo if _fits(name)]
    before = len(written)
    if todo:
        require_mediapipe()
        file = model_file(model)
        call = (f"lookalike.data.poses.estimate.worker.estimate_images({str(folder)!r}, "
                f"{str(file)!r}, {threshold!r})")  # fmt: skip
        try:
            unreadable += _work(call, todo, written, out, workers, force, progress,
                                len(names))  # fmt: skip
        except OSError as error:
            raise UserError(
                f"Could not write {unfinished(out)} ({error}); what was finished is kept: the same "
                "again goes on from there."
            ) from error
    if todo or unfinished(out).exists():  # it may have been killed when all was done but this
        write_rows(out, written)
        unfinished(out).unlink(missing_ok=True)
    failed = [name for name in names if name in written and not has_pose(written[name])]
    return Estimated(out, len(names), len(written) - before, tuple(failed),
                     tuple(sorted(unreadable)), time.perf_counter() - started)  # fmt: skip


def _work(
    call: str, todo: list[str], written: dict[str, str], out: Path, workers: int, force: bool,
    progress: bool, total: int,
) -> list[str]:  # fmt: skip
    """Adds the rows of `todo` to `written` and to the journal; gives the unreadable images."""
    from tqdm import tqdm

    unreadable: list[str] = []
    journal: Journal | None = None
    # None hides the bar where stderr is no terminal.
    with tqdm(total=total, initial=total - len(todo), desc="poses", unit="image",
              disable=None if progress else True) as bar:  # fmt: skip

        def keep(answer: dict[str, Any]) -> None:
            nonlocal journal
            if journal is None:  # not before the model has run: force must not replace for nothing
                journal = Journal(unfinished(out), written)
                if force:  # so that the rest of a stopped job doesn't find the old table
                    out.unlink(missing_ok=True)
            if "row" in answer:
                journal.add(answer["row"])
                written[answer["name"]] = answer["row"]
            else:
                unreadable.append(answer["name"])
            bar.update()

        try:
            processes.work(call, todo, min(workers or processes.cores(), len(todo)), keep)
        finally:
            if journal:
                journal.close()
    return unreadable


def image_names_below(folder: Path) -> list[str]:
    """The images in `folder` and below, hidden ones left out: paths from there, with /, in order.

    Raises UserError if there is no such folder or no image in it.
    """
    if not folder.is_dir():
        raise UserError(f"There is no folder '{folder}'.")
    return sorted(image.as_posix() for image in images_below(folder))


def _fits(name: str) -> bool:
    """Whether a name can stand in a line of UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return name.splitlines() == [name]


def _require_writable(out: Path) -> None:
    if out.is_dir():
        raise UserError(f"{out} is a folder: --out must be a file.")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"Can't make the folder {out.parent} ({error.strerror}).") from error
    if not os.access(out.parent, os.W_OK):
        raise UserError(f"The folder {out.parent} is not writable; choose another --out.")
