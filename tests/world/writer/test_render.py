"""Rendering into a folder: the same bytes however it was done; what lies beside the images."""

import json
import os
import re
import shutil
from hashlib import sha256

import numpy as np
import pytest
from helpers.jobs import work_here
from PIL import Image

from lookalike import workers as processes
from lookalike.cli import main
from lookalike.errors import UserError
from lookalike.world.spec import WorldSpec
from lookalike.world.writer.annotations import truth_of
from lookalike.world.writer.begin import versions
from lookalike.world.writer.layout import SPLITS, crops, people_tested
from lookalike.world.writer.render import render
from lookalike.world.writer.structure_views import structures_of
from lookalike.world.writer.worker import render_person

SPEC = WorldSpec(people=6, cameras=2, images=2, clothes=2)  # of the fixture `rendered`
FLAGS = ["--people", "6", "--cameras", "2", "--images", "2", "--clothes", "2"]


def files(root):
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def images(root):
    return sorted(p for split in SPLITS for p in (root / split).iterdir())


def persons(out):
    return list(out.glob("in-progress/*.npz"))


def test_stopped_killed_and_resumed_is_the_same(rendered, tmp_path, monkeypatch, capsys):
    out = tmp_path / "world"
    done = []

    def stopped(*args):
        if done:
            raise KeyboardInterrupt
        done.append(render_person(*args))
        return done[-1]

    with monkeypatch.context() as patch:
        patch.setattr("lookalike.workers.work", work_here)
        patch.setattr("lookalike.world.writer.worker.render_person", stopped)
        assert main(["world", "render", str(out), *FLAGS, "--workers", "1"]) == 130
    assert capsys.readouterr().err == "lookalike: stopped; the same command goes on.\n"
    assert len(persons(out)) == 1

    ask, asked = processes._ask, []

    def killed(process, job):
        asked.append(process)
        if asked.count(process) == 2:
            process.kill()
        return ask(process, job)

    with monkeypatch.context() as patch:
        patch.setattr(processes, "_ask", killed)
        with pytest.raises(UserError, match=r"A worker process was killed by SIGKILL.*goes on"):
            render(SPEC, out, workers=2)
    then = len(persons(out))
    assert 2 <= then <= 3
    assert not (out / "world.json").exists()
    # What a kill in the middle of a file would leave, in case this one came between two.
    (out / "in-progress" / "0001_c1s1_000000_01.jpg.1").write_bytes(b"half")
    with monkeypatch.context() as patch:
        patch.setattr("lookalike.workers.work", work_here)
        done = render(SPEC, out, workers=1)
    assert (done.images, done.new, done.missing) == (24, 24 - 4 * then, 0)
    assert files(out) == files(rendered)


def test_shards_are_the_same(rendered, tmp_path, no_workers):
    out = tmp_path / "world"
    second = render(SPEC, out, workers=1, shard=(2, 2))
    assert (second.new, second.missing, second.finished) == (12, 12, False)
    assert render(SPEC, out, workers=1, shard=(2, 2)).new == 0
    assert not (out / "world.json").exists()
    assert render(SPEC, out, workers=1, shard=(1, 2)).finished
    assert files(out) == files(rendered)
    assert not (out / "in-progress").exists()


def test_any_order_and_subset_gives_the_same_and_another_seed_not(rendered):
    from lookalike.world.renderer.shots import Site

    site = Site(WorldSpec(people=2, cameras=1, images=2, clothes=2, test_fraction=0))
    for person in (1, 0):
        for k in (1, 0):
            (file,) = rendered.glob(f"*/{person + 1:04d}_c1s{k + 1}_{k:06d}_01.jpg")
            assert site.shot(person, 0, k).jpeg == file.read_bytes()
    other = Site(WorldSpec(people=2, cameras=1, images=2, clothes=2, seed=1, test_fraction=0))
    assert other.shot(0, 0, 0).jpeg not in {path.read_bytes() for path in images(rendered)}


def test_finished_world_is_left_alone(rendered):
    before = {path: path.stat().st_mtime_ns for path in rendered.rglob("*")}
    done = render(SPEC, rendered, workers=1)
    assert (done.images, done.new, done.finished) == (24, 0, True)
    assert {path: path.stat().st_mtime_ns for path in rendered.rglob("*")} == before


