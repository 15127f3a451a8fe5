"""What the worker processes of test_workers.py do."""

import os
import signal
import time

from lookalike.errors import UserError
from lookalike.workers import serve


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
