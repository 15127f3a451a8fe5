"""MSMT17, versions 1 and 2."""

import os
from pathlib import Path

from lookalike.data.people import Benchmark
from lookalike.data.readers.common import Row, find_folder, people
from lookalike.errors import UserError

FOLDERS = (("train", "test"), ("mask_train_v2", "mask_test_v2"))  # version 1, version 2


def msmt17(root: Path, *, combine_val: bool = True, test: bool = True) -> Benchmark:
    """MSMT17 (Wei et al., CVPR 2018): 1,041 identities to train on, 3,060 to test, 15 cameras.

    combine_val: train on list_train.txt and list_val.txt (32,621 images, the published setting);
    otherwise on list_train.txt only (30,248 images of the same persons). Numbers start at 0 in
    both halves and mean different persons: train becomes 1…1041, test goes on from there; the
    source's own names are in `pid_names`.
    """
    lists = ("list_train.txt", "list_val.txt", "list_query.txt", "list_gallery.txt")
    files = lists if test else lists[:2]
    folder = find_folder("MSMT17", root, ("MSMT17_V1", "MSMT17_V2", "MSMT17"), files)
    halves = [pair for pair in FOLDERS if (folder / pair[0]).is_dir()]
    if not halves:
        raise UserError(f"No MSMT17 images at '{folder}': it should hold train or mask_train_v2.")
    train_folder, test_folder = (folder / half for half in halves[0])
    train, val = (_read_list(folder / name, train_folder, 1) for name in lists[:2])
    last = max((pid for _, pid, _ in train + val), default=0)
    query, gallery = (
        _read_list(folder / name, test_folder, last + 1) if test else [] for name in lists[2:]
    )
    names = {pid: f"train/{pid - 1:04d}" for _, pid, _ in train + val}
    names |= {pid: f"test/{pid - last - 1:04d}" for _, pid, _ in query + gallery}
    return Benchmark(
        "msmt17",
        folder,
        people(train + val if combine_val else train, "msmt17"),
        people(query, "msmt17"),
        people(gallery, "msmt17"),
        pid_names=names,
    )


def _read_list(file: Path, folder: Path, first: int) -> list[Row]:
    """Rows of the lines "0000/0000_000_01_0303morning_0008_0.jpg 0": camera 01, person 0."""
    rows = []
    for number, line in enumerate(file.read_text().splitlines(), 1):
        try:
            path, pid = line.split()
            camera = int(os.path.basename(path).split("_")[2])
            rows.append((os.path.join(folder, path), int(pid) + first, camera - 1))
        except (ValueError, IndexError):
            raise UserError(
                f"'{file}', line {number}: '{line}' isn't like "
                f"'0000/0000_000_01_0303morning_0008_0.jpg 0'."
            ) from None
    return rows
