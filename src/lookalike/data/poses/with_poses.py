"""A benchmark with the poses of its people, wherever they are known from."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from lookalike.data.people import Benchmark, People
from lookalike.data.poses.of_file import poses_of_file
from lookalike.data.poses.poses import JOINTS, Poses, cleaned
from lookalike.errors import UserError

BESIDE = ("poses.csv", "poses.jsonl", "poses.json", "poses")  # files and folders beside the images


def with_poses(bench: Benchmark, say: bool = True) -> Benchmark:
    """The benchmark whose three `People` know their poses; says on stderr how many do.

    It is `bench` itself if they know them already. The poses are those of option poses
    (`bench.annotations["pose"]`); or a rendered world's truth, also of joints that something hides;
    or those in poses.csv, poses.jsonl, poses.json or poses/ beside the images. A name there is of
    the image whose path ends with it. Joints outside their image are missing, and so are all joints
    of an image without a pose. Where the file states the size of an image, its joints are scaled
    from that to the image's; option pose_size says it of a file that doesn't, and option
    pose_threshold is the score below which a joint is missing.
    Raises UserError if there are no poses, if no image has one, if two images would share one, if
    the poses, taken together, can't be in pixels of these images, and if poses or an image can't be
    read.
    """
    splits = [bench.train, bench.query, bench.gallery]
    if all(people.poses is not None for people in splits):
        return bench
    source = _source(bench)
    if source is None:
        poses = [_of_world(people) for people in splits]
    else:
        poses = poses_of_file(splits, source, bench)
    train, query, gallery = (replace(p, poses=part) for p, part in zip(splits, poses, strict=True))
    bench = replace(bench, train=train, query=query, gallery=gallery)
    if say:
        print(f"lookalike: {coverage(bench)}", file=sys.stderr)
    return bench


def poses_are_there(bench: Benchmark) -> bool:
    """Whether there is something that `with_poses` reads."""
    try:
        _source(bench)
    except UserError:
        return False
    return True


def require_training_poses(bench: Benchmark) -> None:
    """Raises UserError where there are people to train on, and none of them has a known joint."""
    poses = bench.train.poses
    if poses is None or not len(poses) or poses.known.any():
        return
    reason = (
        f"all {int(poses.outside.sum()):,} joints of theirs lie outside the images"
        if poses.outside is not None and poses.outside.any()
        else "those that were read are of tested people alone"
    )
    raise UserError(
        f"None of the {len(poses):,} training images of {bench} has a pose with a known joint, so "
        f"there is nothing to learn from: {reason}."
    )


def coverage(bench: Benchmark) -> str:
    """How many images have poses, and how many joints were dropped: a line of text."""
    splits = {"train": bench.train, "query": bench.query, "gallery": bench.gallery}
    poses = {name: people.poses for name, people in splits.items() if people.poses is not None}
    without = {name: int((p.known == 0).sum()) for name, p in poses.items()}
    where = ", ".join(f"{count:,} in {name}" for name, count in without.items() if count)
    outside = sum(int(p.outside.sum()) for p in poses.values() if p.outside is not None)
    return (
        f"poses: {sum(map(len, poses.values())):,} images, {sum(without.values()):,} without"
        + (f" ({where})" if where else "")
        + f", {outside:,} joints outside their image dropped"
    )


def _source(bench: Benchmark) -> Path | None:
    """The file or folder of poses; None for a rendered world's truth."""
    from lookalike.world.writer.layout import WORLD

    world = bench.name == "world"
    # A world's own file lacks the hidden joints, so it counts only if somebody asks for it.
    if "pose" in bench.annotations and (not world or "poses" in bench.options):
        return bench.annotations["pose"]
    if world or (bench.root / WORLD).is_file():
        return None
    places = [bench.root, *_common(bench)]
    for place in (place / name for place in places for name in BESIDE):
        if place.exists():
            return place
    raise UserError(
        f"No poses of {bench}: `lookalike data poses {bench.root}` estimates them, and option "
        "poses=FILE reads those you have."
    )


def _common(bench: Benchmark) -> Sequence[Path]:
    """The folder that has all image folders, where the images lie deeper than the root says."""
    people = (bench.train, bench.query, bench.gallery)
    folders = {os.path.dirname(path) for split in people for path in split.paths}
    common = Path(os.path.commonpath(folders or [bench.root]))
    return [common] if bench.root in common.parents else []


def _of_world(people: People) -> Poses:
    """The truth: every joint inside the image, also one that something hides."""
    from lookalike.world.writer.annotations import truth_of

    if not len(people):
        return cleaned(np.zeros((0, len(JOINTS), 3)), np.zeros((0, 2)))
    truth = truth_of(people.paths)
    joints = truth.keypoints2d.copy()
    joints[..., 2] = 1
    return cleaned(joints, np.tile(truth.size, (len(people), 1)))
