"""Grey renders: the same outline as the crop's, and the same person from any side."""

from dataclasses import replace

import numpy as np
import pytest

from lookalike.world.bodies.body import body
from lookalike.world.bodies.poses import sample_pose
from lookalike.world.dressing.person import Person, Posed
from lookalike.world.places.cameras import sample_camera
from lookalike.world.places.domains import DOMAINS
from lookalike.world.renderer import layer
from lookalike.world.renderer.placement import Place, View, outline, view_from
from lookalike.world.renderer.shots import SAMPLES, Site
from lookalike.world.renderer.structure import grey, structure
from lookalike.world.spec import WorldSpec
from lookalike.world.wardrobe.people import person_of


@pytest.fixture(scope="module")
def posed() -> Posed:
    person = Person(body(), *person_of(0, "plaza", 0, 3, 0, 0.0))
    return person.posed(sample_pose(np.random.default_rng(5), "phone"))


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def seen_by(
    posed: Posed, place: Place, rows: int, **camera: float
) -> tuple[layer.Buffers, View, layer.Layer]:
    """A crop around the person, twice as high as wide, of so many rows: samples, view, render."""
    lens = replace(sample_camera(DOMAINS["plaza"], 0, 0, 0), **camera)
    view = view_from(lens, place)
    seen = layer.perspective(posed.vertices, view)
    left, top, wide, high = outline(seen)
    box = (left + wide / 2 - 0.3 * high, top - 0.1 * high, 0.6 * high, 1.2 * high)
    buffers = layer.cover(seen, posed.faces, box, rows * SAMPLES, rows // 2 * SAMPLES)
    light = layer.light_on(lens, view, posed.vertices, posed.faces, (1.0, 1.0))
    return buffers, view, layer.render(posed, light, buffers, SAMPLES)


@pytest.mark.parametrize("yaw", [0.0, 2.0])
def test_outline_is_the_masks(posed: Posed, yaw: float) -> None:
    buffers, view, found = seen_by(posed, Place(0.5, 9.0, yaw), 256)
    picture = grey(posed, buffers, view.rotation[0], view.rotation[2], SAMPLES)
    assert iou(picture < 255, found.rgba[..., 3] > 0) == 1
    whole = picture[found.rgba[..., 3] == 1]
    assert 40 < np.percentile(whole, 5) < np.percentile(whole, 95) < 250  # grey, and shaded
    assert np.ptp(whole) > 80


@pytest.mark.parametrize("yaw", [0.0, 0.7, 2.0, 4.5])
def test_level_view_is_a_long_lens_far_away(posed: Posed, yaw: float) -> None:
    middle = float(posed.vertices[:, 2].max()) / 2
    _, _, found = seen_by(
        posed, Place(0.0, 900.0, yaw), 1024, pitch=0.0, roll=0.0, height=middle, focal=1e5
    )
    far = found.rgba[..., 3] > 0
    near = structure(posed, yaw, 1024, 512) < 255
    assert iou(trimmed(near), trimmed(far)) > 0.95


def trimmed(mask: np.ndarray) -> np.ndarray:
    """The mask's box, its pixels picked at 200×100 even steps."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    pick_rows = np.linspace(rows[0], rows[-1], 200).round().astype(int)
    pick_columns = np.linspace(columns[0], columns[-1], 100).round().astype(int)
    return mask[np.ix_(pick_rows, pick_columns)]


def test_half_a_turn_mirrors_the_outline(posed: Posed) -> None:
    front, back = structure(posed, 0.4), structure(posed, 0.4 + np.pi)
    assert iou(front < 255, back[:, ::-1] < 255) > 0.97
    assert (front != back[:, ::-1]).mean() > 0.05  # but the other side of the person


def test_size(posed: Posed) -> None:
    picture = structure(posed, 1.0, 128, 64)
    assert picture.shape == (128, 64)
    assert picture.dtype == np.uint8
    rows = np.flatnonzero((picture < 255).any(1))
    assert abs(rows[0] - 0.04 * 128) <= 2
    assert abs(rows[-1] - 0.96 * 128) <= 3
    assert (picture[:4] == 255).all()


def test_of_a_crop() -> None:
    site = Site(WorldSpec(people=2, cameras=1, images=1, height=512, width=256))
    truth = site.shot(1, 0, 0).truth
    same, turned = site.structure(1, 0, 0, [0.0, 1.5])
    assert same.shape == truth.amodal.shape
    assert iou(same < 255, truth.amodal) > 0.95
    assert iou(turned < 255, truth.amodal) < 0.9
    top = [np.flatnonzero((picture < 255).any(1))[0] for picture in (same, turned)]
    assert abs(top[0] - top[1]) < 16  # at the same place, as high
