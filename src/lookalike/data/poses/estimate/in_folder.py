"""The poses of all images in a folder, estimated by several processes, in one table."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
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
from lookalike.files import writable_file


@dataclass(frozen=True)
class EstimationSummary:
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
    passed_over: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What lies in the folder and is no image: whole paths, by the reason."""


def estimate_folder(
    folder: str | Path,
    out: str | Path | None = None,
    model: str | None = None,
    *,
    threshold: float = THRESHOLD,
    workers: int = 0,
    force: bool = False,
    progress: bool = True,
) -> EstimationSummary:
    """Writes the poses of the images in `folder` and below to the table `out`; says what was found.

    Images that the table has are left out, and a stopped job goes on where it was. out:
    FOLDER/poses.csv by default, where `load` finds it. model: a file or URL, see `model_file`.
    threshold: the visibility, from 0 to 1, below which a joint is missing. workers: processes, 0
    means one a core. force: begins anew and replaces `out`, whatever it is. progress: shows a bar
    where stderr is a terminal. The table's lines are name:keypoints_y:keypoints_x:confidence:score,
    see `poses_csv.row`; every joint of an image without a pose is −1.
    Raises UserError when there are no images, no model or no package, or `out` can't be written or
    is somebody else's.
    """
    folder = Path(folder).expanduser()
    out = Path(out).expanduser() if out else folder / "poses.csv"
    passed_over: dict[str, list[str]] = {}
    names = image_names_below(folder, passed_over)
    own = {str(out), str(unfinished(out))}
    others = {r: tuple(p for p in paths if p not in own) for r, paths in passed_over.items()}
    writable_file(out)
    rows = {} if force else read_rows(out) | read_rows(unfinished(out))
    todo = [name for name in names if name not in rows]
    start = time.perf_counter()
    unreadable = [name for name in todo if not _fits(name)]
    todo = [name for name in todo if _fits(name)]
    before = len(rows)
    if todo:
        require_mediapipe()
        file = model_file(model)
        arguments = f"{str(folder)!r}, {str(file)!r}, {threshold!r}"
        call = f"lookalike.data.poses.estimate.worker.estimate_images({arguments})"
        try:
            unreadable += _work(call, todo, rows, out, workers, force, progress, len(names))
        except OSError as error:
            raise UserError(
                f"Could not write {unfinished(out)} ({error}); what was finished is kept: the same "
                "again goes on from there."
            ) from error
    if todo or unfinished(out).exists():  # it may have been killed when all was done but this
        write_rows(out, rows)
        unfinished(out).unlink(missing_ok=True)
    failed = [name for name in names if name in rows and not has_pose(rows[name])]
    return EstimationSummary(
        out,
        len(names),
        len(rows) - before,
        tuple(failed),
        tuple(sorted(unreadable)),
        time.perf_counter() - start,
        {reason: paths for reason, paths in others.items() if paths},
    )


def _work(
    call: str,
    todo: list[str],
    rows: dict[str, str],
    out: Path,
    workers: int,
    force: bool,
    progress: bool,
    total: int,
) -> list[str]:
    """Adds the lines of `todo` to `rows` and to the journal; gives the unreadable images."""
    from tqdm import tqdm

    unreadable: list[str] = []
    journal: Journal | None = None
    hidden = None if progress else True  # None hides the bar where stderr is no terminal
    before = total - len(todo)
    with tqdm(total=total, initial=before, desc="poses", unit="image", disable=hidden) as bar:

        def keep(answer: dict[str, Any]) -> None:
            nonlocal journal
            if journal is None:  # not before the model has run: force must not replace for nothing
                journal = Journal(unfinished(out), rows)
                if force:  # so that the rest of a stopped job doesn't find the old table
                    out.unlink(missing_ok=True)
            if "row" in answer:
                journal.add(answer["row"])
                rows[answer["name"]] = answer["row"]
            else:
                unreadable.append(answer["name"])
            bar.update()

        try:
            processes.work(call, todo, min(workers or processes.cores(), len(todo)), keep)
        finally:
            if journal:
                journal.close()
    return unreadable


def image_names_below(folder: Path, passed_over: dict[str, list[str]] | None = None) -> list[str]:
    """The images in `folder` and below, hidden ones left out: paths from there, with /, in order.

    passed_over: collects what isn't read, by the reason. Raises UserError if there is no such
    folder or no image in it.
    """
    if not folder.is_dir():
        raise UserError(f"There is no folder '{folder}'.")
    return sorted(image.as_posix() for image in images_below(folder, passed_over))


def _fits(name: str) -> bool:
    """Whether a name can stand in a line of UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return name.splitlines() == [name]
