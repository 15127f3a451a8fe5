"""Two processes share a global batch and compute what one process computes."""

import multiprocessing
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from helpers.processes import Command, assert_no_orphans, real_command
from helpers.runs import before_steps, changed, losses
from safetensors.torch import load_file

from lookalike.cli import main
from lookalike.errors import UserError
from lookalike.methods.stage import Stage
from lookalike.stopping import MAIN, end_with_parent
from lookalike.training import RunSettings
from lookalike.training.rounds import check_shares

Tiny = Callable[..., list[str]]
Start = Callable[..., Command]
# As in helpers.runs.GENTLE, with everything that "strong" has
STRONG = (
    "--ids_per_batch 4 --images_per_id 2 --head bnneck --triplet_weight 1 --smoothing 0.1 "
    "--erase 0.5 --lr_trunk 1e-6 --lr_head 1e-2"
)


def assert_same_losses(one: Path, two: Path, stdout: str, stderr: str) -> None:
    alone, shared = losses(one), losses(two)
    assert shared == pytest.approx(alone, rel=1e-4, abs=1e-6)
    files = [
        sorted(p.name for p in run.rglob("*") if "tfevents" not in p.name) for run in (one, two)
    ]
    assert files[0] == files[1]
    events = list((two / "tensorboard").rglob("*tfevents*"))
    assert len(events) == len({stage for stage, _, _ in shared})  # a file a stage
    assert stdout.count("model.safetensors") == 1
    assert "arning" not in stderr


def test_the_real_command_starts_its_helper(tiny: Tiny, tmp_path: Path) -> None:
    flags = f"--steps 3 --ema 0.5 {STRONG}"

    def argv(name: str) -> list[str]:
        return changed(tiny("ide", tmp_path / name, flags), "--backbone", "resnet18")

    assert main(argv("one")) == 0
    said = tmp_path / "said"
    done = real_command([*argv("two"), "--devices", "2"], said)
    assert done.returncode == 0, done.stderr
    assert_same_losses(tmp_path / "one", tmp_path / "two", done.stdout, done.stderr)
    one, two = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    torch.testing.assert_close(two, one, rtol=1e-3, atol=1e-5)  # the averages of the weights
    assert_no_orphans(said)


def test_a_mistake_that_all_processes_meet_is_told_once(
    tiny: Tiny, command: Start, tmp_path: Path
) -> None:
    flags = "--lr_trunk 1e30 --lr_head 1e30 --devices 2"
    run = command(tiny("ide", tmp_path / "run", flags), processes=2)
    assert run.wait() == 2
    assert run.stderr.count("lookalike: Loss term 'ce' of stage 'learn' is") == 1
    assert "Traceback" not in run.stderr
    assert_no_orphans(tmp_path)


@pytest.mark.parametrize("rank", [0, 1])
def test_an_error_in_one_process_ends_both(
    tiny: Tiny, command: Start, tmp_path: Path, rank: int
) -> None:
    code = before_steps(
        f"if batch['step'] == 2 and rank() == {rank}: raise UserError('No such luck.')"
    )
    run = command(tiny("ide", tmp_path / "run", "--steps 8 --devices 2"), code, processes=2)
    assert run.wait() == 2
    assert [x for x in run.stderr.splitlines() if "lookalike:" in x] == ["lookalike: No such luck."]
    assert "Traceback" not in run.stderr
    assert_no_orphans(tmp_path)


def test_ctrl_c_in_one_process_stops_both_in_the_same_step(
    tiny: Tiny, command: Start, tmp_path: Path
) -> None:
    run = command(tiny("ide", tmp_path / "run", "--devices 2"), processes=2)
    run.until("learn 1/")
    run.send_signal(signal.SIGINT)
    assert run.wait() == 130
    assert run.stderr.count("lookalike: stopped; the same command with --resume goes on.") == 1
    assert "Traceback" not in run.stderr
    assert_no_orphans(tmp_path)
    assert main([*tiny("ide", tmp_path / "run", "--steps 1"), "--resume"]) == 0


def test_a_killed_main_process_takes_its_helper_along(
    tiny: Tiny, command: Start, tmp_path: Path
) -> None:
    code = before_steps(
        "if batch['step'] == 1 and rank() == 0: os.kill(os.getpid(), signal.SIGKILL)\n"
        "if batch['step'] == 1: time.sleep(1000)"
    )
    run = command(tiny("ide", tmp_path / "run", "--steps 8 --devices 2"), code, processes=2)
    assert run.wait() == -9
    assert_no_orphans(tmp_path)


def test_a_helper_that_finds_its_main_process_gone_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    def late() -> None:
        end_with_parent()
        time.sleep(60)

    monkeypatch.setenv(MAIN, "1")  # not this process
    helper = multiprocessing.get_context("fork").Process(target=late)
    helper.start()
    helper.join(10)
    assert helper.exitcode == 2


def test_a_batch_that_cannot_be_shared_is_refused() -> None:
    import numpy as np

    stage = Stage("learn", None, 1, (64, 32), lambda _: {"crops": np.arange(9)}, lambda _: None)  # type: ignore[arg-type,return-value]
    check_shares("learn", stage.plan(0), RunSettings(devices=3).devices)
    with pytest.raises(UserError, match="batches of 9 images, which 2 devices can't share"):
        check_shares("learn", stage.plan(0), 2)
