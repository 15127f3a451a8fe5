"""A stopped run that goes on ends with the numbers of a run that was never stopped."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from lookalike.cli import main
from lookalike.methods.stage import StageModule

Tiny = Callable[..., list[str]]


class Killed(BaseException):
    """As sudden as a signal: nothing catches it."""


def metrics(run: Path) -> list[dict[str, Any]]:
    """The logged steps without their times."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if "seconds" not in k} for line in lines]


def assert_same_run(a: Path, b: Path, models: tuple[str, ...] = ("model",)) -> None:
    assert metrics(a) == metrics(b)
    for name in models:
        left, right = (load_file(run / f"{name}.safetensors") for run in (a, b))
        assert left.keys() == right.keys()
        different = [k for k in left if not torch.equal(left[k], right[k])]
        assert not different


def kill_before(monkeypatch: pytest.MonkeyPatch, stage: str, step: int) -> None:
    """Lets the stage die when its 0-based step `step` begins."""
    original = StageModule.training_step

    def dying(self: StageModule, batch: dict[str, int], index: int) -> None:
        if self.stage == stage and batch["step"] == step:
            raise Killed
        original(self, batch, index)

    monkeypatch.setattr(StageModule, "training_step", dying)


def test_ide_killed_inside_an_epoch_ends_as_if_it_had_not_been(tiny: Tiny, tmp_path: Path) -> None:
    # An epoch has 6 steps: the run dies in its first epoch and ends in its second.
    assert main(tiny("ide", tmp_path / "whole", "--steps 8")) == 0
    flags = "--steps 8 --checkpoint_every 2"
    code = (
        "import os, signal, sys\n"
        "from lookalike.cli import main\n"
        "from lookalike.methods.stage import StageModule\n"
        "def die(self, batch, index):\n"
        "    if batch['step'] == 5: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    step(self, batch, index)\n"
        "step, StageModule.training_step = StageModule.training_step, die\n"
        "main(sys.argv[1:])\n"
    )
    argv = tiny("ide", tmp_path / "killed", flags)
    dead = subprocess.run([sys.executable, "-c", code, *argv], capture_output=True, timeout=120)
    assert dead.returncode == -signal.SIGKILL
    assert [line["step"] for line in metrics(tmp_path / "killed")] == [1, 2, 3, 4, 5]
    assert main([*argv, "--resume"]) == 0
    assert_same_run(tmp_path / "whole", tmp_path / "killed")


def test_dgnet_killed_in_both_stages(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The ramps rise from step 2 to 6: the joint stage dies after its fine head has begun to learn.
    flags = "--steps 6 --checkpoint_every 1"
    assert main(tiny("dgnet", tmp_path / "whole", flags)) == 0
    argv = tiny("dgnet", tmp_path / "killed", flags)
    for resume, stage, step in (([], "teacher", 2), (["--resume"], "joint", 4)):
        with monkeypatch.context() as patch:
            kill_before(patch, stage, step)
            with pytest.raises(Killed):
                main([*argv, *resume])
    assert main([*argv, "--resume"]) == 0
    assert_same_run(tmp_path / "whole", tmp_path / "killed", ("model", "teacher"))
    ramp = [line["weights"] for line in metrics(tmp_path / "whole") if line["stage"] == "joint"]
    assert [weights["teacher"] for weights in ramp] == [0, 0, 0, 0.5, 1, 1.5]


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
    steps = [(line["stage"], line["step"]) for line in metrics(tmp_path)]
    assert steps == [("teacher", 1), ("joint", 1), ("joint", 2)]
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


def start(argv: list[str]) -> subprocess.Popen[str]:
    """The command in a process of its own; returns when it has done its first step."""
    process = subprocess.Popen(
        [sys.executable, "-m", "lookalike", *argv], stderr=subprocess.PIPE, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"})  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("learn 1/"):
            return process
    raise AssertionError(f"ended with {process.wait()}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_saves_and_says_how_to_go_on(tiny: Tiny, tmp_path: Path, number: int) -> None:
    process = start(tiny("ide", tmp_path / "stopped", "--steps 500"))
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert ("Stopping after this step" in said) == (number == signal.SIGINT)
    assert said.splitlines()[-1] == "lookalike: stopped; the same command with --resume goes on."
    checkpoint = torch.load(tmp_path / "stopped/stages/1-learn/last.ckpt", weights_only=True)
    done = int(checkpoint["step"])
    assert done == metrics(tmp_path / "stopped")[-1]["step"]
    assert done < 100
    assert main([*tiny("ide", tmp_path / "stopped", f"--steps {done + 2}"), "--resume"]) == 0
    assert main(tiny("ide", tmp_path / "whole", f"--steps {done + 2}")) == 0
    assert_same_run(tmp_path / "whole", tmp_path / "stopped")


def test_a_second_ctrl_c_stops_at_once(tiny: Tiny, tmp_path: Path) -> None:
    code = (
        "import signal, sys, time\n"
        "from lookalike.cli import main\n"
        "from lookalike.methods.stage import StageModule\n"
        "def slow(self, batch, index):\n"
        "    step(self, batch, index)\n"
        "    if batch['step'] == 1:\n"
        "        print('asleep', flush=True)\n"
        "        time.sleep(60)\n"
        "step, StageModule.training_step = StageModule.training_step, slow\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    argv = tiny("ide", tmp_path, "--checkpoint_every 1")
    process = subprocess.Popen([sys.executable, "-c", code, *argv], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "asleep\n"
    process.send_signal(signal.SIGINT)
    time.sleep(1)
    assert process.poll() is None  # the first one waits for the step
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert said.splitlines()[-1] == "lookalike: stopped; the same command with --resume goes on."
    checkpoint = torch.load(tmp_path / "stages/1-learn/last.ckpt", weights_only=True)
    assert checkpoint["step"] == 1
