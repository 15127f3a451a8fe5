"""Files of the grey renders that `structures_of` makes: structure/SPLIT/045/NAME.png."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

from PIL import Image

from lookalike.errors import UserError
from lookalike.world import pool
from lookalike.world.annotations import spec_of, structures_of
from lookalike.world.layout import SPLITS, crops, people_tested

FOLDER = "structure"


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
            pool.work(
                f"lookalike.world.structure_files.render_structures({str(root)!r}, {degrees!r})",
                jobs,
                min(workers or pool.cores(), len(jobs)),
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
                part = file.with_name(f"{file.name}.{os.getpid()}")
                Image.fromarray(view).save(part, "PNG")
                part.replace(file)
        return {"views": len(stems) * len(degrees)}

    pool.serve(lambda: write)


def _file(root: Path, stem: str, degree: int) -> Path:
    split, name = stem.split("/")
    return root / FOLDER / split / f"{degree:03d}" / f"{name}.png"
