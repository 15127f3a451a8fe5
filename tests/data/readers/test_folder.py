import os

import pytest

from lookalike.data import JUNK, load
from lookalike.errors import UserError


def write(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def test_given_splits_number_the_names_together(tmp_path):
    write(tmp_path, "train/bob/c1_0.jpg", "train/bob/c4_1.png", "train/zoe/c1_0.jpg")
    write(tmp_path, "query/ann/c2_0.jpg", "gallery/ann/c4_0.jpg", "gallery/cy/c1_0.jpg")
    write(tmp_path, *(f"{split}/-1/c1_0.jpg" for split in ("train", "query", "gallery")))
    bench = load("folder", tmp_path)
    assert bench.pid_names == {1: "ann", 2: "bob", 3: "cy", 4: "zoe"}
    assert bench.train.pids.tolist() == [2, 2, 4]
    assert bench.train.camids.tolist() == [0, 2, 0]  # c1, c2, c4 are 0, 1, 2 in every split
    assert bench.query.pids.tolist() == [1]
    assert bench.query.camids.tolist() == [1]
    assert bench.gallery.pids.tolist() == [JUNK, 1, 3]
    assert bench.gallery.camids.tolist() == [0, 2, 0]
    assert bench.train.domains == (tmp_path.name,)


def test_numbers_are_sorted_as_numbers(tmp_path):
    write(tmp_path, *(f"{s}/{p}/c{c}.jpg" for s in ("train", "query", "gallery")
                      for p in (2, 10) for c in (9, 10)))  # fmt: skip
    bench = load("folder", tmp_path)
    assert bench.pid_names == {1: "2", 2: "10"}
    assert bench.train.pids.tolist() == [2, 2, 1, 1]
    assert bench.train.camids.tolist() == [1, 0, 1, 0]


def test_persons_are_split_and_queries_chosen(tmp_path):
    people = [f"p{i}" for i in range(10)]
    write(tmp_path, *(f"{p}/c{c}_{i}.jpg" for p in people for c in (1, 2) for i in range(3)))
    bench = load("folder", tmp_path, test_fraction=0.3, seed=1)
    assert bench.train.num_pids == 7
    assert bench.query.num_pids == bench.gallery.num_pids == 3
    assert not set(bench.train.classes) & set(bench.query.classes)
    assert all(path.endswith("_0.jpg") for path in bench.query.paths)
    assert len(bench.query) == 3 * 2
    assert len(bench.gallery) == 3 * 2 * 2
    other = load("folder", tmp_path, test_fraction=0.3, seed=2)
    assert set(other.query.classes) != set(bench.query.classes)


@pytest.mark.parametrize(
    ("shots", "query", "gallery"),
    [
        ({1: 2, 2: 2}, ["c1_0", "c2_0"], ["c1_1", "c2_1"]),
        ({1: 1, 2: 1}, ["c1_0"], ["c2_0"]),
        ({1: 1, 2: 1, 3: 1}, ["c1_0", "c2_0"], ["c3_0"]),
        ({1: 3, 2: 1}, ["c1_0"], ["c1_1", "c1_2", "c2_0"]),
        ({1: 2, 2: 2, 3: 1}, ["c1_0", "c2_0", "c3_0"], ["c1_1", "c2_1"]),
        ({1: 1}, [], ["c1_0"]),
    ],
)
def test_every_query_has_a_match_in_another_camera(tmp_path, shots, query, gallery):
    for person in ("a", "b", "c", "d"):
        write(tmp_path, *(f"{person}/c{c}_{i}.jpg" for c, n in shots.items() for i in range(n)))
    write(tmp_path, *(f"x{i}/c{c}_{j}.jpg" for i in range(8) for c in (1, 2) for j in (0, 1)))
    bench = load("folder", tmp_path, test_fraction=0.9)
    person = next(p for p in bench.gallery.classes if bench.pid_names[p] in "abcd")

    def names(people):
        return sorted(os.path.basename(p)[:-4] for p in people[people.pids == person].paths)

    assert names(bench.query) == query
    assert names(bench.gallery) == gallery


def test_camera_pattern(tmp_path):
    write(tmp_path, *(f"{s}/ann/{c}-7.jpg" for s in ("train", "query", "gallery")
                      for c in ("gate", "plaza")))  # fmt: skip
    with pytest.raises(UserError, match=r"No camera in the name of .*gate-7\.jpg"):
        load("folder", tmp_path)
    assert load("folder", tmp_path, camera="(gate|plaza)").train.camids.tolist() == [0, 1]
    assert load("folder", tmp_path, camera="none").train.camids.tolist() == [0, 0]
    with pytest.raises(UserError, match="needs a group"):
        load("folder", tmp_path, camera="gate")
    with pytest.raises(UserError, match="isn't a regular expression"):
        load("folder", tmp_path, camera="(gate")


def test_unknown_cameras_leave_no_query_without_a_match(tmp_path):
    write(tmp_path, *(f"p{person}/{shot}.jpg" for person in range(6) for shot in range(3)))
    bench = load("folder", tmp_path, camera="none")
    assert (len(bench.query), len(bench.gallery)) == (3, 6)
    assert set(bench.train.camids) == set(bench.query.camids) == {0}
    assert set(bench.gallery.camids) == {1}
    (tmp_path / "all.csv").write_text(
        "path,pid\n" + "\n".join(f"{i}.jpg,{i % 4}" for i in range(12))
    )
    bench = load("folder", tmp_path, csv="all.csv", camera="none")
    assert (set(bench.query.camids), set(bench.gallery.camids)) == ({0}, {1})


def test_csv_with_splits(tmp_path):
    (tmp_path / "all.csv").write_text(
        "path,pid,camid,split\n"
        "x/1.jpg,ann,gate,train\nx/2.jpg,ann,plaza,train\n"
        "x/3.jpg,bob,gate,query\nx/4.jpg,bob,plaza,gallery\nx/5.jpg,-1,plaza,gallery\n"
    )
    bench = load("folder", tmp_path, csv="all.csv")
    assert bench.train.camids.tolist() == [0, 1]
    assert bench.query.paths.tolist() == [str(tmp_path / "x/3.jpg")]
    assert bench.gallery.pids.tolist() == [2, JUNK]


def test_csv_without_splits_and_names_that_are_their_numbers(tmp_path):
    rows = [f"{p}_{c}_{i}.jpg,{p},{c}" for p in range(1, 7) for c in (3, 8) for i in (0, 1)]
    (tmp_path / "all.csv").write_text("\n".join(["path,pid,camid", *rows]))
    bench = load("folder", tmp_path, csv="all.csv")
    assert bench.pid_names == {}
    assert (len(bench.train), len(bench.query), len(bench.gallery)) == (12, 6, 6)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,pid\na.jpg,1\n", "no column camid"),
        ("", "no column camid, path, pid"),
        ("path,pid,camid\na.jpg,,1\n", "line 2: no pid"),
        ("path,pid,camid\na.jpg,1\n", "line 2: no camid"),
        ("path,pid,camid,split\na.jpg,1,1,test\n", "line 2: split should be"),
    ],
)
def test_bad_csv(tmp_path, text, message):
    (tmp_path / "all.csv").write_text(text)
    with pytest.raises(UserError, match=message):
        load("folder", tmp_path, csv="all.csv")


def test_no_csv(tmp_path):
    with pytest.raises(UserError, match="No CSV file"):
        load("folder", tmp_path, csv="all.csv")


@pytest.mark.parametrize("fraction", [0, 1, 1.5])
def test_fraction(tmp_path, fraction):
    with pytest.raises(UserError, match="within 0 and 1"):
        load("folder", tmp_path, test_fraction=fraction)


def test_missing_split(tmp_path):
    write(tmp_path, "train/a/c1.jpg", "query/b/c1.jpg")
    with pytest.raises(UserError, match="The gallery split"):
        load("folder", tmp_path)
