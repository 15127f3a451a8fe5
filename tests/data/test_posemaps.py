import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor

from lookalike import UserError, parallel
from lookalike.data.posemaps import (
    augmented_maps,
    disc_maps,
    draw_sigmas,
    flip_joints,
    gaussian_maps,
    pose_mask,
)
from lookalike.data.poses.poses import LIMBS, MIRROR

# PG²'s limb list, joints numbered from 1, as the specification prints it.
PG2_LIMBS = (
    (2, 3), (2, 6), (3, 4), (4, 5), (6, 7), (7, 8), (2, 9), (9, 10), (10, 11), (2, 12), (12, 13),
    (13, 14), (2, 1), (1, 15), (15, 17), (1, 16), (16, 18),
    (2, 17), (2, 18), (9, 12), (12, 6), (9, 3), (17, 18),
)  # fmt: skip


def random_joints(batch: int, height: int, width: int, seed: int = 0, lost: float = 0.2) -> Tensor:
    """Anywhere in the image and between pixels; every second pose on whole pixels."""
    joints = torch.rand(batch, 18, 3, dtype=torch.float64, generator=generator(seed))
    joints[..., 2] = joints[..., 2] > lost
    joints[..., :2] *= torch.tensor([width, height])
    joints[1::2] = joints[1::2].floor()
    return joints * joints[..., 2:]


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def literal_map(joint: Tensor, height: int, width: int, sigma: float) -> np.ndarray:
    picture = np.zeros((height, width))
    if joint[2] <= 0:
        return picture
    picture[int(joint[1]), int(joint[0])] = 1
    picture = ndimage.gaussian_filter(picture, sigma, mode="reflect", truncate=4)
    return picture / picture.max()


@pytest.mark.parametrize("sigma", [4, 5, 6, 1.25, 2.6, 5.3])
@pytest.mark.parametrize("size", [(64, 32), (23, 14), (6, 5)])
def test_gaussian_maps_are_the_filters_answers(sigma: float, size: tuple[int, int]) -> None:
    """Anywhere in the image, and in images smaller than the filter, which is mirrored again."""
    joints = random_joints(3, *size, seed=int(sigma * 10))
    joints[0, :4] = torch.tensor([[0, 0, 1], [size[1] - 1, size[0] - 1, 1], [0, 2, 1], [1, 0, 1]])
    maps = gaussian_maps(joints, *size, sigma=sigma)
    assert maps.shape == (3, 18, *size)
    for b in range(3):
        for j in range(18):
            expected = literal_map(joints[b, j], *size, sigma)
            np.testing.assert_allclose(maps[b, j].numpy(), expected, rtol=0, atol=1e-12)
            assert maps[b, j].max() == joints[b, j, 2]  # exactly 1, or 0 all over


def test_an_interior_gaussian_is_the_closed_form_on_a_square() -> None:
    joints = torch.zeros(1, 18, 3, dtype=torch.float64)
    joints[0, 3] = torch.tensor([40.9, 50.2, 1])
    y, x = torch.meshgrid(torch.arange(100), torch.arange(80), indexing="ij")
    for sigma, reach in ((4, 16), (5, 20), (6, 24)):
        expected = torch.exp(-((y - 50.0) ** 2 + (x - 40.0) ** 2) / (2 * sigma**2))
        expected[((y - 50).abs() > reach) | ((x - 40).abs() > reach)] = 0
        maps = gaussian_maps(joints, 100, 80, sigma)
        torch.testing.assert_close(maps[0, 3].float(), expected, rtol=1e-6, atol=0)
        assert (maps[0, 3] > 0).sum() == (2 * reach + 1) ** 2
        assert not maps[0, [*range(3), *range(4, 18)]].any()


def test_sigma_may_differ_per_image_and_per_joint() -> None:
    joints = random_joints(3, 40, 20)
    per_joint = torch.rand(3, 18, dtype=torch.float64, generator=generator(1)) * 2 + 4
    for sigma in (per_joint, per_joint[:, 0]):
        maps = gaussian_maps(joints, 40, 20, sigma)
        for b in range(3):
            for j in range(18):
                alone = float(sigma[b, j] if sigma.ndim == 2 else sigma[b])
                torch.testing.assert_close(
                    maps[b, j], gaussian_maps(joints, 40, 20, alone)[b, j], rtol=0, atol=1e-14
                )


