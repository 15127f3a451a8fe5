import os

import pytest

from lookalike.data import load
from lookalike.data.readers.common import UNLISTED
from lookalike.data.readers.msmt17 import msmt17
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
        root.mkdir(exist_ok=True, parents=True)
        (root / name).write_text("\n".join(lines) + "\n")
        half = train if name in ("list_train.txt", "list_val.txt") else test
        for line in lines:
            file = root / half / line.split()[0]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()


@pytest.mark.parametrize(
    ("inner", "train", "test"),
    [("", "train", "test"), ("MSMT17_V1", "train", "test"),
     ("MSMT17_V2", "mask_train_v2", "mask_test_v2"), ("MSMT17_V2/MSMT17_V2", "train", "test")],
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


@pytest.mark.parametrize("combine_val", [True, False])
def test_images_that_no_list_mentions_are_counted(tmp_path, combine_val):
    write(tmp_path, "train", "test")
    assert load("msmt17", tmp_path, combine_val=combine_val).passed_over == {}
    others = [tmp_path / "train/0001/0001_009_15_x.jpg", tmp_path / "test/0007/0007_000_01_x.jpg"]
    for other in others:
        other.parent.mkdir(exist_ok=True)
        other.touch()
    bench = load("msmt17", tmp_path, combine_val=combine_val)
    assert bench.passed_over == {UNLISTED: [str(other) for other in others]}
    alone = msmt17(tmp_path, combine_val=combine_val, test=False)
    assert alone.passed_over == {UNLISTED: [str(others[0])]}


def test_blank_lines_count_for_nothing(tmp_path):
    write(tmp_path, "train", "test")
    with (tmp_path / "list_query.txt").open("a") as file:
        file.write("\n \n")
    assert len(load("msmt17", tmp_path).query) == 1


def test_the_list_of_val_is_needed_only_where_it_is_wanted(tmp_path):
    write(tmp_path, "train", "test")
    (tmp_path / "list_val.txt").unlink()
    assert load("msmt17", tmp_path, combine_val=False).train.pids.tolist() == [1, 2]
    with pytest.raises(UserError, match=r"list_val\.txt'.*combine_val=false"):
        load("msmt17", tmp_path)


def test_a_half_alone_is_read(tmp_path):
    write(tmp_path, "train", "test")
    for name in ("list_query.txt", "list_gallery.txt"):
        (tmp_path / name).rename(tmp_path / f"{name}.old")
    bench = load("msmt17", tmp_path)
    assert [len(p) for p in (bench.train, bench.query, bench.gallery)] == [3, 0, 0]


@pytest.mark.parametrize("line", ["x/0000_000_01_a.jpg -1", "x/0000_000_one_a.jpg 0"])
def test_numbers_that_are_none(tmp_path, line):
    write(tmp_path, "train", "test")
    (tmp_path / "list_query.txt").write_text(line)
    with pytest.raises(UserError, match=r"list_query\.txt', line 1"):
        load("msmt17", tmp_path)


def test_bad_line(tmp_path):
    write(tmp_path, "train", "test")
    (tmp_path / "list_query.txt").write_text("0000/0000_002_01_0303morning_0016_2.jpg\n")
    with pytest.raises(UserError, match=r"list_query\.txt', line 1"):
        load("msmt17", tmp_path)


def test_lists_without_images(tmp_path):
    write(tmp_path, "elsewhere", "elsewhere")
    with pytest.raises(UserError, match="No MSMT17 images"):
        load("msmt17", tmp_path)


@pytest.mark.parametrize("line", ["x" * 10**6, "\0" * 2000, "a/b_c_1_d.jpg x"])
def test_a_line_of_any_length_is_quoted_shortly(tmp_path, line):
    (tmp_path / "train").mkdir()
    (tmp_path / "list_train.txt").write_text(line)
    with pytest.raises(UserError, match=r"list_train\.txt', line 1: '.* isn't like") as error:
        load("msmt17", tmp_path, combine_val=False)
    assert len(str(error.value)) < 1000
