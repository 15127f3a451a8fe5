"""The contact sheet: where pictures stand, and what is drawn on them."""

import numpy as np
import pytest
from PIL import Image

from lookalike.errors import UserError
from lookalike.world.writer.annotations import truth_of
from lookalike.world.writer.sheet import GAP, OUTLINE, sheet

DOWN, ACROSS = 128 + GAP, 64 + GAP


def cell(picture, row, column, scale=1):
    top, left = row * (128 * scale + GAP), column * (64 * scale + GAP)
    return np.asarray(picture)[top : top + 128 * scale, left : left + 64 * scale]


def test_people_stand_down_and_cameras_across(rendered):
    picture = sheet(rendered, people=3, cameras=6)
    assert (picture.mode, picture.size) == ("RGB", (2 * ACROSS - GAP, 3 * DOWN - GAP))
    (file,) = rendered.glob("*/0003_c2s1_000000_01.jpg")
    with Image.open(file) as image:
        assert np.array_equal(cell(picture, 2, 1), np.asarray(image))
    assert sheet(rendered, people=99).height == 6 * DOWN - GAP
    assert sheet(rendered, people=1, cameras=1, scale=3).size == (192, 384)


def test_masks_are_outlined(rendered):
    plain = np.asarray(sheet(rendered, people=1, cameras=1, scale=2))
    drawn = np.asarray(sheet(rendered, people=1, cameras=1, scale=2, masks=True))
    changed = (plain != drawn).any(2)
    assert (drawn[changed] == OUTLINE).all()
    (file,) = rendered.glob("*/0001_c1s1_000000_01.jpg")
    mask = truth_of([file]).masks[0].repeat(2, 0).repeat(2, 1)
    assert 0 < changed.sum() < 0.3 * mask.sum()
    assert mask[changed].all()


def test_poses_are_drawn_where_joints_are_seen(rendered):
    plain = np.asarray(sheet(rendered, people=1, cameras=1, scale=4))
    drawn = np.asarray(sheet(rendered, people=1, cameras=1, scale=4, poses=True))
    (file,) = rendered.glob("*/0001_c1s1_000000_01.jpg")
    seen = [(x, y) for x, y, v in truth_of([file]).keypoints2d[0] if v]
    assert seen
    for x, y in seen:
        assert (plain != drawn)[int(4 * y), int(4 * x)].any()
    assert (plain != drawn).any(2).mean() < 0.2


def test_structures_stand_below_each_person(rendered):
    picture = sheet(rendered, people=2, cameras=2, structures=True)
    assert picture.size == (2 * ACROSS - GAP, 4 * DOWN - GAP)
    front, back = cell(picture, 1, 0), cell(picture, 1, 1)
    for view in (front, back):
        assert (view[..., 0] == view[..., 2]).all()  # grey
        assert 0.3 < (view == 255).all(2).mean() < 0.9  # on white
    assert (front != back).any()


def test_no_sheet_of_nothing(rendered, tmp_path):
    with pytest.raises(UserError, match="No rendered world"):
        sheet(tmp_path)
    with pytest.raises(UserError, match="at least one person"):
        sheet(rendered, people=0)
    with pytest.raises(UserError, match="at least one person"):
        sheet(rendered, scale=0)
