import numpy as np
import pytest

from lookalike.data.poses.poses import JOINTS
from lookalike.report.skeletons import COLOURS, GROUND, skeletons


def poses(**known: tuple[float, float]) -> np.ndarray:
    joints = np.zeros((1, 18, 3))
    for name, place in known.items():
        joints[0, JOINTS.index(name)] = *place, 1
    return joints


def drawn(figure: np.ndarray) -> np.ndarray:
    return (figure != GROUND).any(-1)


@pytest.mark.parametrize("size", [(128, 64), (256, 256), (32, 16)])
def test_joints_are_where_they_are_in_their_own_colours(size: tuple[int, int]) -> None:
    height, width = size
    x, y = np.meshgrid(np.arange(3) * width // 3 + width // 6, np.arange(6) * height // 6 + 2)
    joints = np.stack((x.ravel() + 0.9, y.ravel() + 0.9, np.ones(18)), 1)
    for j in range(18):
        alone = joints[None] * (np.arange(18) == j)[:, None]
        figure = skeletons(alone, *size)
        assert figure.shape == (1, *size, 3)
        assert figure.dtype == np.uint8
        assert tuple(figure[0, y.ravel()[j], x.ravel()[j]]) == COLOURS[j]
        rows, columns = np.nonzero(drawn(figure[0]))
        assert abs(rows - y.ravel()[j]).max() <= max(height / 40, 2)
        assert abs(columns - x.ravel()[j]).max() <= max(height / 40, 2)
    assert len(set(COLOURS)) == 18


def test_a_limb_joins_two_known_joints() -> None:
    ends = {"right_knee": (20, 20), "right_ankle": (20, 100)}
    figure = skeletons(poses(**ends), 128, 64)[0]
    assert drawn(figure)[20:101, 20].all()
    assert tuple(figure[60, 20]) == COLOURS[JOINTS.index("right_ankle")]
    assert not drawn(figure)[:, 30:].any()
    two = skeletons(poses(right_knee=(20, 20), left_ankle=(20, 100)), 128, 64)[0]  # no limb
    assert not drawn(two)[30:90].any()


def test_missing_joints_are_left_out() -> None:
    joints = np.repeat(poses(nose=(20, 20), neck=(30, 40)), 5, 0)
    joints[1, 1, 2] = 0
    joints[2, 1, 0] = 64
    joints[3, 1, 1] = np.nan
    joints[4] = 0
    both, *one, none = (drawn(f) for f in skeletons(joints, 128, 64))
    assert both[40, 30]
    for figure in one:
        assert figure[20, 20]
        assert not figure[30:].any()
    assert not none.any()
    assert skeletons(np.zeros((0, 18, 3)), 128, 64).shape == (0, 128, 64, 3)
