"""Shared by all tests: tiny benchmarks, drawn and rendered, and commands that train tiny nets."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: tiny nets gain nothing by threads

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

CAMERAS, IMAGES = 3, 2  # of every identity, and of every identity in every camera
COMMON = (
    "--backbone resnet18 --weights none --height 64 --width 48 --pad 2 "
    "--accelerator cpu --precision fp32 --log_every 1"
)
TINY = {  # flags of methods that train a few steps in a few seconds
    "ide": f"{COMMON} --batch 8",
    "dgnet": f"{COMMON} --batch 2 --structure_dim 2 --dis_dim 2 --mlp_dim 8 --dis_scales 2 "
    "--residuals 1 --teacher.height 64 --teacher.width 48 --teacher.batch 4 "
    "--ramp_from 2 --ramp 2",
}


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


@pytest.fixture(scope="session")
def tiny(market: Path) -> Callable[..., list[str]]:
    """The command line that trains a tiny METHOD on the drawn people into OUT, flags added."""

    def argv(method: str, out: Path, flags: str = "") -> list[str]:
        data = ["--data", f"market1501:{market}", "--out", str(out)]
        return ["train", method, *data, *TINY[method].split(), *flags.split()]

    return argv


@pytest.fixture(scope="session")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a rendered world: 4 people, 2 of them tested, × 2 cameras × 2 images, in 2 sets
    of clothes. Not to be changed.
    """
    from lookalike.world.render import render
    from lookalike.world.spec import WorldSpec

    spec = WorldSpec(people=4, cameras=2, images=2, clothes=2)
    return render(spec, tmp_path_factory.mktemp("rendered") / "world", workers=1).out
