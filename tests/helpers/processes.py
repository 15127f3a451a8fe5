"""The command in processes of its own, which start at once.

A process that imports torch and Lightning takes seven seconds of a processor. Here one process
imports them, and every command is a fork of it, with its own memory, signals, output and exit code;
only its report is short, as `helpers.runs` says. That the real command starts its helpers is a test
of its own (tests/training/test_distributed.py).
"""

from __future__ import annotations

import json
import multiprocessing as mp
import os
import runpy
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from multiprocessing import forkserver
from pathlib import Path
from typing import Any, NoReturn

import pytest

LIMIT = 240  # seconds that a hang may cost
FORKS = mp.get_context("forkserver")
FORKS.set_forkserver_preload(["helpers.preloaded", "helpers.processes"])


def start_server() -> None:
    """Starts the process whose forks the commands are; it imports while this one goes on."""
    with pytest.MonkeyPatch.context() as patch:  # multiprocessing doesn't give it our path
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
        forkserver.ensure_running()


class Command:
    """`lookalike ARGV` in a process of its own; `code` runs in it before.

    processes: 2 if the run starts a helper, which runs `code` too. What they say is in the files
    `stdout` and `stderr` of `folder`.
    """

    def __init__(self, argv: Sequence[str], folder: Path, code: str = "", processes: int = 1):
        folder.mkdir(parents=True, exist_ok=True)
        self.out, self.err = folder / "stdout", folder / "stderr"
        for file in (self.out, self.err):
            file.touch()
        files = str(self.out), str(self.err)
        work = (list(argv), code, dict(os.environ), files, processes > 1)
        self.process: Any = FORKS.Process(target=_command, args=work)
        self.process.start()

    def wait(self, timeout: float = LIMIT) -> int:
        """The exit code, −N after signal N."""
        self.process.join(timeout)
        assert self.process.exitcode is not None, f"it hangs: {self.stderr}"
        return int(self.process.exitcode)

    @property
    def running(self) -> bool:
        return bool(self.process.is_alive())

    @property
    def stdout(self) -> str:
        return self.out.read_text()

    @property
    def stderr(self) -> str:
        return self.err.read_text()

    def until(self, says: str, timeout: float = LIMIT) -> None:
        """Returns when a line of its stdout or stderr begins with `says`."""
        end = time.monotonic() + timeout
        while not any(x.startswith(says) for x in (self.stdout + self.stderr).splitlines()):
            assert self.running, f"it ended with {self.wait()}: {self.stderr}"
            assert time.monotonic() < end, f"it doesn't say {says!r}: {self.stderr}"
            time.sleep(0.02)

    def send_signal(self, number: int) -> None:
        os.kill(self.process.pid, number)

    def end(self) -> None:
        """Kills it if it still runs."""
        if self.running:
            self.send_signal(signal.SIGKILL)
        self.wait()
        self.process.close()


def real_command(argv: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """What a user's `lookalike ARGV` does: it starts from nothing, and so do its helpers."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "lookalike", *argv]
    with (folder / "stdout").open("w") as out, (folder / "stderr").open("w") as err:
        code = subprocess.run(command, stdout=out, stderr=err, timeout=LIMIT).returncode
    said = ((folder / name).read_text() for name in ("stdout", "stderr"))
    return subprocess.CompletedProcess(command, code, *said)


def call_in_process(number: int, file: str, name: str, *args: Any) -> None:
    """`name(number, *args)` of a Python file: for torch's `spawn`, whose processes can't import a
    test's module by its name.
    """
    runpy.run_path(file)[name](number, *args)


def still_running(folder: Path) -> list[str]:
    """The command lines of other processes that have a file in `folder` open."""
    lines = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            files = [os.readlink(fd) for fd in (entry / "fd").iterdir()]
            command = (entry / "cmdline").read_bytes().decode(errors="replace")
        except OSError:  # it ended meanwhile, or is somebody else's
            continue
        if entry.name != str(os.getpid()) and any(f.startswith(f"{folder}/") for f in files):
            lines.append(f"{entry.name}: {command}")
    return lines


def assert_no_orphans(folder: Path) -> None:
    """That every process whose output is in `folder` ends within ten seconds."""
    for _ in range(100):
        if not still_running(folder):
            return
        time.sleep(0.1)
    raise AssertionError(still_running(folder))


# Inside the processes


def _command(
    argv: list[str], code: str, env: dict[str, str], files: tuple[str, str], helper: bool
) -> NoReturn:
    for number, file in enumerate(files, 1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_APPEND), number)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = ["lookalike", *argv]

    def body() -> int:
        from helpers.runs import shorten_reports

        from lookalike.cli import main

        shorten_reports(pytest.MonkeyPatch())
        exec(code, {})
        return main(argv)

    if helper:
        from lightning.pytorch.strategies.launchers import subprocess_script

        subprocess_script.subprocess = _Launcher(body)  # type: ignore[attr-defined]
    _to_the_end(body)


class _Launcher:
    """In place of Lightning's `subprocess`: `Popen` lets a fork go on that waits for it."""

    def __init__(self, body: Callable[[], int]) -> None:
        wait, self.go = os.pipe()
        self.pid = os.fork()
        if self.pid:
            os.close(wait)
            return
        os.close(self.go)
        with os.fdopen(wait) as file:
            given = file.read()
        if not given:  # the other process ended before it needed a helper
            os._exit(0)
        blocked, env = json.loads(given)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        os.environ.clear()
        os.environ.update(env)
        _to_the_end(body)

    def Popen(self, command: Sequence[str], env: dict[str, str], cwd: None) -> Any:
        with os.fdopen(self.go, "w") as file:
            file.write(json.dumps([sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())), env]))
        process: Any = object.__new__(subprocess.Popen)
        process.__dict__.update(
            args=command, pid=self.pid, returncode=None, _child_created=True, stdin=None,
            stdout=None, stderr=None, _waitpid_lock=threading.Lock())  # fmt: skip
        return process


def _to_the_end(body: Callable[[], int]) -> NoReturn:
    """Ends this process with the exit code of `body`."""
    code: Any = 1
    try:
        code = body()
    except SystemExit as exit:
        code = exit.code
    except BaseException:
        traceback.print_exc()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code if isinstance(code, int) else 1)
