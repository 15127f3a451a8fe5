"""A test may leave nothing behind: no thread, no process, no temporary file."""

from __future__ import annotations

import gc
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PATIENCE = 2.0  # seconds in which what is ending may end
# Threads that a library starts once for the whole process.
THREADS = ("tqdm_monitor", "TMonitor")
# What multiprocessing keeps for the whole process: the server of forks and what tracks its files.
PROCESSES = ("multiprocessing.forkserver", "multiprocessing.resource_tracker")
# Their sockets, caches of torch and of warp's compiler.
FILES = ("pymp-", "torchinductor_", "wp_pch_")


@pytest.fixture(scope="session", autouse=True)
def system_temp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The system's folder for temporary files, for this process and its children alone."""
    folder = tmp_path_factory.mktemp("system-temp", numbered=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(folder))
        patch.setattr(tempfile, "tempdir", str(folder))
        yield folder


@pytest.fixture(autouse=True)
def nothing_left(request: pytest.FixtureRequest, system_temp: Path) -> Iterator[None]:
    """Fails a test that leaves threads, child processes or temporary files behind."""
    before = {look: look() for look in (threads, processes)}
    files = set(os.listdir(system_temp))
    own = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else None
    yield
    left = [
        *(f"thread {name}" for name in remaining(threads, before[threads])),
        *(f"process {name}" for name in remaining(processes, before[processes])),
        *(f"file {system_temp / n}" for n in set(os.listdir(system_temp)) - files
          if not n.startswith(FILES)),
    ]  # fmt: skip
    if own:
        left += [f"file {file}" for file in own.rglob("*.part")]
    if left:
        pytest.fail(f"The test left behind: {', '.join(left)}", pytrace=False)


def remaining(look: Callable[[], dict[int, str]], before: dict[int, str]) -> list[str]:
    """What `look` shows and `before` doesn't have, once all had time to end."""
    end, collected = time.monotonic() + PATIENCE, False
    while new := {key: name for key, name in look().items() if key not in before}:
        if time.monotonic() > end:
            return list(new.values())
        if not collected:
            gc.collect()  # what ends with its owner
            collected = True
        time.sleep(0.01)
    return []


def threads() -> dict[int, str]:
    """The Python threads, by number."""
    return {
        t.ident or 0: repr(t)
        for t in threading.enumerate()
        if not type(t).__name__.startswith(THREADS)
    }


def processes() -> dict[int, str]:
    """The command lines of this process's children, by number; also of those nobody waited for."""
    children = {}
    for task in Path("/proc/self/task").glob("*/children"):
        try:
            pids = task.read_text().split()
        except OSError:  # the thread ended meanwhile
            continue
        for pid in pids:
            try:
                command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:  # it ended meanwhile
                continue
            if not any(part in command for part in PROCESSES):
                children[int(pid)] = f"{pid} {command}"
    return children
