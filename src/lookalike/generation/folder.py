"""Many pictures, one file each, in a folder that remembers what they are made of."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from tqdm import tqdm

from lookalike.files import claim
from lookalike.generation.jobs import Job
from lookalike.generation.pictures import Pixels, nobody, read_images, save_picture
from lookalike.generation.verb import Conditions, Verb
from lookalike.methods.model import Model

NOTE = "dump.json"  # what the pictures of a folder were made of


class Named(Protocol):
    """A picture to make: its file's name in the folder, and what it is made of."""

    @property
    def name(self) -> str: ...


J = TypeVar("J", bound=Named)


def write_folder(
    verb: Verb,
    model: Model,
    people: Sequence[str],
    conditions: Conditions,
    jobs: Sequence[Job],
    out: Path,
    about: Mapping[str, Any],
    batch: int = 64,
) -> int:
    """Makes the pictures that `out` doesn't have yet; returns how many that were.

    people: image files, or none; jobs: rows of these and of the conditions. about, errors: see
    `fill`.
    """

    def make(part: Sequence[Job]) -> Pixels:
        rows = np.array([(job.person, job.condition) for job in part])
        # Each image is read and encoded once a batch.
        (persons, i), (values, j) = (np.unique(side, return_inverse=True) for side in rows.T)
        images = read_images(model, [people[row] for row in persons]) if people else nobody(model)
        pairs = np.stack([i, j], 1)
        return verb.pictures(model, images, conditions.values(model, values), pairs, batch)

    return fill(model, jobs, make, out, {**about, **conditions.note(model)}, batch)


def fill(
    model: Model,
    jobs: Sequence[J],
    make: Callable[[Sequence[J]], Pixels],
    out: Path,
    about: Mapping[str, Any],
    batch: int,
) -> int:
    """Makes the pictures that `out` doesn't have yet, `batch` at a time; returns how many.

    make: some jobs → their pictures. about: what they are made of, beside the model; `out`
    remembers it. Raises UserError when `out` holds something else, and for an image that can't be
    read: what was made is kept.
    """
    begin(out, {**about, "model": fingerprint(model)})
    missing = [job for job in jobs if not (out / job.name).exists()]
    threads = min(os.cpu_count() or 1, 16)
    with (
        ThreadPoolExecutor(threads) as pool,
        tqdm(
            total=len(jobs),
            initial=len(jobs) - len(missing),
            desc="generate",
            unit="img",
            disable=None,
        ) as bar,
    ):
        for start in range(0, len(missing), batch):
            part = missing[start : start + batch]
            list(pool.map(save_picture, make(part), [out / job.name for job in part]))
            bar.update(len(part))
    return len(missing)


def begin(out: Path, about: Mapping[str, Any]) -> None:
    """Makes `out` for pictures made of `about`, or checks that it is for just those."""
    claim(out, NOTE, about, other="holds pictures made of something else")


def fingerprint(model: Model) -> str:
    """A name for these weights and settings: 16 hexadecimal digits."""
    digest = hashlib.sha256(json.dumps(dataclasses.asdict(model.method)).encode())
    for tensor in model.state_dict().values():
        digest.update(tensor.detach().cpu().contiguous().numpy())
    return digest.hexdigest()[:16]
