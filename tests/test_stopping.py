"""What asks a job to stop: once it is noted, a second Ctrl-C doesn't wait."""

import multiprocessing
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from lookalike import stopping
from lookalike.stopping import (
    SIGNALS,
    Interrupted,
    deaf_children,
    end_when_parent_says,
    goes_on,
    how_to_resume,
    is_main_process,
    stoppable,
)

pytestmark = pytest.mark.usefixtures("signal_handlers")

FORK = multiprocessing.get_context("fork")


def test_a_command_goes_on_where_it_has_begun(tmp_path: Path) -> None:
    note = tmp_path / "config.yaml"
    assert how_to_resume(note) == "the same command starts it anew"
    note.touch()
    assert how_to_resume(note) == "the same command with --resume goes on"


@pytest.mark.parametrize(
    ("rank", "main"),
    [({}, True), ({"LOCAL_RANK": "0"}, True), ({"LOCAL_RANK": "1"}, False),
     ({"LOCAL_RANK": "0", "NODE_RANK": "2"}, False)],
)  # fmt: skip
def test_helpers_are_told_from_the_main_process(
    rank: dict[str, str], main: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LOCAL_RANK", "NODE_RANK"):
        monkeypatch.delenv(name, raising=False)
    for name, value in rank.items():
        monkeypatch.setenv(name, value)
    assert is_main_process() is main


@pytest.mark.parametrize("number", SIGNALS)
def test_a_request_stops_at_once_or_waits(number: signal.Signals) -> None:
    before = [signal.getsignal(n) for n in SIGNALS]
    with pytest.raises(Interrupted), stoppable():
        signal.raise_signal(number)
    noted: list[int] = []
    with stoppable() as outer, stoppable() as stop:
        assert stop is outer
        with stop.waits(noted.append):
            signal.raise_signal(number)
            signal.raise_signal(number)  # `timeout` sends it twice
        with pytest.raises(Interrupted), stop.waits(noted.append):
            pass
    assert noted == [number]
    assert [signal.getsignal(n) for n in SIGNALS] == before


def test_a_second_ctrl_c_alone_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "BOUNCE", 0)
    with stoppable() as stop, stop.waits(lambda _: None):
        for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGHUP):
            signal.raise_signal(number)
        with pytest.raises(Interrupted):
            signal.raise_signal(signal.SIGINT)


def test_a_second_ctrl_c_does_not_wait_for_c_code() -> None:
    code = (
        "import hashlib, os\n"
        "from lookalike.stopping import stoppable\n"
        "with stoppable(lambda: os._exit(130)):\n"
        "    print('here', flush=True)\n"
        "    hashlib.pbkdf2_hmac('sha256', b'', b'', 10**9)\n"  # minutes
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        for _ in range(2):
            time.sleep(2 * stopping.BOUNCE)
            assert process.poll() is None
            process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130


def test_a_command_that_was_stopped_hears_nothing_more() -> None:
    calls: list[int] = []
    with pytest.raises(Interrupted), stoppable(lambda: calls.append(1)):
        signal.raise_signal(signal.SIGTERM)
    for number in SIGNALS:
        signal.raise_signal(number)
    assert not calls


def test_a_process_that_ends_hears_nothing_more() -> None:
    with stoppable(lambda: None, ends=True):
        pass
    for number in SIGNALS:
        signal.raise_signal(number)


def test_what_runs_says_how_it_goes_on() -> None:
    goes_on("nobody is there to say it")
    with stoppable() as stop:
        assert stop.how() == ""
        with stoppable():
            goes_on("the same command goes on")
        assert stop.how() == "the same command goes on"
        goes_on(lambda: None)
        assert stop.how() is None


@pytest.mark.parametrize("number", SIGNALS)
def test_an_import_is_not_torn(
    number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Raised there, it may end in C code, which takes it for a fault of its own and aborts.
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "slow_to_import", raising=False)
    signals = f"import signal, time\nsignal.raise_signal({int(number)})\ntime.sleep(0.2)\n"
    (tmp_path / "slow_to_import.py").write_text(signals + "ended = True\n")

    def job() -> None:
        with stoppable():
            import slow_to_import  # noqa: F401

            time.sleep(10)

    with pytest.raises(Interrupted):
        job()
    assert sys.modules["slow_to_import"].ended


def test_a_second_ctrl_c_does_not_wait_for_an_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stopping, "BOUNCE", 0)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "endless.py").write_text(
        "import signal\nfor _ in range(2): signal.raise_signal(signal.SIGINT)\nended = True\n"
    )
    with pytest.raises(Interrupted), stoppable():
        import endless  # noqa: F401
    assert "endless" not in sys.modules


def test_a_command_does_not_wait_long_for_an_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stopping, "PATIENCE", 0.2)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "torchlike.py").write_text(
        "import signal, time\nsignal.raise_signal(signal.SIGTERM)\ntime.sleep(30)\n"
    )

    def leave() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError), stoppable(leave):
        import torchlike  # noqa: F401


def test_a_job_that_ends_with_an_import_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "last_import.py").write_text("import signal\nsignal.raise_signal(signal.SIGTERM)\n")
    signal.signal(signal.SIGTERM, heard := Heard())
    with stoppable():
        import last_import  # noqa: F401
    time.sleep(3 * stopping.LOOK)
    assert not heard.numbers


class Heard:
    """A handler that notes what it hears."""

    def __init__(self) -> None:
        self.numbers: list[int] = []

    def __call__(self, number: int, _: object) -> None:
        self.numbers.append(number)


def test_what_nohup_ignores_stays_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with stoppable():
        signal.raise_signal(signal.SIGHUP)


def test_another_thread_leaves_the_signals_alone() -> None:
    before = signal.getsignal(signal.SIGTERM)
    inside = []

    def run() -> None:
        with stoppable():
            inside.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert inside == [before]


def test_deaf_children_end_by_their_parent_alone() -> None:
    def work() -> None:
        end_when_parent_says()
        time.sleep(60)

    with stoppable(), deaf_children():
        child = FORK.Process(target=work)
        child.start()
    assert child.pid is not None
    for number in SIGNALS:  # from another process
        code = f"import os; os.kill({child.pid}, {int(number)})"
        subprocess.run([sys.executable, "-c", code], check=True)
    child.join(0.5)
    assert child.is_alive()
    child.terminate()
    child.join(10)
    assert child.exitcode == 0


def test_what_comes_while_children_start_is_heard_afterwards() -> None:
    order = []

    def start() -> None:
        with stoppable(), deaf_children():
            # Sent to the process, another test's thread might hear it, and this one at once.
            signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
            order.append("started")

    with pytest.raises(Interrupted):
        start()
    assert order == ["started"]
