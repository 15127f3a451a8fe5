"""Cluster Contrast, against a literal iteration and the numbers of its paper and code."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers.clusters import (
    PLAIN,
    assert_adam_step,
    batch_of,
    coloured,
    literal_features,
    literal_loss,
    renewed,
    stage_of,
)

from lookalike.losses import MemoryUpdate
from lookalike.methods.cc import ClusterContrast
from lookalike.methods.clustering import ClusterModel

METHOD = ClusterContrast(**PLAIN)
LABELS = np.arange(5).repeat(6)
LABELS_WITH_OUTLIERS = np.where(np.arange(30) % 6 == 5, -1, LABELS)


@pytest.mark.parametrize("update", ["sequential", "hard", "mean"])
@pytest.mark.parametrize("pooling", ["gem", "avg"])
def test_a_whole_iteration(update: MemoryUpdate, pooling: Any) -> None:
    crops = coloured()
    module = stage_of(replace(METHOD, memory=update, pooling=pooling, momentum=0.3), crops)
    renewed(module, crops, LABELS)
    twin = copy.deepcopy(module.learner).eval()
    features = literal_features(twin, crops.pixels).detach()
    means = torch.stack([features[k == LABELS].mean(0) for k in range(5)])
    rows = torch.stack([mean / mean.norm() for mean in means])
    torch.testing.assert_close(module.memory.rows, rows, atol=1e-5, rtol=1e-4)

    old = module.memory.rows.clone()
    before = {name: p.detach().clone() for name, p in module.learner.named_parameters()}
    batch = batch_of(module, crops, 0)
    own = LABELS[batch["crops"].index.numpy()].tolist()
    twin.train()
    f = literal_features(twin, batch["crops"].images)
    losses = [literal_loss([x @ c / 0.05 for c in old], y) for x, y in zip(f, own, strict=True)]
    loss = torch.stack(losses).mean()
    loss.backward()

    module.training_step(batch)
    assert module.losses["contrast"] == pytest.approx(loss.item(), rel=1e-4)
    theirs = dict(twin.named_parameters())
    for name, p in module.learner.named_parameters():  # by the old rows
        if p.requires_grad:
            torch.testing.assert_close(p.grad, theirs[name].grad, atol=1e-4, rtol=1e-3, msg=name)
    assert_adam_step(before, module, 3.5e-4, 5e-4)
    expected = moved(old, f.detach(), own, update)
    torch.testing.assert_close(module.memory.rows, expected, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(module.memory.rows, old, atol=1e-3)


def moved(rows: Any, features: Any, own: list[int], update: str, m: float = 0.3) -> Any:
    """The memory after the batch, image by image."""
    rows = rows.clone()
    groups = [[k] for k in range(len(own))]
    if update != "sequential":
        groups = [[k for k, y in enumerate(own) if y == c] for c in sorted(set(own))]
    for group in groups:
        y = own[group[0]]
        f = features[group].mean(0)
        if update == "hard":
            f = features[min(group, key=lambda k: float(features[k] @ rows[y]))]
        row = m * rows[y] + (1 - m) * f
        rows[y] = row / row.norm()
    return rows


def test_outliers_left_out() -> None:
    crops = coloured()
    module = stage_of(METHOD, crops)
    renewed(module, crops, LABELS_WITH_OUTLIERS)
    assert module.memory.rows.shape == (5, 64)
    drawn = np.concatenate([module.plan(k)["crops"] for k in range(40)])
    assert set(drawn) == set(np.flatnonzero(LABELS_WITH_OUTLIERS >= 0))


def test_outliers_as_negatives() -> None:
    crops = coloured()
    both = {}
    for outliers in ("left_out", "negatives"):
        module = stage_of(replace(METHOD, outliers=outliers), crops)  # type: ignore[arg-type]
        renewed(module, crops, LABELS_WITH_OUTLIERS)
        both[outliers] = module
    module = both["negatives"]
    rows = module.memory.rows.clone()
    alone = LABELS_WITH_OUTLIERS < 0
    features = literal_features(copy.deepcopy(module.learner).eval(), crops.pixels).detach()
    torch.testing.assert_close(rows[:5], both["left_out"].memory.rows)
    torch.testing.assert_close(rows[5:], features[alone], atol=1e-5, rtol=1e-4)
    for each in both.values():
        each.training_step(batch_of(each, crops, 0))
    assert module.losses["contrast"] > both["left_out"].losses["contrast"]
    assert torch.equal(module.memory.rows[5:], rows[5:])  # no batch moves them
    drawn = np.concatenate([module.plan(k)["crops"] for k in range(40)])
    assert not alone[drawn].any()


def test_the_paper_s_network_has_so_many_parameters() -> None:
    model = ClusterModel(ClusterContrast.preset("code", weights="none").resolved(), 0)
    parts = {
        name: sum(p.numel() for p in part.parameters()) for name, part in model.named_children()
    }
    assert {name: count for name, count in parts.items() if count} == {
        "trunk": 23_508_032, "pool": 1, "neck": 4_096
    }  # fmt: skip
    assert not model.neck.bias.requires_grad
    assert model.pool.p.item() == 3
    assert model.trunk(torch.zeros(1, 3, 256, 128)).shape == (1, 2048, 16, 8)
    averaging = ClusterModel(ClusterContrast.preset("paper", weights="none").resolved(), 0)
    assert sum(p.numel() for p in averaging.parameters()) == 23_508_032 + 4_096


@pytest.mark.parametrize("preset", ["paper", "code"])
def test_presets_are_the_specification_s(preset: str) -> None:
    """unsupervised-baselines.md §1 (network, augmentation, optimiser), §2 to §4."""
    common = dict(
        backbone="resnet50", weights="imagenet", last_stride=1, bn_mode="train",
        height=256, width=128, flip=0.5, pad=10, erase=0.5, jitter=0, flip_test=False,
        k1=30, k2=6, eps=0.6, eps_last=0, rho=0, min_samples=4, cameras="none",
        single_camera="keep", links="", temperature=0.05, momentum=0.1, memory="sequential",
        outliers="left_out", proxy_weight=0, batch_size=256, images_per_cluster=16, bn_group=64,
        sampler="cameras", rounds=50, round_steps=200, milestones=(20, 40), warmup=0, lr=3.5e-4,
        weight_decay=5e-4, ema=0,
    )  # fmt: skip
    own = {"paper": dict(pooling="avg"), "code": dict(pooling="gem")}[preset]
    method = ClusterContrast.preset(preset)
    for name, value in {**common, **own}.items():
        assert getattr(method, name) == value, name


def test_features_are_the_neck_s_and_of_both_sides() -> None:
    crops = coloured()
    model = stage_of(replace(METHOD, flip_test=True), crops).trained.eval()
    x = crops.pixels[:3]
    views = [literal_features(model, images) for images in (x, x.flip(3))]
    both = [F.normalize(sum(pair), dim=0) for pair in zip(*views, strict=True)]  # type: ignore[arg-type]
    torch.testing.assert_close(
        model.embed(x.float() / 255), torch.stack(both), atol=1e-5, rtol=1e-4
    )
