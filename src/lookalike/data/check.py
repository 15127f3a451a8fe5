"""What is wrong with a benchmark, and what each fault would do to a run."""

import io
import os
import sys
import textwrap
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lookalike.data.images import open_image
from lookalike.data.people import DISTRACTOR, Benchmark, People
from lookalike.errors import UserError

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
EXAMPLES = 5
CHUNK = 128  # files a thread takes at once
MIN_SIDE, MAX_SIDE = 16, 4096  # pixels
MIN_ASPECT, MAX_ASPECT = 1.0, 6.0  # height / width


@dataclass(frozen=True)
class Finding:
    """A fault: what it is, how many rows have it, up to five examples, what it means for a run."""

    severity: Severity
    what: str
    count: int
    examples: tuple[str, ...]
    means: str


@dataclass(frozen=True)
class File:
    """An image file as it was found: a fault, or its size in pixels and a digest of its bytes."""

    fault: Literal["", "missing", "empty", "broken"]
    width: int = 0
    height: int = 0
    digest: bytes = b""


def check(bench: Benchmark) -> list[Finding]:
    """Everything found in `bench`, errors first; decodes every image, so it takes a while.

    Shows progress on stderr when that is a terminal.
    """
    splits = (bench.train, bench.query, bench.gallery)
    files = look_at({path for split in splits for path in split.paths})
    findings = [
        *_files(files),
        *_shared(bench),
        *_matches(bench),
        *_train(bench.train),
        *_copies(bench, files),
        *_names(bench),
    ]
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))


