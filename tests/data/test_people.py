import numpy as np
import pytest

from lookalike.data import DISTRACTOR, JUNK, Benchmark, People


def crops() -> People:
    return People(["a", "b", "c", "d", "e"], [7, JUNK, 3, DISTRACTOR, 7], [0, 1, 1, 4, 4], "here")


def test_counts_leave_junk_and_distractors_out():
    people = crops()
    assert (len(people), people.num_pids, people.num_cams) == (5, 2, 3)
    assert people.classes.tolist() == [3, 7]
    assert people.labels().tolist() == [1, -1, 0, -1, 1]


@pytest.mark.parametrize(
    ("index", "paths"),
    [
        (slice(1, 3), ["b", "c"]),
        (np.array([4, 0]), ["e", "a"]),
        (np.array([True, False, False, False, True]), ["a", "e"]),
        (2, ["c"]),
        (-1, ["e"]),
        ([], []),
    ],
)
def test_slicing_gives_people(index, paths):
    part = crops()[index]
    assert isinstance(part, People)
    assert list(part.paths) == paths
    assert part.domain == "here"
    assert part.pids.dtype == part.camids.dtype == np.int64


def test_is_immutable():
    people = crops()
    with pytest.raises(ValueError, match="read-only"):
        people.pids[0] = 1
    with pytest.raises(AttributeError):
        people.domain = "there"


def test_does_not_share_the_callers_arrays():
    pids = np.array([1, 2])
    people = People(["a", "b"], pids, [0, 0])
    pids[0] = 9
    assert people.pids.tolist() == [1, 2]


def test_unequal_columns():
    with pytest.raises(ValueError, match="2, 1 and 2"):
        People(["a", "b"], [1], [0, 0])


def test_benchmark_prints_as_data_that_loads_it(tmp_path):
    people = crops()
    bench = Benchmark("folder", tmp_path, people, people, people, options={"camera": "a&b%=c"})
    assert str(bench) == f"folder:{tmp_path}?camera=a%26b%25=c"