def test_folders_hold_what_the_layout_says(rendered):
    tested = people_tested(SPEC)
    expected = {
        f"{crop.split}/{crop.stem}.jpg"
        for person in range(6)
        for crop in crops(SPEC, person, person in tested)
    }
    assert {str(path.relative_to(rendered)) for path in images(rendered)} == expected
    for path in images(rendered):
        assert re.match(r"([-\d]+)_c(\d)", path.name)
        with Image.open(path) as image:
            assert (image.size, image.format) == ((64, 128), "JPEG")
    counts = [len(list((rendered / split).iterdir())) for split in SPLITS]
    assert counts == [12, 6, 6]


def test_json_files(rendered):
    world = json.loads((rendered / "world.json").read_text())
    assert WorldSpec.from_dict(world["spec"]) == SPEC
    assert world["versions"] == versions()
    digests = sorted(sha256(path.read_bytes()).hexdigest() for path in images(rendered))
    assert world["sha256"] == sha256("".join(digests).encode()).hexdigest()
    assert world["images"] == 24
    people = json.loads((rendered / "identities.json").read_text())
    assert [person["pid"] for person in people] == [1, 2, 3, 4, 5, 6]
    assert {p["pid"] - 1 for p in people if p["tested"]} == people_tested(SPEC)
    for person in people:
        assert [isinstance(worn["female"], bool) for worn in person["clothes"]] == [True, True]
    cameras = json.loads((rendered / "cameras.json").read_text())
    assert [camera["index"] for camera in cameras] == [0, 1]
    assert all(camera["exposure"] > 0 for camera in cameras)


def test_truth_comes_in_the_order_asked(rendered, tmp_path):
    copy = shutil.copytree(rendered, tmp_path / "copy")
    paths = [*images(rendered)[::-1], *images(copy)[:5]]
    truth = truth_of(paths)
    assert len(truth) == 29
    assert truth.keypoints2d.shape == truth.keypoints3d.shape == (29, 18, 3)
    assert truth.masks.shape == truth.amodal.shape == (29, 128, 64)
    for i, path in enumerate(paths):
        named = re.match(r"(\d+)_c(\d)s(\d)_(\d+)_01", path.name).groups()
        assert named == (f"{truth.pids[i]:04d}", str(truth.camids[i] + 1),
                         str(truth.clothes[i] + 1), f"{truth.frames[i]:06d}")  # fmt: skip
    assert np.array_equal(truth.masks[24:], truth_of(paths[24:]).masks)
    materials, _ = truth.parts()
    some = truth[[3, 26]]
    assert list(some.paths) == [str(paths[3]), str(paths[26])]
    assert np.array_equal(some.masks, truth.masks[[3, 26]])
    assert np.array_equal(some.parts()[0], materials[[3, 26]])
    assert len(truth[-1]) == 1


def test_truth_belongs_to_its_image(rendered):
    truth = truth_of(images(rendered))
    materials, parts = truth.parts()
    amodal = truth.amodal
    assert np.array_equal(materials > 0, amodal)
    assert not (parts > 0)[~amodal].any()
    assert not (truth.masks & ~amodal).any()
    assert 0.15 < amodal.mean() < 0.7
    assert (materials.max(), parts.max()) <= (8, 10)
    hidden = 1 - truth.masks.sum((1, 2)) / amodal.sum((1, 2))
    assert np.abs(hidden - truth.occluded).max() < 0.05
    # A seen joint lies on the person who is seen.
    for points, mask in zip(truth.keypoints2d, truth.masks, strict=True):
        x, y = np.floor(points[points[:, 2] > 0, :2]).astype(int).T
        assert mask[y, x].all()
    assert ((truth.yaws >= 0) & (truth.yaws < 2 * np.pi)).all()
    from lookalike.world.bodies.poses import KINDS

    assert set(truth.kinds) <= set(KINDS)
    assert len(np.unique(truth.yaws)) == 24


