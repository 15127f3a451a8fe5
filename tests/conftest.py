"""Shared by all tests: tiny rendered benchmarks, and commands that train tiny nets on them."""

import fcntl
import os
import signal

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: tiny nets gain nothing by threads

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import helpers.trunks  # noqa: F401
import pytest
from helpers.jobs import work_here
from helpers.leaks import nothing_left, system_temp  # noqa: F401
from helpers.processes import Command, start_server

from lookalike.stopping import SIGNALS
from lookalike.world.spec import WorldSpec
from lookalike.world.writer.render import render


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest tests come first: at the end, short ones are left to share out."""
    items.sort(key=lambda item: item.path.name != "test_every_method.py")


@pytest.fixture
def signal_handlers() -> Iterator[None]:
    """Puts back afterwards what a stopped command leaves of them."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def world(temporary: pytest.TempPathFactory, name: str, **spec: Any) -> Path:
    """The folder of that world, rendered by the first of pytest's parallel processes, in itself."""
    shared = temporary.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    with (shared / f"{name}.lock").open("w") as lock, pytest.MonkeyPatch.context() as patch:
        fcntl.flock(lock, fcntl.LOCK_EX)
        patch.setattr("lookalike.workers.work", work_here)
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
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a rendered benchmark with people enough for the presets `quick`. Not to be
    changed. 4 crops of each of 18 people to train on, 4 of each of 2 to test.
    """
    return world(tmp_path_factory, "crowd", people=20, cameras=2, images=2, test_fraction=0.1,
                 height=64, width=32)  # fmt: skip


@pytest.fixture(scope="session")
def tiny(market: Path) -> Callable[..., list[str]]:
    """The command line that trains a tiny METHOD on the rendered people into OUT, flags added."""
    from helpers.runs import train_command  # imports torch

    def argv(method: str, out: Path, flags: str = "") -> list[str]:
        return train_command(method, f"market1501:{market}", out, flags)

    return argv


@pytest.fixture
def no_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has the jobs of worker processes done in this one: for what isn't about processes."""
    monkeypatch.setattr("lookalike.workers.work", work_here)


@pytest.fixture(scope="session")
def server() -> None:
    """The process whose forks the commands are."""
    start_server()


@pytest.fixture
def command(server: None, tmp_path: Path) -> Iterator[Callable[..., Command]]:
    """Starts `lookalike ARGV` in a process of its own, which ends with the test."""
    started: list[Command] = []

    def start(argv: list[str], code: str = "", processes: int = 1) -> Command:
        folder = tmp_path / f"said-{len(started)}"
        started.append(Command(argv, folder, code, processes))
        return started[-1]

    yield start
    for each in started:
        each.end()
