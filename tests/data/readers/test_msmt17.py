import os

import pytest

from lookalike.data import load
from lookalike.errors import UserError

LISTS = {
    "list_train.txt": [
        "0000/0000_000_01_0303morning_0008_0.jpg 0",
        "0001/0001_000_15_0303noon_0020_1_ex.jpg 1",
    ],
    "list_val.txt": ["0001/0001_001_05_0303morning_0020_2.jpg 1"],
    "list_query.txt": ["0000/0000_002_01_0303morning_0016_2.jpg 0"],
    "list_gallery.txt": [
        "0000/0000_003_12_0303morning_0016_1.jpg 0",
        "0001/0001_000_02_0303morning_0016_1.jpg 1",
    ],
}


def write(root, train, test):
    for name, lines in LISTS.items():
        root.mkdir(exist_ok=True)
        (root / name).write_text("\n".join(lines) + "\n")
        half = train if name in ("list_train.txt", "list_val.txt") else test
        for line in lines:
            file = root / half / line.split()[0]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()


@pytest.mark.parametrize(
    ("inner", "train", "test"),
    [("", "train", "test"), ("MSMT17_V1", "train", "test"),
     ("MSMT17_V2", "mask_train_v2", "mask_test_v2")],
)  # fmt: skip
def test_versions(tmp_path, inner, train, test):
    write(tmp_path / inner, train, test)
    bench = load("msmt17", tmp_path)
    assert bench.train.pids.tolist() == [1, 2, 2]
    assert bench.train.camids.tolist() == [0, 14, 4]
    # the same numbers in the test half are other persons
    assert bench.query.pids.tolist() == [3]
    assert bench.gallery.pids.tolist() == [3, 4]
    assert bench.gallery.camids.tolist() == [11, 1]
    assert bench.pid_names == {1: "train/0000", 2: "train/0001", 3: "test/0000", 4: "test/0001"}
    for people in (bench.train, bench.query, bench.gallery):
        assert all(os.path.isfile(path) for path in people.paths)


def test_without_val_identities_stay_the_same(tmp_path):
    write(tmp_path, "train", "test")
    bench = load("msmt17", tmp_path, combine_val=False)
    assert bench.train.pids.tolist() == [1, 2]
    assert bench.query.pids.tolist() == [3]


def test_bad_line(tmp_path):
    write(tmp_path, "train", "test")
    (tmp_path / "list_query.txt").write_text("0000/0000_002_01_0303morning_0016_2.jpg\n")
    with pytest.raises(UserError, match=r"list_query\.txt', line 1"):
        load("msmt17", tmp_path)


def test_lists_without_images(tmp_path):
    write(tmp_path, "elsewhere", "elsewhere")
    with pytest.raises(UserError, match="No MSMT17 images"):
        load("msmt17", tmp_path)
