"""Worker processes: everything is done once, and any death is a sentence, not a hang."""

import os
import signal
import subprocess
import sys
import time

import pytest

from lookalike import workers as processes
from lookalike.errors import UserError

pytestmark = pytest.mark.timeout(60)


def ran(jobs, workers=2, call="helpers.jobs.work()"):
    answers = []
    processes.work(call, jobs, workers, answers.append)
    return answers


def is_gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize("workers", [1, 3])
def test_every_job_is_done_once(workers):
    # Three take a while to start: there is something left to do for them.
    answers = ran(range(30), workers, f"helpers.jobs.work({0.1 if workers > 1 else 0})")
    assert sorted(answer["job"] for answer in answers) == list(range(30))
    assert len({answer["pid"] for answer in answers}) == workers
    assert {answer["threads"] for answer in answers} == {"1"}
    assert all(is_gone(answer["pid"]) for answer in answers)


@pytest.mark.parametrize(
    ("job", "error", "said"),
    [
        ("die", UserError, "was killed by SIGKILL"),
        ("leave", UserError, "ended with exit code 3"),
        ("mend", UserError, r"^Mend it\.$"),
        ("full", UserError, "No space left on device"),
        ("bug", RuntimeError, "KeyError: 'a bug'"),
    ],
)
def test_what_ends_a_worker_is_said(job, error, said):
    with pytest.raises(error, match=said):
        ran([1, 2, job, *range(100)])


def test_a_worker_that_cannot_start_says_why():
    with pytest.raises(UserError, match="No body"):
        ran([1], call="helpers.jobs.broken()")
    with pytest.raises(UserError, match="exit code 1"):
        ran([1], call="helpers.jobs.nothing()")


def test_an_error_of_the_listener_ends_the_workers():
    pids = []

    def listen(answer):
        pids.append(answer["pid"])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        processes.work("helpers.jobs.work(0.01)", range(100), 2, listen)
    assert pids
    assert all(is_gone(pid) for pid in pids)


def test_workers_end_with_a_killed_parent(tmp_path):
    code = (
        f"import sys; sys.path[:] = {sys.path!r}; from lookalike import workers as processes;"
        "processes.work('helpers.jobs.work(0.05)', range(10000), 2,"
        "               lambda a: print(a['pid'], flush=True))"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    pids = {int(parent.stdout.readline()) for _ in range(4)}
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    deadline = time.monotonic() + 20
    while not all(map(is_gone, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert all(map(is_gone, pids))
    parent.stdout.close()


def test_scripts_need_no_main_guard(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        f"import sys; sys.path[:] = {sys.path!r}\n"
        "from lookalike import workers as processes\n"
        "processes.work('helpers.jobs.work()', [1, 2], 2, lambda a: print(a['job']))\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True)
    assert sorted(done.stdout.split()) == ["1", "2"], done.stderr
