"""Shared by all tests: a tiny benchmark of drawn people, in Market-1501's layout."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: tiny nets gain nothing by threads

from pathlib import Path  # noqa: E402

import numpy as np  # noqa: E402
import pytest  # noqa: E402
from PIL import Image  # noqa: E402

CAMERAS, IMAGES = 3, 2  # of every identity, and of every identity in every camera


def draw_person(pid: int, camera: int, image: int) -> Image.Image:
    """A 64×32 crop: a head, a shirt and trousers in the person's colours, before the camera's."""
    rng = np.random.default_rng([pid, camera, image])
    shirt, trousers = np.random.default_rng(pid).integers(30, 226, (2, 3))
    picture = np.full((64, 32, 3), 60 + 50 * camera, dtype=np.int64)
    left = 8 + rng.integers(-3, 4)
    picture[14:36, left : left + 16] = shirt
    picture[36:60, left + 2 : left + 14] = trousers
    picture[4:14, left + 4 : left + 12] = (200, 160, 130)
    picture += rng.integers(-8, 9, picture.shape)
    return Image.fromarray(picture.clip(0, 255).astype(np.uint8))


def draw_split(folder: Path, pids: range, images: int) -> None:
    folder.mkdir(parents=True)
    for pid in pids:
        for camera in range(CAMERAS):
            for image in range(images):
                name = f"{pid:04d}_c{camera + 1}s1_{image:06d}_00.jpg"
                draw_person(pid, camera, image).save(folder / name, quality=95)


def draw_market(root: Path) -> Path:
    """48 crops of 8 people to train on; 12 queries and 24 gallery crops of 4 others."""
    draw_split(root / "bounding_box_train", range(1, 9), IMAGES)
    draw_split(root / "query", range(9, 13), 1)
    draw_split(root / "bounding_box_test", range(9, 13), IMAGES)
    return root


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the drawn benchmark: `market1501:{market}`. Not to be changed."""
    return draw_market(tmp_path_factory.mktemp("drawn") / "market")
