"""The pairs that pictures are judged on: those drawn, and lists of them as CSV and as pickles."""

import os
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lookalike.data.evaluation_pairs import held_out_pairs, pickled_pairs, read_pairs
from lookalike.data.people import People
from lookalike.data.poses.poses import Poses
from lookalike.errors import UserError

PAIRS = [("0002_c1s1_000451_03.jpg", "0002_c2s1_000301_01.jpg"), ("b.jpg", "a.jpg")]
# What Python 2's pickle.dump(pairs, file) of these writes: protocol 0, strings by S.
PYTHON_2 = (
    "(lp0\n(S'0002_c1s1_000451_03.jpg'\np1\nS'0002_c2s1_000301_01.jpg'\np2\ntp3\n"
    "a(lp4\nS'b.jpg'\np5\naS'a.jpg'\np6\naa."
)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("kind", [tuple, list])
def test_pairs_of_every_protocol(tmp_path, protocol, kind):
    file = tmp_path / "p_pairs_test.p"
    file.write_bytes(pickle.dumps([kind(pair) for pair in PAIRS], protocol))
    assert pickled_pairs(file) == PAIRS


def test_a_pickle_of_python_2(tmp_path):
    file = tmp_path / "p_pairs_test.p"
    file.write_text(PYTHON_2)
    assert pickled_pairs(str(file)) == PAIRS
    file.write_bytes(PYTHON_2.encode("latin1").replace(b"a.jpg", b"\xe4.jpg"))
    assert pickled_pairs(file)[1] == ("b.jpg", "ä.jpg")


class Attack:
    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return os.system, (f"touch {self.file}",)


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_that_calls_something_is_refused(tmp_path, protocol):
    file = tmp_path / "p_pairs_test.p"
    file.write_bytes(pickle.dumps([("a", Attack(tmp_path / "called"))], protocol))
    with pytest.raises(UserError, match=r"asks for posix.system, so it isn't read"):
        pickled_pairs(file)
    assert not (tmp_path / "called").exists()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is no whole pickle"),
        (pickle.dumps(PAIRS)[:-9], "is no whole pickle"),
        (b"from,to\na,b\n", "is no whole pickle"),
        (pickle.dumps({"a": "b"}), "holds no list of pairs"),
        (pickle.dumps([]), "holds no list of pairs"),
        (pickle.dumps([*PAIRS, ("a", "b", "c")]), "pair 2: not two file names"),
        (pickle.dumps([*PAIRS, "ab"]), "pair 2: not two file names"),
        (pickle.dumps([("a", 3)]), "pair 0: not two file names"),
        (pickle.dumps([3, 4]), "pair 0: not two file names"),
    ],
)
def test_what_is_no_list_of_pairs_is_told(tmp_path, content, says):
    file = tmp_path / "p_pairs_test.p"
    file.write_bytes(content)
    with pytest.raises(UserError, match=says):
        pickled_pairs(file)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match=r"Can't read .*No such file"):
        pickled_pairs(tmp_path / "gone.p")


def test_a_pickled_list_is_read_as_a_csv_file_is(tmp_path):
    names = ["a.jpg", "0002_c2s1_000301_01.jpg", "b.jpg", "0002_c1s1_000451_03.jpg"]
    people = People([f"/data/{name}" for name in names], np.array([7, 2, 7, 2]), np.zeros(4))
    files = [tmp_path / "p_pairs_test.p", tmp_path / "pairs.csv"]
    files[0].write_text(PYTHON_2)
    files[1].write_text("from,to\n" + "\n".join(",".join(pair) for pair in PAIRS))
    for file in files:
        assert read_pairs(file, people).tolist() == [[3, 1], [2, 0]]
    with pytest.raises(UserError, match=r"p_pairs_test\.p, pair 1: no image is called 'b\.jpg'"):
        read_pairs(files[0], people[[0, 1, 3]])
    strangers = People(people.paths, np.array([7, 2, 7, 3]), people.camids)
    with pytest.raises(UserError, match=r"p_pairs_test\.p, pair 0: the two images are not of one"):
        read_pairs(files[0], strangers)


def literal_pairs(labels: np.ndarray) -> set[tuple[int, int]]:
    n = range(len(labels))
    return {(i, j) for i in n for j in n if i != j and labels[i] == labels[j] >= 0}


