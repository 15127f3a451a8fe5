"""The one form of poses, and joints outside their images."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lookalike.data.poses import JOINTS, LIMBS, MIRROR, Poses, cleaned


def test_the_mirror_swaps_sides_and_nothing_else():
    for joint, other in zip(JOINTS, MIRROR, strict=True):
        side, _, part = joint.partition("_")
        assert JOINTS[other] == {"left": f"right_{part}", "right": f"left_{part}"}.get(side, joint)


def test_limbs_join_all_joints():
    reached = {0}
    for _ in JOINTS:
        reached |= {j for limb in LIMBS if reached & set(limb) for j in limb}
    assert reached == set(range(18))


def test_outside_is_missing_and_counted():
    joints = np.ones((2, 18, 3))
    joints[0, :9] = [
        (0, 0, 1), (31.9, 63.9, 0.2), (32, 3, 1), (3, 64, 1), (-0.1, 3, 1), (3, -5, 1),
        (np.nan, 3, 1), (3, np.inf, 1), (500, 500, 0),
    ]  # fmt: skip
    poses = cleaned(joints, [(64, 32), (1, 1)])
    assert poses.known.tolist() == [11, 0]
    assert poses.outside.tolist() == [6, 18]
    assert poses.joints[0, 1].tolist() == [np.float32(31.9), np.float32(63.9), 1]
    assert not poses.joints[0, 2:9].any()
    part = poses[1:]
    assert (part.outside.tolist(), part.known.tolist(), len(poses[1])) == ([18], [0], 1)
    assert Poses(poses.joints, poses.sizes).outside.tolist() == [0, 0]


@settings(deadline=None)
@given(
    hnp.arrays(np.float32, (18, 3), elements=st.floats(width=32)),
    st.integers(1, 600),
    st.integers(1, 600),
)
def test_known_joints_lie_in_a_pixel(joints, height, width):
    poses = cleaned(joints, (height, width))
    x, y, known = poses.joints[0].T
    assert set(known) <= {0, 1}
    assert not poses.joints[0][known == 0].any()
    assert ((x.astype(int) < width) & (y.astype(int) < height) & (x >= 0) & (y >= 0)).all()
    assert poses.known[0] + poses.outside[0] == (joints[:, 2] > 0).sum()
    again = cleaned(poses.joints, poses.sizes)
    np.testing.assert_array_equal(again.joints, poses.joints)
    assert again.outside.tolist() == [0]


def test_resized():
    joints = np.tile([16.0, 32.0, 1.0], (1, 18, 1))
    assert cleaned(joints, (64, 32)).at(256, 64)[0, 0].tolist() == [32, 128, 1]


def test_shapes():
    with pytest.raises(ValueError, match="N×18×3 joints and N×2 sizes"):
        Poses(np.zeros((2, 17, 3)), np.ones((2, 2)))
    with pytest.raises(ValueError, match="N×18×3 joints"):
        Poses(np.zeros((2, 18, 3)), np.ones((3, 2)))
    with pytest.raises(ValueError, match="read-only"):
        Poses(np.zeros((1, 18, 3)), np.ones((1, 2))).joints[0] = 1
