import numpy as np
import pytest

from lookalike.data import DISTRACTOR, JUNK, Benchmark, People
from lookalike.data.poses import JOINTS, MIRROR, Poses, cleaned


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


def test_poses_go_with_their_crops():
    joints = np.zeros((2, 18, 3), np.float32)
    joints[:, 0] = [[4, 8, 1], [2, 6, 1]]
    people = People(["a", "b"], [1, 2], [0, 0], poses=Poses(joints, np.array([[32, 16], [64, 16]])))
    assert people[1].poses is not None
    assert people[1].poses.at(32, 8)[0, 0].tolist() == [1, 3, 1]
    assert people[[True, False]].poses.joints[0, 0].tolist() == [4, 8, 1]
    with pytest.raises(ValueError, match="1 people, but 2 poses"):
        People(["a"], [1], [0], poses=people.poses)


def test_joints_outside_their_image_are_missing():
    joints = np.zeros((1, 18, 3))
    joints[0, :6] = [[0, 0, 0.3], [15.9, 31.9, 1], [16, 3, 1], [3, 32, 1], [-0.1, 3, 1], [3, 3, 0]]
    joints[0, 6] = [np.nan, 3, 1]
    poses = cleaned(joints, np.array([[32, 16]]))
    assert poses.known.tolist() == [2]
    assert poses.joints[0, :3].tolist() == [
        [0, 0, 1],
        [np.float32(15.9), np.float32(31.9), 1],
        [0, 0, 0],
    ]


def test_a_mirror_is_its_own_inverse_and_exchanges_sides():
    assert [MIRROR[j] for j in MIRROR] == list(range(18))
    for joint, name in enumerate(JOINTS):
        other = name.replace("left", "right") if "left" in name else name.replace("right", "left")
        assert JOINTS[MIRROR[joint]] == other
