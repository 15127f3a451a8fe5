"""Crops of a place: the same whatever was asked before, of any size, and like a detector's."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from lookalike.world.places.domains import DOMAINS
from lookalike.world.renderer.shots import Shot, Site
from lookalike.world.spec import WorldSpec

SPEC = WorldSpec(people=8, cameras=2, images=2)
NOBODY = replace(DOMAINS["plaza"], behind=0.0, front_share=0.0, occluder_share=0.0)


def same(a: Shot, b: Shot) -> bool:
    return (
        a.jpeg == b.jpeg
        and (a.image == b.image).all()
        and (a.truth.keypoints2d == b.truth.keypoints2d).all()
        and (a.truth.mask == b.truth.mask).all()
        and (a.truth.parts == b.truth.parts).all()
        and a.truth.box == b.truth.box
    )


@pytest.fixture(scope="module")
def site() -> Site:
    return Site(SPEC)


def test_a_shot_does_not_depend_on_what_was_rendered_before(site: Site) -> None:
    wanted = [(5, 1, 1), (0, 0, 0), (5, 0, 1)]
    first = [site.shot(*names) for names in wanted]
    for person in (1, 2, 3):  # drives the first ones out of the cache of people
        site.shot(person, 1, 0)
    again = [site.shot(*names) for names in wanted[::-1]][::-1]
    fresh = Site(SPEC)
    for one, two, names in zip(first, again, wanted, strict=True):
        assert same(one, two)
        assert same(one, fresh.shot(*names))


def test_more_people_or_images_change_nothing(site: Site) -> None:
    wider = Site(replace(SPEC, people=100, images=5))
    assert same(site.shot(2, 0, 1), wider.shot(2, 0, 1))


@pytest.mark.parametrize(
    "other",
    [
        replace(SPEC, seed=1),
        replace(SPEC, site=1),
        replace(SPEC, domain=replace(SPEC.domain, name="square")),
    ],
)
def test_another_place_shares_nothing(site: Site, other: WorldSpec) -> None:
    one, two = site.shot(0, 0, 0), Site(other).shot(0, 0, 0)
    assert one.jpeg != two.jpeg
    assert one.truth.yaw != two.truth.yaw
    assert (one.truth.materials != two.truth.materials).any()
    assert site.camera(0) != Site(other).camera(0)


def test_shots_of_a_person_differ(site: Site) -> None:
    pictures = {site.shot(4, c, k).jpeg for c in range(2) for k in range(2)}
    yaws = {site.shot(4, c, k).truth.yaw for c in range(2) for k in range(2)}
    assert len(pictures) == len(yaws) == 4


@pytest.mark.parametrize(("height", "width"), [(256, 128), (96, 96)])
def test_other_sizes_show_the_same_scene(site: Site, height: int, width: int) -> None:
    large = Site(replace(SPEC, height=height, width=width)).shot(3, 0, 0)
    small = site.shot(3, 0, 0)
    assert large.image.shape == (height, width, 3)
    assert large.truth.mask.shape == large.truth.parts.shape == (height, width)
    assert large.truth.box == small.truth.box
    scale = (width / 64, height / 128)
    np.testing.assert_allclose(
        large.truth.keypoints2d[:, :2], small.truth.keypoints2d[:, :2] * scale, rtol=1e-4
    )
    back = Image.fromarray(large.image).resize((64, 128), Image.Resampling.BOX)
    assert np.abs(np.asarray(back, float) - small.image).mean() < 12


def test_file_holds_the_image(site: Site) -> None:
    shot = site.shot(1, 1, 1)
    with Image.open(io.BytesIO(shot.jpeg)) as image:
        assert image.size == (64, 128)
        assert np.abs(np.asarray(image, float) - shot.image).mean() < 8


def test_clothes_change_and_the_person_does_not() -> None:
    site = Site(replace(SPEC, clothes=2))
    assert [site.clothes(k) for k in range(4)] == [0, 1, 0, 1]
    bare, dressed = site.person(1, 0), site.person(1, 1)
    assert bare.identity.phenotype == dressed.identity.phenotype
    assert (bare.outfit.top_texture != dressed.outfit.top_texture).any()


def test_somebody_in_front_hides_the_person() -> None:
    crowd = replace(NOBODY, front_share=1.0, least_visible=0.0)
    free, hidden = Site(replace(SPEC, domain=NOBODY)), Site(replace(SPEC, domain=crowd))
    names = [(i, 0, k) for i in range(3) for k in range(5)]
    assert all(free.shot(*n).truth.occluded < 1e-6 for n in names)
    truths = [hidden.shot(*n).truth for n in names]
    assert sum(t.occluded > 0.02 for t in truths) >= 3
    for truth in truths:
        assert (truth.mask != truth.amodal).any() == (truth.mask.sum() < truth.amodal.sum())


def test_a_shot_that_shows_too_little_is_drawn_again() -> None:
    crowd = replace(NOBODY, front_share=1.0, behind=0.0)
    strict = Site(replace(SPEC, domain=replace(crowd, least_visible=0.97)))
    lax = Site(replace(SPEC, domain=replace(crowd, least_visible=0.0)))
    names = [(i, 0, k) for i in range(3) for k in range(5)]
    kept, loose = ([s.shot(*n).truth.occluded for n in names] for s in (strict, lax))
    assert np.mean(loose) > 0.03
    assert max(kept) < 0.2
    assert np.mean(kept) < 0.5 * np.mean(loose)


def test_people_fill_their_boxes_as_a_detector_frames_them() -> None:
    site = Site(replace(SPEC, domain=NOBODY))
    truths = [site.shot(i, c, k).truth for i in range(8) for c in range(2) for k in range(4)]
    points = np.stack([t.keypoints2d for t in truths])
    share = np.array([t.native_height / t.box[3] for t in truths])
    assert abs(share.mean() - 0.98) < 0.06
    assert abs(np.median(points[:, 1, 1]) - 25) < 4  # neck
    assert abs(np.median(points[:, [10, 13], 1]) - 112) < 5  # ankles
    shoulders = np.abs(points[:, 2, 0] - points[:, 5, 0])
    assert 29 < np.percentile(shoulders, 90) < 36
