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
from lookalike.data.poses.with_poses import (
    coverage,
    poses_are_there,
    require_training_poses,
    with_poses,
)
from lookalike.errors import UserError
from lookalike.training import train
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
    message = r"p.csv' has no joint that lies inside its image: .* reach x 60 and y 120, .* 8×6 "
    with pytest.raises(UserError, match=message):
        with_poses(load("market1501", market, poses=table(tmp_path / "p.csv", x=60, y=120)))


def test_nobody_found(market, tmp_path):
    for name in NAMES:
        file = tmp_path / "none" / f"{Path(name).stem}_keypoints.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text('{"people": []}')
    with pytest.raises(UserError, match=r"no known joint in any image: nobody was found in them"):
        with_poses(load("market1501", market, poses=file.parent))


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


# --- pixels of which size


@pytest.fixture(scope="module")
def truth(rendered):
    """The rendered people's poses, as those of Market-1501's folders, and the paths' names."""
    people = with_poses(load(f"market1501:{rendered}"), say=False).train
    names = [os.path.basename(path) for path in people.paths]
    return rendered, names, people.poses


def openpose(folder, names, joints, **more):
    folder.mkdir()
    for name, points in zip(names, joints, strict=True):
        value = {"people": [{"pose_keypoints_2d": points.ravel().tolist()}], **more}
        (folder / f"{Path(name).stem}_keypoints.json").write_text(json.dumps(value))
    return folder


def read_again(rendered, file, **options):
    """The training people's joints, with those poses."""
    return with_poses(load("market1501", rendered, poses=file, **options)).train.poses.joints


def test_a_canvas_of_another_size_is_scaled(truth, tmp_path):
    rendered, names, poses = truth
    height, width = (poses.sizes[0] * (0.5, 0.8)).tolist()
    joints = poses.joints * np.array([0.8, 0.5, 1], np.float32)
    folder = openpose(tmp_path / "p", names, joints, canvas_height=height, canvas_width=width)
    np.testing.assert_allclose(read_again(rendered, folder), poses.joints, rtol=1e-5)
    images = [
        {"id": k, "file_name": name, "height": height, "width": width}
        for k, name in enumerate(names)
    ]
    rows = [{"image_id": k, "keypoints": j.ravel().tolist()} for k, j in enumerate(joints)]
    file = tmp_path / "coco.json"
    file.write_text(json.dumps({"images": images, "annotations": rows}))
    np.testing.assert_allclose(read_again(rendered, file), poses.joints, rtol=1e-5)


@pytest.mark.parametrize(("option", "low"), [("unit", "0"), ("signed", "−1")])
def test_normalised_coordinates_are_refused_or_scaled(truth, tmp_path, option, low):
    rendered, names, poses = truth
    joints = poses.joints.copy()
    joints[..., :2] /= poses.sizes[:, None, ::-1]
    if option == "signed":
        joints[..., :2] = 2 * joints[..., :2] - 1
    folder = openpose(tmp_path / "p", names, joints)
    with pytest.raises(UserError, match=f"from {low} to 1, not .* pose_size={option} of"):
        read_again(rendered, folder)
    np.testing.assert_allclose(
        read_again(rendered, folder, pose_size=option), poses.joints, atol=0.01
    )
    again = with_poses(load(str(load("market1501", rendered, poses=folder, pose_size=option))))
    assert again.options["pose_size"] == option


@pytest.mark.parametrize("factor", [0.25, 0.5, 0.65, 1.3, 1.6, 2, 4])
def test_pixels_of_larger_or_smaller_images_are_refused_or_scaled(truth, tmp_path, factor):
    rendered, names, poses = truth
    joints = poses.joints * np.array([factor, factor, 1], np.float32)
    folder = openpose(tmp_path / "p", names, joints)
    with pytest.raises(UserError, match=r"isn't in pixels of the image files.*pose_size=HEIGHTxW"):
        read_again(rendered, folder)
    height, width = (poses.sizes[0] * factor).round().astype(int)
    scaled = read_again(rendered, folder, pose_size=f"{height}x{width}")
    np.testing.assert_allclose(scaled, poses.joints, rtol=0.02)
    if factor < 1:
        np.testing.assert_allclose(read_again(rendered, folder, pose_size="image"), joints)


