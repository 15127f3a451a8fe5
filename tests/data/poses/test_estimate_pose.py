"""One crop's pose: whose joints they are, where they lie, and which poses are believed."""

import numpy as np
import pytest
from helpers.figures import NAMES, person, standing
from PIL import Image

from lookalike.data.poses import JOINTS
from lookalike.data.poses.estimate.pose import estimate, joints_of


def blank(height=128, width=64):
    return Image.new("RGB", (width, height))


def test_each_joint_is_the_landmark_of_its_name():
    landmarks = np.array([(i, 100 + i, i / 100) for i in range(33)])
    joints = joints_of(landmarks)
    for joint, name in zip(joints, JOINTS, strict=True):
        if name != "neck":
            assert joint[0] == NAMES.index(name)
    left, right = (landmarks[NAMES.index(f"{side}_shoulder")] for side in ("left", "right"))
    assert joints[1].tolist() == [11.5, 111.5, 0.11]
    assert (left[0] + right[0]) / 2 == 11.5


@pytest.mark.parametrize(("height", "width"), [(128, 64), (64, 32), (300, 120), (2000, 1000)])
@pytest.mark.parametrize("tried", [0, 1, 2])
def test_joints_are_in_pixels_of_the_image_whatever_the_border(height, width, tried):
    pixels = np.zeros((height, width, 3), np.uint8)
    side = height // 32
    top, left = height // 8, width // 4
    pixels[top : top + side, left : left + side] = 255
    detect = person(at=tried, nose_on_light=True)
    found = estimate(Image.fromarray(pixels), detect)
    assert len(detect.seen) == tried + 1
    assert found.score == 1
    nose = found.joints[JOINTS.index("nose")]
    assert nose == pytest.approx((left + side / 2, top + side / 2), abs=height / 400)
    others = joints_of(standing(height, width))[1:, :2]
    assert found.joints[1:] == pytest.approx(others, abs=height / 400)


def test_small_images_are_enlarged_and_borders_tried_in_turn():
    detect = person(at=3)
    found = estimate(blank(), detect)
    assert detect.seen == [(256 + 128, 128 + 128), (256 + 256, 128 + 256), (256, 128)]
    assert found.score == 0
    assert (found.joints == -1).all()
    assert (found.confidence == 0).all()


def test_the_border_repeats_the_edge():
    pixels = np.zeros((128, 64, 3), np.uint8)
    pixels[:9] = 200
    given = []
    estimate(Image.fromarray(pixels), given.append)
    assert (given[0][:60, 70:180] == 200).all()
    assert (given[0][-60:] == 0).all()


def test_large_images_are_made_smaller():
    detect = person(at=2)
    assert estimate(blank(3000, 2000), detect).score == 1
    assert detect.seen[2] == (1024, 683)


def test_a_good_pose_is_believed_at_once():
    detect = person()
    found = estimate(blank(), detect)
    assert len(detect.seen) == 1
    assert found.score == 1
    assert found.joints == pytest.approx(joints_of(standing(128, 64))[:, :2])


@pytest.mark.parametrize(
    "changes",
    [
        {"elbow": (2, 0), "wrist": (2, 0), "knee": (2, 0), "ankle": (2, 0.1)},  # unsure
        {"ankle": (1, 0.15)},  # ankles above the shoulders
        {"shoulder": (1, 0.6)},  # shoulders below the hips
        {"nose": (1, 0.51)},  # the head below the hips
        {"nose": (1, 0.41)},  # a person half as high as the image
        {"left": (0, -0.1), "right_knee": (0, 1.1)},  # beside the image
        {"knee": (0, np.nan)},
    ],
)
def test_a_pose_that_can_not_be_is_tried_again_and_left_out_at_last(changes):
    detect = person(**changes)
    found = estimate(blank(), detect)
    assert len(detect.seen) == 3
    assert found.score == 0
    assert (found.joints == -1).all()


def test_joints_that_are_not_seen_or_outside_are_missing():
    changes = {"left_wrist": (2, 0.4), "right_wrist": (0, 1.01), "left_knee": (0, -0.01)}
    found = estimate(blank(), person(**changes))
    missing = [JOINTS[i] for i in np.flatnonzero((found.joints == -1).all(1))]
    assert missing == ["right_wrist", "left_wrist", "left_knee"]
    assert found.confidence[JOINTS.index("left_wrist")] == pytest.approx(0.4)
    assert found.score == pytest.approx((11 + 0.4) / 12)
    kept = estimate(blank(), person(left_wrist=(2, 0.4)), threshold=0.4).joints
    assert (kept >= 0).all()


@pytest.mark.parametrize("size", [(1, 1), (3000, 2), (2, 3000)])
def test_odd_sizes_are_no_trouble(size):
    found = estimate(Image.new("RGB", size), lambda pixels: None)
    assert found.score == 0
