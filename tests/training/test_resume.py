"""A stopped run that goes on ends with the numbers of a run that was never stopped."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from helpers.processes import Command
from helpers.runs import assert_same_run, before_steps, killed, metrics, steps

from lookalike.cli import main

Tiny = Callable[..., list[str]]
Start = Callable[..., Command]


def test_ide_killed_inside_an_epoch_ends_as_if_it_had_not_been(
    tiny: Tiny, command: Start, tmp_path: Path
) -> None:
    # An epoch has 6 steps: the run dies in its first epoch and ends in its second.
    assert main(tiny("ide", tmp_path / "whole", "--steps 8")) == 0
    argv = tiny("ide", tmp_path / "killed", "--steps 8 --checkpoint_every 2")
    dead = command(
        argv, before_steps("if batch['step'] == 5: os.kill(os.getpid(), signal.SIGKILL)")
    )
    assert dead.wait() == -signal.SIGKILL
    assert [line["step"] for line in metrics(tmp_path / "killed")] == [1, 2, 3, 4, 5]
    assert main([*argv, "--resume"]) == 0
    assert_same_run(tmp_path / "whole", tmp_path / "killed")


def test_dgnet_killed_in_both_stages(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The ramps rise from step 0 on: the joint stage dies after its fine head has begun to learn.
    flags = (
        "--steps 3 --checkpoint_every 1 --ramp_from 0 --ramp 2 "
        "--teacher.epoch step --teacher.epochs 2"
    )
    assert main(tiny("dgnet", tmp_path / "whole", flags)) == 0
    argv = tiny("dgnet", tmp_path / "killed", flags)
    killed(monkeypatch, argv, "teacher", 1)
    killed(monkeypatch, [*argv, "--resume"], "joint", 2)
    assert main([*argv, "--resume"]) == 0
    assert_same_run(tmp_path / "whole", tmp_path / "killed", ("model", "teacher"))
    ramp = [line["weights"] for line in metrics(tmp_path / "whole") if line["stage"] == "joint"]
    assert [weights["teacher"] for weights in ramp] == [0, 0.5, 1]


def test_more_steps_on_resume(tiny: Tiny, tmp_path: Path) -> None:
    assert main(tiny("ide", tmp_path / "whole", "--steps 5")) == 0
    assert main(tiny("ide", tmp_path / "more", "--steps 2")) == 0
    assert main([*tiny("ide", tmp_path / "more", "--steps 5"), "--resume"]) == 0
    assert_same_run(tmp_path / "whole", tmp_path / "more")


def test_more_steps_leave_a_stage_alone_that_a_later_one_stands_on(
    tiny: Tiny, tmp_path: Path
) -> None:
    assert main(tiny("dgnet", tmp_path, "--steps 1")) == 0
    teacher = (tmp_path / "teacher.safetensors").read_bytes()
    assert main([*tiny("dgnet", tmp_path, "--steps 2"), "--resume"]) == 0
    assert steps(tmp_path) == [("teacher", 1), ("joint", 1), ("joint", 2)]
    assert (tmp_path / "teacher.safetensors").read_bytes() == teacher


def test_a_later_stage_is_not_finished_on_an_unfinished_one(
    tiny: Tiny, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(tiny("dgnet", tmp_path, "--steps 1")) == 0
    assert main([*tiny("dgnet", tmp_path), "--resume"]) == 2
    assert "Stage 'teacher' was stopped by --steps at 1 of" in capsys.readouterr().err


def test_a_finished_run_resumes_to_its_evaluation(tiny: Tiny, tmp_path: Path) -> None:
    assert main(tiny("ide", tmp_path, "--steps 2")) == 0
    before = (tmp_path / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").unlink()
    (tmp_path / "evaluation.json").unlink()
    assert main([*tiny("ide", tmp_path, "--steps 2"), "--resume"]) == 0
    assert (tmp_path / "model.safetensors").read_bytes() == before
    assert (tmp_path / "evaluation.json").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_saves_and_says_how_to_go_on(
    tiny: Tiny, command: Start, tmp_path: Path, number: int
) -> None:
    run = command(tiny("ide", tmp_path / "stopped", "--steps 500"))
    run.until("learn 1/")
    run.send_signal(number)
    assert run.wait() == 130
    assert "Traceback" not in run.stderr
    assert ("Stopping after this step" in run.stderr) == (number == signal.SIGINT)
    last = run.stderr.splitlines()[-1]
    assert last == "lookalike: stopped; the same command with --resume goes on."
    checkpoint = torch.load(tmp_path / "stopped/stages/1-learn/last.ckpt", weights_only=True)
    done = int(checkpoint["step"])
    assert done == metrics(tmp_path / "stopped")[-1]["step"]
    assert done < 100
    assert main([*tiny("ide", tmp_path / "stopped", f"--steps {done + 2}"), "--resume"]) == 0
    assert main(tiny("ide", tmp_path / "whole", f"--steps {done + 2}")) == 0
    assert_same_run(tmp_path / "whole", tmp_path / "stopped")


def test_a_second_ctrl_c_stops_at_once(tiny: Tiny, command: Start, tmp_path: Path) -> None:
    code = before_steps(
        "step(self, batch, index)\n"
        "if batch['step'] == 1:\n"
        "    print('asleep', flush=True)\n"
        "    time.sleep(60)\n"
        "return"
    )
    run = command(tiny("ide", tmp_path / "run", "--checkpoint_every 1"), code)
    run.until("asleep")
    run.send_signal(signal.SIGINT)
    time.sleep(1)
    assert run.running  # the first one waits for the step
    run.send_signal(signal.SIGINT)
    assert run.wait(20) == 130
    assert "Traceback" not in run.stderr
    last = run.stderr.splitlines()[-1]
    assert last == "lookalike: stopped; the same command with --resume goes on."
    checkpoint = torch.load(tmp_path / "run/stages/1-learn/last.ckpt", weights_only=True)
    assert checkpoint["step"] == 1
