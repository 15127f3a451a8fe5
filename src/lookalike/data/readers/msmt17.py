"""MSMT17, versions 1 and 2."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from lookalike.data.people import Benchmark
from lookalike.data.readers.common import Passed, Row, find_folder, pass_over_unlisted, people
from lookalike.data.readers.market import SPLITS, read_splits
from lookalike.data.text import read_text
from lookalike.errors import UserError, short

FOLDERS = (("train", "test"), ("mask_train_v2", "mask_test_v2"))  # version 1, version 2
LISTS = ("list_train.txt", "list_val.txt", "list_query.txt", "list_gallery.txt")


def msmt17(root: Path, *, combine_val: bool = True, test: bool = True) -> Benchmark:
    """MSMT17 (Wei et al., CVPR 2018): 1,041 identities to train on, 3,060 to test, 15 cameras.

    combine_val: train on list_train.txt and list_val.txt (32,621 images, the published setting);
    otherwise on list_train.txt only (30,248 images of the same persons). Numbers start at 0 in
    both halves and mean different persons: train becomes 1…1041, test goes on from there; the
    source's own names are in `pid_names`. Where the images are renamed in Market-1501's folders, as
    0000_c1_0000.jpg, the same is true.
    """
    inside = ("MSMT17_V1", "MSMT17_V2", "MSMT17")
    tested = [*LISTS[2:], *SPLITS[1:]] if test else []
    folder = find_folder("MSMT17", root, inside, (), [LISTS[0], SPLITS[0], *tested])
    if not any((folder / name).is_file() for name in LISTS):
        return _renumbered(read_splits("msmt17", folder, "0000_c1_0000.jpg", test))
    halves = [pair for pair in FOLDERS if any((folder / half).is_dir() for half in pair)]
    if not halves:
        raise UserError(f"No MSMT17 images at '{folder}': it should hold train or mask_train_v2.")
    train_folder, test_folder = (folder / half for half in halves[0])
    train, val = (_read_list(folder / name, train_folder, 1) for name in LISTS[:2])
    if train and combine_val and not (folder / LISTS[1]).is_file():
        raise UserError(
            f"There is no '{folder / LISTS[1]}': option combine_val=false trains on "
            f"{LISTS[0]} alone."
        )
    last = max((pid for _, pid, _ in train + val), default=0)
    query, gallery = (
        _read_list(folder / name, test_folder, last + 1) if test else [] for name in LISTS[2:]
    )
    passed: Passed = {}
    for half, lists in ((train_folder, train + val), (test_folder, query + gallery)):
        if lists and half.is_dir():
            pass_over_unlisted(passed, half, (path for path, _, _ in lists))
    names = {pid: f"train/{pid - 1:04d}" for _, pid, _ in train + val}
    names |= {pid: f"test/{pid - last - 1:04d}" for _, pid, _ in query + gallery}
    return Benchmark(
        "msmt17",
        folder,
        people(train + val if combine_val else train, "msmt17"),
        people(query, "msmt17"),
        people(gallery, "msmt17"),
        pid_names=names,
        passed_over=passed,
    )


def _read_list(file: Path, folder: Path, first: int) -> list[Row]:
    """Rows of the lines "0000/0000_000_01_0303morning_0008_0.jpg 0": camera 01, person 0.

    Blank lines count for nothing; a list that isn't there is empty.
    """
    rows: list[Row] = []
    if not file.is_file():
        return rows
    for number, line in enumerate(read_text(file).splitlines(), 1):
        if not line.strip():
            continue
        try:
            path, pid = line.rsplit(maxsplit=1)
            camera = int(os.path.basename(path).split("_")[2])
            if int(pid) < 0:
                raise ValueError
            rows.append((os.path.join(folder, path.strip()), int(pid) + first, camera - 1))
        except (ValueError, IndexError):
            raise UserError(
                f"'{file}', line {number}: '{short(line)}' isn't like "
                f"'0000/0000_000_01_0303morning_0008_0.jpg 0'."
            ) from None
    return rows


def _renumbered(bench: Benchmark) -> Benchmark:
    """The benchmark of Market-1501's folders, numbered as that of the lists: the halves apart."""
    zero = max(bench.pid_names, default=0)
    tables, names, last = [], {}, 0
    for half, splits in (("train", [bench.train]), ("test", [bench.query, bench.gallery])):
        numbers = [np.where(p.pids == zero, 0, p.pids) if zero else p.pids for p in splits]
        first = last + 1
        tables += [replace(p, pids=n + first) for p, n in zip(splits, numbers, strict=True)]
        for pid in np.unique(np.concatenate(numbers)).tolist():
            names[pid + first] = f"{half}/{pid:04d}"
            last = max(last, pid + first)
    train, query, gallery = tables
    return replace(bench, train=train, query=query, gallery=gallery, pid_names=names)
