"""The world's acceptance list: what takes seconds and has no file of its own, and its measures.

1 the same bytes in any order: test_shots, by any workers: test_render. 2 key points in the mask:
test_truth. 3 colours stick to cloth: test_paint, and in crops: here. 4 left is left: test_truth. 5
boxes: test_shots. 9 one z-buffer: test_raster. 10 speed: benchmarks/world.py. 11 other tools: here.
12 structures: test_structure. What takes many people (2, 5, 6, 7, 8, 13): slow/test_many_people.py.
"""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import acceptance

from lookalike.data import parse_data
from lookalike.world.bodies.body import body
from lookalike.world.bodies.poses import Pose
from lookalike.world.dressing.person import Person, Posed
from lookalike.world.places.domains import DOMAINS
from lookalike.world.renderer.shots import Shot, Site
from lookalike.world.seeds import rng
from lookalike.world.spec import WorldSpec
from lookalike.world.wardrobe.people import sample_identity, sample_outfit
from lookalike.world.writer import layout

PLAIN = replace(  # nobody else, no noise, a steady hand, and people who walk towards us
    DOMAINS["plaza"], behind=0.0, front_share=0.0, occluder_share=0.0, noise=(0.0, 0.0),
    motion_share=0.0, yaw_uniform=0.0, yaw_sides=(1.0, 0.0, 0.0, 0.0), yaw_sd=15.0,
    poses=(("walk", 0.5), ("stand", 0.5)),
)  # fmt: skip
PRINT_HEIGHT = 0.5  # canonical, of the print's middle


class Wearer:
    """A person in a plain tee, with a print or without, who remembers how they were posed."""

    def __init__(self, number: int, colour: float) -> None:
        identity = sample_identity(rng("acceptance identity", number))
        outfit = replace(
            sample_outfit(rng("acceptance outfit", number), identity),
            top="tee", outer=False, scarf=False, backpack=0.0, shoulder_bag=0.0, umbrella=False,
            decal=np.full((48, 48, 4), (colour, colour, colour, 1), np.float32),
            decal_size=0.12, decal_height=PRINT_HEIGHT, decal_x=0.0, decal_front=True,
            decal_back=False, top_texture=np.full((128, 128, 3), 0.4, np.float32),
            top_colour=np.full(3, 0.4, np.float32), sleeve_colour=None,
        )  # fmt: skip
        self.person = Person(body(), replace(identity, hair="crop", hair_end=0.80), outfit)
        self.last: Posed

    def posed(self, pose: Pose) -> Posed:
        self.last = self.person.posed(pose)
        return self.last


def chest(posed: Posed) -> np.ndarray:
    """Where the middle of the print is: the foremost point of the body at that x and z, metres."""
    faces = posed.faces[posed.face_material < 0]
    canonical = posed.attributes[faces, :3].astype(np.float64)
    edges = canonical[:, 1:, ::2] - canonical[:, :1, ::2]  # of x and z
    flat = abs(np.linalg.det(edges)) < 1e-9
    edges[flat] = np.eye(2)
    weights = np.linalg.solve(
        edges.transpose(0, 2, 1), ((0.0, PRINT_HEIGHT) - canonical[:, 0, ::2])[..., None]
    )[..., 0]
    weights = np.concatenate([1 - weights.sum(1, keepdims=True), weights], axis=1)
    torso = (posed.attributes[faces, 5] < 0.5).all(1) & (posed.attributes[faces, 4] < 0.5).all(1)
    inside = np.flatnonzero((weights > -1e-6).all(1) & ~flat & torso)
    depth = np.einsum("fk,fk->f", weights[inside], canonical[inside, :, 1])
    front = inside[depth.argmin()]
    found: np.ndarray = weights[front] @ posed.vertices[faces[front]]
    return found


def in_crop(point: np.ndarray, posed: Posed, shot: Shot, focal: float) -> np.ndarray:
    """The pixel that shows a point given in the person's axes, by where the joints are known."""
    truth = shot.truth
    known, seen = posed.joints.astype(np.float64), truth.keypoints3d.astype(np.float64)
    left, _, right = np.linalg.svd((known - known.mean(0)).T @ (seen - seen.mean(0)))
    moved = (point - known.mean(0)) @ (left @ right) + seen.mean(0)
    frame = np.array([640, 360]) + focal * moved[:2] / moved[2]
    x, y, width, height = truth.box
    return (frame - (x, y)) * (64 / width, 128 / height)