def people(known: list[int] | None = None) -> People:
    """Junk −1 twice, a distractor 0 twice, persons 5 (4 crops), 6 (3) and 7 (1)."""
    pids = [-1, -1, 0, 0, 5, 5, 5, 5, 6, 6, 6, 7]
    paths = [f"/data/gallery/{p:04d}_c1_{i}.jpg" for i, p in enumerate(pids)]
    some = People(paths, np.array(pids), np.zeros(12))
    if known is None:
        return some
    joints = np.zeros((12, 18, 3))
    joints[known, 3] = 1
    return replace(some, poses=Poses(joints, np.full((12, 2), 64)))


def test_held_out_pairs_are_of_one_person_with_a_pose() -> None:
    every = literal_pairs(people().labels())
    assert {(4, 5), (5, 4), (10, 8)} < every
    assert {tuple(p) for p in held_out_pairs(people())} == every
    assert len(held_out_pairs(people())) == len(every) == 18
    few = held_out_pairs(people(), 7)
    assert few.shape == (7, 2)
    assert few.dtype == np.int64
    assert {tuple(p) for p in few} < every
    assert len({tuple(p) for p in few}) == 7
    assert np.array_equal(few, held_out_pairs(people(), 7))
    assert not np.array_equal(few, held_out_pairs(people(), 7, seed=1))
    posed = held_out_pairs(people([0, 1, 2, 3, 4, 6, 9, 11]))
    assert {tuple(p) for p in posed} == {(4, 6), (6, 4)}
    with pytest.raises(UserError, match=r"two images whose poses are known.*: 4 of 12 im"):
        held_out_pairs(people([0, 1, 4, 9]))
    with pytest.raises(UserError, match=r"No identity has two images, so no"):
        held_out_pairs(people([4, 9, 11])[[4, 9, 11]])
    with pytest.raises(UserError, match="at least one pair, got 0"):
        held_out_pairs(people(), 0)


def test_held_out_pairs_are_uniform() -> None:
    counts = np.zeros((12, 12))
    for seed in range(1500):
        for a, b in held_out_pairs(people(), 2, seed):
            counts[a, b] += 1
    found = counts[counts > 0]
    assert len(found) == 18
    assert np.abs(found - 3000 / 18).max() < 5 * np.sqrt(3000 / 18)


def test_pairs_are_read_by_name(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text(
        "from,to\r\n0005_c1_4.jpg,0005_c1_7.jpg\r\n\r\n"
        "gallery/0006_c1_10.jpg, /data/gallery/0006_c1_8.jpg\n0005_c1_7.jpg,0005_c1_7.jpg",
        encoding="utf-8-sig",
    )
    pairs = read_pairs(path, people())
    assert pairs.tolist() == [[4, 7], [10, 8], [7, 7]]
    assert pairs.dtype == np.int64


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "first line of .*pairs.csv must be from,to"),
        ("to,from\na,b", "first line of .*pairs.csv must be from,to"),
        ("from,to\n", "holds no pair"),
        (
            "from,to\n0005_c1_4.jpg,0005_c1_5.jpg\n0005_c1_4.jpg,x.jpg",
            "line 3: no image .* 'x.jpg'",
        ),
        ("from,to\n0005_c1_4.jpg,other/0005_c1_5.jpg", "line 2: no image is called 'other/0005"),
        ("from,to\n0005_c1_4.jpg,", "line 2: no image is called ''"),
        ("from,to\n0005_c1_4.jpg", "line 2: a pair is two names, got 1"),
        ("from,to\n0005_c1_4.jpg,0006_c1_8.jpg", "line 2: the two images are not of one person"),
        ("from,to\n0000_c1_2.jpg,0000_c1_3.jpg", "line 2: the two images are not of one person"),
    ],
)
def test_mistakes_in_a_list_of_pairs_name_the_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        read_pairs(path, people())


def test_a_name_that_two_files_have_needs_its_folder(tmp_path: Path) -> None:
    twice = People(["/data/a/1.jpg", "/data/b/1.jpg"], np.array([1, 1]), np.zeros(2))
    path = tmp_path / "pairs.csv"
    path.write_text("from,to\na/1.jpg,b/1.jpg")
    assert read_pairs(path, twice).tolist() == [[0, 1]]
    path.write_text("from,to\na/1.jpg,1.jpg")
    with pytest.raises(UserError, match=r"line 2: 2 images are called '1.jpg'"):
        read_pairs(path, twice)
    with pytest.raises(UserError, match=r"Can't read '.*missing\.csv'"):
        read_pairs(tmp_path / "missing.csv", twice)
