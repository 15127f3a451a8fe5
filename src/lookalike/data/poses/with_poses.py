"""A benchmark with the poses of its people, wherever they are known from."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lookalike.data.images import CHECK, image_size
from lookalike.data.people import Benchmark, People
from lookalike.data.poses.match import match, shared
from lookalike.data.poses.poses import JOINTS, Poses, cleaned
from lookalike.data.poses.readers import read_poses
from lookalike.errors import UserError

BESIDE = ("poses.csv", "poses.jsonl", "poses.json", "poses")  # files and folders beside the images
CHUNK = 128  # files a thread takes at once


def with_poses(bench: Benchmark, say: bool = True) -> Benchmark:
    """The benchmark whose three `People` know their poses; says on stderr how many do.

    It is `bench` itself if they know them already. The poses are those of option poses
    (`bench.annotations["pose"]`); or a rendered world's truth, also of joints that something hides;
    or those in poses.csv, poses.jsonl, poses.json or poses/ beside the images. A name there is of
    the image whose path ends with it. Joints outside their image are missing, and so are all joints
    of an image without a pose.
    Raises UserError if there are no poses, if no image has one, if two images would share one, and
    if poses or an image can't be read.
    """
    splits = [bench.train, bench.query, bench.gallery]
    if all(people.poses is not None for people in splits):
        return bench
    source = _source(bench)
    if source is None:
        poses = [_of_world(people) for people in splits]
    else:
        poses = _of_file(splits, source, bench)
    train, query, gallery = (replace(p, poses=part) for p, part in zip(splits, poses, strict=True))
    bench = replace(bench, train=train, query=query, gallery=gallery)
    if not any(part.known.any() for part in poses):
        raise UserError(
            f"No joint in {source or bench} lies inside its image: its coordinates should be "
            "pixels of the image files."
        )
    if say:
        print(f"lookalike: {coverage(bench)}", file=sys.stderr)
    return bench


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


def _of_file(splits: Sequence[People], source: Path, bench: Benchmark) -> list[Poses]:
    """The poses of each split's images."""
    table = read_poses(source)
    paths = [*dict.fromkeys(path for people in splits for path in people.paths)]
    matches = match(table, paths)
    if paths and not matches:
        raise UserError(
            f"'{source}' has no pose of any image of {bench}: it names '{next(iter(table))}', an "
            f"image is '{os.path.relpath(paths[0], bench.root)}'."
        )
    if twins := shared(matches):
        raise UserError(
            f"'{source}' has one pose, '{matches[twins[0]]}', for {len(twins)} images, "
            f"'{twins[0]}' and '{twins[1]}': name them there by their paths below {bench.root}."
        )
    sizes = dict(zip(paths, _sizes(paths), strict=True))
    nothing = np.zeros((len(JOINTS), 3), np.float32)
    poses = []
    for people in splits:
        joints = [table[matches[path]] if path in matches else nothing for path in people.paths]
        poses.append(cleaned(np.array(joints), np.array([sizes[path] for path in people.paths])))
    return poses


def _sizes(paths: Sequence[str]) -> NDArray[np.int64]:
    """Height and width of the image files: N×2, from their headers alone."""
    chunks = [paths[i : i + CHUNK] for i in range(0, len(paths), CHUNK)]
    with ThreadPoolExecutor(min(16, (os.cpu_count() or 1) + 2)) as pool:
        sizes = [size for part in pool.map(_sizes_of, chunks) for size in part]
    return np.array(sizes, np.int64).reshape(-1, 2)


def _sizes_of(paths: Sequence[str]) -> list[tuple[int, int]]:
    return [image_size(path, CHECK) for path in paths]
