"""What a camera makes of light: exposure, colour, blur, resolution, noise and JPEG."""

from __future__ import annotations

import io
import math

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.ndimage import gaussian_filter

from lookalike.world.places.cameras import Camera
from lookalike.world.places.domains import Domain

Array = npt.NDArray[np.float32]
Picture = npt.NDArray[np.uint8]

LUMA = (0.30, 0.59, 0.11)
SHARP_ENOUGH = 0.92
"""Share of the crop's rows below which a person's own rows show as softness."""


def expose(
    random: np.random.Generator,
    camera: Camera,
    domain: Domain,
    gain: float,
    linear: Array,
    native_height: float,
) -> Picture:
    """The picture H×W×3 uint8 of light `linear` (H×W×3, 0 dark, about 1 white paper in the sun).

    `gain` is the frame's exposure; `native_height` the person's height in the frame, pixels: where
    that is less than the crop's, the crop is as soft as an enlarged one is.
    """
    height, width = linear.shape[:2]
    unit = height / 128  # the domains' blur is in pixels of a 128-pixel crop
    x = _colours(random, camera, domain, gain, linear)
    if random.random() < domain.motion_share:
        x = _motion(x, round(random.integers(domain.motion[0], domain.motion[1] + 1) * unit))
    sigma = camera.blur * random.uniform(0.6, 1.4) * unit
    # Blurred with its background, so that no cut-out edge survives.
    x = gaussian_filter(x, (sigma, sigma, 0), truncate=3)
    rows = native_height * camera.resolution * random.uniform(0.8, 1.2)
    coarse = rows < SHARP_ENOUGH * height
    boxed = random.random() < 0.5
    if coarse:
        x = _enlarged(x, max(0.3 / unit, rows / height), boxed)
    if camera.sharpen > 0.2:
        x += camera.sharpen * (x - gaussian_filter(x, (1.2 * unit, 1.2 * unit, 0), truncate=3))
    x += camera.noise * _noise(random, height, width, 0.6 * unit if coarse else 0.0)
    picture: Picture = np.clip(x, 0, 255).astype(np.uint8)
    return picture


def jpeg(picture: Picture, quality: int) -> bytes:
    """The picture (H×W×3) as a JPEG file's bytes."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    return file.getvalue()


def _colours(
    random: np.random.Generator, camera: Camera, domain: Domain, gain: float, linear: Array
) -> Array:
    """Linear light to display values 0 to 255."""
    exposure = gain * math.exp(random.normal(0, domain.exposure_sd))
    balance = np.exp(random.normal(0, domain.white_balance_sd, 3))
    saturation = camera.saturation * math.exp(random.normal(0, domain.saturation_sd))
    x = linear * np.float32(exposure * balance * camera.white_balance)
    grey = (x[..., 0] * LUMA[0] + x[..., 1] * LUMA[1] + x[..., 2] * LUMA[2])[..., None]
    x = np.maximum(grey + (x - grey) * np.float32(saturation), 0)
    shoulder = 0.45 + 0.52 * (1 - np.exp((0.45 - x) / np.float32(0.52)))
    x = np.sqrt(np.minimum(np.where(x < 0.45, x, shoulder), 1))
    x = np.clip((x - 0.42) * np.float32(camera.contrast) + 0.42, 0, 1)
    coloured: Array = x * np.float32(255 - camera.black) + np.float32(camera.black)
    return coloured


def _motion(x: Array, length: int) -> Array:
    """Smeared over `length` pixels to the right."""
    padded = np.concatenate([np.repeat(x[:, :1], length - 1, axis=1), x], axis=1)
    width = x.shape[1]
    total = sum((padded[:, i : i + width] for i in range(1, length)), padded[:, :width])
    smeared: Array = np.asarray(total, np.float32) / np.float32(length)
    return smeared


def _enlarged(x: Array, share: float, boxed: bool) -> Array:
    """As if it had only `share` of its rows and columns."""
    height, width = x.shape[:2]
    small = (max(8, int(width * share)), max(8, int(height * share)))
    image = Image.fromarray(np.clip(x, 0, 255).astype(np.uint8))
    image = image.resize(small, Image.Resampling.BOX if boxed else Image.Resampling.BILINEAR)
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC), np.float32)


def _noise(random: np.random.Generator, height: int, width: int, sigma: float) -> Array:
    """H×W×3 with a standard deviation near .64: mostly of brightness, a little of colour."""
    grey = random.standard_normal((height, width, 1), np.float32)
    noise = random.standard_normal((height, width, 3), np.float32) * np.float32(0.45 * 0.7)
    noise += grey * np.float32(0.8 * 0.7)
    if sigma:
        noise = gaussian_filter(noise, (sigma, sigma, 0), truncate=3) * np.float32(1.5)
    return noise
