from pathlib import Path

import numpy as np
import pytest

from lookalike.data import load
from lookalike.data.poses import Poses
from lookalike.data.poses.with_poses import with_poses
from lookalike.errors import UserError
from lookalike.generation.jobs import combinations, data_set, person_folders, short_names
from lookalike.generation.swap import Structures
from lookalike.generation.target_poses import TargetPoses, of_people


def test_combinations_are_all_pairs_once():
    a, s = [f"/x/a{i}.jpg" for i in range(5)], [f"/x/s{i}.jpg" for i in range(3)]
    people = [*a, a[0]]  # an image given twice counts once
    jobs = combinations(people, Structures(s), ".png", side=2)
    assert sorted((people[j.person], s[j.condition]) for j in jobs) == [
        (x, y) for x in a for y in s
    ]
    assert {j.name for j in jobs} == {f"a{i}_in_s{k}.png" for i in range(5) for k in range(3)}
    assert {people[j.person] for j in jobs[:4]} == set(a[:2])  # the first batch is a tile


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["/x/a.jpg", "/y/b.jpg"], ["a", "b"]),
        (["/x/a.jpg", "/x/a.png"], ["a.jpg", "a.png"]),
        (["/d/x/a.jpg", "/d/y/a.jpg"], ["x+a.jpg", "y+a.jpg"]),
    ],
)
def test_short_names_tell_files_apart(paths, names):
    assert list(short_names(paths).values()) == names


@pytest.mark.parametrize("by", ["appearance", "structure"])
def test_data_set_draws_other_structures_for_every_image(market, by):
    people = load("market1501", market).train
    paths = list(people.paths)
    structures, file_by = Structures(paths), "person" if by == "appearance" else "condition"
    jobs = data_set(people, structures, 3, 0, ".jpg", file_by)
    assert [paths[j.person] for j in jobs] == [p for p in paths for _ in range(3)]
    drawn = {(j.person, j.condition) for j in jobs}
    assert len(drawn) == len(jobs) == len({j.name for j in jobs})
    assert all(a != s for a, s in drawn)
    assert len({s for _, s in drawn}) > 60  # of 72
    for job in jobs:
        a, s = job.person, job.condition
        first, second = (a, s) if by == "appearance" else (s, a)
        word = "in" if by == "appearance" else "wears"
        donors = [f"{people.pids[i]:04d}_c{people.camids[i] + 1}_{i:06d}" for i in (first, second)]
        assert job.name == f"{people.pids[first]:04d}/{donors[0]}_{word}_{donors[1]}.jpg"
    assert jobs == data_set(people, structures, 3, 0, ".jpg", file_by)
    assert jobs != data_set(people, structures, 3, 1, ".jpg", file_by)
    with pytest.raises(UserError, match="72 images have only 71 others"):
        data_set(people, structures, 72, 0, ".jpg", file_by)
    with pytest.raises(UserError, match="There is nobody to draw"):
        data_set(people[:0], Structures([]), 1, 0, ".jpg", file_by)


def test_people_keep_their_names(tmp_path):
    from PIL import Image

    for name in ("anna", "Ben", "0007", "ben ", "ünal"):
        for k in (1, 2):
            (tmp_path / "in" / name).mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 16), (40 * k, 9, 9)).save(tmp_path / "in" / name / f"x_c{k}.png")
    bench = load("folder", tmp_path / "in", test_fraction=0)
    people, paths = bench.train, list(bench.train.paths)
    jobs = data_set(people, Structures(paths), 2, 0, ".png", names=bench.pid_names)
    for job in jobs:
        file = tmp_path / "out" / job.name
        assert file.parent.name == Path(paths[job.person]).parent.name
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 16)).save(file)
    again = load("folder", tmp_path / "out", test_fraction=0)
    assert again.pid_names == bench.pid_names
    assert again.train.num_cams == bench.train.num_cams


def test_names_that_no_folder_can_have():
    names = {
        1: "a/b",
        2: "..",
        3: "0000",
        4: "Anna",
        5: "anna",
        6: "-1",
        7: "",
        8: "x\ny",
        9: "0004",
    }
    called = person_folders([*range(1, 10), 12], names)
    assert called == {
        1: "0001", 2: "0002", 3: "0003", 4: "Anna", 5: "anna+0005", 6: "0006", 7: "0007",
        8: "0008", 9: "0004", 12: "0012"}  # fmt: skip


def test_every_pose_is_every_combination_once():
    images, poses = ["/x/a.jpg", "b.jpg", "/x/a.jpg"], ["/p.csv/0/k.jpg", "/p.csv/1/k.jpg"]
    targets = TargetPoses(
        poses, files=[None] * 2, poses=Poses(np.zeros((2, 18, 3)), np.ones((2, 2)))
    )
    jobs = combinations(images, targets, ".png")
    assert [(images[j.person], j.condition) for j in jobs] == [
        ("/x/a.jpg", 0), ("/x/a.jpg", 1), ("b.jpg", 0), ("b.jpg", 1)]  # fmt: skip
    assert [j.name for j in jobs] == [
        "a_in_0+k.jpg.png", "a_in_1+k.jpg.png", "b_in_0+k.jpg.png", "b_in_1+k.jpg.png"]  # fmt: skip


def test_data_set_draws_known_poses_of_other_crops(rendered):
    people = with_poses(load(f"world:{rendered}")).train
    joints = people.poses.joints.copy()
    joints[[1, 4]] = 0
    people = type(people)(people.paths, people.pids, people.camids,
                          poses=Poses(joints, people.poses.sizes))  # fmt: skip
    n = len(people)
    targets = of_people(people)
    jobs = data_set(people, targets, 3, 0, ".jpg")
    assert [people.paths[j.person] for j in jobs] == [p for p in people.paths for _ in range(3)]
    drawn = {(j.person, j.condition) for j in jobs}
    assert len(drawn) == len({j.name for j in jobs}) == 3 * n
    assert not {j.condition for j in jobs} & {1, 4}
    assert len({j.condition for j in jobs}) > n / 2
    for job in jobs:
        i = job.person
        assert i != job.condition
        first, second = (f"{people.pids[k]:04d}_c{people.camids[k] + 1}_{k:06d}"
                         for k in (i, job.condition))  # fmt: skip
        assert job.name == f"{people.pids[i]:04d}/{first}_in_{second}.jpg"
    assert jobs == data_set(people, targets, 3, 0, ".jpg")
    assert jobs != data_set(people, targets, 3, 1, ".jpg")
    with pytest.raises(UserError, match=f"only {n - 3} other crops whose pose is known: --times"):
        data_set(people, targets, n - 2, 0, ".jpg")
