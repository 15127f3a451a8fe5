import json

import numpy as np
import pytest

from lookalike.data import load, parse_data
from lookalike.data.check import check
from lookalike.data.info import as_table, describe
from lookalike.errors import UserError


def viper(root, persons=6, inner="VIPeR"):
    for camera, angle in (("cam_a", 45), ("cam_b", 180)):
        (root / inner / camera).mkdir(parents=True)
        for person in range(persons):
            (root / inner / camera / f"{person:03d}_{angle}.bmp").touch()


def prid450s(root, persons=6):
    for camera in ("cam_a", "cam_b"):
        (root / camera).mkdir(parents=True)
        for person in range(1, persons + 1):
            (root / camera / f"img_{person:03d}.png").touch()


def prid2011(root):
    for camera, persons in (("cam_a", [1, 2, 3, 4, 201, 202]), ("cam_b", [1, 2, 3, 4, 201])):
        for person in persons:
            single = root / "prid_2011" / "single_shot" / camera
            multi = root / "prid_2011" / "multi_shot" / camera / f"person_{person:04d}"
            single.mkdir(parents=True, exist_ok=True)
            multi.mkdir(parents=True)
            (single / f"person_{person:04d}.png").touch()
            for shot in (1, 2, 3):
                (multi / f"{shot:04d}.png").touch()


def halves(bench):
    return set(bench.train.classes.tolist()), set(bench.query.classes.tolist())


def test_viper_halves_the_persons(tmp_path):
    viper(tmp_path)
    bench = load("viper", tmp_path)
    train, test = halves(bench)
    assert len(train) == len(test) == 3
    assert train | test == set(range(1, 7))
    assert bench.pid_names[1] == "000"
    assert bench.query.pids.tolist() == bench.gallery.pids.tolist()
    assert set(bench.query.camids) == {0}
    assert set(bench.gallery.camids) == {1}
    assert bench.train.num_cams == 2
    for people in (bench.train, bench.query, bench.gallery):
        for path, pid in zip(people.paths, people.pids, strict=True):
            assert f"{pid - 1:03d}_" in path


def test_the_draw_is_the_documented_one(tmp_path):
    viper(tmp_path)
    order = np.random.RandomState(4).permutation(6)
    assert halves(load("viper", tmp_path, split=4)) == (set(order[:3] + 1), set(order[3:] + 1))


def test_ten_different_splits(tmp_path):
    viper(tmp_path, persons=40)
    assert len({tuple(halves(load("viper", tmp_path, split=s))[0]) for s in range(10)}) == 10
    for split in (-1, 10, "half"):
        with pytest.raises(UserError, match=f"splits 0 to 9 and all, not {split}"):
            load("viper", tmp_path, split=split)


def test_viper_in_torchreids_split_file(tmp_path):
    viper(tmp_path)

    def rows(persons, camera):
        angle = (45, 180)[camera]
        folder = f"C:\\data\\VIPeR\\cam_{'ab'[camera]}\\"  # of somebody's other machine
        return [[f"{folder}{p:03d}_{angle}.bmp", i, camera] for i, p in enumerate(persons)]

    splits = []
    for train, test in (([0, 1, 2], [3, 4, 5]), ([5, 3, 1], [0, 2, 4])):
        both = rows(train, 0) + rows(train, 1)
        for query in (0, 1):
            splits.append(
                {"train": both, "query": rows(test, query), "gallery": rows(test, 1 - query)}
            )
    (tmp_path / "splits.json").write_text(json.dumps(splits))
    assert halves(load("viper", tmp_path, split=0)) == ({1, 2, 3}, {4, 5, 6})
    bench = load("viper", tmp_path, split=1)
    assert halves(bench) == ({2, 4, 6}, {1, 3, 5})
    assert set(bench.query.camids) == {0}
    with pytest.raises(UserError, match="splits 0 to 1"):
        load("viper", tmp_path, split=2)


