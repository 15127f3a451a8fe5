"""Shared by all tests: tiny rendered benchmarks, and commands that train tiny nets on them."""

import fcntl
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: tiny nets gain nothing by threads

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lookalike.world.spec import WorldSpec
from lookalike.world.writer.render import render

COMMON = (
    "--backbone resnet18 --weights none --height 64 --width 48 --pad 2 "
    "--accelerator cpu --precision fp32 --log_every 1"
)
TINY = {  # flags of methods that train a few steps in a few seconds
    "ide": f"{COMMON} --batch 8",
    "dgnet": f"{COMMON} --batch 2 --structure_dim 2 --dis_dim 2 --mlp_dim 8 --dis_scales 2 "
    "--residuals 1 --teacher.height 64 --teacher.width 48 --teacher.batch 4 "
    "--ramp_from 2 --ramp 2",
    "fdgan": "--backbone resnet18 --weights none --height 64 --width 32 --accelerator cpu "
    "--precision fp32 --log_every 1 --batch 8 --generator_dim 4 --dis_dim 4 --pose_dim 8 "
    "--noise_dim 8 --unit steps --length [3,3,3] --flat [2,2] --identify 2",
}


def world(temporary: pytest.TempPathFactory, name: str, **spec: Any) -> Path:
    """The folder of that world, rendered by the first of pytest's parallel processes."""
    shared = temporary.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return render(WorldSpec(**spec), shared / name, workers=1, progress=False).out


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a rendered benchmark: `market1501:{market}`. Not to be changed.

    72 crops of 8 people to train on; 12 queries and 24 gallery crops of 4 others.
    """
    return world(tmp_path_factory, "market", people=12, cameras=3, images=3, test_fraction=1 / 3,
                 height=64, width=32)  # fmt: skip


@pytest.fixture(scope="session")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a rendered world: 6 people, 3 of them tested, × 2 cameras × 2 images, in 2 sets
    of clothes. Not to be changed.
    """
    return world(tmp_path_factory, "rendered", people=6, cameras=2, images=2, clothes=2)


@pytest.fixture(scope="session")
def tiny(market: Path) -> Callable[..., list[str]]:
    """The command line that trains a tiny METHOD on the rendered people into OUT, flags added."""

    def argv(method: str, out: Path, flags: str = "") -> list[str]:
        data = ["--data", f"market1501:{market}", "--out", str(out)]
        return ["train", method, *data, *TINY[method].split(), *flags.split()]

    return argv
