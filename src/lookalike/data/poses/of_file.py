"""The poses of a benchmark's people in a file or folder: found by name, and in their pixels."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lookalike.data.images import CHECK, image_size
from lookalike.data.people import Benchmark, People
from lookalike.data.poses.match import is_flattened, match, shared
from lookalike.data.poses.plausible import check_pixels
from lookalike.data.poses.poses import JOINTS, Poses, cleaned
from lookalike.data.poses.readers import read_poses
from lookalike.data.poses.readers.joint_orders import Table
from lookalike.data.poses.scale import FRAME, centred, scaled
from lookalike.data.text import text_encoding
from lookalike.errors import UserError

CHUNK = 128  # files a thread takes at once


def poses_of_file(splits: Sequence[People], source: Path, bench: Benchmark) -> list[Poses]:
    """The poses that the file or folder `source` has of each split's images.

    Options pose_size, pose_threshold and encoding of `bench` say how to take them.
    Raises UserError where `with_poses` does.
    """
    threshold = bench.options.get("pose_threshold")
    with text_encoding(str(bench.options.get("encoding", ""))):
        table = read_poses(source, threshold=None if threshold is None else float(threshold))
    paths = [*dict.fromkeys(path for people in splits for path in people.paths)]
    matches = _matches(table, paths, source, bench)
    sizes = dict(zip(paths, _sizes(paths), strict=True))
    rows = list(matches)
    joints = np.array([table[matches[path]] for path in rows], np.float32).reshape(-1, 18, 3)
    stated = [table.sizes.get(matches[path]) for path in rows]
    pixels = np.array([sizes[path] for path in rows], np.int64).reshape(-1, 2)
    pose_size = bench.options.get("pose_size")
    if pose_size is None and not any(stated) and _of_deepfashion(matches, pixels[:, 0]):
        in_pixels = centred(joints, pixels)
    else:
        in_pixels = scaled(joints, pixels, stated, pose_size)
    check_pixels(joints, in_pixels, pixels, pose_size, f"'{source}'")
    joints_of = dict(zip(rows, in_pixels, strict=True))
    nothing = np.zeros((len(JOINTS), 3), np.float32)
    return [
        cleaned(
            np.array([joints_of.get(path, nothing) for path in people.paths]),
            np.array([sizes[path] for path in people.paths]),
        )
        for people in splits
    ]


def _matches(table: Table, paths: list[str], source: Path, bench: Benchmark) -> dict[str, str]:
    """The name in `table` of each image that has one. Raises UserError if that helps nobody."""
    if not any((joints[:, 2] > 0).any() for joints in table.values()):
        raise UserError(
            f"'{source}' has no known joint in any image: nobody was found in them, or all scores "
            "are below option pose_threshold."
        )
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
    if paths and not any((table[name][:, 2] > 0).any() for name in matches.values()):
        raise UserError(
            f"'{source}' has no known joint in any image of {bench}, only in other images."
        )
    return matches


def _of_deepfashion(matches: dict[str, str], heights: NDArray[np.int64]) -> bool:
    """Are they Pose-Transfer's or PG²'s poses, in pixels of their pictures? The flattened pictures
    of somebody else may have another size, and poses of their own."""
    if not all(map(is_flattened, matches.values())):
        return False
    return bool((heights == FRAME[0]).all()) or not any(map(is_flattened, matches))


def _sizes(paths: Sequence[str]) -> NDArray[np.int64]:
    """Height and width of the image files: N×2, from their headers alone."""
    chunks = [paths[i : i + CHUNK] for i in range(0, len(paths), CHUNK)]
    with ThreadPoolExecutor(min(16, (os.cpu_count() or 1) + 2)) as pool:
        sizes = [size for part in pool.map(_sizes_of, chunks) for size in part]
    return np.array(sizes, np.int64).reshape(-1, 2)


def _sizes_of(paths: Sequence[str]) -> list[tuple[int, int]]:
    return [image_size(path, CHECK) for path in paths]
