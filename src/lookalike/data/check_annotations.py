"""What is wrong with what is known of a benchmark's images: their poses, masks and other notes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lookalike.data.check_poses import pose_findings
from lookalike.data.findings import Finding, finding
from lookalike.data.people import Benchmark, People
from lookalike.data.poses.with_poses import poses_are_there, with_poses
from lookalike.errors import UserError

OPTIONAL = ("structure",)  # annotations of a world that are made later, if somebody wants them
CHUNK = 1024  # images whose masks are in memory at once
MIN_ON_BODY = 0.6  # of a pose's joints


def annotation_findings(bench: Benchmark, unreadable: set[str]) -> Iterator[Finding]:
    """Everything to say of a benchmark's annotations; images that are `unreadable` are left out.

    Nothing of a benchmark that has none: most methods need none.
    """
    train, query, gallery = (
        people[np.array([path not in unreadable for path in people.paths], bool)]
        for people in (bench.train, bench.query, bench.gallery)
    )
    bench = replace(bench, train=train, query=query, gallery=gallery)
    yield from _missing(bench)
    if not any(map(len, (train, query, gallery))) or not poses_are_there(bench):
        return
    try:
        posed = with_poses(bench, say=False)
    except UserError as error:
        yield from finding(
            "error", "poses that can't be used", [str(error)],
            "a method that learns from poses refuses these data for that reason",
        )  # fmt: skip
        return
    yield from pose_findings(posed)
    yield from _masks(bench, [posed.train, posed.query, posed.gallery])


def _missing(bench: Benchmark) -> Iterator[Finding]:
    lacking = {
        kind: place
        for kind, place in bench.annotations.items()
        if kind not in OPTIONAL and not place.exists()
    }
    yield from finding(
        "warning", "annotations that aren't where they should be",
        [f"{kind}: {place}" for kind, place in lacking.items()],
        "what needs them stops: restore the files, or render or estimate them again",
    )  # fmt: skip


def _masks(bench: Benchmark, splits: Sequence[People]) -> Iterator[Finding]:
    """A rendered world's masks: whether they show somebody, and the poses against them; and
    whether every image has its map of body parts."""
    from lookalike.world.writer.annotations import part_map, truth_of
    from lookalike.world.writer.layout import WORLD

    if bench.name != "world" and not (bench.root / WORLD).is_file():
        return
    paths = dict.fromkeys(path for people in splits for path in people.paths)
    yield from finding(
        "warning", "images without their map of body parts",
        [path for path in paths if not part_map(path).is_file()],
        "what asks for body parts or materials stops at them: render the world again",
    )  # fmt: skip
    empty: list[str] = []
    off: list[str] = []
    try:
        for people in splits:
            for start in range(0, len(people), CHUNK):
                part = people[start : start + CHUNK]
                truth = truth_of(part.paths)
                empty += [p for p, m in zip(part.paths, truth.masks, strict=True) if not m.any()]
                assert part.poses is not None  # `with_poses` gave them
                share = _share_on(truth.amodal, part.poses.at(*truth.size))
                off += [p for p, s in zip(part.paths, share, strict=True) if s < MIN_ON_BODY]
    except UserError as error:
        yield from finding(
            "error", "masks that can't be read", [str(error)], "what needs them stops"
        )
        return
    yield from finding(
        "warning", "images whose mask shows nobody", empty,
        "the person is hidden there: what compares pictures on bodies has nothing to compare",
    )  # fmt: skip
    yield from finding(
        "warning", f"poses of which under {MIN_ON_BODY:.0%} of the joints lie on the body", off,
        "the pose is another image's, or in other pixels",
    )  # fmt: skip


def _share_on(bodies: NDArray[np.bool_], joints: NDArray[np.float32]) -> NDArray[np.float64]:
    """The share of each pose's known joints that lie on the body; 1 where none is known.

    bodies: N×H×W. joints: N×18×3 in their pixels.
    """
    known = joints[..., 2] > 0
    x = joints[..., 0].astype(int).clip(0, bodies.shape[2] - 1)
    y = joints[..., 1].astype(int).clip(0, bodies.shape[1] - 1)
    on = bodies[np.arange(len(bodies))[:, None], y, x] & known
    share: NDArray[np.float64] = np.where(
        known.any(1), on.sum(1) / np.maximum(known.sum(1), 1), 1.0
    )
    return share
