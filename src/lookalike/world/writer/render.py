"""Renders a world into a folder: by several processes, in shards, and on from where it stopped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from random import sample
from typing import Any

from lookalike import workers as processes
from lookalike.errors import UserError
from lookalike.world.spec import WorldSpec
from lookalike.world.writer.begin import begin, versions
from lookalike.world.writer.finish import finish
from lookalike.world.writer.layout import WORLD, check_testable, person_file


@dataclass(frozen=True)
class RenderSummary:
    """What a call of `render` did."""

    out: Path
    images: int
    """Of the whole world."""
    new: int
    """By this call."""
    missing: int
    """Still to be rendered, by the other shards."""

    @property
    def finished(self) -> bool:
        return not self.missing


def render(
    spec: WorldSpec,
    out: str | Path,
    *,
    workers: int = 0,
    shard: tuple[int, int] = (1, 1),
    progress: bool = True,
) -> RenderSummary:
    """Renders the people of `spec` that `out` doesn't have yet, into the files that `layout` lists.

    workers: processes, 0 for one a core. shard: (i, n) renders every n-th person from the i-th on;
    the shard that finds all people there writes the final files, so n machines that share a folder
    (or whose folders are copied into one) need nothing else. progress: a bar on stderr.
    The bytes don't depend on workers, shards, or how often it was stopped and called again.
    Raises UserError when `out` holds something else or can't be written, or a worker dies; what was
    finished is kept then, as with Ctrl-C.
    """
    i, n = shard
    if not 1 <= i <= n:
        raise UserError(f"There is no shard {i} of {n}: give 1/{n} to {n}/{n}.")
    if workers < 0:
        raise UserError(f"{workers} workers can't render anything; 0 means one a core.")
    check_testable(spec)
    out = Path(out).expanduser().absolute()
    each = spec.cameras * spec.images
    images = spec.people * each
    if not begin(out, spec):
        return RenderSummary(out, images, 0, 0)
    mine = range(i - 1, spec.people, n)
    todo = [person for person in mine if not person_file(out, person).exists()]
    new = _render(spec, out, todo, workers, progress, len(mine) * each) if todo else 0
    missing = sum(not person_file(out, person).exists() for person in range(spec.people))
    if not missing:
        finish(out, spec, versions())
    elif (out / WORLD).exists():  # another shard was quicker, and has tidied up
        missing = 0
    return RenderSummary(out, images, new, missing * each)


def _render(
    spec: WorldSpec, out: Path, people: list[int], workers: int, progress: bool, total: int
) -> int:
    """Renders the people; gives the number of images, of which a shard has `total`."""
    from tqdm import tqdm

    before = total - len(people) * spec.cameras * spec.images
    new = 0
    # In no order: should another process do the same work, the two share it.
    jobs = (p for p in sample(people, len(people)) if not person_file(out, p).exists())
    hidden = None if progress else True  # None hides the bar where stderr is no terminal
    with tqdm(total=total, initial=before, desc="render", unit="image", disable=hidden) as bar:

        def count(answer: dict[str, Any]) -> None:
            nonlocal new
            new += answer["images"]
            bar.update(answer["images"])

        try:
            processes.work(
                f"lookalike.world.writer.worker.render_people({str(out)!r}, {spec.as_dict()!r})",
                jobs,
                min(workers or processes.cores(), len(people)),
                count,
            )
        except UserError:
            if not (out / WORLD).exists():  # else that other process has finished and tidied up
                raise
    return new
