import colorsys
from collections import Counter

import numpy as np
import pytest

from lookalike.errors import UserError
from lookalike.world.wardrobe import colours
from lookalike.world.wardrobe.colours import against, colour, near, pick

DRAWS = 2000


@pytest.fixture
def rng():
    return np.random.default_rng(5)


@pytest.mark.parametrize("shares", [colours.TOPS, colours.BOTTOMS])
def test_shares_are_of_everybody_and_every_name_has_shades(shares, rng):
    assert sum(shares.values()) == pytest.approx(1, abs=0.01)
    for name in shares:
        colour(rng, name)


def test_pick_follows_the_shares(rng):
    drawn = Counter(pick(rng, colours.TOPS) for _ in range(DRAWS))
    for name, share in colours.TOPS.items():
        assert drawn[name] / DRAWS == pytest.approx(share, abs=4.5 * np.sqrt(share / DRAWS)), name


def test_pick_never_takes_what_has_no_share(rng):
    assert {pick(rng, {"a": 0.0, "b": 2.0, "c": 0.0}) for _ in range(200)} == {"b"}


@pytest.mark.parametrize("name", sorted(set(colours.TOPS) | set(colours.BOTTOMS)))
def test_shades_lie_between_crushed_black_and_burnt_white(name, rng):
    shades = np.array([colour(rng, name) for _ in range(200)])
    assert shades.dtype == np.float32
    assert shades.max(1).min() >= 0.125
    assert shades.max() <= 0.9


def test_names_mean_what_they_say(rng):
    def middle(name):
        return np.mean([colour(rng, name) for _ in range(100)], 0)

    assert middle("white").min() > 0.7 > 0.25 > middle("black").max()
    for name, channel in (("red", 0), ("green", 1), ("blue", 2), ("navy", 2), ("denim", 2)):
        assert middle(name).argmax() == channel, name
    assert middle("navy").max() < middle("denim").max() < middle("blue").max()


def test_most_people_wear_muted_colours(rng):
    worn = [
        colorsys.rgb_to_hsv(*colour(rng, pick(rng, shares)))
        for shares in (colours.TOPS, colours.BOTTOMS)
        for _ in range(500)
    ]
    sharp = np.mean([saturation > 0.6 and value > 0.4 for _, saturation, value in worn])
    assert 0.02 < sharp < 0.12
    assert np.median([saturation for _, saturation, _ in worn]) < 0.2


def test_against_stands_out(rng):
    for name in colours.TOPS:
        for _ in range(20):
            ground = colour(rng, name)
            assert np.abs(against(rng, ground) - ground).sum() >= 0.35


@pytest.mark.parametrize("name", ["white", "black", "red", "gray"])
def test_near_is_another_shade_of_the_same(name, rng):
    for _ in range(50):
        ground = colour(rng, name)
        shade = ground * near(rng, ground)
        assert 0.01 < np.abs(shade - ground).max() < 0.3
        assert shade.max() <= 1
        chroma, was = shade / shade.sum(), ground / ground.sum()
        assert np.abs(chroma - was).max() < 0.06


def test_the_same_generator_gives_the_same_colour():
    first, second = (colour(np.random.default_rng(3), "red") for _ in range(2))
    assert (first == second).all()


def test_unknown_colour_is_named_with_a_suggestion(rng):
    with pytest.raises(UserError, match="did you mean 'khaki'"):
        colour(rng, "kaki")
