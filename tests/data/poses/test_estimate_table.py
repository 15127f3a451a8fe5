"""The table of estimated poses: what is written is read again, also after a kill or a full disk."""

import os

import numpy as np
import pytest

from lookalike.data.poses.estimate import poses_csv as table
from lookalike.data.poses.estimate.pose import Estimate
from lookalike.data.poses.readers import read_poses
from lookalike.errors import UserError


def pose(seed, score=0.8):
    rng = np.random.default_rng(seed)
    joints = rng.uniform(0, 64, (18, 2))
    joints[seed] = -1
    joints[17] = 63.99, 127.96
    return Estimate(joints, rng.uniform(0, 1, 18), score)


NOBODY = Estimate(np.full((18, 2), -1.0), np.zeros(18), 0.0)


def test_the_readers_read_what_was_written(tmp_path):
    file = tmp_path / "poses.csv"
    found = {"b/2.jpg": pose(2), "a:1.jpg": pose(1), "c é.png": NOBODY}
    table.write_rows(file, {name: table.row(name, e) for name, e in found.items()})
    read = read_poses(file)
    assert list(read) == ["a:1.jpg", "b/2.jpg", "c é.png"]
    for name, e in found.items():
        known = e.joints[:, 0] >= 0
        assert (read[name][:, 2] == known).all()
        assert read[name][known, :2] == pytest.approx(e.joints[known], abs=0.1)
        assert (read[name][known, :2] <= e.joints[known] + 1e-4).all()  # stays inside the image
    rows = table.read_rows(file)
    assert [table.has_pose(rows[name]) for name in sorted(found)] == [True, True, False]


def test_a_line_cut_by_a_kill_is_left_out_and_written_over(tmp_path):
    file = tmp_path / "poses.csv.unfinished"
    rows = {name: table.row(name, pose(i)) for i, name in enumerate(("1.jpg", "2.jpg"))}
    table.write_rows(file, rows)
    file.write_bytes(file.read_bytes()[:-5])
    assert table.read_rows(file) == {"1.jpg": rows["1.jpg"]}
    journal = table.Journal(file, table.read_rows(file))
    journal.add(rows["2.jpg"])
    assert table.read_rows(file) == rows  # on the disk before it is closed
    journal.close()


def test_what_is_not_ours_is_not_read(tmp_path):
    file = tmp_path / "poses.csv"
    assert table.read_rows(file) == {}
    file.write_text("name:keypoints_y:keypoints_x\n1.jpg:[1]:[1]\n")
    with pytest.raises(UserError, match=r"poses\.csv' isn't a table of estimated poses.*--force"):
        table.read_rows(file)


def test_a_line_that_only_half_fits_on_the_disk_is_an_error(tmp_path, monkeypatch):
    journal = table.Journal(tmp_path / "poses.csv.unfinished", {})
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, content: write(file, content[:9]))
    with pytest.raises(OSError, match="No space left"):
        journal.add(table.row("1.jpg", NOBODY))
    journal.close()
