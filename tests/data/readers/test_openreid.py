import json
import os

import numpy as np
import pytest
from PIL import Image

from lookalike.data import load
from lookalike.data.check import check
from lookalike.data.poses.with_poses import with_poses
from lookalike.data.readers.common import UNLISTED
from lookalike.errors import UserError

# person → camera → number of images; 0 are the distractors, 1 and 2 are trained on
COUNTS = [[2, 1], [1, 2], [0, 3], [2, 1], [1, 1], [3, 0]]
SPLITS = [
    {"trainval": [2, 1], "query": [4, 3], "gallery": [0, 3, 4, 5]},
    {"trainval": [1], "query": [2], "gallery": [2]},
]


def names(pid, counts):
    return [[f"{pid:08d}_{cam:02d}_{i:04d}.jpg" for i in range(n)] for cam, n in enumerate(counts)]


def write(root, splits=SPLITS, poses=True):
    listed = [names(pid, counts) for pid, counts in enumerate(COUNTS)]
    (root / "images").mkdir(parents=True)
    for file in (file for cameras in listed for files in cameras for file in files):
        (root / "images" / file).touch()
    meta = {"name": "made up", "shot": "multiple", "num_cameras": 2, "identities": listed}
    (root / "meta.json").write_text(json.dumps(meta))
    (root / "splits.json").write_text(json.dumps(splits))
    if poses:
        (root / "poses").mkdir()
    return root


@pytest.mark.parametrize("inner", ["", "market1501"])
def test_persons_cameras_and_the_protocol(tmp_path, inner):
    write(tmp_path / inner)
    bench = load("openreid", tmp_path)
    assert bench.protocol == "open-reid"
    assert bench.train.pids.tolist() == [2, 2, 2, 3, 3, 3]
    assert bench.train.camids.tolist() == [0, 1, 1, 1, 1, 1]
    assert bench.query.pids.tolist() == [5, 5, 4, 4, 4]
    assert bench.gallery.pids.tolist() == [1, 1, 1, 4, 4, 4, 5, 5, 6, 6, 6]
    assert set(bench.query.paths) < set(bench.gallery.paths)
    assert bench.annotations == {"pose": tmp_path / inner / "poses"}
    assert bench.pid_names == {pid + 1: f"{pid:08d}" for pid in range(6)}
    for people in (bench.train, bench.query, bench.gallery):
        for path, pid, camid in zip(people.paths, people.pids, people.camids, strict=True):
            assert os.path.isfile(path)
            assert os.path.basename(path).startswith(f"{pid - 1:08d}_{camid:02d}_")


def test_images_of_nobody_are_counted(tmp_path):
    write(tmp_path)
    assert load("openreid", tmp_path).passed_over == {}
    (tmp_path / "images/00000099_00_0000.jpg").touch()
    passed_over = load("openreid", tmp_path).passed_over
    assert passed_over == {UNLISTED: [str(tmp_path / "images/00000099_00_0000.jpg")]}


def test_options(tmp_path):
    write(tmp_path, poses=False)
    bench = load(f"openreid:{tmp_path}?num_val=1")
    assert bench.train.pids.tolist() == [2, 2, 2]
    assert len(bench.gallery) == 11
    assert bench.annotations == {}
    other = load(str(load(f"openreid:{tmp_path}?split=1")))
    assert np.unique(other.query.pids).tolist() == [3]
    assert np.unique(other.train.pids).tolist() == [2]


def test_the_check_of_the_data_finds_no_error(tmp_path):
    """But for the files, which are empty here."""
    write(tmp_path)
    found = [f for f in check(load("openreid", tmp_path)) if "no bytes" not in f.what]
    assert {f.severity for f in found} <= {"note", "warning"}


def test_poses_lie_beside_the_images(tmp_path):
    """18 lines of row and column in the image's own pixels; −1 −1 is missing."""
    write(tmp_path)
    for number, file in enumerate(sorted((tmp_path / "images").iterdir())):
        Image.new("RGB", (64, 128)).save(file)
        rows = [f"{10 + 6 * joint} {number}" for joint in range(17)]
        text = "\n".join([*rows, "-1 -1"]) + "\n"
        (tmp_path / "poses" / file.with_suffix(".txt").name).write_text(text)
    bench = with_poses(load("openreid", tmp_path))
    files = sorted([*bench.gallery.paths, *bench.train.paths])
    for people in (bench.train, bench.query, bench.gallery):
        assert people.poses.known.tolist() == [17] * len(people)
        assert people.poses.joints[:, :17, 1].tolist() == [[*range(10, 112, 6)]] * len(people)
        at = [files.index(path) for path in people.paths]
        assert people.poses.joints[:, 3, 0].tolist() == at


@pytest.mark.parametrize(
    ("break_it", "options", "says"),
    [
        (lambda r: (r / "splits.json").unlink(), "", "No open-reid data at"),
        (lambda r: (r / "meta.json").write_text("{"), "", r"meta\.json' isn't JSON"),
        (lambda r: (r / "meta.json").write_text("{}"), "", "no list 'identities'"),
        (
            lambda r: (r / "meta.json").write_text('{"identities": [[[7]]]}'),
            "",
            "no list 'identities'",
        ),
        (lambda r: (r / "meta.json").write_text('{"identities": [3]}'), "", "no list 'identities'"),
        (lambda r: (r / "splits.json").write_text('[{"query": []}]'), "", "no lists trainval"),
        (lambda r: (r / "splits.json").write_text("{}"), "", "has the splits 0 to -1, not 0"),
        (lambda r: None, "?split=2", "has the splits 0 to 1, not 2"),
        (lambda r: None, "?split=-1", "has the splits 0 to 1, not -1"),
        (lambda r: None, "?num_val=2", "from 0 to 1, not 2: split 0 has 2 persons"),
        (lambda r: None, "?num_val=-1", "from 0 to 1, not -1"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, break_it, options, says):
    write(tmp_path)
    break_it(tmp_path)
    with pytest.raises(UserError, match=says):
        load(f"openreid:{tmp_path}{options}")


def test_a_person_without_images_is_named(tmp_path):
    write(tmp_path, [{"trainval": [1], "query": [3], "gallery": [3, 99]}])
    with pytest.raises(UserError, match=r"person 99 of gallery isn.t in meta.json, which has 0 to"):
        load("openreid", tmp_path)


@pytest.mark.parametrize("file", ["meta.json", "splits.json"])
@pytest.mark.parametrize("text", ["[" * 100_000, "7" * 5000])
def test_json_that_nobody_can_hold_is_refused(tmp_path, file, text):
    root = tmp_path
    write(root)
    (root / file).write_text(text)
    with pytest.raises(UserError, match=f"{file}' isn't JSON that can be read"):
        load("openreid", root)


def test_an_infinite_person_is_no_person(tmp_path):
    root = tmp_path
    write(root)
    splits = [{"trainval": [float("inf")], "query": [1], "gallery": [1]}]
    (root / "splits.json").write_text(json.dumps(splits))
    with pytest.raises(UserError, match="split 0: no lists trainval"):
        load("openreid", root)
