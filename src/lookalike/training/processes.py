"""One run in several processes: how all of them end; and what they run on."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch.distributed as dist

from lookalike.parallel import world_size


@contextmanager
def first_error_only() -> Iterator[None]:
    """Inside, only the first of the processes that fail raises its error; the others exit with 2.

    All processes of a run meet most errors, and any of them ends the others' communication.
    """
    try:
        yield
    except Exception as error:
        if world_size() > 1 and not _first_to_fail():
            raise SystemExit(2) from error
        raise


def _first_to_fail() -> bool:
    try:
        return dist.distributed_c10d._get_default_store().add("failed", 1) == 1
    except RuntimeError:  # the main process, which keeps the store, has ended
        return False


def processor() -> str:
    """What the CPU calls itself."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
