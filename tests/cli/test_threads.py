"""How long torch's threads look for work: by what else the machine does, or the user's word."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from lookalike.cli import main, threads
from lookalike.cli.threads import ALONE, BESIDE_OTHERS, DECIDED, decide_waiting

GNU = next(Path(str(torch.__file__)).parent.glob("lib/libgomp*"), None)


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has not imported torch, where nobody has decided."""
    monkeypatch.setattr(sys, "modules", {k: v for k, v in sys.modules.items() if k != "torch"})
    for name in DECIDED:
        monkeypatch.setenv(name, "")  # so that it comes back
        monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("busy", "spins", "looked"),
    [
        (lambda t: 0.0, ALONE, 0.1),
        (lambda t: 0.4 * t, ALONE, 0.1),
        (lambda t: min(0.1, t), ALONE, 1.0),  # a moment's work
        (lambda t: 0.6 * t, BESIDE_OTHERS, 1.0),
        (lambda t: 2.0 * t, BESIDE_OTHERS, 1.0),
    ],
)
def test_half_a_processor_of_others_makes_threads_sleep_soon(
    fresh: None,
    monkeypatch: pytest.MonkeyPatch,
    busy: Callable[[float], float],
    spins: str,
    looked: float,
) -> None:
    clock = [5.0]
    monkeypatch.setattr(threads, "busy_seconds", lambda: 70 + busy(clock[0] - 5))
    monkeypatch.setattr(threads.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(threads.time, "sleep", lambda s: clock.__setitem__(0, clock[0] + s))
    decide_waiting()
    assert os.environ["GOMP_SPINCOUNT"] == spins
    assert clock[0] - 5 == pytest.approx(looked)


@pytest.mark.parametrize("name", DECIDED)
def test_the_users_word_stands(fresh: None, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    before = {n: v for n, v in os.environ.items() if n in DECIDED} | {name: "7"}
    monkeypatch.setenv(name, "7")
    decide_waiting()
    assert {n: v for n, v in os.environ.items() if n in DECIDED} == before


def test_nothing_is_set_too_late_or_for_a_help_text(
    fresh: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "--help"]) == 0
    assert "GOMP_SPINCOUNT" not in os.environ
    monkeypatch.setitem(sys.modules, "torch", torch)
    decide_waiting()
    assert "GOMP_SPINCOUNT" not in os.environ


@pytest.mark.skipif(not threads.STAT.exists(), reason="no /proc")
def test_the_machine_is_asked() -> None:
    before = threads.busy_seconds()
    sum(range(3_000_000))
    assert 0 < before <= threads.busy_seconds()


@pytest.mark.skipif(GNU is None, reason="this torch brings no OpenMP of GNU's")
def test_torchs_threads_hear_of_it(tmp_path: Path) -> None:
    code = (
        "import ctypes; from lookalike.cli import main;"
        f"main(['evaluate', '--feature']); ctypes.CDLL('{GNU}')"
    )
    env = {name: value for name, value in os.environ.items() if name not in DECIDED}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          env=env | {"OMP_DISPLAY_ENV": "verbose"})  # fmt: skip
    (found,) = re.findall(r"GOMP_SPINCOUNT = '(\d+)'", done.stderr)
    assert found in (ALONE, BESIDE_OTHERS)
