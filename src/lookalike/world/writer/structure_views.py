"""Grey renders of the persons in rendered images, turned: as arrays, and as files of a world."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lookalike import workers as processes
from lookalike.errors import UserError
from lookalike.workers import serve
from lookalike.world.spec import WorldSpec
from lookalike.world.writer.annotations import Truths, other_version, spec_of, truth_of
from lookalike.world.writer.layout import SPLITS, crops, people_tested

if TYPE_CHECKING:
    from lookalike.world.renderer.shots import Site

FOLDER = "structure"


def structures_of(paths: Sequence[str | Path], yaws: Sequence[float] = (0.0,)) -> NDArray[np.uint8]:
    """Grey renders on white, N×Y×H×W, of the persons in rendered images, each turned by `yaws`.

    yaws: Y radians; at 0 the outline is the image's `amodal` mask. The persons are posed again as
    the world was rendered, so this takes some milliseconds a view; `lookalike world structures`
    writes them to files. Raises UserError as `truth_of` does, and where another version rendered
    the world.
    """
    truth = truth_of(paths)
    pictures = np.empty((len(truth), len(yaws), *truth.size), np.uint8)
    roots = np.array([str(Path(path).parents[1]) for path in truth.paths])
    for root in np.unique(roots):
        site = _site(spec_of(Path(root)))
        # By person, whom the site keeps while it is about them.
        rows = sorted(np.flatnonzero(roots == root), key=lambda i: int(truth.pids[i]))
        first = site.shot(*_numbers(truth, rows[0])).truth.keypoints2d
        if not np.allclose(first, truth.keypoints2d[rows[0]], atol=0.01):
            raise other_version(Path(root))
        for i in rows:
            pictures[i] = site.structure(*_numbers(truth, i), yaws)
    return pictures


def write_structures(
    root: str | Path, yaws: int = 8, *, workers: int = 0, progress: bool = True
) -> int:
    """Writes every image's person as grey renders, turned in `yaws` equal steps; how many are new.

    Each is a grey PNG as big as the image, at structure/SPLIT/DEGREES/NAME.png in the world's
    folder; those that are there already stay, so a stopped call is gone on with by the same.
    Raises UserError where no finished world is, and when the disk refuses or a worker dies.
    """
    from tqdm import tqdm

    if not 1 <= yaws <= 360:
        raise UserError(f"{yaws} views around a person can't be written: 1 to 360.")
    root = Path(root).expanduser().absolute()
    spec = spec_of(root)
    degrees = sorted({round(360 * i / yaws) for i in range(yaws)})
    test = people_tested(spec)
    people = [
        [f"{crop.split}/{crop.stem}" for crop in crops(spec, person, person in test)]
        for person in range(spec.people)
    ]
    try:
        for split in SPLITS:
            for degree in degrees:
                _file(root, f"{split}/x", degree).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"Can't write to '{root}' ({error.strerror}).") from error
    missing = [
        [stem for stem in stems if not all(_file(root, stem, d).exists() for d in degrees)]
        for stems in people
    ]
    jobs = [stems for stems in missing if stems]
    total = sum(map(len, jobs)) * len(degrees)
    with tqdm(
        total=total, desc="structures", unit="view", disable=None if progress else True
    ) as bar:
        if jobs:
            processes.work(
                f"{__name__}.render_structures({str(root)!r}, {degrees!r})",
                jobs,
                min(workers or processes.cores(), len(jobs)),
                lambda answer: bar.update(answer["views"]),
            )
    return total


def render_structures(root: str, degrees: list[int]) -> None:
    """The whole life of a process that writes structures; a job is the images of a person."""

    def write(stems: list[str]) -> dict[str, Any]:
        paths = [Path(root) / f"{stem}.jpg" for stem in stems]
        pictures = structures_of(paths, [math.radians(degree) for degree in degrees])
        for stem, views in zip(stems, pictures, strict=True):
            for degree, view in zip(degrees, views, strict=True):
                file = _file(Path(root), stem, degree)
                part = file.with_name(f"{file.name}.{token_hex(4)}")
                Image.fromarray(view).save(part, "PNG")
                part.replace(file)
        return {"views": len(stems) * len(degrees)}

    serve(lambda: write)


def _file(root: Path, stem: str, degree: int) -> Path:
    split, name = stem.split("/")
    return root / FOLDER / split / f"{degree:03d}" / f"{name}.png"


@lru_cache(maxsize=4)  # its cameras' frames take a second; several worlds may be asked in turn
def _site(spec: WorldSpec) -> Site:
    from lookalike.world.renderer.shots import Site

    return Site(spec)


def _numbers(truth: Truths, row: Any) -> tuple[int, int, int]:
    """Person, camera and k of an image, from 0, as `Site` wants them."""
    return int(truth.pids[row]) - 1, int(truth.camids[row]), int(truth.frames[row])
