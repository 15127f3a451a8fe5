"""A stopped run that goes on ends with the numbers of a run that was never stopped."""

import math
import resource
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from helpers.processes import Command
from helpers.runs import (
    assert_same_run,
    before_steps,
    changed,
    different,
    killed,
    metrics,
    refused,
    steps,
)

from lookalike.cli import main
from lookalike.methods.stage import StageModule

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
        "--steps 4 --checkpoint_every 1 --ramp_from 0 --ramp 2 "
        "--teacher.epoch step --teacher.epochs 2"
    )
    assert main(tiny("dgnet", tmp_path / "whole", flags)) == 0
    argv = tiny("dgnet", tmp_path / "killed", flags)
    killed(monkeypatch, argv, "teacher", 1)
    killed(monkeypatch, [*argv, "--resume"], "joint", 3)
    assert "fine" in metrics(tmp_path / "killed")[-1]["losses"]
    assert main([*argv, "--resume"]) == 0
    assert_same_run(tmp_path / "whole", tmp_path / "killed", ("model", "teacher"))
    ramp = [line["weights"] for line in metrics(tmp_path / "whole") if line["stage"] == "joint"]
    assert [weights["teacher"] for weights in ramp] == [0, 0.5, 1, 1.5]


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
    assert "Stage 'teacher' was stopped at step 1 of" in capsys.readouterr().err


