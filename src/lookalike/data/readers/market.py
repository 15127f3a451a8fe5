"""Benchmarks in Market-1501's layout: bounding_box_train, query, bounding_box_test."""

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lookalike.data.people import DISTRACTOR, JUNK, Benchmark, People
from lookalike.data.readers.common import (
    Passed,
    find_folder,
    names_in,
    pass_over,
    people,
    read_names,
)
from lookalike.errors import UserError

SPLITS = ("bounding_box_train", "query", "bounding_box_test")
NAME = re.compile(r"(-1|\d+)_c(\d+)")
PERSON = re.compile(r"(\d+)_c(\d+)")
DISTRACTOR_FOLDERS = ("images", "distractors_500k", "distractors")
JUNK_ASKS = "junk (-1) among those to train on or to ask with"


def find_splits(benchmark: str, root: Path, inside: Sequence[str], test: bool) -> Path:
    """The folder that holds any of the three, or what is to be trained on unless `test`."""
    if not test:
        return find_folder(benchmark, root, inside, SPLITS[:1])
    return find_folder(benchmark, root, inside, (), SPLITS)


def read_splits(
    name: str, folder: Path, example: str, test: bool = True, market: bool = False
) -> Benchmark:
    """The benchmark of those of the three folders that are there.

    Every number is a person's; where there is a person 0, who can't keep a distractor's number,
    that is the one after the largest, and `pid_names` has the old one.
    market: whether Market-1501's own numbers count: −1 is junk, which is passed over in train and
    query, and 0000 in the gallery is a distractor, unless there are queries of 0000.
    test: whether the tested people are read too.
    """
    passed: Passed = {}
    splits = [
        read_names(folder / split, NAME if market else PERSON, example, passed)
        if (test or split == SPLITS[0]) and (folder / split).is_dir()
        else []
        for split in SPLITS
    ]
    junk = [path for rows in splits[:2] for path, pid, _ in rows if pid == JUNK]
    if junk:
        pass_over(passed, {JUNK_ASKS: junk})
    train, query = ([row for row in rows if row[1] != JUNK] for rows in splits[:2])
    asked = not market or any(pid == DISTRACTOR for _, pid, _ in query)
    splits = [train, query, splits[2]]
    of_zero = [any(pid == DISTRACTOR for _, pid, _ in rows) for rows in splits]
    if not asked:
        of_zero[2] = False
    number = 1 + max((pid for rows in splits for _, pid, _ in rows), default=0)
    train_people, query_people, gallery_people = (
        people([(p, number if zero and pid == DISTRACTOR else pid, c) for p, pid, c in rows], name)
        for rows, zero in zip(splits, of_zero, strict=True)
    )
    names = {number: "0000"} if any(of_zero) else {}
    return Benchmark(
        name,
        folder,
        train_people,
        query_people,
        gallery_people,
        pid_names=names,
        passed_over=passed,
    )


def market1501(
    root: Path, *, distractors: bool = False, multi_query: bool = False, test: bool = True
) -> Benchmark:
    """Market-1501 (Zheng et al., ICCV 2015): 751 identities to train on, 750 to test, 6 cameras.

    Names are 0001_c1s1_000151_01.jpg; −1_… is junk and 0000_… a distractor, but for a person where
    it is trained on or asks (as `read_splits` has it). distractors: add the +500k set (a folder
    `images` or `distractors_500k` in or beside the benchmark's) to the gallery; the protocol
    is then "distractors-500k". multi_query: the queries are all hand-drawn boxes (folder `gt_bbox`)
    of a query's person in its camera; the protocol is "market1501-multi-query".
    """
    if distractors and multi_query:
        raise UserError(
            "market1501 takes distractors=true or multi_query=true, not both: "
            "results on the two together have no name to be compared under."
        )
    folder = find_splits("Market-1501", root, ("Market-1501-v15.09.15",), test)
    bench = read_splits("market1501", folder, EXAMPLE, test, market=True)
    if not test:
        return bench
    if distractors:
        return replace(bench, gallery=_with_500k(bench), protocol="distractors-500k")
    if multi_query:
        return replace(bench, query=_hand_drawn(bench), protocol="market1501-multi-query")
    return bench


EXAMPLE = "0001_c1s1_000151_01.jpg"


def _with_500k(bench: Benchmark) -> People:
    """The gallery with the +500k distractors at its end."""
    folder = bench.root
    places = [
        p for f in (folder, folder.parent) for d in DISTRACTOR_FOLDERS if (p := f / d).is_dir()
    ]
    if not places:
        raise UserError(
            f"No +500k distractors at '{folder}': unpack them to a folder 'distractors_500k' there."
        )
    # Whatever their names say, they are nobody; the camera matters to no rule, only to counts.
    names = names_in(places[0], bench.passed_over)
    cameras = [(n, re.search(r"_c(\d+)", n)) for n in names]
    rows = [(f"{places[0]}{os.sep}{n}", DISTRACTOR, int(c[1]) - 1 if c else 0) for n, c in cameras]
    gallery = [*zip(bench.gallery.paths, bench.gallery.pids, bench.gallery.camids, strict=True)]
    return people([*gallery, *rows], bench.name)


def _hand_drawn(bench: Benchmark) -> People:
    """All boxes in `gt_bbox` of the queries' persons in the queries' cameras."""
    folder = bench.root / "gt_bbox"
    if not folder.is_dir():
        raise UserError(f"No folder '{folder}': multi_query takes its queries from there.")
    queries = set(zip(bench.query.pids.tolist(), bench.query.camids.tolist(), strict=True))
    boxes = read_names(folder, NAME, EXAMPLE, bench.passed_over)
    zero = {pid for pid, name in bench.pid_names.items() if name == "0000"}
    boxes = [(p, min(zero) if zero and pid == DISTRACTOR else pid, c) for p, pid, c in boxes]
    rows = [row for row in boxes if row[1:] in queries]
    if missing := queries - {row[1:] for row in rows}:
        pid, camid = min(missing)
        raise UserError(
            f"'{folder}' has no box of person {pid} in camera {camid + 1}, who is a query: "
            "unpack the benchmark again."
        )
    return people(rows, bench.name)


def dukemtmc(root: Path, *, test: bool = True) -> Benchmark:
    """DukeMTMC-reID (Zheng et al., ICCV 2017): 702 identities to train on, 702 to test, 8 cameras.

    Names are 0001_c2_f0046182.jpg. The gallery's 408 further identities have ids of their own.
    """
    folder = find_splits("DukeMTMC-reID", root, ("DukeMTMC-reID",), test)
    return read_splits("dukemtmc", folder, "0001_c2_f0046182.jpg", test)