def test_pose_files_say_what_the_truth_says(rendered):
    header, *lines = (rendered / "poses.csv").read_text().splitlines()
    assert header == "name:keypoints_y:keypoints_x"
    objects = map(json.loads, (rendered / "poses.jsonl").read_text().splitlines())
    assert len(lines) == 24
    for line, said in zip(lines, objects, strict=True):
        name, y, x = line.split(":")
        assert said["name"] == name
        points = truth_of(rendered.glob(f"*/{name}")).keypoints2d[0]
        seen = points[:, 2] > 0
        expected = np.where(seen[:, None], np.floor(points[:, :2]), -1)
        assert json.loads(x) == expected[:, 0].tolist()
        assert json.loads(y) == expected[:, 1].tolist()
        openpose = np.reshape(said["people"][0]["pose_keypoints_2d"], (18, 3))
        assert np.allclose(openpose, np.where(seen[:, None], points, 0), atol=0.006)


def test_structures_are_turned_from_the_image(rendered):
    paths = images(rendered)[:3]
    views = structures_of(paths[::-1], [0, np.pi])
    assert (views.shape, views.dtype) == ((3, 2, 128, 64), np.uint8)
    for mask, (front, back) in zip(truth_of(paths[::-1]).amodal, views, strict=True):
        body = front < 252
        assert (body & mask).sum() / (body | mask).sum() > 0.85
        assert (front != back).any()


def damaged(rendered, tmp_path, name, change):
    copy = shutil.copytree(rendered, tmp_path / "copy")
    change(copy / name)
    return copy


def test_missing_truth_is_named(rendered, tmp_path):
    copy = damaged(rendered, tmp_path, "truth/query.npz", lambda file: file.unlink())
    with pytest.raises(UserError, match=r"No truth of the images in .*query.*can't be read"):
        truth_of((copy / "query").iterdir())
    with pytest.raises(UserError, match=r"9999_c1.jpg' is no image of its world"):
        truth_of([rendered / "query" / "9999_c1.jpg"])
    with pytest.raises(UserError, match="No image was given"):
        truth_of([])
    image = images(copy)[0]
    (copy / "parts" / image.parent.name / f"{image.stem}.png").write_bytes(b"")
    with pytest.raises(UserError, match="Can't read the part map"):
        truth_of([image]).parts()


def test_structures_of_another_version_are_refused(rendered, tmp_path):
    def other_seed(file):
        world = json.loads(file.read_text())
        world["spec"]["seed"] = 5  # stands for a renderer that draws something else
        file.write_text(json.dumps(world))

    copy = damaged(rendered, tmp_path, "world.json", other_seed)
    with pytest.raises(UserError, match="rendered by another version"):
        structures_of(images(copy)[:1])


def test_other_worlds_folder_is_refused(rendered, tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"holds another world \(people 6, not 5\)"):
        render(WorldSpec(people=5, cameras=2, images=2, clothes=2), rendered)
    out = tmp_path / "begun"
    with monkeypatch.context() as patch:
        patch.setattr(processes, "work", lambda *args: None)  # begun, then killed
        render(SPEC, out)
    with pytest.raises(UserError, match=r"holds another world \(seed 0, not 1\)"):
        render(WorldSpec(people=6, cameras=2, images=2, clothes=2, seed=1), out)
    old = {**versions(), "numpy": "1.0"}
    monkeypatch.setattr("lookalike.world.writer.begin.versions", lambda: old)
    with pytest.raises(UserError, match=r"begun with other versions \(numpy [\d.]+, not 1\.0\)"):
        render(SPEC, out)


def test_other_peoples_folders_are_refused(tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(UserError, match="holds other files"):
        render(SPEC, tmp_path)
    with pytest.raises(UserError, match="Can't write"):
        render(SPEC, tmp_path / "thesis.tex")
    assert os.listdir(tmp_path) == ["thesis.tex"]


@pytest.mark.parametrize("shard", [(0, 2), (3, 2)])
def test_no_such_shard(tmp_path, shard):
    with pytest.raises(UserError, match=f"no shard {shard[0]} of 2"):
        render(SPEC, tmp_path / "world", shard=shard)
