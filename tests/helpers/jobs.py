"""What the worker processes of test_workers.py do, and a stand-in for worker processes."""

import os
import signal
import time

import pytest

from lookalike.errors import UserError
from lookalike.workers import serve


def work_here(call, jobs, workers, done):
    """`lookalike.workers.work` in this process, which needn't start others."""
    module = call.partition("(")[0].rpartition(".")[0]
    prepared = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(f"{module}.serve", prepared.append)
        exec(f"import {module}; {call}")
    do = prepared[0]()
    for job in jobs:
        done(do(job))


def work(slow: float = 0) -> None:
    def do(job):
        time.sleep(slow)
        print("a library speaks")
        if job == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if job == "leave":
            os._exit(3)
        if job == "mend":
            raise UserError("Mend it.")
        if job == "full":
            raise OSError(28, "No space left on device")
        if job == "bug":
            raise KeyError("a bug")
        return {"job": job, "pid": os.getpid(), "threads": os.environ["OPENBLAS_NUM_THREADS"]}

    serve(lambda: do)


def broken() -> None:
    def prepare():
        raise UserError("No body.")

    serve(prepare)
