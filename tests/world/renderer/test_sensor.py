"""What the camera does to light."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import laplace

from lookalike.world.places.cameras import Camera, sample_camera
from lookalike.world.places.domains import DOMAINS
from lookalike.world.renderer.sensor import expose, jpeg

STEADY = replace(
    DOMAINS["plaza"],
    exposure_sd=0.0,
    white_balance_sd=0.0,
    saturation_sd=0.0,
    motion_share=0.0,
)
"""A domain whose shots differ in nothing but noise, softness and the file's quality."""


@pytest.fixture
def camera() -> Camera:
    """One without faults."""
    return replace(
        sample_camera(STEADY, 0, 0, 0),
        white_balance=(1.0, 1.0, 1.0),
        saturation=1.0,
        contrast=1.0,
        black=0.0,
        noise=0.0,
        blur=1e-3,
        sharpen=0.0,
        resolution=1.0,
    )


def shoot(camera: Camera, linear: np.ndarray, gain: float = 1.0, native: float = 1e4) -> np.ndarray:
    return expose(np.random.default_rng(0), camera, STEADY, gain, linear, native)


def checks(height: int = 128, width: int = 64) -> np.ndarray:
    """Squares of a 32nd of the height."""
    rows, columns = np.mgrid[:height, :width] * 32 // height
    return np.repeat(((rows + columns) % 2 * 0.3 + 0.05)[..., None], 3, 2).astype(np.float32)


def test_a_faultless_camera_shows_the_root_of_light(camera: Camera) -> None:
    grey = np.full((128, 64, 3), 0.25, np.float32)
    assert np.abs(shoot(camera, grey).astype(float) - 127.5).max() <= 1
    assert np.abs(shoot(camera, grey, gain=0.36).astype(float) - 76.5).max() <= 1


def test_highlights_are_rolled_off(camera: Camera) -> None:
    bright, brighter = (np.full((128, 64, 3), v, np.float32) for v in (1.0, 3.0))
    assert 200 < shoot(camera, bright).mean() < shoot(camera, brighter).mean() < 256


def test_colours(camera: Camera) -> None:
    orange = np.tile(np.float32([0.3, 0.15, 0.05]), (128, 64, 1))
    plain = shoot(camera, orange).reshape(-1, 3).mean(0)
    grey = shoot(replace(camera, saturation=0.0), orange).reshape(-1, 3).mean(0)
    assert np.ptp(plain) > 50
    assert np.ptp(grey) <= 1
    cold = shoot(replace(camera, white_balance=(0.8, 1.0, 1.2)), orange).reshape(-1, 3).mean(0)
    assert cold[0] < plain[0]
    assert cold[2] > plain[2]


def test_black_and_contrast(camera: Camera) -> None:
    dark = np.zeros((128, 64, 3), np.float32)
    assert shoot(camera, dark).max() == 0
    assert np.abs(shoot(replace(camera, black=14.0), dark).astype(int) - 14).max() <= 1
    soft, hard = shoot(camera, checks()), shoot(replace(camera, contrast=1.3), checks())
    assert hard.std() > 1.2 * soft.std()


def test_noise_is_the_cameras(camera: Camera) -> None:
    grey = np.full((128, 64, 3), 0.25, np.float32)
    noisy = shoot(replace(camera, noise=10.0), grey).astype(float)
    assert 5 < noisy.std() < 8
    assert noisy.mean(-1).std() > 1.2 * (noisy - noisy.mean(-1, keepdims=True)).std()


@pytest.mark.parametrize("height", [128, 256])
def test_few_pixels_are_soft(camera: Camera, height: int) -> None:
    picture = checks(height, height // 2)
    sharp, soft = shoot(camera, picture, native=height), shoot(camera, picture, native=0.3 * height)
    assert (
        laplace(soft[..., 1].astype(float)).std() < 0.6 * laplace(sharp[..., 1].astype(float)).std()
    )


def test_blur_is_relative_to_the_height(camera: Camera) -> None:
    blurred = replace(camera, blur=1.0)
    small = shoot(blurred, checks(128, 64)).astype(float)
    large = shoot(blurred, checks(256, 128)).astype(float)
    assert abs(large.std() / small.std() - 1) < 0.06  # discretised kernels


def test_motion_smears_sideways(camera: Camera) -> None:
    moving = replace(STEADY, motion_share=1.0, motion=(3, 3))
    line = np.zeros((128, 64, 3), np.float32)
    line[:, 32] = line[64] = 0.5
    out = expose(np.random.default_rng(0), camera, moving, 1.0, line, 1e4).astype(float)
    assert out[10, 35, 1] == 0
    np.testing.assert_allclose(out[10, 32:35, 1], out[10, 32, 1])  # three columns share one
    assert out[64, 10, 1] > 2.5 * out[10, 32, 1]  # rows keep theirs
    assert out[66, 10, 1] == 0


def test_same_generator_same_picture(camera: Camera) -> None:
    noisy = replace(camera, noise=5.0)
    assert (shoot(noisy, checks()) == shoot(noisy, checks())).all()


def test_jpeg() -> None:
    picture = (checks() * 255).astype(np.uint8)
    small, large = jpeg(picture, 30), jpeg(picture, 95)
    assert len(small) < len(large)
    with Image.open(io.BytesIO(large)) as image:
        assert image.size == (64, 128)
        assert np.abs(np.asarray(image).astype(int) - picture).mean() < 3
