"""`lookalike data poses`: what it says, and with the model what it finds, also after a kill."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from lookalike.cli import main
from lookalike.data.poses.estimate import in_folder as folder
from lookalike.data.poses.readers import read_poses
from lookalike.world.writer.annotations import truth_of

with_model = pytest.mark.skipif(
    "LOOKALIKE_POSE_MODEL" not in os.environ, reason="LOOKALIKE_POSE_MODEL names no pose model"
)


def poses(*words):
    return main(["data", "poses", *map(str, words)])


@pytest.fixture
def nobody(monkeypatch, tmp_path):
    """A folder of twelve images, and an estimator that finds nobody in any."""
    for i in range(12):
        Image.new("RGB", (8, 16)).save(tmp_path / f"{i:02}.png")
    model = tmp_path / "model.task"
    model.touch()
    monkeypatch.setenv("LOOKALIKE_POSE_MODEL", str(model))
    monkeypatch.setattr(folder, "require_mediapipe", lambda: None)

    def work(call, jobs, workers, done):
        for name in jobs:
            minus = [-1] * 18
            done({"name": name, "row": f"{name}:{minus}:{minus}:{[0.0] * 18}:0.0"}
                 if name != "11.png" else {"name": name, "unreadable": "cut short"})  # fmt: skip

    monkeypatch.setattr(folder.processes, "work", work)
    return tmp_path


def test_it_says_how_many_failed_and_which(nobody, capsys):
    assert poses(nobody) == 0
    first, failed, unreadable = capsys.readouterr().out.splitlines()
    assert first.startswith(f"12 images in {nobody}/poses.csv, 11 of them new in ")
    names = ", ".join(f"{i:02}.png" for i in range(10))
    assert failed == f"11 (91.7%) without a pose: {names}, … (all with --json)"
    assert unreadable == "1 (8.3%) can't be read: 11.png"
    (nobody / "11.png").unlink()
    assert poses(nobody) == 0
    assert capsys.readouterr().out.startswith(f"11 images in {nobody}/poses.csv, nothing new\n")


def test_it_says_what_it_passes_over_but_not_its_own_table(nobody, capsys):
    (nobody / "deep" / "er").mkdir(parents=True)
    Image.new("RGB", (8, 16)).save(nobody / "deep" / "er" / "x.png")
    for name in ("deep/notes.txt", "deep/.y.png", "x.heic"):
        (nobody / name).touch()
    for _ in range(2):  # the second time the table lies there
        assert poses(nobody) == 0
        shown = capsys.readouterr()
        assert shown.out.startswith("13 images in ")
        assert sorted(shown.err.splitlines()) == [
            "lookalike: passed over 1 hidden files and folders, such as "
            f"{nobody / 'deep' / '.y.png'}.",
            "lookalike: passed over 3 files without the suffix of an image, such as "
            f"{nobody / 'model.task'}.",
        ]
    assert poses(nobody, "--json") == 0
    passed = json.loads(capsys.readouterr().out)["passed_over"]
    assert [len(paths) for paths in passed.values()] == [3, 1]


def test_json_has_all_names(nobody, tmp_path, capsys):
    out = tmp_path / "new" / "found.csv"
    assert poses(nobody, "--json", "--out", out) == 0
    report = json.loads(capsys.readouterr().out)
    assert report.pop("seconds") >= 0
    assert report.pop("images_per_second") > 0
    assert report.pop("passed_over")
    assert report == {"out": str(out), "images": 12, "new": 11, "unreadable": ["11.png"],
                      "failed": [f"{i:02}.png" for i in range(11)]}  # fmt: skip
    assert len(read_poses(out)) == 11


def test_ctrl_c_says_that_the_same_goes_on(nobody, capsys, monkeypatch):
    def stop(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(folder.processes, "work", stop)
    assert poses(nobody) == 130
    assert capsys.readouterr().err == "lookalike: stopped; the same command goes on.\n"
    assert poses(nobody, "--force") == 130
    assert "the same command without --force goes on" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "There is no folder 'nowhere'"),
        ([".", "--threshold", "2"], "'2' is not a number from 0 to 1"),
        ([".", "--workers", "0"], "'0' is not a whole number from 1 up"),
        ([], "arguments are required: FOLDER"),
    ],
)
def test_mistakes_are_one_sentence(words, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert poses(*words) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_the_verb_comes_first(capsys):
    assert main(["data", "--json", "poses", "."]) == 2
    assert "lookalike data poses FOLDER" in capsys.readouterr().err


def command(place, *words):
    return [sys.executable, "-m", "lookalike", "data", "poses", str(place), *words]


@pytest.fixture
def crops(rendered, tmp_path):
    """The 24 rendered crops, in a folder of their own, by name."""
    place = tmp_path / "crops"
    place.mkdir()
    files = {}
    for part in ("bounding_box_train", "query", "bounding_box_test"):
        for file in (rendered / part).glob("*.jpg"):
            os.link(file, place / file.name)
            files[file.name] = file
    return place, files


@with_model
def test_rendered_people_are_found_where_they_are(crops):
    place, files = crops
    (place / "broken.jpg").write_bytes(b"\xff\xd8")
    done = subprocess.run(command(place, "--workers", "2"), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")  # MediaPipe's own noise is not shown
    assert "1 (4.0%) can't be read: broken.jpg" in done.stdout
    found = read_poses(place / "poses.csv")
    assert set(found) == set(files)
    truth = truth_of(files[name] for name in found).keypoints2d
    joints = np.stack(list(found.values()))
    known = joints[..., 2] > 0
    assert known.mean() > 0.6
    errors = np.hypot(*(joints - truth)[known][:, :2].T)  # pixels of images of 128×64
    assert np.median(errors) < 5


@with_model
def test_a_killed_job_goes_on_and_ends_with_the_same_table(crops):
    place, _ = crops
    subprocess.run(command(place, "--workers", "1"), check=True, capture_output=True)
    whole = (place / "poses.csv").read_bytes()
    (place / "poses.csv").unlink()
    journal = place / "poses.csv.unfinished"
    job = subprocess.Popen(command(place, "--workers", "1"), stdout=subprocess.DEVNULL)
    while job.poll() is None and not (journal.exists() and journal.read_bytes().count(b"\n") > 2):
        time.sleep(0.002)
    job.send_signal(signal.SIGKILL)
    job.wait()
    assert not (place / "poses.csv").exists()
    done = json.loads(subprocess.check_output(command(place, "--json", "--workers", "2")))
    assert 0 < done["new"] < 24
    assert (place / "poses.csv").read_bytes() == whole


@with_model
def test_a_file_that_is_no_model_is_one_sentence(crops, tmp_path, capsys):
    model = tmp_path / "no.task"
    model.write_bytes(b"PK nothing")
    assert poses(crops[0], "--model", model) == 2
    assert "MediaPipe can't use the pose model" in capsys.readouterr().err
    assert not (crops[0] / "poses.csv.unfinished").exists()
