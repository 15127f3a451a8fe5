"""What is wrong with a benchmark, and what each fault would do to a run."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lookalike.data.check_annotations import annotation_findings
from lookalike.data.check_files import copy_findings, file_findings, look_at
from lookalike.data.findings import (
    EXAMPLES,
    SEVERITIES,
    Finding,
    Severity,
    as_dicts,
    as_text,
    finding,
)
from lookalike.data.images import HIDDEN, NO_IMAGE
from lookalike.data.people import DISTRACTOR, Benchmark, People
from lookalike.data.readers.folder import FEW
from lookalike.data.readers.pairs import UNUSED

__all__ = ["Finding", "as_dicts", "as_text", "check"]

MANY_IMAGES = 8  # fewer say nothing about the number of cameras


def check(bench: Benchmark) -> list[Finding]:
    """Everything found in `bench`, errors first; decodes every image, so it takes a while.

    Shows progress on stderr when that is a terminal.
    """
    splits = (bench.train, bench.query, bench.gallery)
    files = look_at({path for split in splits for path in split.paths})
    unreadable = {path for path, file in files.items() if file.fault}
    findings = [
        *file_findings(files),
        *_shared(bench),
        *_matches(bench),
        *_train(bench.train),
        *copy_findings(bench, files),
        *_cameras(bench),
        *_numbers(bench),
        *_names(bench),
        *_passed_over(bench),
        *annotation_findings(bench, unreadable),
    ]
    return sorted(findings, key=lambda each: SEVERITIES.index(each.severity))


def _shared(bench: Benchmark) -> list[Finding]:
    test_ids = np.union1d(bench.query.classes, bench.gallery.classes)
    ids = np.intersect1d(bench.train.classes, test_ids)
    return finding(
        "error",
        "identities in train and also in query or gallery",
        [_name(bench, pid) for pid in ids],
        "the model is tested on persons it was trained on, so the numbers mean nothing",
    )


def _matches(bench: Benchmark) -> list[Finding]:
    """Queries that no gallery image can answer, by the rule that leaves none."""
    query, gallery = bench.query, bench.gallery
    absent = ~np.isin(query.pids, gallery.pids)
    alone = ~absent & ~_seen_elsewhere(query, gallery)
    severity: Severity = "error" if (absent | alone).all() else "warning"
    lost = "they can't be answered: the protocol leaves them out of mAP and CMC or counts them as 0"
    return [
        *finding(
            severity,
            "queries whose identity isn't in the gallery",
            query[absent].paths,
            lost,
        ),
        *finding(
            severity,
            "queries whose matches are all of their own camera",
            query[alone].paths,
            f"{lost}; if the cameras are unknown, read the crops with folder:…?camera=none",
        ),
    ]


def _seen_elsewhere(query: People, gallery: People) -> NDArray[np.bool_]:
    """For every query: does the gallery show the person in another camera? Q booleans."""
    pairs = np.unique(np.stack([gallery.pids, gallery.camids]), axis=1)
    pids, first, cameras = np.unique(pairs[0], return_index=True, return_counts=True)
    if not len(pids):
        return np.zeros(len(query), dtype=np.bool_)
    at = np.minimum(np.searchsorted(pids, query.pids), len(pids) - 1)
    known = pids[at] == query.pids
    only = pairs[1][first[at]]  # the camera, where there is just one
    result: NDArray[np.bool_] = known & ((cameras[at] > 1) | (only != query.camids))
    return result


def _train(train: People) -> list[Finding]:
    real = train[train.pids > DISTRACTOR]
    pairs = np.unique(np.stack([real.pids, real.camids]), axis=1)
    pids, cameras = np.unique(pairs[0], return_counts=True)
    images = np.unique(real.pids, return_counts=True)[1]
    one_image, one_camera = pids[images == 1], pids[(cameras == 1) & (images > 1)]
    return [
        *finding(
            "warning",
            "identities with one image in train",
            _first_paths(real, one_image),
            "they have no positive pair: a batch repeats the image",
            len(one_image),
        ),
        *finding(
            "warning",
            "identities in train seen by one camera",
            _first_paths(real, one_camera),
            "they teach nothing about how a person changes from camera to camera",
            len(one_camera),
        ),
    ]


def _first_paths(people: People, pids: NDArray[np.int64]) -> list[str]:
    return [people.paths[int(np.argmax(people.pids == pid))] for pid in pids[:EXAMPLES]]


def _cameras(bench: Benchmark) -> list[Finding]:
    """Far too many cameras, as a pattern finds them that takes another number for the camera's."""
    splits = (bench.train, bench.query, bench.gallery)
    images = sum(map(len, splits))
    cameras = len(np.unique(np.concatenate([people.camids for people in splits])))
    many = images >= MANY_IMAGES and cameras > images / 3
    return finding(
        "warning",
        f"cameras, nearly as many as there are images ({images:,})",
        [path for people in splits for path in people.paths[:2]] if many else [],
        "some other number in the names is read as the camera's: every image then counts as seen "
        "by another one, and a protocol leaves out nothing; option camera of a folder says where "
        "it stands",
        cameras if many else 0,
    )


def _numbers(bench: Benchmark) -> list[Finding]:
    """Splits without images, and crops of number 0."""
    splits = {"train": bench.train, "query": bench.query, "gallery": bench.gallery}
    zero = bench.gallery.paths[bench.gallery.pids == DISTRACTOR]
    return [
        *finding(
            "note",
            "splits without images",
            [name for name, people in splits.items() if not len(people)],
            "a verb that uses one of them refuses these data; the others work",
        ),
        *finding(
            "note",
            "gallery images of number 0, which is a distractor",
            zero,
            "they are always wrong in a ranking; number a person from 1 on",
        ),
    ]


def _passed_over(bench: Benchmark) -> list[Finding]:
    return [
        each
        for reason, paths in bench.passed_over.items()
        for each in finding(
            "note" if reason in (HIDDEN, NO_IMAGE, UNUSED, FEW) else "warning",
            f"passed over: {reason}",
            paths,
            "the reader left them out of all splits",
        )
    ]


def _names(bench: Benchmark) -> list[Finding]:
    return finding(
        "note",
        "identities with names that aren't their numbers",
        [f"{name} is {pid}" for pid, name in bench.pid_names.items()],
        "results speak of the number; the benchmark's pid_names has the name",
    )


def _name(bench: Benchmark, pid: int) -> str:
    return bench.pid_names.get(int(pid), str(pid))
