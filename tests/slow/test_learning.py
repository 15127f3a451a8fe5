"""The methods learn: a few hundred steps through the real command, and the numbers move.

`make slow` runs these; the real-crop test wants LOOKALIKE_MARKET1501 and LOOKALIKE_RESNET50.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from lookalike.cli import main

pytestmark = pytest.mark.slow
SMALL = "--backbone resnet18 --weights none --height 64 --width 48 --pad 2 --accelerator cpu"
REAL = {"LOOKALIKE_MARKET1501", "LOOKALIKE_RESNET50"}


def train(method: str, data: str, out: Path, flags: str) -> tuple[list[dict[str, Any]], Any]:
    """The logged steps and the headline row of a run."""
    argv = ["train", method, "--data", data, "--out", str(out), "--log_every", "5", *flags.split()]
    assert main(argv) == 0
    steps = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return steps, json.loads((out / "evaluation.json").read_text())["rows"][0]


def test_ide_learns_drawn_people(market: Path, tmp_path: Path) -> None:
    data = f"market1501:{market}"
    flags = f"{SMALL} --batch_size 16 --epoch step --epochs 150 --milestones [100]"
    steps, row = train("ide", data, tmp_path / "ide", flags)
    assert steps[-1]["losses"]["ce"] < 0.3 * steps[0]["losses"]["ce"]
    assert row["rank1"] > 0.7  # 4 people: a quarter by chance


def test_dgnet_learns_to_reconstruct_and_to_recognise(market: Path, tmp_path: Path) -> None:
    flags = (
        f"{SMALL} --batch_size 4 --structure_dim 12 --dis_dim 4 --mlp_dim 64 --dis_scales 2 "
        "--lr 5e-4 --lr_head 2e-3 --lr_trunk 5e-4 "
        "--joint_steps 300 --milestones [290] --ramp_from 220 --ramp 20 --preview_every 150 "
        "--teacher.height 64 --teacher.width 48 --teacher.batch_size 16 "
        "--teacher.epoch step --teacher.epochs 100 --teacher.milestones [80]"
    )
    steps, row = train("dgnet", f"market1501:{market}", tmp_path / "dgnet", flags)
    joint = [s for s in steps if s["stage"] == "joint"]
    for term in ("recon", "positive"):
        last = [s["losses"][term] for s in joint[-5:]]
        assert sum(last) / 5 < 0.6 * joint[0]["losses"][term], term
    assert joint[-1]["weights"]["teacher"] == 2
    assert row["rank1"] > 0.5
    assert (tmp_path / "dgnet/images/joint-0000300-swap.png").exists()


@pytest.mark.skipif(not os.environ.keys() >= REAL, reason="needs real crops and ImageNet weights")
def test_ide_beats_the_imagenet_features_on_real_people(tmp_path: Path) -> None:
    data = f"market1501:{os.environ['LOOKALIKE_MARKET1501']}"
    flags = "--preset quick --accelerator cpu"
    _, before = train("ide", data, tmp_path / "before", f"{flags} --steps 1")
    _, after = train("ide", data, tmp_path / "after", f"{flags} --epoch step --epochs 200")
    assert after["mAP"] > 2 * before["mAP"]
