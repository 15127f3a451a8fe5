"""Pictures of a model that reposes: tables, pairs, sequences, and folders of them.

Images and pictures are uint8 N×H×W×3 arrays of the model's size here, as files hold them; joints
are N×18×3 float32, x and y in pixels of the model's size and 1 where the joint is known.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from lookalike.data import People
from lookalike.data.images import decode
from lookalike.errors import UserError
from lookalike.generation.folder import fill, label, short_names
from lookalike.generation.swap import Pixels, parts, to_input, to_pixels
from lookalike.methods.model import Model, evaluating
from lookalike.report import grid

Joints = NDArray[np.float32]
BLANK = np.full((8, 8, 3), 255, np.uint8)  # widens the gap between what was given and was made


class Reposer(Protocol):
    """What a model with the verb `repose` has beside `Model`; `repose_parts` is not in all."""

    def repose(self, images: Tensor, joints: Tensor) -> Tensor: ...

    def repose_parts(self, images: Tensor, joints: Tensor) -> dict[str, Tensor]: ...


@torch.no_grad()
def repose(model: Model, images: Pixels, joints: Joints, batch: int) -> Pixels:
    """The pictures of N people, each in its own pose: image k in the pose of row k."""
    net = cast(Reposer, model)
    made = []
    with evaluating(model):
        for rows in parts(np.arange(len(images)), batch):
            x = to_input(model, images[rows])
            made.append(to_pixels(net.repose(x, torch.from_numpy(joints[rows]).to(x.device))))
    return np.concatenate(made)


@torch.no_grad()
def repose_parts(model: Model, images: Pixels, joints: Joints, batch: int) -> dict[str, Pixels]:
    """The pictures of N people and, of a model that has them, those on the way: name → N pictures.

    The last entry is the result.
    """
    net = cast(Reposer, model)
    if not hasattr(model, "repose_parts"):
        return {"generated": repose(model, images, joints, batch)}
    made: dict[str, list[Pixels]] = {}
    with evaluating(model):
        for rows in parts(np.arange(len(images)), batch):
            x = to_input(model, images[rows])
            found = net.repose_parts(x, torch.from_numpy(joints[rows]).to(x.device))
            for name, pictures in found.items():
                made.setdefault(name, []).append(to_pixels(pictures))
    return {name: np.concatenate(pictures) for name, pictures in made.items()}


def crossed(model: Model, images: Pixels, joints: Joints, batch: int) -> Pixels:
    """Every image in every pose: n and m → n×m×H×W×3."""
    i, j = np.indices((len(images), len(joints))).reshape(2, -1)
    made = repose(model, images[i], joints[j], batch)
    return made.reshape(len(images), len(joints), *made.shape[1:])


def repose_table(
    model: Model, images: Pixels, joints: Joints, shown: Sequence[Pixels], batch: int
) -> Image.Image:
    """The table of n people (left column) × m poses (top row, as `shown`); n×m pictures."""
    cells = crossed(model, images, joints, batch)
    rows = [[image, BLANK, *row] for image, row in zip(images, cells, strict=True)]
    return grid([[None, BLANK, *shown], [BLANK], *rows], column_labels=["person", "", "pose"])


def repose_pairs(
    model: Model,
    images: Pixels,
    joints: Joints,
    skeletons: Pixels,
    targets: Sequence[Pixels | None],
    batch: int,
) -> Image.Image:
    """A row a pair: the person, the pose, what the model makes of them step by step, and the
    photograph in that pose, where there is one."""
    steps = repose_parts(model, images, joints, batch)
    labels = ["person", "pose", *steps]
    columns: list[Sequence[Pixels | None]] = [*map(list, (images, skeletons, *steps.values()))]
    if any(target is not None for target in targets):
        labels.append("photograph")
        columns.append(targets)
    return grid(zip(*columns, strict=True), column_labels=labels)


def repose_sequence(
    model: Model, images: Pixels, joints: Joints, skeletons: Pixels, batch: int
) -> tuple[Image.Image, list[Image.Image]]:
    """A strip of every person through all poses, a row a person, and the same as frames."""
    cells = crossed(model, images, joints, batch)
    rows = [[image, BLANK, *row] for image, row in zip(images, cells, strict=True)]
    strip = grid([[None, BLANK, *skeletons], [BLANK], *rows])
    frames = [grid([[pose, *cells[:, k]]]) for k, pose in enumerate(skeletons)]
    return strip, frames


@dataclass(frozen=True)
class Job:
    """A picture to make: of whom, in which pose (a row of the joints), and its file's name."""

    image: str
    pose: int
    name: str


def every_pose(images: Sequence[str], labels: Sequence[str], suffix: str) -> list[Job]:
    """Every image in every pose, as IMAGE_in_POSE; labels: a path-like name of every pose."""
    images, rows = list(dict.fromkeys(images)), {pose: k for k, pose in enumerate(labels)}
    image_name, pose_name = short_names(images), short_names(labels)
    return [
        Job(image, k, f"{image_name[image]}_in_{pose_name[pose]}{suffix}")
        for image in images
        for pose, k in rows.items()
    ]


def data_set(people: People, times: int, seed: int, suffix: str) -> list[Job]:
    """A job for every crop, `times` over, each in the pose of another random crop of `people`.

    The poses are drawn without replacement from those with a known joint. The files lie in a folder
    for each identity as PID_cCAMERA_ROW_in_PID_cCAMERA_ROW, rows of `people`, cameras from 1. So
    the reader `folder` finds persons and cameras in it.
    Raises UserError for more `times` than there are such poses.
    """
    assert people.poses is not None
    rows = np.flatnonzero(people.poses.known)
    rng = np.random.default_rng(seed)
    jobs = []
    for i in range(len(people)):
        others = rows[rows != i]
        if times > len(others):
            raise UserError(f"There are only {len(others)} other crops whose pose is known: "
                            f"--times {times} is too much.")  # fmt: skip
        for j in rng.choice(others, times, replace=False):
            name = f"{people.pids[i]:04d}/{label(people, i)}_in_{label(people, j)}{suffix}"
            jobs.append(Job(people.paths[i], int(j), name))
    return jobs


def dump(
    model: Model,
    jobs: Sequence[Job],
    joints: Joints,
    out: Path,
    about: Mapping[str, Any],
    batch: int = 64,
) -> int:
    """Makes the reposed pictures that `out` doesn't have yet; returns how many that were.

    about: what they are made of, beside the model and the joints; `out` remembers it. Raises
    UserError as `fill` does.
    """

    def make(part: Sequence[Job], pool: ThreadPoolExecutor) -> Pixels:
        row: dict[str, int] = {}  # each image is read once a batch
        rows = [row.setdefault(job.image, len(row)) for job in part]
        images = np.stack(list(pool.map(lambda path: decode(path, *model.size), row)))
        return repose(model, images[rows], joints[[job.pose for job in part]], batch)

    poses = hashlib.sha256(joints.tobytes()).hexdigest()[:16]
    return fill(model, jobs, make, out, {**about, "joints": poses}, batch)
