"""A folder's poses: one line an image, work that is never lost, and one sentence a mistake."""

import os
from pathlib import Path

import numpy as np
import pytest
from helpers.figures import person
from PIL import Image

from lookalike.data import load
from lookalike.data.poses.estimate import estimate_folder
from lookalike.data.poses.estimate import in_folder as folder
from lookalike.data.poses.estimate.poses_csv import unfinished
from lookalike.data.poses.estimate.worker import answer
from lookalike.data.poses.with_poses import with_poses
from lookalike.errors import UserError

NAMES = [f"part {i // 3}/{i}.jpg" for i in range(6)]  # in the last one there is nobody


@pytest.fixture
def images(tmp_path):
    """Six images in two folders."""
    place = tmp_path / "images"
    for name in NAMES:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (64, 128)).save(place / name)
    (place / ".hidden").mkdir()
    Image.new("RGB", (64, 128)).save(place / ".hidden" / "1.jpg")
    return place


@pytest.fixture
def estimated(monkeypatch, tmp_path):
    """`estimate_folder` in this process with a detector that needs no model.

    It has `asked`, the images that were looked at, and `stop_after`, how many may be.
    """

    def run(place, *args, **settings):
        run.asked = []

        def work(call, jobs, workers, done):
            for name in jobs:
                if len(run.asked) == run.stop_after:
                    raise run.stop_with
                run.asked.append(name)
                done(answer(place, name, person(at=3 if name == NAMES[5] else 0), 0.5))

        monkeypatch.setattr(folder.processes, "work", work)
        return estimate_folder(place, *args, model=str(model), progress=False, **settings)

    model = tmp_path / "model.task"
    model.touch()
    monkeypatch.setattr(folder, "require_mediapipe", lambda: None)
    run.stop_after, run.stop_with = None, KeyboardInterrupt
    return run


def test_every_image_has_a_line_and_is_looked_at_once(images, estimated):
    done = estimated(images)
    assert estimated.asked == NAMES
    assert (done.out, done.images, done.new) == (images / "poses.csv", 6, 6)
    assert (done.failed, done.unreadable) == ((NAMES[5],), ())
    lines = done.out.read_text().splitlines()
    assert [line.split(":")[0] for line in lines] == ["name", *NAMES]
    assert f"{NAMES[5]}:[-1, -1, " in lines[6]
    before = done.out.stat().st_mtime_ns
    again = estimated(images)
    assert (estimated.asked, again.new, again.failed) == ([], 0, (NAMES[5],))
    assert done.out.stat().st_mtime_ns == before


def test_only_new_images_are_estimated(images, estimated):
    estimated(images)
    kept = (images / "poses.csv").read_text().splitlines()
    Image.new("RGB", (64, 128)).save(images / "a new one.png")
    assert estimated(images).new == 1
    assert estimated.asked == ["a new one.png"]
    lines = (images / "poses.csv").read_text().splitlines()
    assert lines[1].startswith("a new one.png:[")
    assert [lines[0], *lines[2:]] == kept


def test_a_job_killed_when_only_the_table_was_missing_is_finished(images, estimated):
    estimated(images)
    whole = (images / "poses.csv").read_bytes()
    (images / "poses.csv").rename(unfinished(images / "poses.csv"))
    assert estimated(images).images == 6
    assert estimated.asked == []
    assert (images / "poses.csv").read_bytes() == whole
    assert not unfinished(images / "poses.csv").exists()


@pytest.mark.parametrize("stop_with", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_a_stopped_job_goes_on(images, estimated, stop_with):
    estimated(images)
    whole = (images / "poses.csv").read_bytes()
    (images / "poses.csv").unlink()
    estimated.stop_after, estimated.stop_with = 2, stop_with
    said = KeyboardInterrupt if stop_with is KeyboardInterrupt else UserError
    with pytest.raises(said):
        estimated(images)
    assert not (images / "poses.csv").exists()
    left = unfinished(images / "poses.csv")
    left.write_bytes(left.read_bytes() + b"part 0/2.jpg:[13.")  # as a kill may leave it
    estimated.stop_after = None
    assert estimated(images).new == 4
    assert estimated.asked == NAMES[2:]
    assert (images / "poses.csv").read_bytes() == whole
    assert not left.exists()


def test_force_begins_anew_and_its_rest_goes_on_without(images, estimated):
    estimated(images)
    whole = (images / "poses.csv").read_bytes()
    assert estimated(images, force=True).new == 6
    estimated.stop_after = 4
    with pytest.raises(KeyboardInterrupt):
        estimated(images, force=True)
    estimated.stop_after = None
    assert estimated(images).new == 2
    assert (images / "poses.csv").read_bytes() == whole


def test_somebody_elses_table_is_never_lost(images, estimated):
    table = images / "poses.csv"
    table.write_text("name:keypoints_y:keypoints_x\n")
    with pytest.raises(UserError, match="isn't a table of estimated poses"):
        estimated(images)
    estimated.stop_after = 0  # the model does not run, say
    with pytest.raises(KeyboardInterrupt):
        estimated(images, force=True)
    assert table.read_text() == "name:keypoints_y:keypoints_x\n"
    estimated.stop_after = None
    assert estimated(images, force=True).new == 6


def test_unreadable_images_are_said_and_tried_again(images, estimated):
    (images / "bad.jpg").write_bytes(b"no image")
    (images / "bad\nname.jpg").write_bytes(b"")
    done = estimated(images)
    assert (done.images, done.new, done.failed) == (8, 6, (NAMES[5],))
    assert done.unreadable == ("bad\nname.jpg", "bad.jpg")
    Image.new("RGB", (64, 128)).save(images / "bad.jpg")
    assert estimated(images).new == 1
    assert estimated.asked == ["bad.jpg"]


def test_a_benchmark_finds_the_poses_of_its_crops(market, tmp_path, estimated):
    root = tmp_path / "market"
    for part in ("bounding_box_train", "query", "bounding_box_test"):
        (root / part).mkdir(parents=True)
        for file in (market / part).iterdir():
            os.link(file, root / part / file.name)
    estimated(root)
    bench = with_poses(load("market1501", root))
    for people in (bench.train, bench.query, bench.gallery):
        assert people.poses is not None
        assert (people.poses.known == 18).all()
        assert people.poses.joints[:, 0, :2] == pytest.approx(
            np.tile([16, 6.4], (len(people), 1)), abs=0.1
        )


@pytest.mark.parametrize("make", [lambda f: None, Path.mkdir], ids=["missing", "empty"])
def test_no_images_is_one_sentence(tmp_path, estimated, make):
    make(tmp_path / "none")
    with pytest.raises(UserError, match=r"There (is no folder|are no images in the folder) '"):
        estimated(tmp_path / "none")


def test_no_place_to_write_is_said_before_anything_is_done(images, estimated, monkeypatch):
    with pytest.raises(UserError, match="is a folder: --out must be a file"):
        estimated(images, images)
    with pytest.raises(UserError, match="Can't make the folder"):
        estimated(images, images / "part 0" / "0.jpg" / "poses.csv")
    monkeypatch.setattr(os, "access", lambda place, mode: False)
    with pytest.raises(UserError, match="not writable"):
        estimated(images)
    assert estimated.asked == []