@pytest.mark.parametrize(
    ("highres", "size", "x", "y"),
    [(False, (256, 256), 48, 9), (True, (1101, 750), 375 - 80 * 1101 / 256, 9 * 1101 / 256)],
)
def test_pose_transfers_deepfashion(tmp_path, highres, size, x, y):
    names = [f"WOMEN/Tees_Tanks/id_0000000{k}/02_{n}_front.jpg" for k in (1, 2) for n in (1, 2)]
    for name in names:
        image = tmp_path / ("img_highres" if highres else "img") / name
        image.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size[::-1]).save(image)
    splits = ("train", "train", "query", "gallery")
    lines = [
        f"img/{name} {name.split('/')[2]} {split}"
        for name, split in zip(names, splits, strict=True)
    ]
    (tmp_path / "Eval").mkdir()
    file = tmp_path / "Eval" / "list_eval_partition.txt"
    file.write_text("\n".join([str(len(lines)), "image_name item_id evaluation_status", *lines]))
    flat = [f"fashionWOMENTees_Tanksid0000000{k}02_{n}front.jpg" for k in (1, 2) for n in (1, 2)]
    poses = table(tmp_path / "p.csv", flat, x=8, y=9)
    bench = with_poses(load("deepfashion", tmp_path, poses=poses, highres=highres))
    joints = np.concatenate([getattr(bench, split).poses.joints for split in SPLITS])
    assert joints.shape == (4, 18, 3)
    np.testing.assert_allclose(joints, np.broadcast_to([x, y, 1], (4, 18, 3)), rtol=1e-6)
    # PG²'s are of all 256 columns, as some joint shows, or that people stand in their middle.
    for x in (200, 128):
        poses = table(tmp_path / "q.csv", flat, x=x, y=9)
        bench = with_poses(load("deepfashion", tmp_path, poses=poses, highres=highres))
        wide = size[1] / 2 + (x - 128) * size[0] / 256
        np.testing.assert_allclose(bench.query.poses.joints[0, 0], [wide, y, 1], rtol=1e-6)


def test_pg2s_own_pictures_of_deepfashion_keep_their_pixels(tmp_path):
    for folder, person in (("filted_up_train", 1), ("filted_up_test", 2)):
        (tmp_path / folder).mkdir()
        for n in (1, 2):
            name = f"fashionWOMENTees_Tanksid0000000{person}02_{n}front.jpg"
            Image.new("RGB", (256, 256)).save(tmp_path / folder / name)
    names = [p.name for p in tmp_path.glob("filted*/*.jpg")]
    poses = table(tmp_path / "p.csv", names, x=128)  # the middle of their 256 columns
    bench = with_poses(load("deepfashion", tmp_path, poses=poses))
    assert (bench.train.poses.joints == [128, 9, 1]).all()
    images = [{"id": k, "file_name": n, "height": 128, "width": 64} for k, n in enumerate(names)]
    rows = [{"image_id": k, "keypoints": [2, 9, 2] * 17} for k in range(len(names))]
    (tmp_path / "s.json").write_text(json.dumps({"images": images, "annotations": rows}))
    bench = with_poses(load("deepfashion", tmp_path, poses=tmp_path / "s.json"))
    assert (bench.train.poses.joints == [8, 18, 1]).all()  # a size that a file states counts


