import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from lookalike.data import load
from lookalike.data.poses import Poses
from lookalike.data.poses.with_poses import with_poses
from lookalike.errors import UserError
from lookalike.generation import repose as reposing
from lookalike.generation.poses import held_out, known_pairs, read_targets
from lookalike.generation.repose import (
    data_set,
    dump,
    every_pose,
    repose,
    repose_pairs,
    repose_parts,
    repose_sequence,
    repose_table,
)
from lookalike.generation.swap import read_images, to_input, to_pixels
from lookalike.methods.fdgan import FDGAN
from lookalike.methods.model import Model
from lookalike.methods.pg2 import PG2
from lookalike.report import grid

H, W = 32, 16
BLANK = np.full((8, 8, 3), 255, np.uint8)


class Tint(Model):
    """Darkens the image, and says with red where joint 0 is."""

    def __init__(self):
        super().__init__(PG2(height=H, width=W, channels=2), 0, H, W, "half")
        self.weight = nn.Parameter(torch.tensor(0.5))
        self.calls = []

    def repose(self, images, joints):
        assert not self.training
        self.calls.append(len(images))
        made = self.weight * images
        made[:, 0] = (joints[:, 0, 0] / W)[:, None, None]
        return made


def tinted(image, pose):
    made = np.rint(image.astype(np.float32) / 255 * 0.5 * 255)
    made[..., 0] = np.rint(pose[0, 0] / W * 255)
    return made.astype(np.uint8)


@pytest.fixture(scope="module")
def bench(rendered):
    return with_poses(load(f"world:{rendered}"))


@pytest.fixture(scope="module")
def images(bench):
    return read_images(Tint(), list(bench.query.paths[:3]))


@pytest.fixture(scope="module")
def joints(bench):
    return bench.gallery.poses.at(H, W)[:4]


def assert_same(a, b):
    """Equal but for the last digit of a rounded pixel."""
    assert np.asarray(a).shape == np.asarray(b).shape
    assert np.abs(np.asarray(a, int) - np.asarray(b, int)).max() <= 1


@pytest.mark.parametrize("batch", [1, 2, 9])
def test_repose_gives_image_k_the_pose_of_row_k(images, joints, batch):
    model = Tint().train()
    made = repose(model, images, joints[:3], batch)
    for picture, image, pose in zip(made, images, joints, strict=False):
        assert_same(picture, tinted(image, pose))
    assert model.calls == {1: [1, 1, 1], 2: [2, 1], 9: [3]}[batch]
    assert model.training


@pytest.mark.parametrize("kind", ["pg2", "fdgan"])
def test_both_systems_repose(kind, images, joints):
    torch.manual_seed(0)
    if kind == "pg2":
        model = PG2(height=H, width=W, channels=2).model(0)
        names = ["coarse", "difference", "refined"]
    else:
        model = FDGAN(height=32, width=32, backbone="resnet18", weights="none", stride_on="3x3",
                      generator_dim=2, pose_dim=4, noise_dim=4).model(0)  # fmt: skip
        names = ["generated"]
        images = images.repeat(2, axis=2)
    found = repose_parts(model, images, joints[:3], 2)
    assert list(found) == names
    with torch.no_grad():
        for k in range(3):
            one = model.eval().repose(to_input(model, images[k : k + 1]),
                                      torch.from_numpy(joints[k : k + 1]))  # fmt: skip
            assert_same(found[names[-1]][k], to_pixels(one)[0])
    assert_same(repose(model, images, joints[:3], 9), found[names[-1]])


def test_the_table_has_a_row_a_person_and_a_column_a_pose(images, joints):
    shown = [np.full((H, W, 3), k, np.uint8) for k in range(4)]
    cells = [[tinted(image, pose) for pose in joints] for image in images]
    rows = [[image, BLANK, *row] for image, row in zip(images, cells, strict=True)]
    wanted = grid([[None, BLANK, *shown], [BLANK], *rows], column_labels=["person", "", "pose"])
    assert_same(repose_table(Tint(), images, joints, shown, 5), wanted)


