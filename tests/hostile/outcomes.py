"""What comes of the cases: each is tried in one child process that may take so much and no more."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from hostile.doors import DOORS, Case

from lookalike.errors import UserError

GIB = 1 << 30
PATIENCE = 30  # seconds after which a case is given up
MOST = 4 * GIB  # bytes beyond what the process has: more is refused, lest the machine suffer
SHORT = 2000  # letters that a sentence may have
READ, REFUSED = "read", "refused"


class Outcome(NamedTuple):
    """kind: "read", "refused" (a UserError), or the error and where in our files it came from.
    seconds (of the processor) and bytes: of the door alone, the making left out."""

    door: str
    name: str
    kind: str
    message: str
    seconds: float
    bytes: int


def tried(cases: Iterable[Case], folder: Path) -> list[Outcome]:
    """What came of each case, in a fork of this process; `folder` is for their files."""
    notes = folder / "outcomes.jsonl"
    notes.touch()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            torch.set_num_threads(1)  # a fork has none of its parent's threads, and waits for them
            with notes.open("w") as out:
                _try_all(cases, folder, out)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    status = _end_of(child, notes)
    lines = [json.loads(line) for line in notes.read_text().splitlines()]
    outcomes = [Outcome(*line) for line in lines if len(line) > 2]
    if status:
        door, name = lines[-1][:2]
        outcomes.append(Outcome(door, name, "the process ended", str(status), 0, 0))
    return outcomes


def _end_of(child: int, notes: Path) -> int:
    """Waits for the child, or ends it where a case hears no alarm; its status."""
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        if time.time() - notes.stat().st_mtime > 2 * PATIENCE:
            os.kill(child, signal.SIGKILL)
            return os.waitpid(child, 0)[1]
        time.sleep(0.02)


def _try_all(cases: Iterable[Case], folder: Path, out: Any) -> None:
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + MOST, size + MOST))
    signal.signal(signal.SIGALRM, _too_long)
    os.chdir(folder)
    for number, case in enumerate(cases):
        place = folder / str(number)
        place.mkdir()
        print(json.dumps(case[:2]), file=out, flush=True)
        print(json.dumps(_try(case, case.make(place))), file=out, flush=True)
        shutil.rmtree(place)


def _try(case: Case, path: Path) -> Outcome:
    Path("/proc/self/clear_refs").write_text("5")  # the peak is now what is in use
    before, start = _peak(), time.process_time()
    kind, message = READ, ""
    signal.alarm(PATIENCE)
    try:
        DOORS[case.door](path)
    except UserError as error:
        kind, message = REFUSED, str(error)
    except BaseException as error:
        kind, message = f"{type(error).__name__} in {_place(error)}", str(error)[:300]
    signal.alarm(0)
    return Outcome(*case[:2], kind, message, time.process_time() - start, _peak() - before)


class TooLong(BaseException):
    """Nobody takes it for an error of reading."""


def _too_long(*_: object) -> None:
    raise TooLong(f"more than {PATIENCE} seconds")


def _peak() -> int:
    """Bytes of memory that this process had at most since the peak was put back."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def _place(error: BaseException) -> str:
    """The last of our functions that the error came through."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "lookalike/" in f.filename]
    if not frames:
        return "the test"
    return f"{frames[-1].filename.rpartition('lookalike/')[2]}:{frames[-1].name}"


def faults(outcomes: Iterable[Outcome]) -> dict[str, str]:
    """Fault → an example: every error but UserError; sentences too long or not of one line; what
    took longer than 10 s or more than 1 GiB."""
    found: dict[str, str] = {}
    for each in outcomes:
        example = f"{each.name}: {each.message[:200]}"
        if each.kind not in (READ, REFUSED):
            found.setdefault(f"{each.door}: {each.kind}", example)
        if len(each.message) > SHORT:
            found.setdefault(f"{each.door}: a sentence of {len(each.message)} letters", example)
        if not each.message.isprintable():
            found.setdefault(f"{each.door}: a sentence that no terminal shows", repr(example))
        if each.seconds > 10:
            found.setdefault(f"{each.door}: {each.seconds:.0f} s", example)
        if each.bytes > GIB:
            found.setdefault(f"{each.door}: {each.bytes / GIB:.1f} GiB", example)
    return found


def histogram(outcomes: Iterable[Outcome]) -> str:
    """How often each outcome came, by door."""
    counts = Counter((each.door, each.kind) for each in outcomes)
    lines = [f"{count:6}  {door:18}{kind}" for (door, kind), count in sorted(counts.items())]
    return "\n".join([*lines, f"{sum(counts.values()):6}  inputs"])


if __name__ == "__main__":
    import tempfile

    from hostile.every import every, fuzz

    # `python -m hostile.outcomes [WORDS]`, in tests/: what comes of the inputs whose door and name
    # have these words.
    with tempfile.TemporaryDirectory() as place:
        start = time.perf_counter()
        chosen = [
            c
            for c in [*every(), *fuzz(0, 600)]
            if not sys.argv[1:] or sys.argv[1] in f"{c.door}: {c.name}"
        ]
        results = tried(chosen, Path(place))
        print(histogram(results))
        print("faults:")
        for fault, example in faults(results).items():
            print(f"  {fault}\n      {example!r}")
        print("slowest:")
        for each in sorted(results, key=lambda o: -o.seconds)[:12]:
            print(f"  {each.seconds:6.2f} s {each.door}: {each.name} ({each.kind})")
        print("largest:")
        for each in sorted(results, key=lambda o: -o.bytes)[:12]:
            print(f"  {each.bytes / GIB:6.2f} GiB {each.door}: {each.name} ({each.kind})")
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        wall = time.perf_counter() - start
        print(f"{wall:.0f} s, {used.ru_utime + used.ru_stime:.0f} s of a processor")
