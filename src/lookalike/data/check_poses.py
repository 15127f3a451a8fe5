"""What is wrong with the poses of a benchmark's people, taken together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from lookalike.data.findings import Finding, finding
from lookalike.data.people import Benchmark
from lookalike.data.poses.poses import JOINTS
from lookalike.data.poses.with_poses import require_training_poses
from lookalike.errors import UserError

MANY = 20  # poses, from which a share says something
FULL = 6  # joints, from which two poses don't agree by chance
MOST_WITHOUT = 0.1  # of the images, that an estimator may well leave without a pose
MIN_SPAN = 0.35  # of its crop's height, from head to ankles, of a person whom the crop is of
MIN_RIGHT = 0.25  # of the faces that are seen, in which the left shoulder is on the image's right


def pose_findings(bench: Benchmark) -> Iterator[Finding]:
    """Everything to say of the poses of a benchmark that `with_poses` gave."""
    splits = [bench.train, bench.query, bench.gallery]
    paths = [path for people in splits for path in people.paths]
    poses = [people.poses for people in splits if people.poses is not None]
    joints = np.concatenate([part.joints for part in poses])
    heights = np.concatenate([part.sizes[:, 0] for part in poses])
    yield from _counts(joints, np.concatenate([np.asarray(part.outside) for part in poses]), paths)
    try:
        require_training_poses(bench)
    except UserError as error:
        yield from finding(
            "error", "training images, none of which has a pose", bench.train.paths[:1],
            f"a method that learns from poses refuses them. {error}", len(bench.train),
        )  # fmt: skip
    yield from _upright(joints, heights, paths)
    yield from _repeated(joints, paths)
    yield from _sides(joints, paths)


def _counts(
    joints: NDArray[np.float32], outside: NDArray[np.int64], paths: Sequence[str]
) -> Iterator[Finding]:
    """How many poses and joints are known. outside: N, the joints outside each image."""
    known = (joints[..., 2] > 0).sum(1)
    with_pose = known > 0
    yield from finding(
        "note", f"images with a pose, of {len(paths):,}", [],
        f"{known[with_pose].mean():.1f} of {len(JOINTS)} joints are known on average",
        int(with_pose.sum()),
    )  # fmt: skip
    without = _where(~with_pose, paths)
    yield from finding(
        "warning" if len(without) > MOST_WITHOUT * len(paths) else "note",
        "images without a pose", without,
        "pg2 leaves them out, fdgan takes them with empty maps; in pictures that are judged they "
        "have no part",
    )  # fmt: skip
    yield from finding(
        "warning" if outside.sum() > MOST_WITHOUT * (known.sum() + outside.sum()) else "note",
        "joints that lie outside their image",
        [f"{path} ({n})" for path, n in zip(paths, outside, strict=True) if n],
        "they count as missing",
        int(outside.sum()),
    )  # fmt: skip


def _upright(
    joints: NDArray[np.float32], heights: NDArray[np.int64], paths: Sequence[str]
) -> Iterator[Finding]:
    """Poses that no upright person has whom the crop shows whole. heights: N, of the images."""
    head = _mean_y(joints, ("nose", "neck", "right_shoulder", "left_shoulder"))
    hips = _mean_y(joints, ("right_hip", "left_hip"))
    feet = _mean_y(joints, ("right_ankle", "left_ankle"))
    with np.errstate(invalid="ignore"):  # NaN: not known
        upside_down = (head > hips) | (head > feet)
        small = ~upside_down & (np.abs(feet - head) / heights < MIN_SPAN)
    yield from finding(
        "warning", "poses with the head below hips or feet",
        _where(upside_down, paths),
        "the image lies on its side or the pose is wrong: what is drawn from it is too",
    )  # fmt: skip
    yield from finding(
        "warning", f"people under {MIN_SPAN:.0%} of their crop's height, from head to ankles",
        _where(small, paths),
        "the pose is somebody else's, of another crop or in other pixels",
    )  # fmt: skip


def _sides(joints: NDArray[np.float32], paths: Sequence[str]) -> Iterator[Finding]:
    """Whether left and right are exchanged: a face is seen with the left shoulder on the right."""
    at = JOINTS.index
    seen = ("nose", "right_eye", "left_eye", "right_shoulder", "left_shoulder")
    rows = np.flatnonzero((joints[:, [at(name) for name in seen], 2] > 0).all(1))
    right = joints[rows, at("left_shoulder"), 0] > joints[rows, at("right_shoulder"), 0]
    if len(rows) >= MANY and right.mean() < MIN_RIGHT:
        yield from finding(
            "warning", "poses whose left and right seem to be exchanged",
            [paths[row] for row in rows[~right]],
            f"of {len(rows):,} people whose faces are seen, {1 - right.mean():.0%} have the left "
            "shoulder on the image's left: right and left are the person's own",
        )  # fmt: skip


def _where(rows: NDArray[np.bool_], paths: Sequence[str]) -> list[str]:
    """The paths of these rows."""
    return [path for path, row in zip(paths, rows, strict=True) if row]


def _mean_y(joints: NDArray[np.float32], names: Sequence[str]) -> NDArray[np.float64]:
    """How low the known joints of these names lie, on average: N pixels, NaN where none is."""
    part = joints[:, [JOINTS.index(name) for name in names]].astype(np.float64)
    count = part[..., 2].sum(1)
    return np.where(count > 0, part[..., 1].sum(1) / np.maximum(count, 1), np.nan)


def _repeated(joints: NDArray[np.float32], paths: Sequence[str]) -> Iterator[Finding]:
    firsts: dict[bytes, str] = {}
    again = []
    for pose, path in zip(joints, paths, strict=True):
        if (pose[:, 2] > 0).sum() < FULL:
            continue
        first = firsts.setdefault(pose.tobytes(), path)
        if first != path:  # an image may stand in two splits
            again.append(f"{path} = {first}")
    yield from finding(
        "warning", "images with the very pose of another image", again,
        "an estimator hardly finds the same twice: the file gives one pose to several images",
    )  # fmt: skip
