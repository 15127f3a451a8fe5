"""The methods learn: a few hundred steps through the real command, and the numbers move.

`make slow` runs these; the real-crop test wants LOOKALIKE_MARKET1501 and LOOKALIKE_RESNET50.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.clusters import PLAIN, Coloured, batch_of, coloured, stage_of

from lookalike.cli import main
from lookalike.methods.cc import ClusterContrast
from lookalike.training.clusters import describe_clusters

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


def test_a_round_of_clusters_makes_better_ones() -> None:
    people, pids, pixels = coloured(persons=12, images=8)
    noise = 0.1 * torch.randn(pixels.shape, generator=torch.Generator().manual_seed(1))
    lamps = torch.tensor([0.95, 1.0, 1.05])[torch.tensor(people.camids)][:, None, None, None]
    dull = (0.45 * (pixels / 255 - 0.5) + 0.5) * lamps + noise
    images = (dull.clamp(0, 1) * 255).to(torch.uint8).contiguous(memory_format=torch.channels_last)
    crops = Coloured(people, pids, images)
    changes = dict(batch_size=32, images_per_cluster=4, k1=10, k2=4, eps=0.5, min_samples=3,
                   lr=1e-3, round_steps=30)  # fmt: skip
    module = stage_of(ClusterContrast(**{**PLAIN, **changes}), crops)
    numbers = []
    for _ in range(2):
        module.renew(crops.look)
        numbers.append(describe_clusters(module.labels.numpy(), pids))
        for step in range(30):
            module.training_step(batch_of(module, crops, step))
    assert numbers[1]["ARI"] > numbers[0]["ARI"]
    assert numbers[1]["purity"] > 0.9
    assert numbers[1]["outliers"] < 10


@pytest.mark.skipif(not os.environ.keys() >= REAL, reason="needs real crops and ImageNet weights")
def test_ide_beats_the_imagenet_features_on_real_people(tmp_path: Path) -> None:
    data = f"market1501:{os.environ['LOOKALIKE_MARKET1501']}"
    flags = "--preset quick --accelerator cpu"
    _, before = train("ide", data, tmp_path / "before", f"{flags} --steps 1")
    _, after = train("ide", data, tmp_path / "after", f"{flags} --epoch step --epochs 200")
    assert after["mAP"] > 2 * before["mAP"]
