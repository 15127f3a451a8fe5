"""How long torch's threads look for work before they sleep: decided before torch is imported."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

# Where one of these is set, somebody has decided already.
DECIDED = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "KMP_BLOCKTIME")
ALONE, BESIDE_OTHERS = "300000", "1000"  # rounds; docs/runs.md has the measurements
STAT = Path("/proc/stat")


def decide_waiting() -> None:
    """Sets GOMP_SPINCOUNT by what else the machine does just now, unless the user has decided.

    Alone, threads that look long for work find it sooner; beside other programs they take the
    processors from the threads that have work. Torch reads it when it is imported: afterwards, and
    without Linux's /proc, nothing is set.
    """
    if "torch" in sys.modules or any(name in os.environ for name in DECIDED) or not STAT.exists():
        return
    os.environ["GOMP_SPINCOUNT"] = BESIDE_OTHERS if others_work() else ALONE


def others_work(looks: tuple[float, ...] = (0.1, 1.0), least: float = 0.5) -> bool:
    """Whether other programs use half a processor or more while this one sleeps.

    A tenth of a second without tells that they don't. With them, a whole second is looked at: a
    moment's work, such as the end of the command before, mustn't slow hours of training.
    """
    start, before = time.monotonic(), busy_seconds()
    for seconds in looks:
        time.sleep(max(0.0, start + seconds - time.monotonic()))
        if busy_seconds() - before < least * (time.monotonic() - start):
            return False
    return True


def busy_seconds() -> float:
    """What all processors together have worked since the machine started."""
    user, nice, system, *_ = map(int, STAT.read_text().split("\n", 1)[0].split()[1:])
    return (user + nice + system) / os.sysconf("SC_CLK_TCK")
