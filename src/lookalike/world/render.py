"""Renders a world into a folder: by several processes, in shards, and on from where it stopped."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from random import sample
from typing import Any

from lookalike import __version__
from lookalike.errors import UserError
from lookalike.world import pool
from lookalike.world.finish import finish, read_json
from lookalike.world.layout import (
    PROGRESS,
    SPLITS,
    WORLD,
    check_testable,
    person_file,
    write_file,
)
from lookalike.world.spec import WorldSpec

LIBRARIES = ("anny", "warp-lang", "torch", "numpy", "scipy", "pillow")
BEGUN = "begun.json"  # in PROGRESS: what is being rendered, and by what


@dataclass(frozen=True)
class Rendered:
    """What a call of `render` did."""

    out: Path
    images: int
    """Of the whole world."""
    made: int
    """Rendered by this call."""
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
) -> Rendered:
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
    if not _begin(out, spec):
        return Rendered(out, images, 0, 0)
    mine = range(i - 1, spec.people, n)
    todo = [person for person in mine if not person_file(out, person).exists()]
    made = _render(spec, out, todo, workers, progress, len(mine) * each) if todo else 0
    missing = sum(not person_file(out, person).exists() for person in range(spec.people))
    if not missing:
        finish(out, spec, versions())
    elif (out / WORLD).exists():  # another shard was quicker, and has tidied up
        missing = 0
    return Rendered(out, images, made, missing * each)


def _render(
    spec: WorldSpec, out: Path, people: list[int], workers: int, progress: bool, total: int
) -> int:
    """Renders the people; gives the number of images, of which a shard has `total`."""
    from tqdm import tqdm

    before = total - len(people) * spec.cameras * spec.images
    made = 0
    # In no order: should another process do the same work, the two share it.
    jobs = (p for p in sample(people, len(people)) if not person_file(out, p).exists())
    # None hides the bar where stderr is no terminal.
    with tqdm(total=total, initial=before, desc="render", unit="image",
              disable=None if progress else True) as bar:  # fmt: skip

        def count(answer: dict[str, Any]) -> None:
            nonlocal made
            made += answer["images"]
            bar.update(answer["images"])

        try:
            pool.work(
                f"lookalike.world.worker.render_people({str(out)!r}, {spec.as_dict()!r})",
                jobs,
                min(workers or pool.cores(), len(people)),
                count,
            )
        except UserError:
            if not (out / WORLD).exists():  # else that other process has finished and tidied up
                raise
    return made


@lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """What the bytes depend on beside the spec: libraries, and the renderer's own source."""
    digest = sha256()
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(file.read_bytes())
    found = {name: metadata.version(name) for name in LIBRARIES}
    return {"lookalike": __version__, **found, "renderer": digest.hexdigest()[:12]}


def _begin(out: Path, spec: WorldSpec) -> bool:
    """Makes the folders or checks that they are this world's; whether there is anything to do.

    Raises UserError when they are another's, or can't be written.
    """
    mine = {"spec": spec.as_dict(), "versions": versions()}
    try:
        if (out / WORLD).exists():
            _same(out, "spec", read_json(out / WORLD), mine, "holds another world")
            shutil.rmtree(out / PROGRESS, ignore_errors=True)  # if killed just before this was done
            return False
        other = [entry.name for entry in out.iterdir() if entry.name != PROGRESS] \
            if out.exists() else []  # fmt: skip
        begun = out / PROGRESS / BEGUN
        if begun.exists():
            _same(out, "spec", read_json(begun), mine, "holds another world")
            _same(out, "versions", read_json(begun), mine, "was begun with other versions")
        elif other:
            raise UserError(f"'{out}' holds other files: give a new or an empty folder.")
        (out / PROGRESS).mkdir(parents=True, exist_ok=True)
        write_file(begun, json.dumps(mine).encode(), out)  # before the folders: they are ours then
        (out / "truth").mkdir(exist_ok=True)
        for split in SPLITS:
            (out / split).mkdir(exist_ok=True)
            (out / "parts" / split).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"Can't write to '{out}' ({error.strerror}): give another folder."
        ) from error
    return True


def _same(out: Path, key: str, theirs: dict[str, Any], mine: dict[str, Any], what: str) -> None:
    """Raises UserError that says `what` and names the differences, unless `key` is the same."""
    old, new = _flat(theirs.get(key, {})), _flat(json.loads(json.dumps(mine[key])))
    different = [
        f"{name} {old.get(name, 'none')}, not {new.get(name, 'none')}"
        for name in {**new, **old}
        if old.get(name) != new.get(name)
    ]
    if different:
        named = "; ".join(different[:4]) + ("; …" if len(different) > 4 else "")
        raise UserError(f"'{out}' {what} ({named}): give another folder.")


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat
