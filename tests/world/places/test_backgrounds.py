import dataclasses
from functools import cache

import numpy as np
import pytest

from lookalike.world.places import clutter, grounds, walls
from lookalike.world.places.backgrounds import frame
from lookalike.world.places.cameras import FRAME, project, sample_camera
from lookalike.world.places.domains import DOMAINS, Domain
from lookalike.world.places.objects import KINDS

PLAZA = DOMAINS["plaza"]
BARE = dataclasses.replace(PLAZA, clutter=(), strangers=0.0, occluder_share=0.0)


@cache
def made(domain: Domain = PLAZA, seed: int = 0, site: int = 0, index: int = 0):
    return frame(sample_camera(domain, seed, site, index), domain, seed, site)


def pixels(picture) -> np.ndarray:
    return np.asarray(picture, np.float64)


@pytest.fixture(scope="module")
def plaza():
    return made()


def test_same_arguments_give_the_same_bytes_whatever_was_made_before(plaza):
    made(DOMAINS["night"], 7)
    again = frame(sample_camera(PLAZA, 0, 0, 0), PLAZA, 0, 0)
    assert again.image.tobytes() == plaza.image.tobytes()
    assert again.occluders.tobytes() == plaza.occluders.tobytes()
    assert again.light.tobytes() == plaza.light.tobytes()
    assert again.gain == plaza.gain


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 1},
        {"site": 1},
        {"index": 1},
        {"domain": dataclasses.replace(PLAZA, name="square")},
        {"domain": DOMAINS["mall"]},
    ],
    ids=str,
)
def test_another_seed_site_camera_or_domain_is_another_frame(plaza, other):
    assert np.abs(pixels(made(**other).image) - pixels(plaza.image)).mean() > 5


def test_a_frame_has_a_cameras_size(plaza):
    assert plaza.image.size == plaza.occluders.size == FRAME
    assert (plaza.image.mode, plaza.occluders.mode) == ("RGB", "RGBA")
    assert plaza.light.min() >= 0


@pytest.mark.parametrize("kind", grounds.KINDS)
def test_every_ground_paints_and_none_like_another(kind):
    domain = dataclasses.replace(BARE, grounds=((kind, 1.0),))
    low = pixels(made(domain).image)[500:]
    assert low.std() > 4  # not flat
    assert 40 < low.mean() < 240
    red, green, blue = low.mean((0, 1))
    assert (green > 1.08 * max(red, blue)) == (kind == "grass")
    others = [other for other in grounds.KINDS if other != kind]
    other = dataclasses.replace(BARE, grounds=((others[0], 1.0),))
    assert np.abs(pixels(made(other).image)[500:] - low).mean() > 5


@pytest.mark.parametrize("kind", walls.KINDS)
def test_every_wall_stands_behind_the_ground(kind):
    domain = dataclasses.replace(BARE, walls=((kind, 1.0),))
    lens = sample_camera(domain, 0, 0, 0)
    picture = pixels(made(domain).image)
    foot, chest = project(lens, [(0, lens.wall, 0), (0, lens.wall, 0.9)])[:, 1]
    wall = picture[int(chest) : int(foot) - 4, 100:-100]
    assert wall.std() > 4
    others = [other for other in walls.KINDS if other != kind]
    other = dataclasses.replace(BARE, walls=((others[0], 1.0),))
    seen = pixels(made(other).image)
    assert np.abs(seen[int(chest) : int(foot) - 4, 100:-100] - wall).mean() > 5
    np.testing.assert_allclose(seen[int(foot) + 40 :].mean(), picture[int(foot) + 40 :].mean(), 0.2)


def test_shares_of_house_fronts_are_shares():
    for kind, shares in walls.SHARES.items():
        assert kind in walls.KINDS
        assert len(shares) == len(walls.FILLINGS)
        assert sum(shares) <= 1


@pytest.mark.parametrize("kind", KINDS)
def test_every_thing_is_drawn_where_it_stands(kind):
    lens = dataclasses.replace(sample_camera(PLAZA, 0, 0, 0), sun_strength=0.0)
    blank = np.full((FRAME[1], FRAME[0], 3), 0.5, np.float32)
    light = np.ones((80, 61, 2), np.float32)
    found = [clutter.Thing(kind, 0.5, 12.0, 0.2, 3)]
    changed = np.abs(clutter.draw(lens, blank, found, light) - 0.5).max(-1) > 0.05
    foot = project(lens, [(0.5, 12.0, 0.0)])[0]
    rows, columns = np.nonzero(changed)
    assert len(rows) > 150
    assert abs(np.median(columns) - foot[0]) < 0.6 * lens.focal / 12
    assert abs(rows.max() - foot[1]) < 1.2 * lens.focal / 12
    assert rows.max() > foot[1] - 12  # it touches the ground


def test_near_things_hide_far_ones():
    lens = sample_camera(PLAZA, 0, 0, 0)
    found = clutter.things(np.random.default_rng(0), lens, PLAZA)
    distances = [thing.y for thing in found]
    assert len(found) > 10
    assert distances == sorted(distances, reverse=True)
    assert all(thing.y < lens.wall for thing in found)
    assert {kind for kind, _ in PLAZA.clutter} - {"bikes"} <= set(KINDS)


def test_a_thing_in_the_shade_is_darker():
    lens = sample_camera(PLAZA, 0, 0, 0)
    blank = np.zeros((FRAME[1], FRAME[0], 3), np.float32)
    found = [clutter.Thing("pillar", 0.0, 12.0, 0.0, 3)]
    light = np.ones((80, 61, 2), np.float32)
    assert clutter.draw(lens, blank, found, light / 4).sum() == pytest.approx(
        clutter.draw(lens, blank, found, light).sum() / 2, rel=0.02
    )


def test_occluders_stand_on_the_domains_share_of_cameras_nearer_than_most_people():
    def depth(seed: int, share: float) -> float:
        domain = dataclasses.replace(PLAZA, occluder_share=share)
        lens = sample_camera(domain, seed, 0, 0)
        layer, depth = clutter.occluders(np.random.default_rng(seed), lens, domain)
        covered = np.asarray(layer)[..., 3] > 0
        assert covered.any() == (depth > 0)
        assert depth < np.mean(lens.distance)
        return depth

    assert all(depth(seed, 0.0) == 0 for seed in range(3))
    assert all(depth(seed, 1.0) > 0 for seed in range(3))


@pytest.mark.parametrize("name", DOMAINS)
def test_exposure_brings_the_middle_of_the_frame_to_the_domains_target(name):
    domain, exact = DOMAINS[name], 0
    for index in range(3):
        lens, found = sample_camera(domain, 0, 0, index), made(domain, 0, 0, index)
        automatic = found.gain / lens.gain
        lower = (pixels(found.image)[180:] / 255) ** 2 @ np.full(3, 1 / 3)
        exposed = np.median(lower) * automatic
        exact += exposed == pytest.approx(domain.exposure_target, rel=0.05)
        assert exposed < 1.05 * domain.exposure_target or automatic == pytest.approx(0.4)
    assert exact  # elsewhere bright parts or the ends of a real camera set the limit


def test_indoors_and_at_night_light_comes_in_pools_and_by_day_the_sun_has_shade():
    def spread(name: str, channel: int) -> float:
        lights = [made(DOMAINS[name], 0, 0, index).light[:40] for index in (0, 1)]
        return max(light[..., channel].std() for light in lights)

    assert spread("night", 0) > 0.2
    assert spread("plaza", 0) == 0
    assert spread("campus", 1) > 0.2
    assert spread("mall", 1) == 0
