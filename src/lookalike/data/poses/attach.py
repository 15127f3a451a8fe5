"""A benchmark with the poses of its people."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lookalike.data.people import Benchmark, People
from lookalike.data.poses.form import Poses, cleaned


def with_poses(bench: Benchmark) -> Benchmark:
    """The benchmark whose three `People` know their poses."""
    train, query, gallery = (_posed(p) for p in (bench.train, bench.query, bench.gallery))
    return replace(bench, train=train, query=query, gallery=gallery)


def _posed(people: People) -> People:
    return replace(people, poses=_from_world(people))


def _from_world(people: People) -> Poses:
    """The truth: every joint inside the image, also one that something hides."""
    from lookalike.world.writer.annotations import truth_of

    truth = truth_of(people.paths)
    joints = truth.keypoints2d.copy()
    joints[..., 2] = 1
    return cleaned(joints, np.tile(truth.size, (len(people), 1)))
