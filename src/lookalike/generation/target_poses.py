"""Target poses, the conditions of `repose`: where they come from, and the photograph of each."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.data import Benchmark, People
from lookalike.data.images import Pixels
from lookalike.data.people import evenly
from lookalike.data.poses import Poses, cleaned
from lookalike.data.poses.plausible import refuse_normalised
from lookalike.data.poses.scale import scaled
from lookalike.errors import UserError
from lookalike.generation.pictures import read_images
from lookalike.generation.pose_files import (
    NamedPose,
    Size,
    by_name,
    images_of,
    poses_in,
    size_of,
)
from lookalike.generation.verb import Conditions, Rows
from lookalike.methods.model import Model
from lookalike.report.skeletons import skeletons


@dataclass(frozen=True, eq=False, kw_only=True)
class TargetPoses(Conditions):
    """N poses. files: the image of each, or None. The pictures are stick figures."""

    noun = "pose"
    files: Sequence[str | None]
    poses: Poses

    @property
    def known(self) -> NDArray[np.bool_]:
        return self.poses.known > 0

    def values(self, model: Model, rows: Rows) -> NDArray[np.float32]:
        """N×18×3: x and y in pixels of the model's size, and 1 where the joint is known."""
        return self.poses[rows].at(*model.size)

    def pictures(self, model: Model) -> list[Pixels]:
        return list(skeletons(self.poses.at(*model.size), *model.size))

    def photographs(self, model: Model) -> list[Pixels | None]:
        return [None if file is None else read_images(model, [file])[0] for file in self.files]

    def note(self, model: Model) -> Mapping[str, Any]:
        joints = self.poses.at(*model.size)
        return {"joints": hashlib.sha256(joints.tobytes()).hexdigest()[:16]}


def of_people(people: People) -> TargetPoses:
    """The poses of a benchmark's crops, each shown by its crop."""
    assert people.poses is not None
    return TargetPoses(list(people.paths), files=list(people.paths), poses=people.poses)


def held_out(bench: Benchmark, count: int) -> TargetPoses:
    """Poses of `count` crops of tested people, evenly.

    Raises UserError when none of their poses is known.
    """
    gallery = with_known_pose(bench.gallery)
    rows = evenly(range(len(gallery)), count)
    return of_people(gallery[rows])


def known_pairs(bench: Benchmark, count: int, seed: int) -> tuple[list[str], TargetPoses]:
    """Images of `count` tested people's crops, evenly, and each one's pose in another, random crop.

    Raises UserError when no tested person has a second crop whose pose is known.
    """
    gallery, query = with_known_pose(bench.gallery), bench.query
    queries = query[np.isin(query.pids, gallery.pids)]
    if not len(queries):
        raise UserError(f"Nobody in the query of {bench} has a pose in its gallery.")
    rows = evenly(range(len(queries)), count)
    rng = np.random.default_rng(seed)
    targets = [rng.choice(np.flatnonzero(gallery.pids == queries.pids[k])) for k in rows]
    return [queries.paths[k] for k in rows], of_people(gallery[targets])


def with_known_pose(people: People) -> People:
    """The crops of real identities whose pose is known. Raises UserError if there are none."""
    assert people.poses is not None
    crops = people[(people.pids > 0) & (people.poses.known > 0)]
    if not len(crops):
        raise UserError("No pose of the tested people is known; give others by --poses.")
    return crops


def read_targets(
    places: Sequence[str],
    names: Sequence[str] = (),
    count: int | None = None,
    size: Size | None = None,
) -> TargetPoses:
    """The poses in pose files, in folders of them, and of images beside which theirs lie.

    names: take only these, in this order. count: at most so many of a place with several, evenly.
    size: height and width of images that are missing. Raises UserError when a pose is missing or
    has no known joint, or the size of its image can't be told.
    """
    poses: list[NamedPose] = []
    for place in places:
        candidates = poses_in(Path(place))
        if not names:
            candidates = [pose for pose in candidates if (pose.joints[:, 2] > 0).any()]
            if not candidates:
                raise UserError(f"{place} has no pose with a known joint.")
            candidates = evenly(candidates, count or len(candidates))
        poses += candidates
    if names:
        poses = [by_name(poses, name, places) for name in names]
    files = images_of(poses)
    sizes = [size_of(pose, file, size) for pose, file in zip(poses, files, strict=True)]
    points = np.stack([pose.joints for pose in poses])
    pixels = scaled(points, np.array(sizes), [pose.size for pose in poses])
    refuse_normalised(points, f"'{', '.join(places)}'")
    joints = cleaned(pixels, np.array(sizes))
    for pose, count_known in zip(poses, joints.known, strict=True):
        if not count_known:
            raise UserError(
                f"The pose '{pose.name}' in {pose.place} has no known joint in its image."
            )
    return TargetPoses([pose.path for pose in poses], files=files, poses=joints)
