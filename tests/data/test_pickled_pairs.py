import os
import pickle

import numpy as np
import pytest

from lookalike.data.pair_samplers import read_pairs
from lookalike.data.people import People
from lookalike.data.pickled_pairs import pickled_pairs
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
