"""Processes that do jobs for this one, and what is said when one of them dies.

`work` is this process's end, `serve` the whole life of a worker.

They are started from nothing (`python -c`), not forked from this process and not by
`multiprocessing`, which would run the user's script again in each: a script or a notebook that
calls `load` need not be written for it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import Any

from lookalike.errors import UserError
from lookalike.stopping import deaf_children

# Threads of a numerical library would fight for the cores that other workers use, and may change
# the last bit of a sum. They are read when numpy is imported, so they are set from outside.
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)


def cores() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def work(
    call: str, jobs: Iterable[Any], workers: int, report: Callable[[dict[str, Any]], object]
) -> None:
    """Has each job done by one of `workers` processes; `report`, in this one, gets the answers.

    call: what a process runs, such as "lookalike.world.writer.worker.render_people('out', {})"; it
    must call `serve`. jobs: JSON values. The first process is ready before the others start, so
    that what the libraries cache on their very first use is made once.
    Raises UserError when a process dies, or meets a mistake of the user; all others end then, as
    they do with Ctrl-C.
    """
    queue, lock = iter(jobs), threading.Lock()
    processes: list[subprocess.Popen[str]] = []
    stopping = False

    def start() -> subprocess.Popen[str]:
        process = _start(call)
        processes.append(process)
        if stopping:  # too late for the loop below to find it
            process.kill()
        return process

    def feed(process: subprocess.Popen[str]) -> None:
        while not stopping:
            with lock:
                job = next(queue, None)
            if job is None:
                return
            answer = _ask(process, job)
            with lock:
                report(answer)

    def start_and_feed() -> None:
        process = start()
        _hear(process)
        feed(process)

    try:
        with ThreadPoolExecutor(workers) as threads:
            try:
                first = start()
                threads.submit(_hear, first).result()
                feeders = [threads.submit(feed, first)]
                feeders += [threads.submit(start_and_feed) for _ in range(workers - 1)]
                for feeder in wait(feeders, return_when=FIRST_EXCEPTION).done:
                    feeder.result()
            except BaseException:
                stopping = True
                for process in processes:
                    process.kill()  # every file is complete or absent, so no harm is done
                raise
    finally:
        for process in processes:
            with suppress(BrokenPipeError):  # a killed one has not read everything
                process.communicate()


def _start(call: str) -> subprocess.Popen[str]:
    module = call.partition("(")[0].rpartition(".")[0]
    code = f"import sys; sys.path[:] = {sys.path!r}; import {module}; {call}"
    with deaf_children():  # a signal to stop is for this process, which then ends the others
        return subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **ONE_THREAD},
            start_new_session=True,
        )


def _ask(process: subprocess.Popen[str], job: Any) -> dict[str, Any]:
    assert process.stdin is not None
    try:
        process.stdin.write(json.dumps(job) + "\n")
        process.stdin.flush()
    except BrokenPipeError:  # it died before; _hear says so
        pass
    return _hear(process)


def _hear(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The next answer; raises UserError if there is none any more."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line.endswith("\n"):
        raise UserError(
            f"A worker process {_end_of(process.wait())}; what was finished is kept: the same "
            "again goes on from there, with fewer workers if memory ran out."
        )
    answer: dict[str, Any] = json.loads(line)
    if "error" in answer:
        raise (UserError if answer["user"] else RuntimeError)(answer["error"])
    return answer


def _end_of(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"


def serve(prepare: Callable[[], Callable[[Any], dict[str, Any]]]) -> None:
    """The whole life of a worker: does the jobs with what `prepare` gives, as they come.

    A job is a JSON value on a line of stdin; its answer is a JSON object on a line of stdout, as
    {"ready": true} is before the first and {"error": text, "user": whether the user can mend it}
    after the last. It ends with stdin, and so outlives the process that started it by one job.
    """
    replies = os.dup(1)
    os.dup2(2, 1)  # libraries print as they please: nothing of it may look like an answer

    def reply(answer: dict[str, Any]) -> None:
        os.write(replies, (json.dumps(answer) + "\n").encode())

    try:
        do = prepare()
        reply({"ready": True})
        for line in sys.stdin:
            reply(do(json.loads(line)))
    except BrokenPipeError:  # nobody listens any more
        pass
    except UserError as error:
        reply({"error": str(error), "user": True})
    except OSError as error:  # the disk is full, or gone
        sentence = (
            f"A worker process could not go on ({error}); what was finished is kept: the same "
            "again goes on from there."
        )
        reply({"error": sentence, "user": True})
    except Exception:
        reply({"error": traceback.format_exc(), "user": False})
