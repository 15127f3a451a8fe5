"""How a long job is stopped: by Ctrl-C, and by what a scheduler, a service manager or a closed
terminal sends to it and to all its processes."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from types import FrameType

SIGNALS = tuple(getattr(signal, n) for n in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, n))
BOUNCE = 0.2  # seconds: one Ctrl-C may come twice, from the terminal and from a program between
LOOK = 0.05  # seconds between two looks whether an import has ended
PATIENCE = 2.0  # seconds that a command waits for it: torch's may take ten
DEAF = 0.5  # seconds after which a main thread that hasn't heard a signal is waiting in C code
MAIN = "LOOKALIKE_MAIN_PROCESS"  # the number of a run's first process, in its helpers' environment


class Interrupted(BaseException):
    """Somebody stopped the job, which goes on another time. No `except Exception` catches it."""


class Stop:
    """Whether somebody asked this process to stop, and what that does.

    The first request raises Interrupted, or is noted while something `waits` for a good moment; in
    an import it is put off to the import's end. A second Ctrl-C calls `again`; other requests come
    in pairs (`timeout` sends its own twice).
    """

    def __init__(self, again: Callable[[], object]) -> None:
        self.again, self.process = again, os.getpid()
        self.imports = imports(sys._getframe())  # that run already: this may be called in one
        self.asked: float | None = None  # when
        self.heard = 0.0  # when the last signal was
        self.late: int | None = None  # the request that is heard once an import has ended
        self.reminds = False  # this signal is our own, for the late request
        self.note: Callable[[int], object] | None = None
        self.how: Callable[[], str | None] = lambda: ""

    def hear(self, number: int, frame: FrameType | None = None) -> None:
        if os.getpid() != self.process:  # a fork that isn't deaf yet
            return
        self.heard = time.monotonic()
        reminds, self.reminds = self.reminds, False
        if self.asked is None or reminds:
            self.asked, self.late = self.asked or self.heard, None
            if self.note is not None:
                self.note(number)
            elif imports(frame) <= self.imports:
                raise Interrupted
            elif self.again is interrupt or self.heard - self.asked < PATIENCE:
                # C code takes an exception in an import for a fault of its own, and may abort.
                self.late = number
                later = threading.Timer(LOOK, self.remind, (number,))
                later.daemon = True
                later.start()
            else:
                self.again()
        elif number == signal.SIGINT and self.heard - self.asked > BOUNCE:
            self.again()

    def remind(self, number: int) -> None:
        if self.late is not None:
            self.reminds = True
            os.kill(self.process, number)

    @contextmanager
    def waits(self, note: Callable[[int], object]) -> Iterator[None]:
        """Inside, the first request calls `note` with its number and raises nothing."""
        if self.asked is not None:  # in a place that swallowed the exception, or in an import
            self.late = None
            raise Interrupted
        self.note = note
        try:
            yield
        finally:
            self.note = None


def imports(frame: FrameType | None) -> int:
    """How many imports the frame stands in, as calls of the import system."""
    calls = 0
    while frame is not None:
        calls += frame.f_code.co_filename.startswith("<frozen importlib")
        frame = frame.f_back
    return calls


def interrupt() -> None:
    raise Interrupted


_current: Stop | None = None


@contextmanager
def stoppable(again: Callable[[], object] = interrupt, ends: bool = False) -> Iterator[Stop]:
    """Inside, Ctrl-C, SIGTERM and SIGHUP come to the `Stop` that is given; to the outermost one,
    where several stand in each other.

    What `nohup` has this process ignore stays ignored. A command, which gives `again`, hears
    nothing more once it was stopped; nor does a process that `ends` afterwards. Outside the main
    thread nothing changes: whoever runs us handles signals.
    """
    global _current
    if _current is not None and _current.process == os.getpid():
        yield _current
        return
    stop, before = Stop(again), {}
    if threading.current_thread() is threading.main_thread():
        for number in SIGNALS:
            old = signal.getsignal(number)
            if old is not None and not (number != signal.SIGINT and old == signal.SIG_IGN):
                before[number] = old
                signal.signal(number, stop.hear)
        _current = stop
    try:
        with watched(stop) if before and again is not interrupt else nullcontext():
            yield stop
    finally:
        stop.late = None  # it has ended without
        if before:
            _current = None
        for number, old in before.items():
            ends = ends or (stop.asked is not None and again is not interrupt)
            signal.signal(number, signal.SIG_IGN if ends else old)


@contextmanager
def watched(stop: Stop) -> Iterator[None]:
    """Inside, a second Ctrl-C has its way also while the main thread is in C code and may wait for
    another process there: Python calls a handler between two of its own steps only."""
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    ended = threading.Event()

    def watch() -> None:
        first = None
        while number := reader.recv(1)[0]:
            now = time.monotonic()
            if first is None:
                first = now if number in SIGNALS else None
            elif number == signal.SIGINT and now - first > BOUNCE and stop.late is None:
                ended.wait(DEAF)
                if not ended.is_set() and stop.heard < now:
                    stop.again()

    thread = threading.Thread(target=watch, name="stop", daemon=True)
    thread.start()
    before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        ended.set()
        writer.send(b"\0")
        thread.join()
        reader.close()
        writer.close()


def goes_on(how: str | Callable[[], str | None]) -> None:
    """Sets what the command that runs here says of itself when it is stopped, such as "the same
    command goes on"; None: another process speaks."""
    if _current is not None:
        _current.how = how if callable(how) else lambda: how


def how_to_resume(note: Path) -> str:
    """How a command goes on that has --resume, and that writes the file `note` when it begins."""
    return f"the same command {'with --resume goes on' if note.exists() else 'starts it anew'}"


def is_main_process() -> bool:
    """Whether this process writes the run folder and speaks: true but for the helpers of a
    distributed run. Here, because a command asks before torch is imported."""
    return not any(int(os.environ.get(rank, 0)) for rank in ("LOCAL_RANK", "NODE_RANK"))


@contextmanager
def deaf_children() -> Iterator[None]:
    """Processes that start inside never hear what `stoppable` does: when everybody is told to
    stop, this process tells them. What comes meanwhile reaches this process afterwards, or at once
    by another of its threads: whoever is half started then ends with this process."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_when_parent_says(_: object = None) -> None:
    """Lets a deaf child end by its parent's `terminate`, which is a SIGTERM like everybody's."""
    if not hasattr(signal, "sigwaitinfo"):  # macOS
        return

    def listen() -> None:
        while signal.sigwaitinfo({signal.SIGTERM}).si_pid != os.getppid():
            pass
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()


def end_with_parent() -> None:
    """Lets this helper end a second after the process that started it, however that one ended.

    A helper that waits for a killed main process would otherwise wait for minutes.
    """
    parent = int(os.environ.get(MAIN, os.getppid()))  # it may have ended before we come here

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(2)

    threading.Thread(target=watch, daemon=True).start()


def say(text: str, write: Callable[[str], object]) -> None:
    """Writes a line, where anybody is left to read: a closed terminal must not end the job, nor a
    signal that came in the middle of another line (RuntimeError)."""
    with suppress(OSError, RuntimeError):
        write(text)