def test_pose_transfers_pictures_keep_their_pixels_also_of_who_stands_on_the_right(tmp_path):
    for folder, person in (("train", 1), ("test", 2)):
        (tmp_path / folder).mkdir()
        for n in (1, 2):
            name = f"fashionWOMENTees_Tanksid0000000{person}02_{n}front.jpg"
            Image.new("RGB", (176, 256)).save(tmp_path / folder / name)
    names = [p.name for p in tmp_path.glob("t*/*.jpg")]
    table(tmp_path / "fasion-resize-annotation-train.csv", names, x=150)
    bench = with_poses(load("deepfashion", tmp_path))
    assert (bench.train.poses.joints == [150, 9, 1]).all()
    table(tmp_path / "fasion-resize-annotation-train.csv", names, x=200)  # PG²'s
    bench = with_poses(load("deepfashion", tmp_path))
    assert (bench.train.poses.joints == [160, 9, 1]).all()


@pytest.mark.parametrize(
    ("option", "value"),
    [("pose_size", "big"), ("pose_size", "0x5"), ("pose_size", "64"), ("pose_threshold", "2"),
     ("pose_threshold", "nan"), ("pose_threshold", "low")],
)  # fmt: skip
def test_a_value_that_an_option_cant_have(market, option, value):
    with pytest.raises(UserError, match=f"Option {option} should be .*, not '{value}'"):
        load("market1501", market, **{option: value})


def test_threshold_of_scores(truth, tmp_path):
    rendered, names, poses = truth
    joints = poses.joints.copy()
    joints[:, 9, 2] *= 0.2
    folder = openpose(tmp_path / "p", names, joints)
    assert read_again(rendered, folder)[:, 9, 2].any()
    assert not read_again(rendered, folder, pose_threshold=0.3)[:, 9, 2].any()


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


def test_training_needs_a_pose_of_somebody_to_train_on(market, tmp_path):
    bench = with_poses(load("market1501", market, poses=table(tmp_path / "p.csv", NAMES[2:], y=1)))
    with pytest.raises(UserError, match=r"None of the 2 training .* has a pose .* tested people a"):
        require_training_poses(bench)
    some = with_poses(load("market1501", market, poses=table(tmp_path / "q.csv", NAMES[1:], y=1)))
    require_training_poses(some)
    lines = table(tmp_path / "r.csv", NAMES[:2], y=20).read_text() + "\n"
    lines += table(tmp_path / "s.csv", NAMES[2:], y=1).read_text().partition("\n")[2]
    (tmp_path / "r.csv").write_text(lines)
    off = load("market1501", market, poses=tmp_path / "r.csv", pose_size="image")
    with pytest.raises(UserError, match=r"None of the 2 .*: all 36 joints of theirs lie outside"):
        require_training_poses(with_poses(off))
    assert poses_are_there(some)
    assert not poses_are_there(load("market1501", market))


@pytest.mark.parametrize("method", ["pg2", "fdgan"])
def test_methods_refuse_training_people_without_poses(market, tmp_path, method):
    bench = load("market1501", market, poses=table(tmp_path / "p.csv", NAMES[2:], y=1))
    with pytest.raises(UserError, match=r"None of the 2 training images of .* has a pose"):
        train(method, bench, preset="quick", out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_poses_in_the_encoding_of_the_benchmark(market, tmp_path):
    os.rename(market / "query", market / "old")
    (market / "query").mkdir()
    for name in os.listdir(market / "old"):
        os.rename(market / "old" / name, market / "query" / name.replace(".jpg", "店.jpg"))
    names = [n.replace(".jpg", "店.jpg") if n.startswith("0002_c1") else n for n in NAMES]
    file = table(tmp_path / "p.csv", names, y=1)
    file.write_bytes(file.read_text().encode("gbk"))
    bench = with_poses(load("market1501", market, poses=file, encoding="gbk"))
    assert bench.query.poses.known.tolist() == [18]
    with pytest.raises(UserError, match="isn't UTF-8 in line 4: name its encoding"):
        with_poses(load("market1501", market, poses=file))
