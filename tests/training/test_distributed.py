"""Two processes share a global batch and compute what one process computes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lookalike.cli import main
from lookalike.errors import UserError
from lookalike.methods.stage import Stage
from lookalike.training import RunSettings
from lookalike.training.run import check_shares

Tiny = Callable[..., list[str]]
LIMIT = 240  # seconds that a hang may cost
# Higher rates, and batch norm over few images, blow float32's rounding up within three steps; with
# these, doubling a rate changes losses by a thousandth, and rounding by a hundred-thousandth.
GENTLE = {
    "strong": "--ids_per_batch 4 --images_per_id 2 --head bnneck --triplet_weight 1 "
    "--smoothing 0.1 --erase 0.5 --lr_trunk 1e-6 --lr_head 1e-2",
    "dropout": "--head bneck512 --dropout 0.5 --lr_trunk 1e-4 --lr_head 3e-3",
    "dgnet": "--batch 8 --lr 1e-6 --lr_trunk 1e-6 --lr_head 1e-4 --ramp_from 0 --ramp 1 "
    "--teacher.lr_trunk 1e-5 --teacher.lr_head 1e-3",
    "fdgan": "--identify 0 --lr_baseline 1e-5 --warmup_lr [1e-6,1e-6,1e-6] "
    "--joint_lr [1e-6,1e-6,1e-6]",
}


def two_processes(argv: list[str], code: str = "") -> subprocess.CompletedProcess[str]:
    """The command with two processes; `code` runs before it in both."""
    argv = [*argv, "--devices", "2"]
    command = ["-m", "lookalike", *argv]
    if code:
        script = Path(argv[argv.index("--out") + 1]).with_suffix(".py")
        script.write_text(f"{code}\nimport sys\nfrom lookalike.cli import main\nsys.exit(main())\n")
        command = [str(script), *argv]
    return subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, timeout=LIMIT,
        env={**os.environ, "OMP_NUM_THREADS": "1"})  # fmt: skip


def still_running(mark: str) -> list[str]:
    """The command lines of processes with `mark` in them."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().decode(errors="replace")
        except OSError:  # it ended meanwhile
            continue
        if mark in command:
            found.append(command)
    return found


def assert_no_orphans(mark: str) -> None:
    for _ in range(100):
        if not still_running(mark):
            return
        time.sleep(0.1)
    raise AssertionError(still_running(mark))


def losses(run: Path) -> dict[tuple[str, int, str], float]:
    """Every logged loss by its stage, step and term."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return {
        (line["stage"], line["step"], term): value
        for line in lines
        for term, value in line["losses"].items()
    }


def assert_same_losses(tiny: Tiny, tmp_path: Path, method: str, flags: str) -> None:
    assert main(tiny(method, tmp_path / "one", flags)) == 0
    done = two_processes(tiny(method, tmp_path / "two", flags))
    assert done.returncode == 0, done.stderr
    one, two = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert two == pytest.approx(one, rel=1e-4, abs=1e-6)
    files = [
        sorted(p.name for p in (tmp_path / name).rglob("*") if "tfevents" not in p.name)
        for name in ("one", "two")
    ]
    assert files[0] == files[1]
    events = list((tmp_path / "two/tensorboard").rglob("*tfevents*"))
    assert len(events) == len({stage for stage, _, _ in two})  # a file a stage
    assert done.stdout.count("model.safetensors") == 1
    assert "arning" not in done.stderr
    assert_no_orphans(str(tmp_path / "two"))


@pytest.mark.parametrize("kind", ["strong", "dropout"])
def test_ide(tiny: Tiny, tmp_path: Path, kind: str) -> None:
    assert_same_losses(tiny, tmp_path, "ide", f"--steps 3 {GENTLE[kind]}")


def test_dgnet_through_both_stages(tiny: Tiny, tmp_path: Path) -> None:
    assert_same_losses(tiny, tmp_path, "dgnet", f"--steps 3 {GENTLE['dgnet']}")


def test_fdgan_through_all_stages(tiny: Tiny, tmp_path: Path) -> None:
    assert_same_losses(tiny, tmp_path, "fdgan", GENTLE["fdgan"])


def test_a_mistake_that_all_processes_meet_is_told_once(tiny: Tiny, tmp_path: Path) -> None:
    done = two_processes(tiny("ide", tmp_path / "run", "--lr_trunk 1e30 --lr_head 1e30"))
    assert done.returncode == 2
    assert done.stderr.count("lookalike: Loss term 'ce' of stage 'learn' is") == 1
    assert "Traceback" not in done.stderr
    assert_no_orphans(str(tmp_path / "run"))


@pytest.mark.parametrize("rank", [0, 1])
def test_an_error_in_one_process_ends_both(tiny: Tiny, tmp_path: Path, rank: int) -> None:
    code = (
        "from lookalike.errors import UserError\n"
        "from lookalike.methods.stage import StageModule\n"
        "from lookalike.parallel import rank\n"
        "def fail(self, batch, index):\n"
        f"    if batch['step'] == 2 and rank() == {rank}: raise UserError('No such luck.')\n"
        "    step(self, batch, index)\n"
        "step, StageModule.training_step = StageModule.training_step, fail\n"
    )
    done = two_processes(tiny("ide", tmp_path / "run", "--steps 8"), code)
    assert done.returncode == 2
    assert [x for x in done.stderr.splitlines() if "lookalike:" in x] == [
        "lookalike: No such luck."
    ]
    assert "Traceback" not in done.stderr
    assert_no_orphans(str(tmp_path / "run"))


def test_ctrl_c_in_one_process_stops_both_in_the_same_step(tiny: Tiny, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "lookalike", *tiny("ide", tmp_path / "run"), "--devices", "2"],
        stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})  # fmt: skip
    assert process.stderr is not None
    assert any(line.startswith("learn 1/") for line in process.stderr)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=LIMIT)
    assert process.returncode == 130
    assert said.count("lookalike: stopped; the same command with --resume goes on.") == 1
    assert "Traceback" not in said
    assert_no_orphans(str(tmp_path / "run"))
    assert main([*tiny("ide", tmp_path / "run", "--steps 1"), "--resume"]) == 0


def test_a_killed_main_process_takes_its_helper_along(tiny: Tiny, tmp_path: Path) -> None:
    code = (
        "import os, signal, time\n"
        "from lookalike.methods.stage import StageModule\n"
        "from lookalike.parallel import rank\n"
        "def die(self, batch, index):\n"
        "    if batch['step'] == 1 and rank() == 0: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    if batch['step'] == 1: time.sleep(1000)\n"
        "    step(self, batch, index)\n"
        "step, StageModule.training_step = StageModule.training_step, die\n"
    )
    done = two_processes(tiny("ide", tmp_path / "run", "--steps 8"), code)
    assert done.returncode == -9
    assert_no_orphans(str(tmp_path / "run"))


def test_a_batch_that_cannot_be_shared_is_refused() -> None:
    import numpy as np

    stage = Stage("learn", 1, (64, 32), lambda _: {"crops": np.arange(9)}, lambda _: None)  # type: ignore[arg-type,return-value]
    check_shares("learn", stage.plan(0), RunSettings(devices=3).devices)
    with pytest.raises(UserError, match="batches of 9 images, which 2 devices can't share"):
        check_shares("learn", stage.plan(0), 2)
