import dataclasses
import json

import pytest

from lookalike.errors import UserError
from lookalike.world.places.domains import DOMAINS, domain_from


@pytest.mark.parametrize("name", DOMAINS)
def test_survives_json(name):
    text = json.dumps(dataclasses.asdict(DOMAINS[name]))
    assert domain_from(json.loads(text)) == DOMAINS[name]


def test_a_changed_value_survives_too():
    changed = dataclasses.replace(DOMAINS["mall"], walls=(("brick", 1.0),), behind=3.5)
    assert domain_from(json.loads(json.dumps(dataclasses.asdict(changed)))) == changed


def test_an_unknown_field_is_no_domain():
    with pytest.raises(TypeError, match="hieght"):
        domain_from(dataclasses.asdict(DOMAINS["plaza"]) | {"hieght": (1, 2)})


def test_four_places_named_as_they_are_called():
    assert list(DOMAINS) == ["plaza", "campus", "mall", "night"]
    assert all(domain.name == name for name, domain in DOMAINS.items())
    assert all(domain.cameras == 6 for domain in DOMAINS.values())


@pytest.mark.parametrize("domain", DOMAINS.values(), ids=list(DOMAINS))
def test_ranges_run_upwards_and_shares_are_shares(domain):
    pairs = "height pitch focal distance sun sun_elevation ambient key gain wall shadows pools"
    for name in f"{pairs} saturation contrast black noise blur jpeg low_resolution motion".split():
        low, high = getattr(domain, name)
        assert 0 <= low <= high, name
    for field in dataclasses.fields(domain):
        if field.name.endswith("_share"):
            assert 0 <= getattr(domain, field.name) <= 1, field.name
    assert sum(share for _, share in domain.poses) == pytest.approx(1)
    assert sum(domain.yaw_sides) == pytest.approx(1)


def test_every_pair_of_places_differs_in_light_or_colours():
    def signature(domain):
        return domain.grounds, domain.sky, domain.exposure_target, domain.saturation, domain.noise

    signatures = [signature(domain) for domain in DOMAINS.values()]
    for i, one in enumerate(signatures):
        for other in signatures[:i]:
            assert all(a != b for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("value", ["x", None, [1, "y"], 10**400])
def test_a_value_that_no_camera_can_have_is_refused(value):
    with pytest.raises(UserError, match=r"height is .*, but must be"):
        domain_from(dataclasses.asdict(DOMAINS["plaza"]) | {"height": value})
    with pytest.raises(TypeError, match="is no domain"):
        domain_from(value)
