import numpy as np
import pytest

from lookalike.data import DISTRACTOR, JUNK, UNKNOWN, Benchmark, People
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
    assert part.domains == (("here",) if paths else ())
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


# Sums


def other(domain="there", **columns) -> People:
    return People(["x", "y", "z"], [1, 7, UNKNOWN], [0, 2, 0], domain, **columns)


def test_another_domain_is_numbered_on():
    both = crops() + other()
    assert list(both.paths) == ["a", "b", "c", "d", "e", "x", "y", "z"]
    assert both.pids.tolist() == [7, JUNK, 3, DISTRACTOR, 7, 8, 14, UNKNOWN]
    assert both.camids.tolist() == [0, 1, 1, 4, 4, 5, 7, 5]
    assert list(both.domain) == ["here"] * 5 + ["there"] * 3
    assert [part.tolist() for part in both.parts] == [[0, 1, 2, 3, 4], [5, 6, 7]]
    assert both.labels().tolist() == [1, -1, 0, -1, 1, 2, 3, -1]


def test_a_crop_and_its_fake_are_one_person():
    fakes = crops().files("/fakes")
    assert fakes.paths[0] == "/fakes/000000_a.png"
    both = crops() + fakes
    assert both.pids.tolist() == 2 * [7, JUNK, 3, DISTRACTOR, 7]
    assert both.camids.tolist() == 2 * [0, 1, 1, 4, 4]
    assert [len(part) for part in both.parts] == [5, 5]


def test_three_summands_keep_their_numbers_whatever_the_order_of_adding():
    third = People(["p"], [2], [1], "elsewhere")
    left, right = (crops() + other()) + third, crops() + (other() + third)
    assert left.pids.tolist() == right.pids.tolist()
    assert left.camids.tolist() == right.camids.tolist()
    assert len(left.parts) == len(right.parts) == 3
    fakes = left + other().files("/fakes")  # of the domain that was numbered on
    assert fakes.pids.tolist()[-3:] == [8, 14, UNKNOWN]
    assert fakes.camids.tolist()[-3:] == [5, 7, 5]
    assert (left + left[left.parts[1]]).pids.tolist()[-3:] == [8, 14, UNKNOWN]


def test_parts_follow_a_slice():
    both = (crops() + other())[[0, 6, 7, 2]]
    assert [part.tolist() for part in both.parts] == [[0, 3], [1, 2]]


def test_numbers_that_would_collide_are_refused():
    half = crops()[[2]]  # person 3 alone: the other domain's people begin at 4
    both = half + other()
    with pytest.raises(ValueError, match="add the whole of 'here' before the others"):
        both + People(["f"], [4], [0], "here")


def test_cameras_that_would_collide_are_refused():
    unknown = crops().unlabelled()  # no identity that could collide
    half = unknown[[0]]  # camera 0 alone: the other domain's cameras begin at 1
    both = half + other()
    with pytest.raises(ValueError, match="add the whole of 'here' before the others"):
        both + unknown
    assert (both + half).camids.tolist() == [0, 1, 3, 1, 0]


def test_a_sum_joins_poses():
    joints = np.ones((3, 18, 3), np.float32)
    posed = other(poses=Poses(joints, np.full((3, 2), 8)))
    both = crops() + posed
    assert both.poses is not None
    assert both.poses.known.tolist() == [0] * 5 + [18] * 3
    assert both.posed_labels().tolist() == [-1] * 5 + [2, 3, -1]
    assert np.isfinite(both.poses.at(16, 16)).all()
    assert (crops() + other()).poses is None
    assert (crops() + other()).posed_labels().tolist() == [-1] * 8


def test_unlabelled_people_have_no_identity_and_are_not_numbered():
    people = crops().unlabelled()
    assert set(people.pids) == {UNKNOWN}
    assert people.num_pids == 0
    assert people.labels().tolist() == [-1] * 5
    assert set((other() + people).pids[3:]) == {UNKNOWN}


def test_nobody():
    nobody = People.nobody(3, "/made", ".jpg")
    assert list(nobody.paths) == [f"/made/00000{k}.jpg" for k in range(3)]
    assert (crops() + nobody).labels().tolist() == [1, -1, 0, -1, 1, -1, -1, -1]
    assert (crops() + nobody).camids.tolist()[-3:] == [5, 5, 5]


def test_they_print_shortly():
    assert repr(crops()) == "People: 5 crops of 2 people, 3 cameras (here)"
    assert repr(crops().unlabelled()) == "People: 5 crops of unknown people, 3 cameras (here)"
    both = crops() + other()
    assert repr(both) == (
        "People: 8 crops of 4 people, 1 of unknown people, 5 cameras (here, there)"
    )


def test_a_benchmark_prints_its_splits(tmp_path):
    bench = Benchmark("folder", tmp_path, crops(), crops()[:1], other())
    lines = repr(bench).splitlines()
    assert lines[0] == f"Benchmark folder:{tmp_path}, protocol market1501"
    assert [line.split()[0] for line in lines[1:]] == ["train", "query", "gallery"]
    assert max(map(len, lines[1:])) < 80
