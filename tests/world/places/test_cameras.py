import dataclasses
import json
import math

import numpy as np
import pytest

from lookalike.world.places.cameras import FRAME, ROOM, Camera, daylight, project, sample_camera
from lookalike.world.places.domains import DOMAINS


def camera(**changes) -> Camera:
    """The first camera of the plaza, upright, with what the test changes."""
    return dataclasses.replace(sample_camera(DOMAINS["plaza"], 0, 0, 0), **{"roll": 0.0} | changes)


def literal_pinhole(camera, point):
    """The same projection step by step: move, pitch, roll, divide."""
    x, y, z = point[0], point[1], point[2] - camera.height
    p, r = math.radians(camera.pitch), math.radians(camera.roll)
    forward = y * math.cos(p) - z * math.sin(p)
    up = y * math.sin(p) + z * math.cos(p)
    # a camera turned clockwise sees the world turned anticlockwise
    right, down = x * math.cos(r) - up * math.sin(r), -(up * math.cos(r) + x * math.sin(r))
    return (
        FRAME[0] / 2 + camera.focal * right / forward,
        FRAME[1] / 2 + camera.focal * down / forward,
        forward,
    )


@pytest.mark.parametrize("roll", [0.0, 1.3, -4.0])
def test_project_is_a_pinhole(roll):
    lens = camera(pitch=14.0, roll=roll)
    points = np.random.default_rng(0).uniform((-4, 4, 0), (4, 20, 2), (50, 3))
    expected = [literal_pinhole(lens, point) for point in points]
    np.testing.assert_allclose(project(lens, points), expected, rtol=1e-9)


def test_right_is_right_up_is_up_and_far_is_small():
    u, v, depth = project(camera(), [(0, 10, 0), (1, 10, 0), (0, 10, 1.7), (0, 15, 0)]).T
    assert u[1] > u[0] == 640
    assert v[2] < v[0]
    assert depth[3] > depth[0]
    assert v[3] < v[0]


def test_a_level_camera_sees_its_own_height_at_the_middle():
    (_, row, depth), *_ = project(camera(pitch=0.0), [(2.0, 9.0, camera().height)])
    assert row == pytest.approx(FRAME[1] / 2)
    assert depth == pytest.approx(9)


def test_rotation_turns_and_does_not_mirror():
    rotation = camera(roll=1.2).rotation
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1)


def test_clockwise_roll_lowers_what_is_left_of_the_middle():
    left = [(-2.0, 10.0, 1.0)]
    assert project(camera(roll=3.0), left)[0, 1] > project(camera(), left)[0, 1]


RANGES = "height roll focal wall ambient gain saturation contrast black noise blur sharpen"


@pytest.mark.parametrize("domain", DOMAINS.values(), ids=list(DOMAINS))
def test_cameras_share_every_range_between_them(domain):
    lenses = [sample_camera(domain, 3, 1, index) for index in range(6)]
    for name in RANGES.split():
        low, high = getattr(domain, name)
        places = sorted((getattr(lens, name) - low) / (high - low) for lens in lenses)
        assert [math.floor(6 * place) for place in places] == list(range(6)), name


@pytest.mark.parametrize("domain", DOMAINS.values(), ids=list(DOMAINS))
def test_everything_else_is_inside_its_range(domain):
    for index in range(18):
        lens = sample_camera(domain, 5, 0, index)
        elevation = math.degrees(math.asin(lens.sun[2]))
        assert domain.sun_elevation[0] <= elevation <= domain.sun_elevation[1]
        assert domain.sun[0] <= lens.sun_strength <= domain.sun[1]
        assert domain.key[0] <= lens.key_strength <= domain.key[1]
        assert lens.resolution == 1 or (
            domain.low_resolution[0] <= lens.resolution <= domain.low_resolution[1]
        )
        for vector in (lens.sun, lens.key):
            assert np.linalg.norm(vector) == pytest.approx(1)
        assert np.mean(lens.white_balance) == pytest.approx(1)
        assert lens.distance[0] == domain.distance[0]
        assert lens.distance[1] == min(domain.distance[1], lens.wall - ROOM)
        assert lens.distance[1] > lens.distance[0] + 1
        assert lens.jpeg == domain.jpeg


@pytest.mark.parametrize("domain", DOMAINS.values(), ids=list(DOMAINS))
def test_a_camera_aims_at_where_people_walk(domain):
    for index in range(18):
        lens = dataclasses.replace(sample_camera(domain, 6, 0, index), roll=0.0)
        middle = math.sqrt(lens.distance[0] * lens.distance[1])
        feet, crown = project(lens, [(0, middle, 0), (0, middle, 1.75)])[:, 1]
        assert -5 <= crown < feet <= FRAME[1] + 5
        moved = lens.pitch < domain.pitch[0] or lens.pitch > domain.pitch[1]
        assert not moved or min(crown, FRAME[1] - feet) < 40  # only as far as it had to


def test_a_quarter_of_the_cameras_has_fewer_pixels():
    lenses = [
        sample_camera(DOMAINS["plaza"], seed, 0, index) for seed in range(60) for index in range(6)
    ]
    assert np.mean([lens.resolution < 1 for lens in lenses]) == pytest.approx(0.25, abs=0.05)


def test_casts_spread_as_the_domain_says_and_along_amber_and_blue_most():
    logs = np.log(
        [
            sample_camera(DOMAINS["night"], seed, 0, index).white_balance
            for seed in range(60)
            for index in range(6)
        ]
    )
    warm, green = logs[:, 0] - logs[:, 2], logs[:, 1] - logs.mean(1)
    assert warm.std() / math.sqrt(2) == pytest.approx(1.3 * DOMAINS["night"].white_balance, rel=0.2)
    assert green.std() < 0.5 * warm.std()


def test_a_camera_is_its_seed_site_domain_and_number_and_goes_into_json():
    one = sample_camera(DOMAINS["mall"], 4, 2, 3)
    assert sample_camera(DOMAINS["mall"], 4, 2, 3) == one
    others = [
        sample_camera(DOMAINS["mall"], 5, 2, 3),
        sample_camera(DOMAINS["mall"], 4, 3, 3),
        sample_camera(DOMAINS["mall"], 4, 2, 4),
        dataclasses.replace(sample_camera(DOMAINS["night"], 4, 2, 3), jpeg=one.jpeg),
    ]
    for other in others:
        assert other.focal != one.focal
        assert other.gain != one.gain
    back = json.loads(json.dumps(dataclasses.asdict(one)))
    assert back["sun"] == list(one.sun)
    assert back["height"] == one.height


def test_daylight_comes_from_above_and_from_the_sun():
    lens = camera(sun=(0.0, -0.6, 0.8), sun_strength=0.5, key=(0.0, -0.7, 0.714), sky=(1, 1, 1))
    sky_up, sun_up = daylight(lens, (0.0, 0.0, 1.0))
    sky_down, sun_down = daylight(lens, (0.0, 0.0, -1.0))
    assert sky_up > sky_down
    assert sun_up == pytest.approx(np.array([1, 0.96, 0.88]) * 1.12 * 0.5 * 0.8)
    assert sun_down == (0, 0, 0)
    assert daylight(lens, (0.0, 1.0, 0.0))[1] == (0, 0, 0)