@pytest.mark.parametrize("text", ["{", "[]", '[{"train": [[1]]}]', '{"a": 1}'])
def test_broken_split_file(tmp_path, text):
    viper(tmp_path)
    (tmp_path / "splits.json").write_text(text)
    with pytest.raises(UserError, match=r"splits\.json' isn't (a split file|JSON)"):
        load("viper", tmp_path)


def test_viper_with_a_person_in_one_camera(tmp_path):
    viper(tmp_path)
    (tmp_path / "VIPeR" / "cam_b" / "003_180.bmp").unlink()
    with pytest.raises(UserError, match="person 3 is in only one"):
        load("viper", tmp_path)


def test_prid450s(tmp_path):
    prid450s(tmp_path / "prid_450s")
    bench = load("prid450s", tmp_path, split=2)
    train, test = halves(bench)
    assert len(train) == 3
    assert train | test == set(range(1, 7))
    assert all(
        f"img_{p:03d}" in f for f, p in zip(bench.query.paths, bench.query.pids, strict=True)
    )
    assert (len(bench.train), len(bench.query), len(bench.gallery)) == (6, 3, 3)


@pytest.mark.parametrize(("shot", "images"), [("single", 1), ("multi", 3)])
def test_prid2011(tmp_path, shot, images):
    prid2011(tmp_path)
    bench = load("prid2011", tmp_path, shot=shot)
    train, test = halves(bench)
    assert len(train) == len(test) == 2
    assert train | test == {1, 2, 3, 4}
    assert set(bench.gallery.classes) == test | {201}
    assert len(bench.train) == 4 * images
    assert len(bench.query) == 2 * images
    assert len(bench.gallery) == 3 * images


def test_prid2011_in_torchreids_split_file(tmp_path):
    prid2011(tmp_path)
    splits = [{"train": [1, 4], "test": [2, 3]}]
    (tmp_path / "splits_single_shot.json").write_text(json.dumps(splits))
    assert halves(load("prid2011", tmp_path)) == ({1, 4}, {2, 3})


def test_prid2011_split_file_of_absent_persons(tmp_path):
    prid2011(tmp_path)
    splits = [{"train": [1, 9], "test": [2, 3]}]
    (tmp_path / "splits_single_shot.json").write_text(json.dumps(splits))
    with pytest.raises(UserError, match="no image of person 9 in cam_a"):
        load("prid2011", tmp_path)


@pytest.mark.parametrize(("name", "write"), [("viper", viper), ("prid450s", prid450s)])
def test_all_persons_are_tested_on(tmp_path, name, write):
    write(tmp_path, persons=5)
    bench = parse_data(f"{name}:{tmp_path}?split=all")
    assert bench.protocol == "viper-10-splits"
    assert len(bench.train) == 0
    assert bench.query.pids.tolist() == bench.gallery.pids.tolist() == [1, 2, 3, 4, 5]
    assert str(bench) == f"{name}:{tmp_path}?split=all"
    assert load(name, tmp_path).protocol == "market1501"
    assert describe(bench)["splits"]["train"]["images"] == 0
    assert as_table(describe(bench))
    assert {finding.what for finding in check(bench)} <= {"files with no bytes",
        "identities with names that aren't their numbers", "splits without images"}  # fmt: skip


def test_prid2011_tests_all_who_are_in_both_cameras(tmp_path):
    prid2011(tmp_path)
    bench = load("prid2011", tmp_path, split="all")
    assert bench.protocol == "viper-10-splits"
    assert len(bench.train) == 0
    assert bench.query.pids.tolist() == [1, 2, 3, 4]
    assert bench.gallery.pids.tolist() == [1, 2, 3, 4, 201]


def test_a_folder_without_people_is_no_benchmark_for_all_either(tmp_path):
    viper(tmp_path, persons=0)
    with pytest.raises(UserError, match=r"no images of viper"):
        load("viper", tmp_path, split="all")
