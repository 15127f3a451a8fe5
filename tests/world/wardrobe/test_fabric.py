import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from lookalike.errors import UserError
from lookalike.world.wardrobe.fabric import (
    EXTENT,
    KNEE,
    LEG_FRONTS,
    LEG_SEAMS,
    PATTERNS,
    SIDE_SEAMS,
    THIGH,
    fabric,
)
from lookalike.world.wardrobe.grain import SIZE, cloud, creases

WHITE, RED, NAVY = np.array([[0.8, 0.8, 0.8], [0.6, 0.15, 0.15], [0.12, 0.15, 0.3]], np.float32)
# Those whose two ends differ on purpose: a shirt doesn't reach from the one to the other, and a
# puffer jacket has a seam there, as at each of its baffles.
CUT = {"block", "gradient", "puffer"}


def tile(kind, seed=0, colours=(WHITE, RED, NAVY)):
    return fabric(np.random.default_rng(seed), kind, *colours)


def texel(metres):
    return int(metres / EXTENT * SIZE) % SIZE


@pytest.mark.parametrize("kind", PATTERNS)
def test_every_pattern_is_a_tile_of_colours_and_the_same_each_time(kind):
    cloth = tile(kind)
    assert cloth.shape == (SIZE, SIZE, 3)
    assert cloth.dtype == np.float32
    assert cloth.min() >= np.float32(0.03)
    assert cloth.max() <= np.float32(0.95)
    assert (cloth == tile(kind)).all()
    assert (cloth != tile(kind, seed=1)).any()


@pytest.mark.parametrize("kind", sorted(set(PATTERNS) - CUT))
def test_no_seam_where_the_tile_repeats(kind):
    """From the last row to the first is no larger a step than between others; columns too."""
    cloths = [tile(kind, seed) for seed in range(8)]
    for axis in (0, 1):
        steps = np.mean([np.abs(each - np.roll(each, 1, axis)) for each in cloths], 0)
        step = steps.mean((1 - axis, 2))
        assert step[0] <= 1.1 * step[1:].max()


@pytest.mark.parametrize("kind", PATTERNS)
def test_no_surface_is_flat(kind):
    """Spots as wide as a hand are lighter and darker."""
    grey = tile(kind, colours=(WHITE, WHITE, WHITE)).mean(2)
    spots = gaussian_filter(grey, 5, mode="wrap") / grey.mean()
    assert spots.std() > 0.015
    if kind == "plain":
        assert 0.85 < spots.min() < 0.96 < 1.04 < spots.max() < 1.15


@pytest.mark.parametrize("kind", ["plain", "heather", "knit", "denim"])
def test_the_ground_colour_stays(kind):
    for colour in (WHITE, RED, NAVY):
        mean = tile(kind, colours=(colour, WHITE, WHITE)).mean((0, 1))
        assert mean == pytest.approx(colour, rel=0.12)


def spread(cloth):
    """How much rows and columns differ from each other."""
    return cloth.mean((1, 2)).std(), cloth.mean((0, 2)).std()


def test_stripes_go_where_they_should():
    for seed in range(4):
        down, across = spread(tile("stripe", seed))
        assert down > 4 * across
        down, across = spread(tile("vstripe", seed))
        assert across > 4 * down
        down, across = spread(tile("check", seed))
        assert 0.5 < down / across < 2


@pytest.mark.parametrize(
    "kind", ["stripe", "gingham", "check", "dots", "floral", "blotch", "chest"]
)
def test_the_second_colour_shows(kind):
    for seed in range(4):
        redness = tile(kind, seed)[..., 0] - tile(kind, seed)[..., 1]
        assert 0.02 < (redness > 0.12).mean() < 0.9


def test_panels_and_track_lie_on_the_seams():
    panels, track = (tile(kind)[..., 1].mean(0) for kind in ("panels", "track"))
    for seam in SIDE_SEAMS:
        assert panels[texel(seam)] < 0.4 < panels[texel(seam) - 16]
    for seam in LEG_SEAMS:
        near = track[texel(seam) - 5 : texel(seam) + 6]
        assert near.min() < 0.5 < track[texel(seam - 0.15)]


def test_jeans_are_worn_pale_where_legs_bend():
    blue = np.array([0.15, 0.2, 0.35], np.float32)
    worn = np.mean([tile("jeans", seed, (blue, WHITE, WHITE)) for seed in range(20)], 0).mean(2)
    seam = worn[:, texel(LEG_SEAMS[0])].mean()
    for front in LEG_FRONTS:
        column = worn[:, texel(front) - 4 : texel(front) + 5].mean(1)
        between = column[texel(THIGH) - 12 - 3 : texel(THIGH) - 12 + 4].mean()
        assert column[texel(THIGH) - 3 : texel(THIGH) + 4].mean() > between > seam
        assert column[texel(KNEE)] > 1.2 * seam


def test_block_has_the_second_colour_below():
    redness = tile("block")[..., 0] - tile("block")[..., 2]
    assert redness[texel(0.65)].mean() < 0.1 < 0.3 < redness[texel(0.2)].mean()


def test_clouds_and_creases_are_what_they_say():
    rng = np.random.default_rng(0)
    for cells in (4, 8):
        spots = cloud(rng, cells)
        assert spots.shape == (SIZE, SIZE)
        assert spots.min() >= 0
        assert spots.max() <= 1
        assert spots.std() > 0.12
    folds = [creases(rng) for _ in range(30)]
    assert np.mean(folds) == pytest.approx(0, abs=0.02)
    assert np.std(folds) == pytest.approx(1, abs=0.15)
    assert any((folds[0] != other).any() for other in folds[1:])


def test_unknown_fabric_is_named_with_a_suggestion():
    with pytest.raises(UserError, match="did you mean 'stripe'"):
        tile("stripes")
