"""Benchmarks in Market-1501's layout: bounding_box_train, query, bounding_box_test."""

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lookalike.data.images import image_names
from lookalike.data.people import DISTRACTOR, Benchmark, People
from lookalike.data.readers.common import find_folder, people, read_names
from lookalike.errors import UserError

SPLITS = ("bounding_box_train", "query", "bounding_box_test")
NAME = re.compile(r"(-1|\d+)_c(\d+)")
DISTRACTOR_FOLDERS = ("images", "distractors_500k", "distractors")


def needed_folders(test: bool) -> Sequence[str]:
    """The folders that must be there."""
    return SPLITS if test else SPLITS[:1]


def read_splits(name: str, folder: Path, example: str, test: bool = True) -> Benchmark:
    """The benchmark in `folder`; junk (−1) and distractors (0000) stay in the gallery only.

    test: whether the tested people are read too.
    """
    folders = [folder / split for split in SPLITS]
    train = read_names(folders[0], NAME, example)
    query, gallery = (read_names(place, NAME, example) if test else [] for place in folders[1:])
    real = [[row for row in rows if row[1] > DISTRACTOR] for rows in (train, query)]
    return Benchmark(
        name, folder, people(real[0], name), people(real[1], name), people(gallery, name)
    )


def market1501(
    root: Path, *, distractors: bool = False, multi_query: bool = False, test: bool = True
) -> Benchmark:
    """Market-1501 (Zheng et al., ICCV 2015): 751 identities to train on, 750 to test, 6 cameras.

    Names are 0001_c1s1_000151_01.jpg; −1_… is junk and 0000_… a distractor. distractors: add the
    +500k set (a folder `images` or `distractors_500k` in or beside the benchmark's) to the gallery;
    the protocol is then "distractors-500k". multi_query: the queries are all hand-drawn boxes
    (folder `gt_bbox`) of a query's person in its camera; the protocol is "market1501-multi-query".
    """
    if distractors and multi_query:
        raise UserError(
            "market1501 takes distractors=true or multi_query=true, not both: "
            "results on the two together have no name to be compared under."
        )
    folder = find_folder("Market-1501", root, ("Market-1501-v15.09.15",), needed_folders(test))
    bench = read_splits("market1501", folder, EXAMPLE, test)
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
    cameras = [(n, re.search(r"_c(\d+)", n)) for n in image_names(places[0])]
    rows = [(f"{places[0]}{os.sep}{n}", DISTRACTOR, int(c[1]) - 1 if c else 0) for n, c in cameras]
    gallery = [*zip(bench.gallery.paths, bench.gallery.pids, bench.gallery.camids, strict=True)]
    return people([*gallery, *rows], bench.name)


def _hand_drawn(bench: Benchmark) -> People:
    """All boxes in `gt_bbox` of the queries' persons in the queries' cameras."""
    folder = bench.root / "gt_bbox"
    if not folder.is_dir():
        raise UserError(f"No folder '{folder}': multi_query takes its queries from there.")
    queries = set(zip(bench.query.pids.tolist(), bench.query.camids.tolist(), strict=True))
    rows = [row for row in read_names(folder, NAME, EXAMPLE) if row[1:] in queries]
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
    folder = find_folder("DukeMTMC-reID", root, ("DukeMTMC-reID",), needed_folders(test))
    return read_splits("dukemtmc", folder, "0001_c2_f0046182.jpg", test)
