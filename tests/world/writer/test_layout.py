"""Names, splits and part maps of a rendered world, without rendering one."""

import re

import numpy as np
import pytest

from lookalike.errors import UserError
from lookalike.world.places.domains import DOMAINS
from lookalike.world.spec import WorldSpec
from lookalike.world.writer.layout import (
    GALLERY,
    QUERY,
    TRAIN,
    check_testable,
    crops,
    pack_parts,
    people_tested,
    unpack_parts,
)


def all_crops(spec):
    test = people_tested(spec)
    return [crop for p in range(spec.people) for crop in crops(spec, p, p in test)]


def test_names_are_market_1501s():
    spec = WorldSpec(people=12, cameras=3, images=5, clothes=2)
    crop = next(c for c in all_crops(spec) if (c.person, c.camera, c.k) == (10, 2, 3))
    assert crop.stem == "0011_c3s2_000003_01"
    foreign = re.match(r"([-\d]+)_c(\d)", crop.stem)  # torchreid's and most others'
    assert foreign.groups() == ("0011", "3")


@pytest.mark.parametrize("fraction", [0, 0.29, 0.5, 1])
def test_as_many_are_tested_as_asked(fraction):
    spec = WorldSpec(people=100, test_fraction=fraction)
    assert len(people_tested(spec)) == round(100 * fraction)
    assert people_tested(spec) <= set(range(100))
    assert {c.person for c in all_crops(spec) if c.split != TRAIN} == people_tested(spec)


def test_who_is_tested_depends_on_seed_domain_and_site():
    draws = [
        people_tested(WorldSpec(people=50, seed=seed, site=site, domain=DOMAINS[domain]))
        for seed, site, domain in [
            (0, 0, "plaza"),
            (1, 0, "plaza"),
            (0, 1, "plaza"),
            (0, 0, "mall"),
        ]
    ]
    assert len(set(draws)) == 4
    assert draws[0] == people_tested(WorldSpec(people=50))


@pytest.mark.parametrize("images", [1, 2, 3])
@pytest.mark.parametrize("cameras", [2, 3, 6])
@pytest.mark.parametrize("clothes", [1, 3])
def test_every_query_has_a_right_entry_in_another_camera(images, cameras, clothes):
    if clothes > images:
        pytest.skip("no such world")
    spec = WorldSpec(people=20, cameras=cameras, images=images, clothes=clothes)
    crops_ = all_crops(spec)
    assert len({c.stem for c in crops_}) == len(crops_) == 20 * cameras * images
    gallery = {(c.person, c.camera) for c in crops_ if c.split == GALLERY}
    queries = [c for c in crops_ if c.split == QUERY]
    for query in queries:
        assert any((query.person, c) in gallery for c in range(cameras) if c != query.camera)
    asked = [(c.person, c.camera) for c in queries]
    assert len(set(asked)) == len(asked)  # one query of a person in a camera
    if images > 1:
        assert len(asked) == 10 * cameras
    else:
        assert {c.camera for c in queries} == set(range(cameras))


def test_queries_wear_any_of_the_clothes():
    spec = WorldSpec(people=40, cameras=3, images=3, clothes=3)
    worn = [crop.clothes for crop in all_crops(spec) if crop.split == QUERY]
    assert set(worn) == {0, 1, 2}


def test_one_camera_can_only_be_trained_on():
    with pytest.raises(UserError, match="2 or more"):
        check_testable(WorldSpec(people=4, cameras=1))
    check_testable(WorldSpec(people=4, cameras=1, test_fraction=0))


def test_part_maps_keep_both_numbers():
    materials, parts = np.meshgrid(np.arange(9, dtype=np.uint8), np.arange(11, dtype=np.uint8))
    packed = pack_parts(materials, parts)
    assert packed.dtype == np.uint8
    assert packed[10, 8] == 168
    for before, after in zip((materials, parts), unpack_parts(packed), strict=True):
        assert np.array_equal(before, after)


def test_spec_survives_json():
    import json

    spec = WorldSpec(domain=DOMAINS["night"], people=3, test_fraction=0.25)
    assert WorldSpec.from_dict(json.loads(json.dumps(spec.as_dict()))) == spec
