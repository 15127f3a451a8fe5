import time
from collections import Counter
from contextlib import contextmanager

import numpy as np
import pytest

from lookalike.world.seeds import rng as generator
from lookalike.world.wardrobe import clothes, colours, garments
from lookalike.world.wardrobe.looks import is_female
from lookalike.world.wardrobe.people import (
    NEIGHBOURS,
    attributes,
    person_of,
    sample_identity,
    sample_outfit,
)

DRAWS = 2000
PLACE = (0, "plaza", 0)

TOP = ("top", "sleeve", "neck", "loose", "top_name", "top_pattern", "outer", "outer_kind", "dress")
BOTTOM = ("bottom", "bottom_name", "bottom_pattern", "leg_end", "skirt_end", "leg_loose")
BELONGINGS = ("shoe_colour", "shoe_top", "sandal", "backpack", "shoulder_bag", "handbag", "hat")


def same(first, second, names):
    return all(np.array_equal(getattr(first, name), getattr(second, name)) for name in names)


def identical(first, second):
    return same(first, second, vars(first))


@contextmanager
def untextured():
    """What is drawn, not what it looks like: a tenth of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(garments, "fabric", lambda *_: np.full((1, 1, 3), 0.5, np.float32))
        patch.setattr(garments, "decal", lambda *_: np.zeros((1, 1, 4), np.float32))
        yield


@pytest.fixture
def quick():
    with untextured():
        yield


@pytest.fixture(scope="module")
def crowd():
    with untextured():
        return [person_of(*PLACE, person, 0, siblings=0.2) for person in range(DRAWS)]


def check_share(share, wanted, name):
    """Within four and a half deviations of so many draws, and 1.5 % of everybody for tables."""
    assert share == pytest.approx(wanted, abs=4.5 * np.sqrt(wanted / DRAWS) + 0.015), name


def test_people_are_dressed_as_often_as_market_1501s(crowd):
    written = [attributes(*each) for each in crowd]
    wanted = {
        "female": (True, 0.426),
        "hair": ("long", 0.326),
        "sleeve": ("short", 0.93),
        "lower": ("short", 0.609),
        "dress": (True, 0.146),
        "backpack": (True, 0.265),
        "bag": (True, 0.246),
        "handbag": (True, 0.115),
        "hat": (True, 0.027),
    }
    for name, (value, share) in wanted.items():
        check_share(np.mean([each[name] == value for each in written]), share, name)


def test_colours_are_as_frequent_as_market_1501s(crowd):
    written = [attributes(*each) for each in crowd]
    tops = {"white": 0.304, "black": 0.15, "gray": 0.115, "red": 0.104, "green": 0.075}
    tops |= {"blue": 0.071, "yellow": 0.048, "purple": 0.04}
    bottoms = {"black": 0.39, "gray": 0.164, "blue": 0.19, "brown": 0.1, "white": 0.09}
    for key, shares in (("upper_colour", tops), ("lower_colour", bottoms)):
        drawn = Counter(each[key] for each in written)
        for name, share in shares.items():
            check_share(drawn[name] / DRAWS, share, (key, name))


def test_everything_there_is_gets_drawn(crowd):
    people, outfits = zip(*crowd, strict=True)
    assert {each.hair for each in people} == set(clothes.HAIR_STYLES)
    assert {each.glasses for each in people} == {"none", "clear", "dark"}
    assert {each.beard > 0 for each in people if not each.female} == {True, False}
    assert not any(each.beard for each in people if each.female)
    assert {each.top for each in outfits} == set(clothes.TOP_KINDS)
    assert {each.bottom for each in outfits} == set(clothes.BOTTOM_KINDS)
    assert {each.outer_kind for each in outfits if each.outer} == set(clothes.OUTER_KINDS)
    assert {each.hat for each in outfits} == set(clothes.HAT_KINDS)
    for name in ("scarf", "mask", "umbrella", "sandal", "belt", "placket", "carrier_bag"):
        assert 0.003 < np.mean([bool(getattr(each, name)) for each in outfits]) < 0.5, name
    assert any(each.under_colour is not None for each in outfits)
    assert np.ptp([each.skin.max() for each in people]) > 0.4


def test_half_of_the_tops_are_plain(crowd):
    plain = np.mean([outfit.top_pattern in ("plain", "heather") for _, outfit in crowd])
    assert 0.5 < plain < 0.72


def test_numbers_lie_where_geometry_expects_them(crowd):
    for person, outfit in crowd:
        assert set(person.phenotype) == {
            "gender", "age", "muscle", "weight", "proportions", "height",
        }  # fmt: skip
        assert all(0 <= value <= 1 for value in person.phenotype.values())
        assert (outfit.skirt_end is not None) == (outfit.bottom == "skirt")
        assert outfit.bottom == "skirt" or not outfit.dress
        assert outfit.leg_end < 0 or outfit.bottom == "skirt"
        assert outfit.hem < 0.32
        assert outfit.hem <= 0.28 or not outfit.dress
        assert -0.2 <= outfit.sleeve < 1
        assert outfit.sock_top >= outfit.shoe_top
        assert outfit.decal is None or outfit.decal_front or outfit.decal_back
        assert person.female or outfit.skirt_end is None
        for value in vars(outfit).values():
            if isinstance(value, np.ndarray):
                assert value.dtype == np.float32
                assert 0 <= value.min() <= value.max() <= 1


def test_a_person_is_a_function_of_the_key_alone():
    (person, outfit), (again, dressed) = (person_of(*PLACE, 7, 0, 0.2) for _ in range(2))
    assert identical(person, again)
    assert identical(outfit, dressed)
    for key in ((1, "plaza", 0, 7), (0, "mall", 0, 7), (0, "plaza", 1, 7), (0, "plaza", 0, 8)):
        other, otherwise = person_of(*key, 0, 0.2)
        assert not identical(person, other)
        assert not identical(outfit, otherwise)


def test_sampling_by_a_generator_repeats():
    def draw(seed):
        rng = np.random.default_rng(seed)
        identity = sample_identity(rng)
        return identity, sample_outfit(rng, identity)

    (person, outfit), (again, dressed) = draw(4), draw(4)
    assert identical(person, again)
    assert identical(outfit, dressed)
    assert not identical(outfit, draw(5)[1])


def shares_of(outfit, own, others):
    """What of an outfit is somebody else's: names of groups, and whose."""
    for group in (TOP, BOTTOM, BELONGINGS):
        if not same(outfit, own, group):
            yield group, [who for who, other in others.items() if same(outfit, other, group)]


