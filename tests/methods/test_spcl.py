"""SpCL, against a literal iteration and the numbers of its paper and code."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
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

from lookalike.errors import UserError
from lookalike.methods.pseudo_identities import reliable_identities
from lookalike.methods.spcl import SpCL, SpCLStage

METHOD = SpCL(**PLAIN)
LABELS = np.where(np.arange(30) % 6 == 5, -1, np.arange(5).repeat(6))


def test_a_whole_iteration() -> None:
    crops = coloured()
    module = stage_of(replace(METHOD, images_per_cluster=4, momentum=0.3), crops)
    renewed(module, crops, LABELS)
    twin = copy.deepcopy(module.learner).eval()
    features = literal_features(twin, crops.pixels).detach()
    torch.testing.assert_close(module.memory.rows, features, atol=1e-5, rtol=1e-4)

    old = module.memory.rows.clone()
    before = {name: p.detach().clone() for name, p in module.learner.named_parameters()}
    batch = next(b for b in (batch_of(module, crops, k) for k in range(20)) if has_all(b))
    images = batch["crops"].index.tolist()
    classes = [np.flatnonzero(k == LABELS).tolist() for k in range(5)]
    classes += [[row] for row in np.flatnonzero(LABELS < 0).tolist()]
    twin.train()
    losses = []
    for f, image in zip(literal_features(twin, batch["crops"].images), images, strict=True):
        logits = [sum(f @ old[j] / 0.05 for j in rows) / len(rows) for rows in classes]
        own = next(c for c, rows in enumerate(classes) if image in rows)
        losses.append(literal_loss(logits, own))  # type: ignore[arg-type]
    loss = torch.stack(losses).mean()
    loss.backward()
    with torch.no_grad():
        twin_features = literal_features(copy.deepcopy(twin), batch["crops"].images)

    module.training_step(batch)
    assert module.losses["contrast"] == pytest.approx(loss.item(), rel=1e-4)
    theirs = dict(twin.named_parameters())
    for name, p in module.learner.named_parameters():  # by the old rows
        if p.requires_grad:
            torch.testing.assert_close(p.grad, theirs[name].grad, atol=1e-4, rtol=1e-3, msg=name)
    assert_adam_step(before, module, 3.5e-4 * module.learning_rate(batch["step"]), 5e-4)
    expected = old.clone()
    for f, image in zip(twin_features, images, strict=True):
        row = 0.3 * expected[image] + 0.7 * f
        expected[image] = row / row.norm()
    torch.testing.assert_close(module.memory.rows, expected, atol=1e-5, rtol=1e-4)
    still = np.setdiff1d(np.arange(30), images)
    assert torch.equal(module.memory.rows[still], old[still])


def has_all(batch: dict[str, Any]) -> bool:
    """Whether somebody of a cluster, somebody alone and an image twice are in it."""
    rows = batch["crops"].index.tolist()
    return {True, False} == {LABELS[row] < 0 for row in rows} and len(set(rows)) < len(rows)


def test_outliers_as_classes_and_left_out() -> None:
    crops = coloured()
    for outliers in ("classes", "left_out"):
        module = stage_of(replace(METHOD, outliers=outliers), crops)  # type: ignore[arg-type]
        renewed(module, crops, LABELS)
        drawn = np.concatenate([module.plan(k)["crops"] for k in range(40)])
        assert set(drawn) == set(
            np.arange(30) if outliers == "classes" else np.flatnonzero(LABELS >= 0)
        )
        assert int(module.memory.classes.max()) == 9  # five are alone, and pushed from either way


def test_the_memory_is_clustered_from_the_second_round_on() -> None:
    crops = coloured()
    for clustered in ("memory", "features"):
        method = replace(METHOD, clustered=clustered, reliable=False)  # type: ignore[arg-type]
        module = stage_of(method, crops)
        module.renew(crops.look)
        first = module.memory.rows.clone()
        module.training_step(batch_of(module, crops, 0))
        followed = module.memory.rows.clone()
        assert not torch.equal(followed, first)
        module.renew(crops.look)
        again = literal_features(copy.deepcopy(module.learner).eval(), crops.pixels).detach()
        expected = followed if clustered == "memory" else again
        torch.testing.assert_close(module.memory.rows, expected, atol=1e-5, rtol=1e-4)


def test_the_first_round_s_threshold_holds() -> None:
    crops = coloured()
    module = stage_of(replace(METHOD, eps_margin=0.1), crops)
    assert isinstance(module, SpCLStage)
    assert module.threshold.isnan()
    module.renew(crops.look)
    people, threshold = reliable_identities(
        module.memory.rows, crops.people.camids, module.method, 0.7, 0.1, None
    )
    assert module.labels.tolist() == people.labels.tolist()
    assert float(module.threshold) == threshold
    module.threshold.fill_(0.123)
    module.renew(crops.look)
    assert float(module.threshold) == 0.123


def test_settings_that_reliability_can_t_use() -> None:
    for changes, says in (
        (dict(rho=0.001), "leave rho out"),
        (dict(eps=0.0), "Reliability needs 0.02 of room on both sides of eps 0"),
        (dict(eps=0.99), "Reliability needs 0.02 of room on both sides of eps 0.99"),
        (dict(eps=0.5, eps_last=0.01), "eps_last 0.01"),
    ):
        with pytest.raises(UserError, match=says):
            SpCL(**changes)  # type: ignore[arg-type]
    assert SpCL(eps=0.0, reliable=False).eps == 0


def test_presets_are_the_specification_s() -> None:
    """unsupervised-baselines.md §1 (network, augmentation, optimiser), §2, §3 and §5; batch norm
    over 16 images is §9's."""
    expected = dict(
        backbone="resnet50", weights="imagenet", last_stride=1, bn_mode="train", pooling="avg",
        height=256, width=128, flip=0.5, pad=10, erase=0.5, jitter=0, flip_test=False,
        k1=30, k2=6, eps=0.6, eps_margin=0.02, reliable=True, clustered="memory",
        outliers="classes", eps_last=0, rho=0, min_samples=4, cameras="none", single_camera="keep",
        links="", temperature=0.05, momentum=0.2, proxy_weight=0, batch_size=64,
        images_per_cluster=4, bn_group=16, sampler="cameras", rounds=50, round_steps=400,
        milestones=(20, 40), warmup=0, lr=3.5e-4, weight_decay=5e-4, ema=0,
    )  # fmt: skip
    method = SpCL.preset("paper")
    for name, value in expected.items():
        assert getattr(method, name) == value, name