def test_pairs_show_the_photograph_where_there_is_one(images, joints):
    sticks = np.full_like(images, 9)
    made = [tinted(image, pose) for image, pose in zip(images, joints, strict=False)]
    for photos in ([None] * 3, [images[0], None, images[1]]):
        rows = [list(row) for row in zip(images, sticks, made, strict=True)]
        labels = ["person", "pose", "generated"]
        if photos[0] is not None:
            rows = [[*row, photo] for row, photo in zip(rows, photos, strict=True)]
            labels.append("photograph")
        table = repose_pairs(Tint(), images, joints[:3], sticks, photos, 2)
        assert_same(table, grid(rows, column_labels=labels))


def test_a_sequence_is_a_strip_and_its_columns_the_frames(images, joints):
    sticks = np.stack([np.full((H, W, 3), k, np.uint8) for k in range(4)])
    strip, frames = repose_sequence(Tint(), images, joints, sticks, 64)
    cells = [[tinted(image, pose) for pose in joints] for image in images]
    rows = [[image, BLANK, *row] for image, row in zip(images, cells, strict=True)]
    assert_same(strip, grid([[None, BLANK, *sticks], [BLANK], *rows]))
    assert len(frames) == 4
    for k, frame in enumerate(frames):
        assert_same(frame, grid([[sticks[k], *(row[k] for row in cells)]]))


# ---- folders -----------------------------------------------------------------------------------


def test_every_pose_is_every_combination_once():
    images, poses = ["/x/a.jpg", "b.jpg", "/x/a.jpg"], ["/p.csv/0/k.jpg", "/p.csv/1/k.jpg"]
    jobs = every_pose(images, poses, ".png")
    assert [(j.image, j.pose) for j in jobs] == [
        ("/x/a.jpg", 0), ("/x/a.jpg", 1), ("b.jpg", 0), ("b.jpg", 1)]  # fmt: skip
    assert [j.name for j in jobs] == [
        "a_in_0+k.jpg.png", "a_in_1+k.jpg.png", "b_in_0+k.jpg.png", "b_in_1+k.jpg.png"]  # fmt: skip


def test_data_set_draws_known_poses_of_other_crops(bench):
    people = bench.train
    joints = people.poses.joints.copy()
    joints[[1, 4]] = 0
    people = type(people)(people.paths, people.pids, people.camids,
                          poses=Poses(joints, people.poses.sizes))  # fmt: skip
    n = len(people)
    jobs = data_set(people, 3, 0, ".jpg")
    assert [j.image for j in jobs] == [p for p in people.paths for _ in range(3)]
    drawn = {(j.image, j.pose) for j in jobs}
    assert len(drawn) == len({j.name for j in jobs}) == 3 * n
    assert not {j.pose for j in jobs} & {1, 4}
    assert len({j.pose for j in jobs}) > n / 2
    for job in jobs:
        i = list(people.paths).index(job.image)
        assert i != job.pose
        first, second = (f"{people.pids[k]:04d}_c{people.camids[k] + 1}_{k:06d}"
                         for k in (i, job.pose))  # fmt: skip
        assert job.name == f"{people.pids[i]:04d}/{first}_in_{second}.jpg"
    assert jobs == data_set(people, 3, 0, ".jpg")
    assert jobs != data_set(people, 3, 1, ".jpg")
    with pytest.raises(UserError, match=f"only {n - 3} other crops whose pose is known: --times"):
        data_set(people, n - 2, 0, ".jpg")


def test_dump_makes_each_picture_and_goes_on_where_it_stopped(
    bench, images, joints, tmp_path, monkeypatch
):
    paths = list(bench.query.paths[:3])
    jobs, out = every_pose(paths, ["p/a", "p/b", "p/c"], ".png"), tmp_path / "out"
    real, calls = reposing.repose, []

    def twice(*args):
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(args)
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(reposing, "repose", twice)
        with pytest.raises(KeyboardInterrupt):
            dump(Tint(), jobs, joints, out, {"mode": "x"}, batch=2)
    first = sorted(out.glob("*.png"))
    assert len(first) == 4
    times = [p.stat().st_mtime_ns for p in first]
    assert dump(Tint(), jobs, joints, out, {"mode": "x"}, batch=2) == 5
    assert [p.stat().st_mtime_ns for p in first] == times
    for job in jobs:
        image = images[paths.index(job.image)]
        assert_same(Image.open(out / job.name), tinted(image, joints[job.pose]))
    with pytest.raises(UserError, match=r"made of something else \(joints: "):
        dump(Tint(), jobs, joints[::-1], out, {"mode": "x"})
    with pytest.raises(UserError, match="mode: x → y"):
        dump(Tint(), jobs, joints, out, {"mode": "y"})