@pytest.mark.parametrize("siblings", [0.0, 0.2, 1.0])
def test_siblings_are_as_many_as_asked_and_take_from_somebody(siblings, quick):
    people, related = 300, 0
    base = {who: person_of(*PLACE, who, 0, 0.0) for who in range(people)}
    for who in range(people):
        identity, outfit = person_of(*PLACE, who, 0, siblings)
        assert identical(identity, base[who][0])
        others = {
            other: base[other][1]
            for other in range(max(0, who - NEIGHBOURS), who)
            if base[other][0].female == identity.female
        }
        taken = list(shares_of(outfit, base[who][1], others))
        sources = [set(found) for _, found in taken]
        assert all(sources), "part of an outfit is nobody's"
        assert not sources or set.intersection(*sources), "taken from more than one"
        related += bool(taken)
    assert related / people == pytest.approx(siblings, abs=0.07 if siblings else 0)


def test_siblings_take_each_part_and_sometimes_all(quick):
    kinds = Counter()
    for who in range(1, 300):
        outfit, own = (person_of(*PLACE, who, 0, siblings)[1] for siblings in (1.0, 0.0))
        kinds[tuple(same(outfit, own, group) for group in (TOP, BOTTOM, BELONGINGS))] += 1
    only_top, only_bottom, only_things = (
        (False, True, True),
        (True, False, True),
        (True, True, False),
    )
    for kind in (only_top, only_bottom, only_things, (False, False, True)):
        assert kinds[kind] / 299 > 0.07, kind


def test_half_of_the_taken_tops_are_a_near_shade():
    """The same pattern to the texel, in the same colour or one close by."""
    near, exact = 0, 0
    base = {who: person_of(*PLACE, who, 0, 0.0) for who in range(110)}
    for who in range(1, 110):
        identity, outfit = person_of(*PLACE, who, 0, 1.0)
        if same(outfit, base[who][1], TOP):
            continue
        (source,) = [
            other
            for at, (someone, other) in base.items()
            if at < who and someone.female == identity.female and same(outfit, other, TOP)
        ]
        if (outfit.top_texture == source.top_texture).all():
            exact += 1
            continue
        near += 1
        gap = np.abs(outfit.top_colour - source.top_colour).max()
        assert 0 < gap < 0.35
        gains = outfit.top_colour / source.top_colour
        inside = (outfit.top_texture > 0.031) & (outfit.top_texture < 0.949)
        assert np.allclose(outfit.top_texture[inside], (source.top_texture * gains)[inside], 1e-4)
    assert 0.3 < near / (near + exact) < 0.7
    assert near + exact > 35


def test_clothes_change_and_the_person_stays():
    kept = 0
    for who in range(40):
        (person, first), (again, second) = (person_of(*PLACE, who, set_, 0.2) for set_ in range(2))
        assert identical(person, again)
        assert (first.top_texture != second.top_texture).any()
        assert (first.bottom_texture != second.bottom_texture).any()
        kept += same(first, second, ("shoe_colour", "sole_colour", "sock_colour", "shoe_top"))
    assert 12 < kept < 36


def test_sex_is_known_before_the_rest():
    for who in range(50):
        first = is_female(generator("identity", *PLACE, who))
        assert sample_identity(generator("identity", *PLACE, who)).female == first


def test_attributes_are_plain_values_under_market_1501s_names():
    for who in range(60):
        written = attributes(*person_of(*PLACE, who, 0, 0.2))
        assert {type(value) for value in written.values()} <= {str, bool}
        for key in ("upper_colour", "lower_colour"):
            known = set(colours.TOPS) | set(colours.BOTTOMS)
            assert written[key] in known - set(colours.MARKET)


def test_a_person_costs_at_most_four_milliseconds():
    person_of(*PLACE, 0, 0, 0.2)
    best = np.inf
    for start in (0, 40, 80):
        began = time.process_time()
        for who in range(start, start + 40):
            person_of(*PLACE, who, 0, 0.2)
        best = min(best, (time.process_time() - began) / 40)
    assert best < 0.004  # measured: .0016
