"""Steps without training: what they do to two sides, and what is said of it."""

import numpy as np
import pytest
import torch

from lookalike.errors import UserError
from lookalike.evaluation.steps import Steps, StepsRecord, density
from lookalike.metrics import centralise_neighbours, identity_density, normalise_cameras

TOGETHER, APART = "queries and gallery together", "queries and gallery apart"


@pytest.fixture
def sides():
    """40 queries and 90 gallery images of three cameras: features, cameras, persons."""
    rng = np.random.default_rng(0)
    feats = [rng.standard_normal((n, 6)) + 2 for n in (40, 90)]
    camids = [np.arange(n) % 3 for n in (40, 90)]
    pids = [rng.integers(1, 9, n) for n in (40, 90)]
    return feats, camids, pids


@pytest.mark.parametrize("kind", ["mean", "deviation"])
def test_cameras_have_one_statistic_on_both_sides(sides, kind):
    feats, camids, _ = sides
    both = np.concatenate(feats), np.concatenate(camids)
    want = normalise_cameras(*both, deviation=kind == "deviation")
    got, record = Steps(cameras=kind).apply(feats, camids)
    np.testing.assert_array_equal(torch.cat(got), want)
    assert [len(side) for side in got] == [40, 90]
    assert record == StepsRecord([f"cameras {kind}"], [TOGETHER])


def test_neighbours_are_of_one_side_and_come_after_the_cameras(sides):
    feats, camids, _ = sides
    got, record = Steps("deviation", 3).apply(feats, camids)
    before, _ = Steps("deviation").apply(feats, camids)
    for side, plain in zip(got, before, strict=True):
        np.testing.assert_array_equal(side, centralise_neighbours(plain, 3))
    assert record.row() == {
        "steps": ["cameras deviation", "neighbours 3"],
        "steps_set": [TOGETHER, APART],
    }
    assert record.texts() == [f"cameras deviation ({TOGETHER})", f"neighbours 3 ({APART})"]


def test_one_set_alone_is_named_so(sides):
    feats, camids, _ = sides
    got, record = Steps("deviation", 2).apply(feats[:1], camids[:1])
    want = centralise_neighbours(normalise_cameras(feats[0], camids[0]))
    # 13 and 14 images a camera: only centred
    np.testing.assert_array_equal(got[0], want)
    assert record.sets == ["these images"] * 2
    assert record.note == "cameras 0, 1, 2 with fewer than 20 images: only centred."


def test_an_image_on_both_sides_counts_once(sides):
    feats, camids, _ = sides
    gallery = np.concatenate([feats[1], feats[0]]), np.concatenate([camids[1], camids[0]])
    twins = np.concatenate([np.full(90, -1), np.arange(40)])
    twice, _ = Steps("mean").apply([feats[0], gallery[0]], [camids[0], gallery[1]], twins=twins)
    once, _ = Steps("mean").apply(feats, camids)
    torch.testing.assert_close(twice[0], once[0], rtol=0, atol=1e-12)
    torch.testing.assert_close(twice[1], torch.cat([once[1], once[0]]), rtol=0, atol=1e-12)
    # Of another camera it is another image: that camera's.
    gallery[1][90:] = 7
    moved, _ = Steps("mean").apply([feats[0], gallery[0]], [camids[0], gallery[1]], twins=twins)
    want = normalise_cameras(feats[0], np.zeros(40, int), deviation=False)
    np.testing.assert_allclose(moved[1][90:], want, rtol=0, atol=1e-12)


def test_cameras_with_too_few_images_are_told(sides):
    feats, _, _ = sides
    camids = [np.zeros(40, int), np.array([*[0] * 70, *[4] * 10, 5, -1, -1, *[6] * 7])]
    _, record = Steps("deviation").apply(feats, camids)
    assert record.note == (
        "cameras 4, 6 with fewer than 20 images: only centred. camera 5 with a single image: left "
        "as it is. 2 images of unknown cameras (below 0) are left as they are."
    )
    _, record = Steps("mean").apply(feats, camids)
    assert record.note.startswith("camera 5 with a single image")
    many = [np.zeros(40, int), np.arange(90)]
    _, record = Steps("deviation").apply(feats, many)
    assert "cameras 1, 2, 3, 4, 5, … with a single image" in record.note


def test_density_counts_an_image_on_both_sides_once(sides):
    feats, _, pids = sides
    want = identity_density(np.concatenate(feats), np.concatenate(pids))
    assert density(feats, pids, None) == pytest.approx(want)
    gallery = np.concatenate([feats[1], feats[0][:5]]), np.concatenate([pids[1], pids[0][:5]])
    twins = np.concatenate([np.full(90, -1), np.arange(5)])
    got = density([feats[0], gallery[0]], [pids[0], gallery[1]], twins)
    assert got == pytest.approx(want)
    assert density(feats, [np.zeros(40, int), np.full(90, -1)], None) is None


def test_no_step_is_false_and_wrong_ones_are_refused():
    assert not Steps()
    assert Steps("mean")
    assert Steps(neighbours=1)
    assert Steps(adabn=True)
    with pytest.raises(UserError, match="cameras is 'mean', 'deviation' or '', not 'median'"):
        Steps(cameras="median")
    with pytest.raises(UserError, match="neighbours is a whole number from 0 up, not -1"):
        Steps(neighbours=-1)


def test_rows_that_are_not_numbers_are_named_as_the_users(sides):
    feats, camids, _ = sides
    feats[1][3] = np.nan
    with pytest.raises(UserError, match=r"Gallery features hold NaN .* 1 of 90 rows \(3\)"):
        Steps("mean").apply(feats, camids)
