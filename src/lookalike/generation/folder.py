"""Many pictures, one file each, in a folder that remembers what they are made of."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from lookalike.data.images import Pixels
from lookalike.folders import claim
from lookalike.generation.jobs import Job
from lookalike.generation.pictures import nobody, read_images, save_picture
from lookalike.generation.verb import Conditions, Verb
from lookalike.methods.model import Model
from lookalike.methods.model_file import fingerprint

NOTE = "made_of.json"  # in a folder of pictures: what they were made of
OTHER = "holds pictures made of something else"


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
    """Makes the pictures that `out` doesn't have yet, `batch` at a time; returns how many.

    people: image files; none where the verb is of no people. jobs: rows of these and of the
    conditions. about: what the pictures are made of, beside the model; `out` remembers it. Raises
    UserError when `out` holds something else, and for an image that can't be read: the pictures
    before it are kept.
    """

    def draw(part: Sequence[Job]) -> Pixels:
        rows = np.array([(job.person, job.condition) for job in part])
        # Each image is read and encoded once a batch.
        (person_rows, i), (condition_rows, j) = (
            np.unique(side, return_inverse=True) for side in rows.T
        )
        images = (
            read_images(model, [people[row] for row in person_rows])
            if verb.of_people
            else nobody(model)
        )
        values = conditions.values(model, condition_rows)
        return verb.pictures(model, images, values, np.stack([i, j], 1), batch)

    note = {**about, **conditions.note(model), "model": fingerprint(model)}
    claim(out, NOTE, note, other=OTHER)
    missing = [job for job in jobs if not (out / job.name).exists()]
    bar = tqdm(
        total=len(jobs),
        initial=len(jobs) - len(missing),
        desc="generate",
        unit="img",
        disable=None,  # where stderr is no terminal
    )
    with ThreadPoolExecutor(min(os.cpu_count() or 1, 16)) as pool, bar:
        for start in range(0, len(missing), batch):
            part = missing[start : start + batch]
            list(pool.map(save_picture, draw(part), [out / job.name for job in part]))
            bar.update(len(part))
    return len(missing)