def test_dtypes_memory_and_an_empty_batch() -> None:
    joints = random_joints(2, 40, 20)
    for draw in (gaussian_maps, disc_maps, pose_mask):
        assert draw(joints, 40, 20).dtype == torch.float64
        assert draw(joints.float(), 40, 20).dtype == torch.float32
        assert draw(joints.long(), 40, 20).dtype == torch.float32
        assert draw(joints, 40, 20).is_contiguous(memory_format=torch.channels_last)
        assert draw(joints[:0], 40, 20).shape[0] == 0
    assert augmented_maps(joints[:0], 40, 20, "gauss_uniform_per_joint").shape == (0, 18, 40, 20)


def test_joints_outside_the_image_or_not_finite_are_missing() -> None:
    joints = torch.ones(5, 18, 3)
    joints[0, :, 0], joints[1, :, 0], joints[2, :, 1] = -0.5, 20, 40
    joints[3, :, 0], joints[4, :, 1] = torch.nan, torch.inf
    for draw in (gaussian_maps, disc_maps, pose_mask):
        assert (draw(joints, 40, 20) == 0).all()


@pytest.mark.parametrize(
    ("mode", "shape"), [("gauss_int_shared", 1), ("gauss_uniform_per_joint", 2)]
)
def test_drawn_sigmas_have_the_papers_ranges(mode: str, shape: int) -> None:
    torch.manual_seed(0)
    sigma = draw_sigmas(3000, mode)
    assert sigma.shape == (3000, 18)[:shape]
    values, counts = sigma.round().unique(return_counts=True)
    assert values.tolist() == [4, 5, 6]
    if mode == "gauss_int_shared":
        assert torch.equal(sigma, sigma.round())
        assert (counts > 900).all()
    else:
        assert 4 <= sigma.min() < 4.01
        assert 5.99 < sigma.max() <= 6
        assert sigma.mean() == pytest.approx(5, abs=0.02)
        assert sigma[0].unique().numel() == 18


def test_erase_blanks_one_random_joint_and_none_nothing() -> None:
    joints = random_joints(900, 8, 4, lost=0)
    torch.manual_seed(0)
    erased = augmented_maps(joints, 8, 4, "erase")
    whole = augmented_maps(joints, 8, 4, "none")
    assert torch.equal(whole, gaussian_maps(joints, 8, 4, 5 * 8 / 256))
    blank = erased.flatten(2).amax(2) == 0
    assert (blank.sum(1) == 1).all()
    assert (blank.sum(0) > 25).all()  # 50 expected
    assert torch.equal(torch.where(blank[..., None, None], whole, erased), whole)
    assert (joints[..., 2] == 1).all()  # the caller's joints stay
    with pytest.raises(UserError, match="pose augmentation 'gaus'"):
        draw_sigmas(2, "gaus")  # type: ignore[arg-type]


def test_sigmas_are_of_256_rows() -> None:
    joints = random_joints(2, 64, 32)
    half = augmented_maps(joints, 64, 32, "none")
    assert torch.equal(half, gaussian_maps(joints, 64, 32, 1.25))
    assert torch.equal(
        augmented_maps(joints, 64, 32, "none", 0.5), gaussian_maps(joints, 64, 32, 2.5)
    )


