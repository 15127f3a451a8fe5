"""What a world is measured by: pictures' statistics, how much domains and cameras show, how easy.

Images are uint8 N×128×64×3. Market-1501's own values, where a docstring names them, are of its
12,936 training crops.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import laplace

from lookalike.demo.colours import stripe_histogram
from lookalike.metrics import rank

if TYPE_CHECKING:
    from lookalike.world.renderer.shots import Site
    from lookalike.world.renderer.truth import Truth

STATISTICS = ("grey", "contrast", "colourfulness", "sharpness")
RIDGE = 30.0  # penalty of `probe` on standardised columns
NECK, SHOULDERS, ANKLES = 1, [2, 5], [10, 13]  # OpenPose's key points


@dataclass(frozen=True)
class Crops:
    """Crops as a file shows them, after JPEG, and what is known of each."""

    images: NDArray[np.uint8]
    pids: NDArray[np.int64]
    camids: NDArray[np.int64]
    truths: list[Truth]


def crops(site: Site, images: int | None = None) -> Crops:
    """Everybody by every camera, `images` times (by default as often as the site's spec says)."""
    spec = site.spec
    shots = [
        site.shot(person, camera, k)
        for person in range(spec.people)
        for camera in range(spec.cameras)
        for k in range(images or spec.images)
    ]
    return Crops(
        np.stack([np.asarray(Image.open(io.BytesIO(shot.jpeg))) for shot in shots]),
        np.array([shot.truth.person for shot in shots]),
        np.array([shot.truth.camera for shot in shots]),
        [shot.truth for shot in shots],
    )


def statistics(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """N×4, in STATISTICS' order: mean and sd of grey, colourfulness, sd of the Laplacian.

    Colourfulness is Hasler and Süsstrunk's. Market-1501's means, its cameras weighted equally:
    102.8, 48.3, 23.4, 30.2.
    """
    rows = []
    for pixels in images.astype(np.float32):
        red, green, blue = np.moveaxis(pixels, 2, 0)
        grey = 0.299 * red + 0.587 * green + 0.114 * blue
        warm, yellow = red - green, (red + green) / 2 - blue
        spread = np.hypot(warm.std(), yellow.std())
        rows.append(
            (
                grey.mean(),
                grey.std(),
                spread + 0.3 * np.hypot(warm.mean(), yellow.mean()),
                laplace(grey).std(),
            )
        )
    return np.array(rows, np.float64)


def camera_greys(found: Crops) -> NDArray[np.float64]:
    """Every camera's mean grey. Market-1501's six: 94, 105, 103, 100, 107, 96."""
    grey = statistics(found.images)[:, 0]
    return np.array([grey[found.camids == camera].mean() for camera in np.unique(found.camids)])


def histogram_rank1(
    images: NDArray[np.uint8], pids: NDArray[np.int64], camids: NDArray[np.int64]
) -> float:
    """Rank-1 across cameras of a colour histogram: how much of a person is the clothes' colour.

    One query of each person by each camera, all others in the gallery. With 110 of Market-1501's
    people and at most 3 images of each by each camera: .35 to .41.
    """
    queries = np.unique(np.stack([pids, camids]), axis=1, return_index=True)[1]
    gallery = np.setdiff1d(np.arange(len(pids)), queries)
    found = stripe_histogram(images)
    sides = queries, gallery
    features, people, cameras = ([column[side] for side in sides] for column in
                                 (found, pids, camids))  # fmt: skip
    return float(rank(*features, *people, *cameras).cmc[0])


def probe(images: NDArray[np.uint8], labels: NDArray[np.int64], people: NDArray[np.int64]) -> float:
    """Share of crops whose label (camera, domain) a ridge regression tells, of people it never saw.

    It sees thumbnails of 16×8 and each colour's sd. Half of the people train it. Market-1501's
    cameras: .68 (chance .25); of 110 of its people .61.
    """
    pixels = images.astype(np.float64)
    thumbnails = pixels.reshape(len(images), 16, 8, 8, 8, 3).mean((2, 4)).reshape(len(images), -1)
    columns = np.concatenate([thumbnails, pixels.std((1, 2))], axis=1)
    everyone = np.random.default_rng(0).permutation(np.unique(people))
    train = np.isin(people, everyone[: len(everyone) // 2])
    columns = (columns - columns[train].mean(0)) / (columns[train].std(0) + 1e-6)
    columns = np.concatenate([columns, np.ones((len(columns), 1))], axis=1)
    classes = np.unique(labels)
    wanted = (labels[:, None] == classes) - 1 / len(classes)
    seen = columns[train]
    weights = np.linalg.solve(seen.T @ seen + RIDGE * np.eye(seen.shape[1]), seen.T @ wanted[train])
    told = classes[(columns[~train] @ weights).argmax(1)]
    return float((told == labels[~train]).mean())


@dataclass(frozen=True)
class Figures:
    """Where people stand in their crops, pixels of 128×64 unless it says otherwise."""

    height: float
    """Mean height of the mask, hidden parts too, as a share of the crop's."""
    height_sd: float
    neck: float
    """Median row."""
    ankle: float
    """Median row."""
    shoulders: float
    """Columns between the shoulders that a tenth of the people exceed."""
    inside: float
    """Share of the key points in the crop that lie in the mask, hidden parts too."""
    near: float
    """Share of those within a pixel of it."""


def figures(truths: list[Truth]) -> Figures:
    """The measures of `Figures`; Market-1501's median neck is 24, its ankle 113, shoulders 34."""
    points = np.stack([truth.keypoints2d for truth in truths])
    rows, columns = points[:, :, 1], points[:, :, 0]
    masks = np.stack([truth.amodal for truth in truths])
    tall = np.array([np.ptp(np.flatnonzero(mask.any(1))) + 1 for mask in masks]) / masks.shape[1]
    inside, near = joints_in_masks(points, masks)
    return Figures(
        height=float(tall.mean()),
        height_sd=float(tall.std()),
        neck=float(np.median(rows[:, NECK])),
        ankle=float(np.median(rows[:, ANKLES])),
        shoulders=float(np.percentile(abs(np.diff(columns[:, SHOULDERS])), 90)),
        inside=inside,
        near=near,
    )


def joints_in_masks(points: NDArray[np.float64], masks: NDArray[np.bool_]) -> tuple[float, float]:
    """Share of the key points within the crop that hit the mask, and that miss it by a pixel."""
    height, width = masks.shape[1:]
    column, row = np.floor(points[..., 0]).astype(int), np.floor(points[..., 1]).astype(int)
    crop, joint = np.nonzero((row >= 0) & (row < height) & (column >= 0) & (column < width))
    column, row = column[crop, joint], row[crop, joint]
    wide = np.pad(masks, ((0, 0), (1, 1), (1, 1)))
    around = np.lib.stride_tricks.sliding_window_view(wide, (3, 3), axis=(1, 2)).any((3, 4))
    return float(masks[crop, row, column].mean()), float(around[crop, row, column].mean())
