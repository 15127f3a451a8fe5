"""Benchmarks whose people know their poses."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookalike.data import Benchmark, People, load
from lookalike.data.poses import Poses, read_poses
from lookalike.data.poses.with_poses import coverage, with_poses
from lookalike.errors import UserError
from lookalike.world.writer.annotations import truth_of

SPLITS = ("train", "query", "gallery")
IMAGES = {  # path below the root: height, width
    "bounding_box_train/0001_c1s1_000000_01.jpg": (8, 6),
    "bounding_box_train/0001_c2s1_000000_01.jpg": (10, 6),
    "query/0002_c1s1_000000_01.jpg": (8, 6),
    "bounding_box_test/0002_c2s1_000000_01.jpg": (8, 6),
}
NAMES = [os.path.basename(path) for path in IMAGES]


@pytest.fixture
def market(tmp_path):
    for path, (height, width) in IMAGES.items():
        (tmp_path / "m" / path).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (width, height)).save(tmp_path / "m" / path)
    return tmp_path / "m"


def table(file, names=NAMES, x=2, y=9):
    """All 18 joints at (x, y), which is inside the second image only, unless y < 8."""
    lines = ["name:keypoints_y:keypoints_x", *(f"{name}:{[y] * 18}:{[x] * 18}" for name in names)]
    file.write_text("\n".join(lines))
    return file


def test_option_poses(market, tmp_path, capsys):
    file = table(tmp_path / "100% p&q.csv", y=9)
    bench = with_poses(load("market1501", market, poses=file))
    assert bench.train.poses.sizes.tolist() == [[8, 6], [10, 6]]
    assert bench.train.poses.known.tolist() == [0, 18]
    assert bench.train.poses.joints[1, 4].tolist() == [2, 9, 1]
    assert bench.annotations["pose"] == file
    where = "1 in train, 1 in query, 1 in gallery"
    said = f"poses: 4 images, 3 without ({where}), 54 joints outside their image dropped"
    assert capsys.readouterr().err == f"lookalike: {said}\n"
    assert coverage(bench) == said
    again = with_poses(load(str(bench)))
    np.testing.assert_array_equal(again.train.poses.joints, bench.train.poses.joints)
    assert str(again) == str(bench)


def test_images_without_a_pose_are_counted(market, tmp_path, capsys):
    bench = with_poses(load("market1501", market, poses=table(tmp_path / "p.csv", NAMES[:3], y=1)))
    assert [getattr(bench, s).poses.known.tolist() for s in SPLITS] == [[18, 18], [18], [0]]
    assert "4 images, 1 without (1 in gallery), 0 joints outside" in capsys.readouterr().err


@pytest.mark.parametrize("where", ["poses.csv", "poses.json", "poses.jsonl", "poses/x.csv"])
def test_files_beside_the_images(market, where):
    (market / where).parent.mkdir(exist_ok=True)
    if where.endswith("csv"):
        table(market / where, y=1)
    else:
        people = [{"pose_keypoints_2d": [2, 1, 0.5] * 18}]
        lines = [json.dumps({"name": name, "people": people}) for name in NAMES]
        (market / where).write_text("\n".join(lines))
    bench = with_poses(load("market1501", market))
    assert (bench.query.poses.joints == [2, 1, 1]).all()


def test_files_beside_the_images_where_the_root_is_further_up(market, tmp_path):
    folder = tmp_path / "up" / "Market-1501-v15.09.15"
    shutil.copytree(market, folder)
    table(folder / "poses.csv", y=1)
    bench = load("market1501", tmp_path / "up")
    assert bench.root == tmp_path / "up"
    assert with_poses(bench).train.poses.known.tolist() == [18, 18]
    assert with_poses(load("market1501", market.parent / "m", poses=folder / "poses.csv"))


def test_the_option_before_the_files(market, tmp_path):
    table(market / "poses.csv", y=1)
    bench = with_poses(load("market1501", market, poses=table(tmp_path / "p.csv", x=3, y=1)))
    assert bench.train.poses.joints[0, 0].tolist() == [3, 1, 1]


def test_fdgan_layout(tmp_path):
    names = {"ann": "00000000_00_0000", "bob": "00000001_01_0000"}
    for stem in names.values():
        for folder in ("images", "poses"):
            (tmp_path / folder).mkdir(exist_ok=True)
        Image.new("RGB", (6, 8)).save(tmp_path / "images" / f"{stem}.jpg")
        (tmp_path / "poses" / f"{stem}.txt").write_text("7 2\n" * 18)
    rows = [
        f"images/{names[who]}.jpg,{who},{camera},{split}"
        for who, camera, split in (("ann", 1, "train"), ("bob", 1, "query"), ("bob", 2, "gallery"))
    ]
    (tmp_path / "crops.csv").write_text("\n".join(["path,pid,camid,split", *rows]))
    bench = with_poses(load("folder", tmp_path, csv="crops.csv"))
    assert (bench.gallery.poses.joints == [2, 7, 1]).all()
    whole = with_poses(load("folder", tmp_path, csv="crops.csv", poses=tmp_path))
    assert (whole.gallery.poses.joints == [2, 7, 1]).all()


def test_poses_that_are_there_stay(market, capsys):
    bench = load("market1501", market)
    posed = {}
    for split in SPLITS:
        people = getattr(bench, split)
        poses = Poses(np.ones((len(people), 18, 3)), np.full((len(people), 2), 8))
        posed[split] = replace(people, poses=poses)
    bench = replace(bench, **posed)
    assert with_poses(bench) is bench
    assert capsys.readouterr().err == ""


# --- mistakes


def test_no_poses(market):
    with pytest.raises(UserError, match=r"No poses of market1501:.*`lookalike data poses /.*` est"):
        with_poses(load("market1501", market))


def test_names_of_other_images(market, tmp_path):
    file = table(tmp_path / "p.csv", ["a.jpg", "b.jpg"])
    message = r"no pose of any image of .*: it names 'a.jpg', an image is 'bounding_box_train/0001"
    with pytest.raises(UserError, match=message):
        with_poses(load("market1501", market, poses=file))


def test_pixels_of_other_images(market, tmp_path):
    with pytest.raises(UserError, match=r"No joint in .*p.csv lies inside its image"):
        with_poses(load("market1501", market, poses=table(tmp_path / "p.csv", x=60, y=120)))


def test_one_pose_for_two_images(tmp_path):
    for person in ("ann", "bob", "eve", "zoe"):
        (tmp_path / person).mkdir()
        for camera in (1, 2):
            Image.new("RGB", (6, 8)).save(tmp_path / person / f"c{camera}.jpg")
    with pytest.raises(UserError, match=r"has one pose, 'c1.jpg', for 4 images, '.*c1.jpg' and"):
        with_poses(load("folder", tmp_path, poses=table(tmp_path / "p.csv", ["c1.jpg"], y=1)))
    names = [f"{person}/c{camera}.jpg" for person in ("ann", "zoe") for camera in (1, 2)]
    file = table(tmp_path / "p.csv", names, y=1)
    bench = with_poses(load("folder", tmp_path, poses=file))
    known = {}
    for people in (bench.train, bench.query, bench.gallery):
        persons = [Path(path).parent.name for path in people.paths]
        known |= zip(persons, people.poses.known, strict=True)
    assert known == {"ann": 18, "bob": 0, "eve": 0, "zoe": 18}


def test_an_image_that_cant_be_read(market, tmp_path):
    (market / "query" / NAMES[2]).write_bytes(b"")
    with pytest.raises(UserError, match=f"Can't read the image .*{NAMES[2]}"):
        with_poses(load("market1501", market, poses=table(tmp_path / "p.csv", y=1)))


# --- rendered worlds


def test_a_worlds_truth_knows_hidden_joints(rendered, capsys):
    bench = with_poses(load(f"world:{rendered}"))
    outside = 0
    for split in SPLITS:
        people = getattr(bench, split)
        truth = truth_of(people.paths)
        xy = truth.keypoints2d[..., :2]
        height, width = truth.size
        inside = (xy >= 0).all(2) & (xy < (width, height)).all(2)
        np.testing.assert_array_equal(people.poses.joints[..., 2] > 0, inside)
        np.testing.assert_array_equal(people.poses.joints[inside][:, :2], xy[inside])
        assert (people.poses.sizes == truth.size).all()
        assert people.poses.known.sum() > (truth.keypoints2d[..., 2] > 0).sum()
        outside += (~inside).sum()
    assert f"24 images, 0 without, {outside} joints outside" in capsys.readouterr().err
    np.testing.assert_array_equal(
        with_poses(load(f"market1501:{rendered}")).query.poses.joints, bench.query.poses.joints
    )


def test_option_poses_before_a_worlds_truth(rendered):
    file = rendered / "poses.csv"
    bench = with_poses(load(f"world:{rendered}?poses={file}"))
    name = os.path.basename(bench.query.paths[0])
    np.testing.assert_array_equal(bench.query.poses.joints[0], read_poses(file)[name])
    assert str(bench) == f"world:{rendered}?poses={file}"


def test_several_worlds_and_nobody_to_train_on(rendered, tmp_path):
    other = shutil.copytree(rendered, tmp_path / "other")
    one, two = (load(f"world:{place}").query for place in (rendered, other))
    both = People([*two.paths, *one.paths], [*two.pids, *one.pids], [*two.camids, *one.camids])
    bench = Benchmark("world", tmp_path, People([], [], []), both, both)
    bench = with_poses(replace(bench, annotations={"pose": tmp_path}))  # as the reader has it
    assert (len(bench.train.poses), len(bench.gallery.poses)) == (0, 12)
    for half in (bench.query.poses[:6], bench.query.poses[6:]):
        np.testing.assert_array_equal(half.joints[..., :2], truth_in_image(one))


def truth_in_image(people):
    """x and y of each joint, 0 for one outside the image."""
    truth = truth_of(people.paths)
    xy, (height, width) = truth.keypoints2d[..., :2], truth.size
    return np.where(((xy >= 0) & (xy < (width, height))).all(2, keepdims=True), xy, 0)


# --- real


def test_market1501_with_the_poses_beside_it(capsys):
    root = os.environ.get("LOOKALIKE_MARKET1501")
    if not root or not any((Path(root) / name).exists() for name in ("poses.csv", "poses")):
        pytest.skip("LOOKALIKE_MARKET1501 has no poses.csv and no poses/")
    bench = with_poses(load("market1501", root))
    assert (bench.train.poses.sizes == (128, 64)).all()
    assert (bench.train.poses.known > 0).mean() > 0.95
    neck, hips = bench.train.poses.joints[:, 1], bench.train.poses.joints[:, [8, 11]].mean(1)
    upright = neck[:, 1] < hips[:, 1]
    assert upright[(neck[:, 2] > 0) & (hips[:, 2] == 1)].mean() > 0.95