@pytest.mark.parametrize("mode", ["gauss_int_shared", "gauss_uniform_per_joint", "erase", "none"])
def test_maps_do_not_depend_on_the_number_of_processes(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    joints = random_joints(6, 32, 16)
    torch.manual_seed(3)
    alone, after = augmented_maps(joints, 32, 16, mode), torch.rand(1)
    monkeypatch.setattr(parallel, "world_size", lambda: 2)
    for rank, rows in ((0, slice(0, 3)), (1, slice(3, 6))):
        monkeypatch.setattr(parallel, "rank", lambda rank=rank: rank)
        torch.manual_seed(3)
        torch.testing.assert_close(augmented_maps(joints[rows], 32, 16, mode), alone[rows])
        assert torch.equal(torch.rand(1), after)


@pytest.mark.parametrize("radius", [1, 4, 7])
def test_disc_maps_are_the_pixels_within_the_radius(radius: int) -> None:
    joints = random_joints(3, 30, 15, lost=0.3)
    joints[0, :2] = torch.tensor([[0, 0, 1], [14, 29, 1]])
    maps = disc_maps(joints, 30, 15, radius)
    y, x = np.mgrid[:30, :15]
    for b in range(3):
        for j in range(18):
            px, py, known = joints[b, j].tolist()
            near = (x - int(px)) ** 2 + (y - int(py)) ** 2 <= radius**2
            assert np.array_equal(maps[b, j].numpy(), near * known)


def test_a_disc_of_radius_4_has_49_pixels() -> None:
    joints = torch.tensor([30.7, 50.2, 1]).expand(1, 18, 3)
    assert (disc_maps(joints, 128, 64).sum((2, 3)) == 49).all()


def stamp(mask: np.ndarray, row: float, column: float, radius: int) -> None:
    y, x = np.mgrid[: mask.shape[0], : mask.shape[1]]
    mask[(y - int(row)) ** 2 + (x - int(column)) ** 2 <= radius**2] = 1


def literal_mask(
    joints: np.ndarray, height: int, width: int, radius: int = 4, close: int = 5, fill: bool = False
) -> np.ndarray:
    mask = np.zeros((height, width))
    for a, b in PG2_LIMBS:
        (x0, y0, known0), (x1, y1, known1) = joints[a - 1], joints[b - 1]
        if not known0 or not known1:
            continue
        stamp(mask, y0, x0, radius)
        stamp(mask, y1, x1, radius)
        steps = int(np.sqrt((y1 - y0) ** 2 + (x1 - x0) ** 2) / radius)
        for k in range(1, steps):
            stamp(mask, y0 + (y1 - y0) * k / steps, x0 + (x1 - x0) * k / steps, radius)
    mask = ndimage.grey_erosion(ndimage.grey_dilation(mask, (close, close)), (close, close))
    return ndimage.binary_fill_holes(mask).astype(float) if fill else mask


@pytest.mark.parametrize("lost", [0.0, 0.2, 0.6, 1.0])
@pytest.mark.parametrize("recipe", [(4, 5, False), (8, 9, True), (2, 3, True), (1, 1, False)])
def test_pose_masks_are_the_literal_ones(lost: float, recipe: tuple[int, int, bool]) -> None:
    for height, width in ((64, 32), (48, 48)):
        joints = random_joints(4, height, width, seed=int(lost * 10), lost=lost)
        masks = pose_mask(joints, height, width, *recipe)
        assert masks.shape == (4, 1, height, width)
        for b in range(4):
            expected = literal_mask(joints[b].numpy(), height, width, *recipe)
            assert np.array_equal(masks[b, 0].numpy(), expected)


def test_a_lone_joint_leaves_no_mark() -> None:
    joints = torch.zeros(3, 18, 3)
    joints[0, 4] = torch.tensor([10, 10, 1])
    joints[1, [4, 7]] = torch.tensor([10, 10, 1.0])  # both wrists: no limb
    joints[2, [3, 4]] = torch.tensor([10, 10, 1.0])  # elbow and wrist on one spot
    masks = pose_mask(joints, 40, 20, close=1)
    assert masks.flatten(1).sum(1).tolist() == [0, 0, 49]


def test_holes_of_any_shape_are_filled() -> None:
    """A spiral's arm is open to the border, however many corners it has; a ring's inside isn't."""
    from lookalike.data.posemaps.mask import _filled

    spiral = np.zeros((41, 41), bool)
    y, x, length, turns = 2, 2, 36, ((0, 1), (1, 0), (0, -1), (-1, 0))
    for side in range(16):
        dy, dx = turns[side % 4]
        for _ in range(length):
            spiral[y, x] = True
            y, x = y + dy, x + dx
        length -= 4 * (side % 2)
    ring = np.zeros((41, 41), bool)
    ring[5:30, 5:30] = True
    ring[8:27, 8:27] = False
    ring[12:15, 12:15] = True
    diagonal = np.eye(41, dtype=bool) | np.eye(41, k=3, dtype=bool)
    noise = np.random.default_rng(0).random((20, 41, 41)) < 0.5
    masks = np.stack((spiral, ring, diagonal, np.zeros_like(ring), ~np.zeros_like(ring), *noise))
    filled = _filled(torch.from_numpy(masks)).numpy()
    for mask, full in zip(masks, filled, strict=True):
        assert np.array_equal(full, ndimage.binary_fill_holes(mask))
    assert np.array_equal(filled[0], spiral)
    assert filled[1, 6:29, 6:29].all()


def test_the_masks_limbs_are_the_papers() -> None:
    from lookalike.data.posemaps.mask import MASK_LIMBS

    assert {frozenset(limb) for limb in MASK_LIMBS} == {
        frozenset((a - 1, b - 1)) for a, b in PG2_LIMBS
    }
    assert set(LIMBS) < set(MASK_LIMBS)
    assert len(MASK_LIMBS) == 23


@pytest.mark.parametrize(("radius", "close"), [(0, 5), (4, 4), (4, 0)])
def test_a_mask_without_sense_is_refused(radius: int, close: int) -> None:
    with pytest.raises(UserError, match="radius of at least 1 pixel and an odd closing"):
        pose_mask(torch.zeros(1, 18, 3), 40, 20, radius, close)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", [(64, 32), (13, 7)])
def test_the_maps_of_flipped_joints_are_the_flipped_maps(
    size: tuple[int, int], dtype: torch.dtype
) -> None:
    joints = random_joints(6, *size).to(dtype)
    flip = torch.tensor([True, False, True, True, False, True])
    for swap in (True, False):
        flipped = flip_joints(joints, flip, size[1], swap)
        for draw in (gaussian_maps, disc_maps):
            before, after = draw(joints, *size), draw(flipped, *size)
            mirrored = before.flip(3)
            mirrored = mirrored[:, list(MIRROR)] if swap else mirrored
            assert torch.equal(after, torch.where(flip[:, None, None, None], mirrored, before))
        assert torch.equal(flipped[~flip], joints[~flip])
        assert (flipped[flipped[..., 2] == 0] == 0).all()
        twice = flip_joints(flipped, flip, size[1], swap)
        assert torch.equal(disc_maps(twice, *size), disc_maps(joints, *size))


def real_joints(count: int) -> Tensor:
    """Of Market-1501's crops, 128×64; skips unless a CSV of poses lies beside them."""
    root = Path(os.environ.get("LOOKALIKE_MARKET1501") or "nowhere")
    files = [*root.glob("*poses*.csv"), *root.parent.glob("Market-1501*poses*.csv")]
    if not files:
        pytest.skip("needs LOOKALIKE_MARKET1501 and a CSV file of its poses")
    lines = files[0].read_text().splitlines()[1:]
    lines = lines[:: max(len(lines) // count, 1)][:count]
    y, x = (torch.tensor([json.loads(line.split(":")[i]) for line in lines]) for i in (1, 2))
    known = (x >= 0) & (y >= 0)
    return torch.stack((x, y, known), -1) * known[..., None]


def test_real_poses_cover_what_was_published() -> None:
    """PG²'s recipe on Market: 29 % of the image, holes of 2.4 % of the filled silhouette.

    The poses released with FD-GAN, which take the topmost candidate of each joint, spread wider.
    """
    joints = real_joints(600).double()
    mask, full = pose_mask(joints, 128, 64), pose_mask(joints, 128, 64, fill_holes=True)
    assert 0.26 < mask.mean() < 0.4
    assert 0.01 < 1 - mask.sum() / full.sum() < 0.06
    for b in range(20):
        assert np.array_equal(mask[b, 0].numpy(), literal_mask(joints[b].numpy(), 128, 64))
