"""FD-GAN through the real command: three stages, their rows, and going on after a crash."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from helpers.runs import metrics, steps, train_command
from helpers.trunks import CHANNELS

from lookalike.cli import main
from lookalike.methods.fdgan import FDGANModel
from lookalike.methods.model_file import load_model

FLAGS = (
    "--batch_size 4 --generator_dim 2 --dis_dim 2 --pose_dim 4 --noise_dim 4 --epoch pairs "
    "--epochs 100 --warmup_epochs 100 --joint_epochs 50 --warmup_flat 50 --joint_flat 25 "
    "--identify_steps 0 --steps 2 --checkpoint_every 1"
)


def argv(rendered: Path, out: Path, flags: str = "") -> list[str]:
    return train_command("fdgan", f"world:{rendered}", out, f"{FLAGS} {flags}")


@pytest.fixture(scope="module")
def whole(rendered: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two steps in each stage."""
    out = tmp_path_factory.mktemp("fdgan") / "whole"
    assert main(argv(rendered, out)) == 0
    return out


def test_two_steps_of_every_stage(whole: Path) -> None:
    found = metrics(whole)
    stages = ("baseline", "warmup", "joint")
    assert steps(whole) == [(s, k) for s in stages for k in (1, 2)]
    terms = [set(m["losses"]) for m in found[1::2]]
    made = {"recon", "sp", "adv_id", "adv_pd", "dis_id", "dis_pd"}
    assert terms == [{"veri"}, made, made | {"veri"}]
    rows = json.loads((whole / "evaluation.json").read_text())["rows"]
    assert [row["model"] for row in rows] == ["fdgan", "baseline"]
    assert {p.name for p in (whole / "images").iterdir()} == {
        "warmup-0000002-repose.png", "joint-0000002-repose.png",
        "final-held_out_people.png"}  # fmt: skip


def test_both_models_of_a_run(whole: Path) -> None:
    joint, baseline = (load_model(whole / f"{n}.safetensors") for n in ("model", "baseline"))
    assert isinstance(joint, FDGANModel)
    assert isinstance(baseline, FDGANModel)
    assert not joint.without
    assert baseline.without == {"generator"}
    images = torch.rand(2, 3, 64, 32)
    assert joint.embed(images).shape == baseline.embed(images).shape == (2, CHANNELS)
    assert not joint.embed(images).equal(baseline.embed(images))
    statistics = [k for k in baseline.state_dict() if "running" in k]
    assert statistics  # the later stages leave those of encoder and verifier alone
    for name in statistics:
        assert joint.state_dict()[name].equal(baseline.state_dict()[name]), name
    assert joint.repose(images, torch.zeros(2, 18, 3)).shape == (2, 3, *joint.size)


def test_people_without_poses(
    market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not a rendered world's folder as such, and without its poses."""
    for split in ("bounding_box_train", "query", "bounding_box_test"):
        (tmp_path / "plain" / split).mkdir(parents=True)
        for file in (market / split).iterdir():
            (tmp_path / "plain" / split / file.name).write_bytes(file.read_bytes())
    command = argv(market, tmp_path / "run")
    command[command.index("--data") + 1] = f"market1501:{tmp_path / 'plain'}"
    assert main(command) == 2
    assert "pose" in capsys.readouterr().err
