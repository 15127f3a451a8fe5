"""What tests of whole runs share: tiny methods, what a run wrote, and how it is stopped."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from lookalike.cli import main
from lookalike.methods.stage import StageModule
from lookalike.report import figures
from lookalike.training import report_run

COMMON = "--accelerator cpu --precision fp32 --layout channels_last --log_every 1"
RESNET = f"{COMMON} --backbone resnet10 --weights none"
CROPS = f"{RESNET} --height 64 --width 48 --pad 2"
PAIRS = f"{RESNET} --height 64 --width 48 --batch_size 8 --epoch step --epochs 3"
CLUSTERS = (
    f"{CROPS} --batch_size 8 --images_per_cluster 2 --rounds 2 --round_steps 2 --eps 0.8 "
    "--min_samples 2 --k1 5 --k2 2"
)
TINY = {  # flags with which every method trains a few steps in a few seconds
    "ide": f"{CROPS} --batch_size 8",
    "ide+": f"{CROPS} --batch_size 8",
    "triplet": f"{CROPS} --resize [68,52] --ids_per_batch 4 --images_per_id 2",
    "siamese": PAIRS,
    "cc": f"{CLUSTERS} --bn_group 4 --ema 0.9",
    "spcl": f"{CLUSTERS} --eps_margin 0.05",
    "dgnet": f"{CROPS} --batch_size 2 --structure_dim 2 --dis_dim 2 --mlp_dim 8 --dis_scales 2 "
    "--residual_blocks 1 --teacher.height 64 --teacher.width 48 --teacher.batch_size 4 "
    "--ramp_from 2 --ramp 2",
    "fdgan": f"{PAIRS} --generator_dim 4 --dis_dim 4 --pose_dim 8 --noise_dim 8 "
    "--warmup_epochs 3 --joint_epochs 3 --warmup_flat 2 --joint_flat 2 --identify_steps 2",
    "pg2": f"{COMMON} --height 32 --width 16 --channels 2 --batch_size 2 --coarse_steps 2 "
    "--refine_steps 2 --lr 1e-3 --lr_adv 1e-3",
}

# Flags with which a second process, whose sums are in another order, moves losses by less than a
# hundred-thousandth in three steps; doubling a rate moves them by a thousandth. Higher rates, and
# batch norm over few images, blow float32's rounding up.
GENTLE = {
    "ide": "--lr_trunk 1e-4 --lr_head 3e-3",
    "ide+": "--lr_trunk 1e-4 --lr_head 3e-3",
    "triplet": "--lr_trunk 1e-8 --lr_head 1e-8",
    "siamese": "--lr 1e-5",
    "cc": "--lr 1e-6",
    "spcl": "--lr 1e-6",
    "dgnet": "--batch_size 4 --lr 1e-6 --lr_trunk 1e-6 --lr_head 1e-4 --ramp_codes false "
    "--teacher.lr_trunk 1e-5 --teacher.lr_head 1e-3",
    "fdgan": "--batch_size 4 --identify_steps 0 --lr 1e-5 --lr_warmup [1e-6,1e-6,1e-6] "
    "--lr_joint [1e-6,1e-6,1e-6]",
}


def train_command(method: str, data: str, out: Path, flags: str = "") -> list[str]:
    """The arguments of the command that trains the tiny METHOD on NAME:PATH into OUT."""
    return [
        "train", method, "--data", data, "--out", str(out), *TINY[method].split(), *flags.split()
    ]  # fmt: skip


def changed(argv: list[str], flag: str, value: str) -> list[str]:
    """The arguments with another value of `flag`."""
    at = argv.index(flag) + 1
    return [*argv[:at], value, *argv[at + 1 :]]


def refused(argv: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one sentence that the command says before it exits with 2."""
    assert main(argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    said = [line for line in err.splitlines() if not line.startswith("learn ")]
    assert len(said) == 1, err
    assert said[0].startswith("lookalike: ")
    assert said[0].endswith((".", "?"))
    return said[0]


@pytest.fixture(scope="module", autouse=True)
def short_reports() -> Iterator[None]:
    """Reports without curves, and with few pictures judged, where a conftest.py imports it.

    They would take as long as a tiny run to train. tests/report, tests/demo and tests/cli make
    them whole.
    """
    with pytest.MonkeyPatch.context() as patch:
        shorten_reports(patch)
        yield


def shorten_reports(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(figures, "draw", blank)
    patch.setattr(report_run, "PAIRS", 16)


def blank(paint: object, label: str, size: object = None) -> str:
    return f'<svg role="img" id="{label}"></svg>'


def shared_run(
    temporary: pytest.TempPathFactory, name: str, argv: Callable[[Path], list[str]]
) -> Path:
    """The run of that command, trained by the first of pytest's parallel processes that asks."""
    folder = temporary.getbasetemp()
    folder = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / name / "report.html").exists():
            assert main(argv(folder / name)) == 0
    return folder / name


# What a run wrote


def metrics(run: Path) -> list[dict[str, Any]]:
    """The logged steps and rounds without their times."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [untimed(line) for line in lines]


def untimed(values: dict[str, Any]) -> dict[str, Any]:
    """Without the times, also inside."""
    return {
        k: untimed(v) if isinstance(v, dict) else v for k, v in values.items() if "seconds" not in k
    }


def steps(run: Path) -> list[tuple[str, int]]:
    """Stage and number of every logged step."""
    return [(line["stage"], line["step"]) for line in metrics(run) if "losses" in line]


def losses(run: Path) -> dict[tuple[str, int, str], float]:
    """Every logged loss by its stage, step and term."""
    return {
        (line["stage"], line["step"], term): value
        for line in metrics(run)
        for term, value in line.get("losses", {}).items()
    }


def different(a: Path, b: Path) -> list[str]:
    """The weights in which two model files of the same weights' names differ."""
    left, right = load_file(a), load_file(b)
    assert left.keys() == right.keys()
    return [k for k in left if not torch.equal(left[k], right[k])]


def assert_same_run(a: Path, b: Path, models: tuple[str, ...] = ("model",)) -> None:
    """That two runs logged the same steps and ended with the same weights, to the bit."""
    assert metrics(a) == metrics(b)
    for name in models:
        assert not different(a / f"{name}.safetensors", b / f"{name}.safetensors")


# How a run is stopped


class Killed(BaseException):
    """As sudden as a signal: nothing catches it."""


def killed(monkeypatch: pytest.MonkeyPatch, argv: list[str], stage: str, step: int) -> None:
    """Runs the command, which dies when 0-based step `step` of `stage` begins."""
    original = StageModule.training_step

    def dying(self: StageModule, batch: dict[str, Any], index: int) -> None:
        if self.stage == stage and batch["step"] == step:
            raise Killed
        original(self, batch, index)

    with monkeypatch.context() as patch:
        patch.setattr(StageModule, "training_step", dying)
        with pytest.raises(Killed):
            main(argv)


def before_steps(body: str) -> str:
    """The code for a process that does `body` before every step, with `batch` and `rank` at hand.

    `body` may call `step(self, batch, index)` itself and return.
    """
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return (
        "import os, signal, time\n"
        "from lookalike.errors import UserError\n"
        "from lookalike.methods.stage import StageModule\n"
        "from lookalike.parallel import rank\n"
        "step = StageModule.training_step\n"
        "def changed(self, batch, index):\n"
        f"{lines}"
        "    step(self, batch, index)\n"
        "StageModule.training_step = changed\n"
    )
