"""Many pictures, one file each: all combinations of images, or a whole data set's worth."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

import numpy as np
from tqdm import tqdm

from lookalike.data import People
from lookalike.data.images import decode
from lookalike.errors import UserError
from lookalike.files import claim
from lookalike.generation.swap import Pixels, save_picture, swap
from lookalike.methods.model import Model

NOTE = "dump.json"  # what the pictures of a folder were made of


class Named(Protocol):
    """A picture to make: its file's name in the folder, and what it is made of."""

    @property
    def name(self) -> str: ...


J = TypeVar("J", bound=Named)


@dataclass(frozen=True)
class Job:
    """A picture to make: whose appearance, whose structure, and its file's name in the folder."""

    appearance: str
    structure: str
    name: str


def combinations(
    appearance: Sequence[str], structure: Sequence[str], suffix: str, side: int = 8
) -> list[Job]:
    """Every appearance in every structure, as APPEARANCE_in_STRUCTURE; n×m jobs.

    They come in tiles of side × side, so that a batch of side² has few images to encode.
    """
    appearance, structure = list(dict.fromkeys(appearance)), list(dict.fromkeys(structure))
    label = short_names([*appearance, *structure])
    return [
        Job(a, s, f"{label[a]}_in_{label[s]}{suffix}")
        for i in range(0, len(appearance), side)
        for j in range(0, len(structure), side)
        for a in appearance[i : i + side]
        for s in structure[j : j + side]
    ]


def short_names(paths: Sequence[str]) -> dict[str, str]:
    """The shortest name of every file that tells them all apart: stem, name, or path."""
    files = sorted(set(paths))
    top = os.path.commonpath([Path(p).absolute().parent for p in files])
    ways: list[Callable[[str], str]] = [
        lambda p: Path(p).stem,
        lambda p: Path(p).name,
        lambda p: os.path.relpath(p, top).replace(os.sep, "+"),
    ]
    for way in ways:
        names = {p: way(p) for p in files}
        if len(set(names.values())) == len(files):
            return names
    raise UserError("Two of these images have the same path.")


def data_set(
    people: People, times: int, by: Literal["appearance", "structure"], seed: int, suffix: str
) -> list[Job]:
    """A job for every crop as appearance donor, `times` over, each with another random structure.

    The donors are drawn without replacement from all other crops. The files lie in a
    folder for each identity of the donor named by `by`; a name has that donor first:
    PID_cCAMERA_ROW_in_PID_cCAMERA_ROW or …_wears_…, rows of `people`, cameras from 1. So the reader
    `folder` finds persons and cameras in it. Raises UserError for more `times` than other crops.
    """
    n = len(people)
    if times >= n:
        raise UserError(f"{n} images have only {n - 1} others each: --times {times} is too much.")
    rng = np.random.default_rng(seed)
    jobs = []
    for i in range(n):
        for j in rng.choice(n - 1, times, replace=False):
            j = j + (j >= i)
            if by == "appearance":
                name = f"{people.pids[i]:04d}/{label(people, i)}_in_{label(people, j)}"
            else:
                name = f"{people.pids[j]:04d}/{label(people, j)}_wears_{label(people, i)}"
            jobs.append(Job(people.paths[i], people.paths[j], name + suffix))
    return jobs


def label(people: People, row: int) -> str:
    return f"{people.pids[row]:04d}_c{people.camids[row] + 1}_{row:06d}"


def dump(
    model: Model, jobs: Sequence[Job], out: Path, about: Mapping[str, Any], batch: int = 64
) -> int:
    """Makes the swapped pictures that `out` doesn't have yet; returns how many that were.

    about, errors: see `fill`.
    """

    def make(part: Sequence[Job], pool: ThreadPoolExecutor) -> Pixels:
        row: dict[str, int] = {}  # each image is read and encoded once a batch
        pairs = [[row.setdefault(path, len(row)) for path in (job.appearance, job.structure)]
                 for job in part]  # fmt: skip
        images = np.stack(list(pool.map(lambda path: decode(path, *model.size), row)))
        return swap(model, images, np.array(pairs), batch)

    return fill(model, jobs, make, out, about, batch)


def fill(
    model: Model,
    jobs: Sequence[J],
    make: Callable[[Sequence[J], ThreadPoolExecutor], Pixels],
    out: Path,
    about: Mapping[str, Any],
    batch: int,
) -> int:
    """Makes the pictures that `out` doesn't have yet, `batch` at a time; returns how many.

    make: some jobs, and threads to read their images with → their pictures. about: what they are
    made of, beside the model; `out` remembers it. Raises UserError when `out` holds something else,
    and for an image that can't be read: what was made is kept.
    """
    begin(out, {**about, "model": fingerprint(model)})
    missing = [job for job in jobs if not (out / job.name).exists()]
    threads = min(os.cpu_count() or 1, 16)
    with (
        ThreadPoolExecutor(threads) as pool,
        tqdm(total=len(jobs), initial=len(jobs) - len(missing), desc="generate", unit="img",
             disable=None) as bar,
    ):  # fmt: skip
        for start in range(0, len(missing), batch):
            part = missing[start : start + batch]
            made = make(part, pool)
            list(pool.map(save_picture, made, [out / job.name for job in part]))
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