def test_a_prints_pixels_lie_about_the_chest() -> None:
    """Within a pixel, in every pose; a picture of a print minus one of another shows where."""
    site = Site(WorldSpec(domain=PLAIN, cameras=1))
    focal = site.camera(0).focal
    pictures: list[list[tuple[Shot, Posed]]] = []
    misses = []
    for colour in (0.75, 0.15):
        wearers = [Wearer(number, colour) for number in range(2)]
        site.person = lambda number, clothes, wearers=wearers: wearers[number]
        names = [(number, 0, k) for number in range(2) for k in range(4)]
        pictures.append([(site.shot(*name), wearers[name[0]].last) for name in names])
    for (bright, posed), (dark, _) in zip(*pictures, strict=True):
        difference = abs(bright.image.astype(float) - dark.image).sum(2)
        rows, columns = np.nonzero(difference > 0.4 * difference.max())
        middle = np.array([columns.mean(), rows.mean()]) + 0.5
        misses.append(middle - in_crop(chest(posed), posed, bright, focal))
    assert abs(np.array(misses)).max() < 1, np.round(misses, 2)


def as_torchreid_reads(folder: Path) -> list[tuple[int, int]]:
    """Its Market-1501 loader, line by line: identities and cameras, junk left out."""
    found = []
    pattern = re.compile(r"([-\d]+)_c(\d)")
    for path in sorted(folder.glob("*.jpg")):
        pid, camid = map(int, pattern.search(str(path)).groups())
        if pid == -1:
            continue
        assert 0 <= pid <= 1501  # pid == 0 means background
        assert 1 <= camid <= 6
        found.append((pid, camid - 1))
    return found


def test_other_tools_read_the_folders(rendered: Path) -> None:
    bench = parse_data(f"world:{rendered}")
    splits = bench.train, bench.query, bench.gallery
    for folder, people in zip(layout.SPLITS, splits, strict=True):
        ours = list(zip(people.pids.tolist(), people.camids.tolist(), strict=True))
        assert sorted(as_torchreid_reads(rendered / folder)) == sorted(ours)
        assert ours


def test_names_of_a_world_of_market_1501s_size_are_market_1501s(tmp_path: Path) -> None:
    spec = WorldSpec(people=1501)
    test = layout.people_tested(spec)
    wanted = [c for p in (*range(40), 1499, 1500) for c in layout.crops(spec, p, p in test)]
    for crop in wanted:
        (tmp_path / f"{crop.stem}.jpg").touch()
    found = as_torchreid_reads(tmp_path)
    assert sorted(found) == sorted((c.person + 1, c.camera) for c in wanted)
    assert len(found) == 42 * 18


def test_every_domain_has_as_many_cameras_as_other_tools_take() -> None:
    assert {domain.cameras for domain in DOMAINS.values()} == {6} == {WorldSpec().cameras}


def coloured(colours: np.ndarray) -> np.ndarray:
    """Flat crops N×128×64×3 of colours N×3."""
    flat = np.zeros((len(colours), 128, 64, 3), np.uint8)
    return flat + np.asarray(colours, np.uint8)[:, None, None]


def test_statistics_of_pictures_that_one_can_work_out() -> None:
    checks = np.indices((128, 64)).sum(0) % 2 * 200
    pictures = np.concatenate([coloured([[90, 90, 90], [100, 0, 0]]), coloured([[0, 0, 0]])])
    pictures[2] = checks[..., None]
    grey, red, board = acceptance.statistics(pictures)
    np.testing.assert_allclose(grey, [90, 0, 0, 0], atol=1e-4)
    np.testing.assert_allclose(red, [29.9, 0, 0.3 * np.hypot(100, 50), 0], atol=1e-4)
    np.testing.assert_allclose(board[:3], [100, 100, 0], atol=1e-3)
    assert 700 < board[3] < 800  # four neighbours of the other kind: ±800, less at the rim


def test_the_histogram_finds_who_wears_a_colour_of_their_own() -> None:
    people, cameras = np.repeat(np.arange(1, 9), 6), np.tile(np.repeat(np.arange(3), 2), 8)
    own = np.array([[r, g, b] for r in (30, 220) for g in (30, 220) for b in (30, 220)])
    assert acceptance.histogram_rank1(coloured(own[people - 1]), people, cameras) == 1
    by_camera = acceptance.histogram_rank1(coloured(own[cameras]), people, cameras)
    assert by_camera < 0.3  # by chance 1/8


def test_the_probe_tells_what_shows_and_nothing_else() -> None:
    random = np.random.default_rng(0)
    people, labels = np.repeat(np.arange(20), 8), np.tile(np.arange(4), 40)
    noise = random.integers(0, 40, (160, 128, 64, 3), dtype=np.uint8)
    tints = np.array([[9, 0, 0], [0, 9, 0], [0, 0, 9], [0, 0, 0]], np.uint8)
    tinted = noise + tints[labels][:, None, None]
    assert acceptance.probe(tinted, labels, people) > 0.95
    assert acceptance.probe(noise, labels, people) < 0.4


def test_joints_beside_a_mask_are_told() -> None:
    mask = np.zeros((1, 128, 64), bool)
    mask[0, 10:20, 10:20] = True
    points = np.array([[[15.2, 12.0, 1], [20.5, 19.5, 1], [30, 30, 1], [70, 12, 1]]])
    assert acceptance.joints_in_masks(points, mask) == pytest.approx((1 / 3, 2 / 3))
