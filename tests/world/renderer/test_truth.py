"""What is said about a crop agrees with what the crop shows."""

import numpy as np
import pytest

from lookalike.world.places.cameras import project
from lookalike.world.renderer.placement import Place, light_at, view_from
from lookalike.world.renderer.shots import Shot, Site
from lookalike.world.spec import WorldSpec

R_SHOULDER, L_SHOULDER, R_HIP, L_HIP = 2, 5, 8, 11


@pytest.fixture(scope="module")
def site() -> Site:
    return Site(WorldSpec(people=6, cameras=2, images=3, clothes=2))


@pytest.fixture(scope="module")
def shots(site: Site) -> list[Shot]:
    return [site.shot(i, c, k) for i in range(6) for c in range(2) for k in range(3)]


def test_names(shots: list[Shot]) -> None:
    names = [(s.truth.person, s.truth.camera, s.truth.clothes, s.truth.k) for s in shots[:7]]
    assert names[:4] == [(0, 0, 0, 0), (0, 0, 1, 1), (0, 0, 0, 2), (0, 1, 0, 0)]
    assert names[6] == (1, 0, 0, 0)


def test_masks(shots: list[Shot]) -> None:
    for shot in shots:
        truth = shot.truth
        assert not (truth.mask & ~truth.amodal).any()
        assert ((truth.materials > 0) == truth.amodal).all()
        assert truth.materials.max() <= 8
        assert truth.parts.max() <= 10
        assert not truth.parts[~truth.amodal].any()
        things = truth.amodal & (truth.parts == 0)
        assert (truth.materials[things] == 6).all()
        assert truth.amodal.mean() > 0.1
        hidden = 1 - truth.mask.sum() / truth.amodal.sum()
        assert abs(truth.occluded - hidden) < 0.06


def test_key_points_are_the_projection_of_the_joints(site: Site, shots: list[Shot]) -> None:
    for shot in shots:
        truth, camera = shot.truth, site.camera(shot.truth.camera)
        world = truth.keypoints3d @ camera.rotation + camera.position
        left, top, width, height = truth.box
        expected = project(camera, world)[:, :2] - (left, top)
        expected *= (64 / width, 128 / height)
        np.testing.assert_allclose(truth.keypoints2d[:, :2], expected, atol=0.01)
        assert set(np.unique(truth.keypoints2d[:, 2])) <= {0, 1}
        # a person stands on the ground: ankles near it, the nose above
        assert world[[10, 13], 2].min() < 0.2
        assert 1.2 < world[0, 2] < 2.1


def test_visible_joints_lie_on_what_is_seen(shots: list[Shot]) -> None:
    seen = 0
    for shot in shots:
        for x, y, visible in shot.truth.keypoints2d:
            if visible:
                assert shot.truth.mask[int(y), int(x)]
                seen += 1
    assert seen > 4 * len(shots)


def test_most_joints_in_the_crop_lie_in_the_amodal_mask(shots: list[Shot]) -> None:
    inside = []
    for shot in shots:
        for x, y, _ in shot.truth.keypoints2d:
            if 0 <= x < 64 and 0 <= y < 128:
                inside.append(shot.truth.amodal[int(y), int(x)])
    assert len(inside) > 500
    assert np.mean(inside) >= 0.995


def test_left_is_left(shots: list[Shot]) -> None:
    """From the front the left shoulder has the larger x, from behind the smaller."""
    facing = 0
    for shot in shots:
        x, towards = shot.truth.keypoints2d[:, 0], np.cos(shot.truth.yaw)
        if abs(towards) > 0.5:
            facing += 1
            assert (x[L_SHOULDER] - x[R_SHOULDER]) * towards > 0
            assert (x[L_HIP] - x[R_HIP]) * towards > 0
    assert facing > 5


def test_faces_are_seen_from_the_front(shots: list[Shot]) -> None:
    front = [s.truth.keypoints2d[0, 2] for s in shots if np.cos(s.truth.yaw) > 0.7]
    back = [s.truth.keypoints2d[0, 2] for s in shots if np.cos(s.truth.yaw) < -0.7]
    assert np.mean(front) > 0.7
    assert np.mean(back) < 0.1


def test_yaw_half_pi_looks_to_the_pictures_right(site: Site) -> None:
    camera = site.camera(0)
    view = view_from(camera, Place(0.0, 9.0, np.pi / 2))
    ahead = view.rotation @ np.array([0, -1, 0])
    assert ahead[0] > 0.99


def test_light_at_a_spot() -> None:
    light = np.zeros((80, 61, 2), np.float32)
    light[18, 30] = (1.0, 0.5)  # y = 9 m, x = 0
    assert light_at(light, 0.0, 9.0) == (1.0, 0.5)
    assert light_at(light, 0.25, 9.0) == (0.5, 0.25)
    assert light_at(light, 0.0, 9.25) == (0.5, 0.25)
    assert light_at(light, 99.0, -99.0) == (0.0, 0.0)
