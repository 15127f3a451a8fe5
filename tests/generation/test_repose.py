import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from lookalike.data import load
from lookalike.data.poses.with_poses import with_poses
from lookalike.errors import UserError
from lookalike.generation.folder import write_folder
from lookalike.generation.jobs import combinations
from lookalike.generation.pictures import read_images, to_input, to_pixels
from lookalike.generation.repose import Repose
from lookalike.generation.target_poses import TargetPoses
from lookalike.generation.verb import one_to_one
from lookalike.methods.fdgan import FDGAN
from lookalike.methods.model import Model
from lookalike.methods.pg2 import PG2
from lookalike.report import grid
from lookalike.report.skeletons import skeletons

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
def targets(bench):
    """Four poses, of which only the third has no photograph."""
    files = [*bench.gallery.paths[:2], None, bench.gallery.paths[3]]
    return TargetPoses(["a", "b", "c", "d"], files=files, poses=bench.gallery.poses[np.arange(4)])


@pytest.fixture(scope="module")
def joints(bench):
    return bench.gallery.poses.at(H, W)[:4]


@pytest.fixture(scope="module")
def sticks(joints):
    return list(skeletons(joints, H, W))


def assert_same(a, b):
    """Equal but for the last digit of a rounded pixel."""
    assert np.asarray(a).shape == np.asarray(b).shape
    assert np.abs(np.asarray(a, int) - np.asarray(b, int)).max() <= 1


@pytest.mark.parametrize("batch", [1, 2, 9])
def test_repose_gives_image_k_the_pose_of_row_k(images, joints, batch):
    model = Tint().train()
    made = Repose().pictures(model, images, joints, one_to_one(3), batch)
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
        model = FDGAN(height=32, width=32, backbone="resnet10", weights="none", stride_on="3x3",
                      generator_dim=2, pose_dim=4, noise_dim=4).model(0)  # fmt: skip
        names = ["generated"]
        images = images.repeat(2, axis=2)
    found = Repose().pictures_by_step(model, images, joints[:3], 2)
    assert list(found) == names
    with torch.no_grad():
        for k in range(3):
            one = model.eval().repose(to_input(model, images[k : k + 1]),
                                      torch.from_numpy(joints[k : k + 1]))  # fmt: skip
            assert_same(found[names[-1]][k], to_pixels(one)[0])
    alone = Repose().pictures(model, images, joints, one_to_one(3), 9)
    assert_same(alone, found[names[-1]])


def test_the_table_has_a_row_a_person_and_a_column_a_pose(images, joints, sticks, targets):
    photos = read_images(Tint(), [f for f in targets.files if f])
    shown = [photos[0], photos[1], sticks[2], photos[2]]
    cells = [[tinted(image, pose) for pose in joints] for image in images]
    rows = [[image, BLANK, *row] for image, row in zip(images, cells, strict=True)]
    wanted = grid([[None, BLANK, *shown], [BLANK], *rows], column_labels=["person", "", "pose"])
    assert_same(Repose().grid(Tint(), images, targets, 5), wanted)


def test_pairs_show_the_photograph_where_there_is_one(images, joints, sticks, targets):
    poses = targets.poses[np.arange(3)]
    made = [tinted(image, pose) for image, pose in zip(images, joints, strict=False)]
    for files in ([None] * 3, targets.files[:3]):
        photos = [None if file is None else read_images(Tint(), [file])[0] for file in files]
        rows = [list(row) for row in zip(images, sticks, made, strict=False)]
        labels = ["person", "pose", "generated"]
        if photos[0] is not None:
            rows = [[*row, photo] for row, photo in zip(rows, photos, strict=True)]
            labels.append("photograph")
        three = TargetPoses(["a", "b", "c"], files=files, poses=poses)
        table = Repose().pairs(Tint(), images, three, 2)
        assert_same(table, grid(rows, column_labels=labels))


def test_a_sequence_is_a_strip_and_its_columns_the_frames(images, joints, sticks, targets):
    strip, frames = Repose().sequence(Tint(), images, targets, 64)
    cells = [[tinted(image, pose) for pose in joints] for image in images]
    rows = [[image, BLANK, *row] for image, row in zip(images, cells, strict=True)]
    assert_same(strip, grid([[None, BLANK, *sticks], [BLANK], *rows]))
    assert len(frames) == 4
    for k, frame in enumerate(frames):
        assert_same(frame, grid([[sticks[k], *(row[k] for row in cells)]]))


def test_a_folder_gets_each_picture_and_goes_on_where_it_stopped(
    bench, images, joints, targets, tmp_path, monkeypatch
):
    paths, out = list(bench.query.paths[:3]), tmp_path / "out"
    three = TargetPoses(["p/a", "p/b", "p/c"], files=[None] * 3, poses=targets.poses[np.arange(3)])
    jobs = combinations(paths, three, ".png")

    def write(conditions, about):
        return write_folder(Repose(), Tint(), paths, conditions, jobs, out, about, batch=2)

    real, calls = Repose.pictures, []

    def twice(*args):
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(args)
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(Repose, "pictures", twice)
        with pytest.raises(KeyboardInterrupt):
            write(three, {"mode": "x"})
    first = sorted(out.glob("*.png"))
    assert len(first) == 4
    times = [p.stat().st_mtime_ns for p in first]
    assert write(three, {"mode": "x"}) == 5
    assert [p.stat().st_mtime_ns for p in first] == times
    for job in jobs:
        wanted = tinted(images[job.person], joints[job.condition])
        assert_same(Image.open(out / job.name), wanted)
    back = TargetPoses(three.names, files=three.files, poses=three.poses[np.arange(3)[::-1]])
    with pytest.raises(UserError, match=r"made of something else \(joints: "):
        write(back, {"mode": "x"})
    with pytest.raises(UserError, match="mode: x → y"):
        write(three, {"mode": "y"})