def as_dicts(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """The findings ready for JSON."""
    return [asdict(finding) for finding in findings]


def as_text(findings: Sequence[Finding]) -> str:
    """The findings as text, a paragraph each."""
    if not findings:
        return "Nothing found: every image decodes and every query can be answered."
    return "\n\n".join(
        f"{f.severity}: {f.what}: {f.count:,}\n"
        + textwrap.fill(f.means, 80, initial_indent="  ", subsequent_indent="  ")
        + "".join(f"\n    {example}" for example in f.examples)
        + ("\n    …" if f.count > len(f.examples) else "")
        for f in findings
    )


def look_at(paths: Iterable[str]) -> dict[str, File]:
    """Every file read and decoded, by threads; progress goes to stderr if that is a terminal."""
    todo = sorted(paths)
    chunks = [todo[i : i + CHUNK] for i in range(0, len(todo), CHUNK)]
    files: dict[str, File] = {}
    show = sys.stderr.isatty()
    with ThreadPoolExecutor(max_workers=min(16, (os.cpu_count() or 1) + 2)) as pool:
        for chunk, contents in zip(chunks, pool.map(_look_at_all, chunks), strict=True):
            files.update(zip(chunk, contents, strict=True))
            if show:
                print(f"\rdecoded {len(files):,} of {len(todo):,}", end="", file=sys.stderr)
    if show:
        print(file=sys.stderr)
    return files


def _look_at_all(paths: list[str]) -> list[File]:
    return [_look_at(path) for path in paths]


def _look_at(path: str) -> File:
    try:
        with open(path, "rb") as stream:
            data = stream.read()
    except OSError:
        return File("missing")
    if not data:
        return File("empty")
    try:
        with open_image(io.BytesIO(data)) as image:
            image.load()
    except UserError:
        return File("broken")
    return File("", *image.size, blake2b(data, digest_size=16).digest())


def _finding(
    severity: Severity, what: str, examples: Sequence[Any], means: str, count: int | None = None
) -> list[Finding]:
    """One finding, or none if there is nothing to show."""
    count = len(examples) if count is None else count
    texts = tuple(str(example) for example in examples[:EXAMPLES])
    return [Finding(severity, what, count, texts, means)] if count else []


def _files(files: dict[str, File]) -> list[Finding]:
    faulty: dict[str, list[str]] = defaultdict(list)
    odd_shapes, odd_sizes = [], []
    for path, file in files.items():
        if file.fault:
            faulty[file.fault].append(path)
        elif not MIN_ASPECT <= file.height / file.width <= MAX_ASPECT:
            odd_shapes.append(f"{path} ({file.width}×{file.height})")
        elif min(file.width, file.height) < MIN_SIDE or max(file.width, file.height) > MAX_SIDE:
            odd_sizes.append(f"{path} ({file.width}×{file.height})")
    stop = "a run stops at it; restore the file or take it out"
    return [
        *_finding("error", "files missing or unreadable", faulty["missing"], stop),
        *_finding("error", "files with no bytes", faulty["empty"], stop),
        *_finding("error", "files that don't decode as images", faulty["broken"], stop),
        *_finding(
            "warning",
            f"images wider than high, or over {MAX_ASPECT:g} times as high as wide",
            odd_shapes,
            "resizing them to the model's input distorts the person",
        ),
        *_finding(
            "warning",
            f"images under {MIN_SIDE} or over {MAX_SIDE} pixels a side",
            odd_sizes,
            "the small hold little to recognise; the large slow the loading down",
        ),
    ]


def _shared(bench: Benchmark) -> list[Finding]:
    test_ids = np.union1d(bench.query.classes, bench.gallery.classes)
    ids = np.intersect1d(bench.train.classes, test_ids)
    return _finding(
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
        *_finding(
            severity,
            "queries whose identity isn't in the gallery",
            query[absent].paths,
            lost,
        ),
        *_finding(
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
        *_finding(
            "warning",
            "identities with one image in train",
            _first_paths(real, one_image),
            "they have no positive pair: a batch repeats the image",
            len(one_image),
        ),
        *_finding(
            "warning",
            "identities in train seen by one camera",
            _first_paths(real, one_camera),
            "they teach nothing about how a person changes from camera to camera",
            len(one_camera),
        ),
    ]


def _first_paths(people: People, pids: NDArray[np.int64]) -> list[str]:
    return [people.paths[int(np.argmax(people.pids == pid))] for pid in pids[:EXAMPLES]]


def _copies(bench: Benchmark, files: dict[str, File]) -> list[Finding]:
    """Files with the same bytes on both sides of a split."""
    same: dict[bytes, list[int]] = defaultdict(list)
    for i, path in enumerate(bench.gallery.paths):
        same[files[path].digest].append(i)
    own_copies: list[str] = []
    copies: list[str] = []
    for path, pid, camid in zip(
        bench.query.paths, bench.query.pids, bench.query.camids, strict=True
    ):
        for i in same[files[path].digest] if files[path].digest else []:
            same_camera = pid == bench.gallery.pids[i] and camid == bench.gallery.camids[i]
            (own_copies if same_camera else copies).append(f"{path} = {bench.gallery.paths[i]}")
    digests = same.keys() | {files[path].digest for path in bench.query.paths}
    train_copies = [p for p in bench.train.paths if files[p].digest and files[p].digest in digests]
    return [
        *_finding(
            "warning",
            "query files that are in the gallery as another person or camera",
            copies,
            "an exact copy is trivially nearest: a free hit, or a wrong label that costs one",
        ),
        *_finding(
            "note",
            "query files that are also in the gallery",
            own_copies,
            "the same person in the same camera: the protocol leaves them out",
        ),
        *_finding(
            "warning",
            "train files that are also in query or gallery",
            train_copies,
            "the model is tested on images it was trained on",
        ),
    ]


def _names(bench: Benchmark) -> list[Finding]:
    return _finding(
        "note",
        "identities with names that aren't their numbers",
        [f"{name} is {pid}" for pid, name in bench.pid_names.items()],
        "results speak of the number; the benchmark's pid_names has the name",
    )


def _name(bench: Benchmark, pid: int) -> str:
    return bench.pid_names.get(int(pid), str(pid))
