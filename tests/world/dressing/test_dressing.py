"""Clothes as geometry: outside the body, as wide as they are cut, folded where folds belong."""

import numpy as np
import pytest
from helpers.dressed import looks

from lookalike.world.bodies.body import FOOT, HAND, HEAD, body
from lookalike.world.dressing import displacement as dressing
from lookalike.world.dressing import drapery, folds
from lookalike.world.dressing.borders import IN_BOTTOM, IN_OUTER, IN_TOP, coverage
from lookalike.world.dressing.outfit_paint import paint_of
from lookalike.world.dressing.surface import surface
from lookalike.world.raster import normals
from lookalike.world.seeds import rng

JACKET = dict(outer=True, outer_kind="jacket", outer_hem=0.1, outer_opening=0.0, outer_sleeve=0.95)


def dress(key=0, **changes):
    """The undressed surface, the dressed one, what bends, and which garments cover what."""
    identity, outfit = looks(**changes)
    paint = paint_of(identity, outfit)
    vertices, heads = body().rest(identity.phenotype)
    shape, bent = dressing.dress(
        rng("test dressing", key), identity, outfit, paint, vertices, heads
    )
    return surface().matrix @ vertices, shape, bent, coverage(paint, dressing.attributes())


@pytest.mark.parametrize(
    "changes",
    [
        {},
        dict(loose=0.0, bottom="leggings"),
        dict(loose=1.0, top="hoodie", sleeve=0.97, bottom="trousers"),
        dict(bottom="shorts", leg_end=-0.25, top="tank", sleeve=-0.2),
        {**JACKET, "outer_thick": 0.03},
    ],
)
def test_cloth_lies_outside_the_body(changes):
    bare, shape, _, bits = dress(**changes)
    mesh = surface()
    outwards = normals(bare, mesh.faces)
    gap = ((shape - bare) * outwards).sum(1)
    covered = bits & (IN_TOP | IN_BOTTOM | IN_OUTER) > 0
    assert np.median(gap[covered]) > 0.003
    assert (gap[covered] > -0.004).mean() > 0.97  # hollows between breasts or buttocks are spanned
    assert gap[covered].min() > -0.03


def test_hands_and_head_stay_as_they_are():
    bare, shape, bent, _ = dress()
    part = surface().part
    untouched = np.isin(part, (HAND, HEAD))
    assert np.abs(shape - bare)[untouched].max() < 1e-6
    assert np.abs(bent)[untouched].max() == 0


def test_soles_are_flat():
    _, shape, _, _ = dress()
    foot = shape[surface().part == FOOT, 2]
    assert (foot - foot.min() < 0.004).sum() > 100


def width(shape, low, high, leg=False):
    """Median distance of a band of the trunk or left leg from its middle."""
    mesh = surface()
    z = mesh.canonical[:, 2]
    band = (z > low) & (z < high) & (mesh.is_arm == 0)
    if leg:
        band &= mesh.canonical[:, 0] > 0
    points = shape[band, :2]
    return np.median(np.linalg.norm(points - points.mean(0), axis=1))


def test_loose_tops_hang_and_tight_ones_follow_the_waist():
    tight, loose = (dress(loose=value)[1] for value in (0.0, 1.0))
    assert width(loose, 0.30, 0.40) > width(tight, 0.30, 0.40) + 0.01


def test_legs_are_as_wide_as_their_kind():
    ankle = [
        width(dress(bottom=kind, leg_loose=wide)[1], -0.69, -0.60, leg=True)
        for kind, wide in (("leggings", 0.0), ("jeans", 0.0), ("trousers", 0.0), ("trousers", 1.0))
    ]
    assert ankle == sorted(ankle)
    assert ankle[3] > ankle[0] + 0.02


def test_an_outer_garment_adds_its_thickness():
    thin, thick = (dress(**JACKET, outer_thick=value) for value in (0.01, 0.03))
    mesh = surface()
    jacket = (thin[3] & IN_OUTER > 0) & (mesh.is_arm == 0)
    more = np.linalg.norm(thick[1] - thin[1], axis=1)[jacket]
    assert np.allclose(np.median(more), 0.02, atol=0.001)


def test_a_fold_is_a_ridge_with_a_valley_on_its_right():
    cloth, around, along = folds.unrolled()
    raised = folds.heights([(folds.TRUNK, 0.0, 0.2, 0.0, 0.5, 0.02, 0.01, 0.0)])
    near = (cloth == folds.TRUNK) & (along > 0.24) & (along < 0.4)
    assert raised[near & (np.abs(around) < 0.006)].min() > 0.003
    assert raised[near & (np.abs(around - 0.034) < 0.006)].max() < -0.001
    assert np.abs(raised[near & (np.abs(around) > 0.09)]).max() == 0
    assert np.abs(raised[(cloth != folds.TRUNK) | (along < 0.2) | (along > 0.5)]).max() == 0
    assert folds.heights([]).max() == 0


def test_folds_run_on_over_the_seam():
    cloth, around, along = folds.unrolled()
    raised = folds.heights([(folds.TRUNK, 0.40, 0.3, 0.50, 0.3, 0.02, 0.01, 0.0)])
    behind = (cloth == folds.TRUNK) & (np.abs(along - 0.3) < 0.01)
    assert raised[behind & (around < -0.425)].min() > 0.002
    assert np.abs(raised[behind & (np.abs(around) < 0.38)]).max() == 0


def test_bent_joints_fold_only_what_covers_them():
    _, _, bare, _ = dress(bottom="shorts", leg_end=-0.1)
    _, _, covered, _ = dress(top="long", sleeve=0.97)
    mesh = surface()
    knees = (mesh.is_arm == 0) & (np.abs(mesh.canonical[:, 2] + 0.29) < 0.08)
    elbows = (mesh.is_arm > 0) & (np.abs(mesh.arm - 0.5) < 0.1)
    assert np.abs(bare).max() == 0
    assert np.abs(covered[knees]).max() > 0.003
    assert np.abs(covered[elbows]).max() > 0.003


def test_the_same_key_folds_alike_and_another_does_not():
    first, again, other = dress(1)[1], dress(1)[1], dress(2)[1]
    assert np.array_equal(first, again)
    assert np.abs(first - other).max() > 0.003


def test_shorts_have_no_folds_below_their_end_to_speak_of():
    _, outfit = looks(bottom="shorts", leg_end=-0.2)
    assert drapery.leg_folds(rng("shorts"), outfit)
    _, tight = looks(bottom="leggings")
    assert drapery.leg_folds(rng("shorts"), tight) == []
