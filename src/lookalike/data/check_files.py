"""The image files of a benchmark, looked at one by one: those that can't be read or show nothing,
and those that are the same."""

from __future__ import annotations

import io
import os
import re
import sys
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal

import numpy as np

from lookalike.data.colours import rgb
from lookalike.data.findings import Finding, finding
from lookalike.data.images import open_image
from lookalike.data.people import Benchmark
from lookalike.errors import UserError
from lookalike.reading import read_bytes, reason

CHUNK = 128  # files a thread takes at once
MIN_SIDE, MAX_SIDE = 16, 4096  # pixels
MIN_ASPECT, MAX_ASPECT = 1.0, 6.0  # height / width
DARKEST, BRIGHTEST = 8, 247  # mean grey, of 255, of a picture that shows something


@dataclass(frozen=True)
class File:
    """An image file as it was found: a fault and its reason; or its size in pixels, upright, a
    digest of its bytes, its mean grey, 0 to 255, and whether all of it is of one colour."""

    fault: Literal["", "missing", "empty", "broken"]
    reason: str = ""
    width: int = 0
    height: int = 0
    digest: bytes = b""
    mean: float = 128.0
    plain: bool = False


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
        data = read_bytes(path)
    except UserError as error:
        return File("missing", reason(error.__cause__ or error))
    if not data:
        return File("empty")
    try:
        with open_image(io.BytesIO(data)) as file:
            image = rgb(file)
    except UserError as error:
        why = str(error.__cause__ or error)
        return File("broken", re.sub(r" <_io\.BytesIO.*?>", "", why))
    levels = np.asarray(image)
    plain = bool((levels == levels[0, 0]).all())
    digest = blake2b(data, digest_size=16).digest()
    return File("", "", *image.size, digest, float(levels.mean()), plain)


def file_findings(files: dict[str, File]) -> list[Finding]:
    faulty: dict[str, list[str]] = defaultdict(list)
    odd_shapes, odd_sizes, plain, dim = [], [], [], []
    for path, file in files.items():
        if file.fault:
            faulty[file.fault].append(f"{path} ({file.reason})" if file.reason else path)
            continue
        if file.plain:
            plain.append(path)
        elif not DARKEST <= file.mean <= BRIGHTEST:
            dim.append(f"{path} (mean {file.mean:.0f} of 255)")
        if not MIN_ASPECT <= file.height / file.width <= MAX_ASPECT:
            odd_shapes.append(f"{path} ({file.width}×{file.height})")
        elif min(file.width, file.height) < MIN_SIDE or max(file.width, file.height) > MAX_SIDE:
            odd_sizes.append(f"{path} ({file.width}×{file.height})")
    stop = "a run stops at it: restore or convert the file, or take it out"
    nobody = "they show nobody: whatever the reason, they teach and are ranked as the person"
    return [
        *finding("error", "files missing or unreadable", faulty["missing"], stop),
        *finding("error", "files with no bytes", faulty["empty"], stop),
        *finding("error", "files that don't decode as images", faulty["broken"], stop),
        *finding(
            "warning",
            f"images wider than high, or over {MAX_ASPECT:g} times as high as wide",
            odd_shapes,
            "resizing them to the model's input distorts the person, who may lie on their side",
        ),
        *finding("warning", "images of one colour", plain, nobody),
        *finding("warning", "images nearly black or nearly white", dim, nobody),
        *finding(
            "warning",
            f"images under {MIN_SIDE} or over {MAX_SIDE} pixels a side",
            odd_sizes,
            "the small hold little to recognise; the large slow the loading down",
        ),
    ]


def copy_findings(bench: Benchmark, files: dict[str, File]) -> list[Finding]:
    """Files with the same bytes on both sides of a split, and inside of one."""
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
    twins: list[str] = []
    repeats: list[str] = []
    for people in (bench.train, bench.query, bench.gallery):
        first: dict[bytes, int] = {}
        for i, path in enumerate(people.paths):
            if (digest := files[path].digest) and (j := first.setdefault(digest, i)) != i:
                one = people.pids[i] == people.pids[j]
                (repeats if one else twins).append(f"{path} = {people.paths[j]}")
    return [
        *finding(
            "warning",
            "files that are there twice in a split, as two people",
            twins,
            "one of the labels is wrong: the model is taught that a person is somebody else",
        ),
        *finding(
            "note",
            "files that are there twice in a split",
            repeats,
            "the image counts twice",
        ),
        *finding(
            "warning",
            "query files that are in the gallery as another person or camera",
            copies,
            "an exact copy is trivially nearest: a free hit, or a wrong label that costs one",
        ),
        *finding(
            "note",
            "query files that are also in the gallery",
            own_copies,
            "the same person in the same camera: the protocol leaves them out",
        ),
        *finding(
            "warning",
            "train files that are also in query or gallery",
            train_copies,
            "the model is tested on images it was trained on",
        ),
    ]