def test_a_longer_length_on_resume(
    tiny: Tiny, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = "--epoch step --milestones [2]"
    assert main(tiny("ide", tmp_path / "whole", f"{flags} --epochs 5")) == 0
    assert main(tiny("ide", tmp_path / "more", f"{flags} --epochs 3")) == 0
    longer = [*tiny("ide", tmp_path / "more", f"{flags} --epochs 5"), "--resume"]
    capsys.readouterr()
    assert main(longer) == 0
    assert "lookalike: goes on longer, epochs: 3.0 → 5.0\n" in capsys.readouterr().err
    assert_same_run(tmp_path / "whole", tmp_path / "more")
    config = yaml.safe_load((tmp_path / "more/config.yaml").read_text())
    assert config["settings"]["epochs"] == 5
    assert main(longer) == 0
    assert "longer" not in capsys.readouterr().err
    shorter = [*tiny("ide", tmp_path / "more", f"{flags} --epochs 4"), "--resume"]
    assert "epochs: 5.0 → 4.0" in refused(shorter, capsys)
    both = [*tiny("ide", tmp_path / "more", f"{flags} --epochs 9 --flip 0.1"), "--resume"]
    assert "settings.flip: 0.5 → 0.1)" in refused(both, capsys)
    scaled = [*tiny("ide", tmp_path / "more", f"{flags} --epochs 3 --schedule_scale 2"), "--resume"]
    assert main(scaled) == 0
    assert "epochs: 5.0 → 6.0" in capsys.readouterr().err


def test_a_shortened_run_has_a_cosine_that_stays_when_it_goes_on(
    tiny: Tiny, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def flags(name: str, more: str) -> list[str]:
        return tiny("ide", tmp_path / name, f"--epoch step --epochs 8 --milestones [4] {more}")

    def rates(name: str) -> list[float]:
        lines = metrics(tmp_path / name)
        return [round(line["lr"] / 0.05, 6) for line in lines]

    def decay(name: str) -> str:
        config = yaml.safe_load((tmp_path / name / "config.yaml").read_text())
        assert "decay" not in config["changed"]
        return str(config["settings"]["decay"])

    told = "lookalike: --schedule_scale 0.5 shortens the run, so learning rates fall along a cosine"
    assert main(flags("short", "--schedule_scale 0.5")) == 0
    assert told in capsys.readouterr().err
    assert decay("short") == "cosine"
    cosine = [(1 + math.cos(math.pi * (k + 0.5) / 4)) / 2 for k in range(4)]
    assert rates("short") == pytest.approx(cosine, abs=1e-5)
    assert main([*flags("short", "--schedule_scale 0.5"), "--resume"]) == 0
    assert "cosine" not in capsys.readouterr().err
    assert main([*flags("short", "--schedule_scale 1"), "--resume"]) == 0
    assert "goes on longer, epochs: 4.0 → 8.0" in capsys.readouterr().err
    longer = [(1 + math.cos(math.pi * (k + 0.5) / 8)) / 2 for k in range(4, 8)]
    assert rates("short") == pytest.approx(cosine + longer, abs=1e-5)
    assert decay("short") == "cosine"
    assert main(flags("whole", "")) == 0
    assert "shortens" not in capsys.readouterr().err
    assert decay("whole") == "milestones"
    assert rates("whole") == pytest.approx([1.0] * 4 + [0.1] * 4)
    asked = [*flags("short", "--schedule_scale 1 --decay milestones"), "--resume"]
    assert "settings.decay: cosine → milestones" in refused(asked, capsys)


def test_an_average_of_the_weights_goes_on_to_the_bit(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = "--steps 5 --checkpoint_every 2 --ema 0.9"
    assert main(tiny("ide", tmp_path / "whole", flags)) == 0
    argv = tiny("ide", tmp_path / "killed", flags)
    killed(monkeypatch, argv, "learn", 3)
    assert main([*argv, "--resume"]) == 0
    assert_same_run(tmp_path / "whole", tmp_path / "killed")
    plain = flags.replace("0.9", "0")
    assert main(tiny("ide", tmp_path / "plain", plain)) == 0
    assert metrics(tmp_path / "plain") == metrics(tmp_path / "whole")  # it learns as without
    models = (tmp_path / name / "model.safetensors" for name in ("plain", "whole"))
    assert "trunk.conv1.weight" in different(*models)


def test_a_longer_length_of_a_stage_that_a_later_one_stands_on(
    tiny: Tiny, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = "--joint_steps 1 --teacher.epoch step --teacher.epochs"
    assert main(tiny("dgnet", tmp_path, f"{flags} 1")) == 0
    longer = tiny("dgnet", tmp_path, f"{flags} 2")
    assert main([*longer, "--resume"]) == 2
    assert "Stage 'teacher' was stopped at step 1 of 2" in capsys.readouterr().err
    assert main([*tiny("dgnet", tmp_path, f"{flags} 1"), "--resume"]) == 0  # no dead end
    file = tmp_path / "stages/1-teacher/last.ckpt"
    capsys.readouterr()
    for damage in (lambda: file.write_bytes(b"?"), file.unlink):
        damage()
        said = refused([*tiny("dgnet", tmp_path, f"{flags} 1"), "--resume"], capsys)
        assert "a later stage has built on it: put back the file" in said
    shutil.rmtree(tmp_path / "stages")  # as the sentence says
    assert main([*tiny("dgnet", tmp_path, f"{flags} 1"), "--resume"]) == 0


def test_moved_people_go_on_and_others_do_not(
    tiny: Tiny, market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = tiny("ide", tmp_path / "whole", "--steps 3")
    assert main(whole) == 0
    run, data = tmp_path / "run", tmp_path / "moved here"
    assert main(tiny("ide", run, "--steps 2")) == 0
    shutil.copytree(market, data)
    argv = changed(tiny("ide", run, "--steps 3"), "--data", f"market1501:{data}")
    assert main([*argv, "--resume"]) == 0
    assert_same_run(tmp_path / "whole", run)
    first, *_ = sorted((data / "bounding_box_train").iterdir())
    renamed = first.rename(first.with_name(first.name[:-6] + "99.jpg"))
    capsys.readouterr()
    said = refused([*argv, "--resume"], capsys)
    assert said.count("market1501: 72 crops of 8 people, ") == 2
    renamed.unlink()
    said = refused([*argv, "--resume"], capsys)
    assert "→ market1501: 71 crops of 8 people, " in said


def test_a_run_of_before_knows_its_data_by_their_place(
    tiny: Tiny, market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, argv = tmp_path / "run", tiny("ide", tmp_path / "run", "--steps 1")
    assert main(argv) == 0
    file = run / "config.yaml"
    config = yaml.safe_load(file.read_text())
    del config["people"]
    file.write_text(yaml.safe_dump(config))
    assert main([*argv, "--resume"]) == 0
    shutil.copytree(market, tmp_path / "data")
    other = changed(argv, "--data", f"market1501:{tmp_path}/data")
    capsys.readouterr()
    assert "data: market1501:" in refused([*other, "--resume"], capsys)


@pytest.mark.parametrize("foreign", ["module", "optimizers"])
def test_a_checkpoint_of_another_network(
    tiny: Tiny, tmp_path: Path, capsys: pytest.CaptureFixture[str], foreign: str
) -> None:
    argv, file = tiny("ide", tmp_path, "--steps 1"), tmp_path / "stages/1-learn/last.ckpt"
    assert main(argv) == 0
    state = torch.load(file, weights_only=True)
    state[foreign] = {} if foreign == "module" else [{"state": {}, "param_groups": []}]
    torch.save(state, file)
    capsys.readouterr()
    resume = [*tiny("ide", tmp_path, "--steps 2"), "--resume"]
    assert "delete it, and --resume starts its stage again." in refused(resume, capsys)
    file.unlink()
    assert main(resume) == 0


def test_a_disk_that_fills_in_mid_training(
    tiny: Tiny, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    original = StageModule.training_step
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def full(self: StageModule, batch: dict[str, Any], index: int = 0) -> None:
        original(self, batch, index)
        if self.step == 2:
            used = (tmp_path / "metrics.jsonl").stat().st_size
            resource.setrlimit(resource.RLIMIT_FSIZE, (used + 10, before[1]))

    argv = tiny("ide", tmp_path, "--steps 3 --checkpoint_every 1")
    monkeypatch.setattr(StageModule, "training_step", full)
    try:
        code = main(argv)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    last = capsys.readouterr().err.splitlines()[-1]
    assert code == 2
    assert last.startswith("lookalike: Could not write")
    assert "metrics.jsonl" in last
    assert last.endswith("; mend that, and the same command with --resume goes on.")
    monkeypatch.setattr(StageModule, "training_step", original)
    assert main([*argv, "--resume"]) == 0
    assert steps(tmp_path) == [("learn", 1), ("learn", 2), ("learn", 3)]


@pytest.mark.parametrize("name", ["config.yaml", "last.ckpt", "model.safetensors", "report.html"])
def test_a_disk_that_is_full_for_one_file(
    tiny: Tiny,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    original = Path.replace

    def full(self: Path, target: Path) -> Path:
        if Path(target).name == name:
            raise OSError(28, "No space left on device")
        return original(self, target)

    argv = tiny("ide", tmp_path / "run", "--steps 1")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        assert main(argv) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert f"/{name} ([Errno 28] No space left on device); what was there before is kept" in last
    resume = name != "config.yaml"  # before there is a run, there is nothing to go on with
    assert ("--resume goes on." in last) == resume
    assert main([*argv, *(["--resume"] if resume else [])]) == 0


def test_a_disk_that_refuses_anything_else(
    tiny: Tiny, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lightning.pytorch.loggers.TensorBoardLogger.log_metrics", refuse)
    assert main(tiny("ide", tmp_path, "--steps 2")) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert "could not go on ([Errno 28] No space left on device); what was saved is kept" in last


def test_a_finished_run_resumes_to_its_evaluation(tiny: Tiny, tmp_path: Path) -> None:
    assert main(tiny("ide", tmp_path, "--steps 2")) == 0
    before = (tmp_path / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").unlink()
    (tmp_path / "evaluation.json").unlink()
    assert main([*tiny("ide", tmp_path, "--steps 2"), "--resume"]) == 0
    assert (tmp_path / "model.safetensors").read_bytes() == before
    assert (tmp_path / "evaluation.json").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_saves_and_says_how_to_go_on(
    tiny: Tiny, command: Start, tmp_path: Path, number: int
) -> None:
    run = command(tiny("ide", tmp_path / "stopped", "--steps 500"))
    run.until("learn 1/")
    run.send_signal(number)
    assert run.wait() == 130
    assert "Traceback" not in run.stderr
    assert "Stopping after this step" in run.stderr
    assert ("press Ctrl-C again" in run.stderr) == (number == signal.SIGINT)
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
