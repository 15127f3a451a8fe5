import json

import numpy as np
import pytest
from PIL import Image

from lookalike.data import load
from lookalike.data.poses.with_poses import with_poses
from lookalike.errors import UserError
from lookalike.generation.target_poses import held_out, known_pairs, read_targets

CSV = "name:keypoints_y:keypoints_x\n"


def row(name, x, y):
    return f"{name}: {[y] * 18}: {[x] * 18}\n"


def photo(path, width, height):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (width, height)).save(path)
    return path


@pytest.fixture
def poses(tmp_path):
    """poses.csv of three images, and one without any joint; two of them lie in a folder beside."""
    table = tmp_path / "set" / "poses.csv"
    photo(tmp_path / "set" / "train" / "a.jpg", 20, 40)
    photo(tmp_path / "set" / "train" / "b.jpg", 30, 60)
    table.write_text(CSV + row("b.jpg", 3, 7) + row("a.jpg", 5, 6) + row("c.jpg", 8, 9)
                     + row("none.jpg", -1, -1))  # fmt: skip
    return table


def first(targets):
    return [(name.rsplit("/", 1)[1], tuple(map(int, size)), tuple(map(int, joints[0])))
            for name, size, joints in zip(targets.names, targets.poses.sizes,
                                           targets.poses.joints, strict=True)]  # fmt: skip


def test_targets_of_a_file_have_the_sizes_of_their_images(poses):
    a, b = ("a.jpg", (40, 20), (5, 6, 1)), ("b.jpg", (60, 30), (3, 7, 1))
    found = read_targets([str(poses)], ["b.jpg", "a"])
    assert first(found) == [b, a]
    assert found.files == [str(poses.parent / "train" / f"{k}.jpg") for k in "ba"]
    c = ("c.jpg", (128, 64), (8, 9, 1))
    assert first(read_targets([str(poses)], size=(128, 64))) == [a, b, c]
    assert first(read_targets([str(poses)], count=2, size=(128, 64))) == [a, c]
    assert read_targets([str(poses)], ["c"], size=(128, 64)).files == [None]


def test_targets_of_images_are_found_beside_them(poses, tmp_path):
    train = poses.parent / "train"
    a, b = ("a.jpg", (40, 20), (5, 6, 1)), ("b.jpg", (60, 30), (3, 7, 1))
    assert first(read_targets([str(train / "b.jpg"), str(train / "a.jpg")])) == [b, a]
    found = read_targets([str(train)])
    assert first(found) == [a, b]
    assert found.files == [str(train / "a.jpg"), str(train / "b.jpg")]
    own = "".join(f"{k} {k + 1}\n" for k in range(18))  # row, column
    (train / "a.txt").write_text(own)
    assert first(read_targets([str(train / "a.jpg")])) == [("a.jpg", (40, 20), (1, 0, 1))]
    photo(tmp_path / "fd" / "images" / "q.jpg", 64, 128)
    (tmp_path / "fd" / "poses").mkdir()
    (tmp_path / "fd" / "poses" / "q.txt").write_text(own)
    for place in ("images/q.jpg", "images"):
        assert first(read_targets([str(tmp_path / "fd" / place)])) == [
            ("q.jpg", (128, 64), (1, 0, 1))]  # fmt: skip
    (found,) = read_targets([str(tmp_path / "fd" / "poses")]).files
    assert found == str(tmp_path / "fd" / "images" / "q.jpg")


def test_a_pose_file_that_states_its_size_is_scaled_and_a_normalised_one_refused(tmp_path):
    file = tmp_path / "a_keypoints.json"
    value = {"people": [{"pose_keypoints_2d": [5, 6, 1] * 18}]}
    file.write_text(json.dumps({**value, "canvas_height": 20, "canvas_width": 10}))
    assert first(read_targets([str(file)])) == [("a", (20, 10), (5, 6, 1))]
    assert first(read_targets([str(file)], size=(40, 40))) == [("a", (40, 40), (20, 12, 1))]
    photo(tmp_path / "a.jpg", 20, 40)
    assert first(read_targets([str(file)])) == [("a", (40, 20), (10, 12, 1))]
    value = {"people": [{"pose_keypoints_2d": [0.5, 0.25, 1] * 18}]}
    file.write_text(json.dumps(value))
    with pytest.raises(UserError, match="has coordinates from 0 to 1, not pixels"):
        read_targets([str(file)])


def test_what_is_wrong_with_target_poses_is_said(poses, tmp_path):
    lone = photo(tmp_path / "lone" / "z.jpg", 8, 8)
    bad = tmp_path / "lone" / "bad.jpg"
    (tmp_path / "lone" / "bad.txt").write_text("1 1\n" * 18)
    bad.write_bytes(b"no image")
    empty = tmp_path / "empty.csv"
    empty.write_text(CSV + row("n", -1, -1))
    for words, sentence in (
        (dict(places=["gone.csv"]), "There is no file, folder or image gone.csv"),
        (dict(places=[str(poses)], names=["zz"]), "There is no pose 'zz' in "),
        (dict(places=[str(poses)], names=["none"]), "'none.jpg' in .* has no known joint"),
        (dict(places=[str(poses)], names=["c"]), "give --pose-size HEIGHTxWIDTH"),
        (dict(places=[str(poses)], names=["c"], size=(4, 4)), "no known joint in its image"),
        (dict(places=[str(lone)]), "The pose of .*z.jpg isn't known: lay z.txt, z_keypoints.json"),
        (dict(places=[str(bad)]), "Can't read the image .*bad.jpg"),
        (dict(places=[str(empty)]), "has no pose with a known joint"),
    ):
        if words.get("names") == ["none"]:
            words["size"] = (128, 64)
        with pytest.raises(UserError, match=sentence):
            read_targets(**words)


@pytest.fixture(scope="module")
def bench(rendered):
    return with_poses(load(f"world:{rendered}"))


def test_held_out_poses(bench):
    targets = held_out(bench, 3)
    assert len(targets) == 3
    rows = [list(bench.gallery.paths).index(path) for path in targets.files]
    assert np.array_equal(targets.poses.joints, bench.gallery.poses.joints[rows])
    assert (bench.gallery.pids[rows] > 0).all()


def test_known_pairs_are_of_one_person(bench):
    images, targets = known_pairs(bench, 99, 0)
    everyone = {p: int(k) for s in (bench.query, bench.gallery)
                for p, k in zip(s.paths, s.pids, strict=True)}  # fmt: skip
    assert list(images) == list(bench.query.paths)
    for image, target in zip(images, targets.files, strict=True):
        assert everyone[image] == everyone[target]
        assert image != target
    rows = [list(bench.gallery.paths).index(path) for path in targets.files]
    assert np.array_equal(targets.poses.joints, bench.gallery.poses.joints[rows])
    others = known_pairs(bench, 99, 1)[1]
    assert others.files != targets.files
    assert known_pairs(bench, 99, 0)[1].files == targets.files
