"""What `data check` says of poses and masks."""

import json
import os
import shutil

import numpy as np
import pytest

from lookalike.data import load
from lookalike.data.check import as_text, check
from lookalike.data.check_annotations import annotation_findings
from lookalike.data.poses.with_poses import with_poses


@pytest.fixture(scope="module")
def posed(crowd):
    """A rendered benchmark with the poses of all its images, and these: name → 18×3."""
    bench = with_poses(load("market1501", crowd), say=False)
    poses = {}
    for people in (bench.train, bench.query, bench.gallery):
        names = map(os.path.basename, people.paths)
        poses |= {n: j.copy() for n, j in zip(names, people.poses.joints, strict=True)}
    return crowd, poses


def changed(tmp_path, posed, change):
    """The faults of the benchmark whose poses `change` has changed, by what they are."""
    crowd, poses = posed
    table = {name: joints.copy() for name, joints in poses.items()}
    for k, (name, joints) in enumerate([*table.items()]):
        table[name] = change(k, joints)
    lines = [
        json.dumps({"name": name, "people": [{"pose_keypoints_2d": j.ravel().tolist()}]})
        for name, j in table.items()
        if j is not None
    ]
    (tmp_path / "p.jsonl").write_text("\n".join(lines))
    bench = load("market1501", crowd, poses=tmp_path / "p.jsonl")
    return {f.what: f for f in annotation_findings(bench, set())}


def count(faults, start):
    (fault,) = [f for what, f in faults.items() if what.startswith(start)]
    return fault.severity, fault.count


def test_nothing_wrong(tmp_path, posed):
    faults = changed(tmp_path, posed, lambda k, j: j)
    n = len(posed[1])
    assert {what: f.severity for what, f in faults.items()} == {
        f"images with a pose, of {n}": "note"
    }
    assert count(faults, "images with a pose") == ("note", n)


def test_a_world_says_how_many_and_benchmarks_without_poses_say_nothing(crowd, tmp_path):
    findings = check(load("world", crowd))
    assert [f.severity for f in findings if "pose" in f.what] == ["note"]
    bare = tmp_path / "bare"
    for split in ("bounding_box_train", "query", "bounding_box_test"):
        shutil.copytree(crowd / split, bare / split)
    assert not [f for f in check(load("market1501", bare)) if "pose" in f.what]


def test_images_without_and_joints_outside(tmp_path, posed):
    def change(k, joints):
        if k == 3:
            return None
        if k == 5:
            joints[0] = (-20, 5, 1)
        return joints

    faults = changed(tmp_path, posed, change)
    assert count(faults, "images with a pose") == ("note", len(posed[1]) - 1)
    assert count(faults, "images without") == ("note", 1)
    assert count(faults, "joints that lie outside") == ("note", 1)


def test_training_people_without(tmp_path, posed):
    train = len(load("market1501", posed[0]).train)
    faults = changed(tmp_path, posed, lambda k, j: None if k < train else j)
    assert count(faults, "training images, none of which") == ("error", train)
    assert count(faults, "images without a pose") == ("warning", train)
    means = faults["training images, none of which has a pose"].means
    assert means.endswith("those that were read are of tested people alone.")


def test_poses_that_cant_be_used(tmp_path, posed):
    faults = changed(tmp_path, posed, lambda k, j: j * [1 / 64, 1 / 128, 1])
    assert count(faults, "poses that can't be used") == ("error", 1)
    assert "from 0 to 1" in faults["poses that can't be used"].examples[0]
    faults = changed(tmp_path, posed, lambda k, j: j * [1, 1, 0])
    assert "nobody was found" in faults["poses that can't be used"].examples[0]


def test_upside_down_small_repeated_and_of_others(tmp_path, posed):
    first = posed[1][next(iter(posed[1]))]

    def change(k, joints):
        known = joints[:, 2:] > 0
        if k == 1:  # upside down
            return np.where(known, joints * [1, -1, 1] + [0, 63, 0], 0)
        if k == 2:  # a quarter of the size
            return joints * [0.25, 0.25, 1]
        return first if k == 4 else joints

    faults = changed(tmp_path, posed, change)
    assert count(faults, "poses with the head below") == ("warning", 1)
    assert count(faults, "people under 35%") == ("warning", 1)
    assert count(faults, "images with the very pose") == ("warning", 1)
    assert count(faults, "poses of which under 60% of the joints lie on the body")[1] >= 1


def test_left_and_right(tmp_path, posed):
    from lookalike.data.poses import MIRROR

    def facing(k, joints, exchanged):
        joints = joints.copy()
        joints[[0, 14, 15], 2] = 1  # a face
        joints[[0, 14, 15], :2] = (30, 8)
        sides = joints[[2, 5], 0]
        joints[[2, 5], 0] = (sides.min(), sides.max() + 1)
        joints[[2, 5], 2] = 1
        return joints[list(MIRROR)] if exchanged else joints

    start = "poses whose left and right"
    right = changed(tmp_path, posed, lambda k, j: facing(k, j, False))
    assert not [what for what in right if what.startswith(start)]
    wrong = changed(tmp_path, posed, lambda k, j: facing(k, j, True))
    assert count(wrong, start) == ("warning", len(posed[1]))


def test_annotations_that_have_gone(tmp_path, rendered):
    world = shutil.copytree(rendered, tmp_path / "w")
    (world / "identities.json").unlink()
    faults = [*annotation_findings(load("world", world), set())]
    (gone,) = [f for f in faults if f.what.startswith("annotations that aren't")]
    assert gone.examples == (f"identities: {world / 'identities.json'}",)


def test_maps_of_body_parts_that_have_gone(tmp_path, rendered):
    world = shutil.copytree(rendered, tmp_path / "w")
    gone = sorted((world / "parts" / "query").glob("*.png"))[0]
    gone.unlink()
    faults = [*annotation_findings(load("world", world), set())]
    (lacking,) = [f for f in faults if f.what == "images without their map of body parts"]
    assert lacking.examples == (str(world / "query" / f"{gone.stem}.jpg"),)
    assert lacking.severity == "warning"


def test_a_note_without_examples_ends_without_dots(crowd):
    text = as_text(check(load("world", crowd)))
    assert text.startswith("note: images with a pose, of 80: 80\n")
    assert "on average\n    …" not in text


def test_unreadable_images_are_left_out(tmp_path, rendered):
    place = shutil.copytree(rendered, tmp_path / "w")
    bench = load("market1501", place, poses=place / "poses.csv")
    bad = bench.train.paths[0]
    open(bad, "wb").close()
    findings = {f.what: f for f in check(bench)}
    assert "poses that can't be used" not in findings
    assert "files with no bytes" in findings