# ---- target poses ------------------------------------------------------------------------------

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
    return [(label.rsplit("/", 1)[1], tuple(map(int, size)), tuple(map(int, joints[0])))
            for label, size, joints in zip(targets.labels, targets.poses.sizes,
                                           targets.poses.joints, strict=True)]  # fmt: skip


def test_targets_of_a_file_have_the_sizes_of_their_images(poses):
    a, b = ("a.jpg", (40, 20), (5, 6, 1)), ("b.jpg", (60, 30), (3, 7, 1))
    found = read_targets([str(poses)], ["b.jpg", "a"])
    assert first(found) == [b, a]
    assert found.images == [str(poses.parent / "train" / f"{k}.jpg") for k in "ba"]
    c = ("c.jpg", (128, 64), (8, 9, 1))
    assert first(read_targets([str(poses)], size=(128, 64))) == [a, b, c]
    assert first(read_targets([str(poses)], count=2, size=(128, 64))) == [a, c]
    assert read_targets([str(poses)], ["c"], size=(128, 64)).images == [None]


def test_targets_of_images_are_found_beside_them(poses, tmp_path):
    train = poses.parent / "train"
    a, b = ("a.jpg", (40, 20), (5, 6, 1)), ("b.jpg", (60, 30), (3, 7, 1))
    assert first(read_targets([str(train / "b.jpg"), str(train / "a.jpg")])) == [b, a]
    found = read_targets([str(train)])
    assert first(found) == [a, b]
    assert found.images == [str(train / "a.jpg"), str(train / "b.jpg")]
    own = "".join(f"{k} {k + 1}\n" for k in range(18))  # row, column
    (train / "a.txt").write_text(own)
    assert first(read_targets([str(train / "a.jpg")])) == [("a.jpg", (40, 20), (1, 0, 1))]
    photo(tmp_path / "fd" / "images" / "q.jpg", 64, 128)
    (tmp_path / "fd" / "poses").mkdir()
    (tmp_path / "fd" / "poses" / "q.txt").write_text(own)
    for place in ("images/q.jpg", "images"):
        assert first(read_targets([str(tmp_path / "fd" / place)])) == [
            ("q.jpg", (128, 64), (1, 0, 1))]  # fmt: skip
    (found,) = read_targets([str(tmp_path / "fd" / "poses")]).images
    assert found == str(tmp_path / "fd" / "images" / "q.jpg")


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


def test_held_out_poses(bench):
    targets = held_out(bench, 3)
    assert len(targets) == 3
    rows = [list(bench.gallery.paths).index(path) for path in targets.images]
    assert np.array_equal(targets.poses.joints, bench.gallery.poses.joints[rows])
    assert (bench.gallery.pids[rows] > 0).all()


def test_known_pairs_are_of_one_person(bench):
    images, targets = known_pairs(bench, 99, 0)
    everyone = {p: int(k) for s in (bench.query, bench.gallery)
                for p, k in zip(s.paths, s.pids, strict=True)}  # fmt: skip
    assert list(images) == list(bench.query.paths)
    for image, target in zip(images, targets.images, strict=True):
        assert everyone[image] == everyone[target]
        assert image != target
    rows = [list(bench.gallery.paths).index(path) for path in targets.images]
    assert np.array_equal(targets.poses.joints, bench.gallery.poses.joints[rows])
    others = known_pairs(bench, 99, 1)[1]
    assert others.images != targets.images
    assert known_pairs(bench, 99, 0)[1].images == targets.images
