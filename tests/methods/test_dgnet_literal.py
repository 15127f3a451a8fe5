"""DG-Net's joint step and features beside the literal transcription, in float64."""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from literal.dgnet import Reference, reference_embed
from literal.dgnet_twins import TERMS, crops, ours_like, problem, reference

from lookalike.importing.dgnet.entries import APPEARANCE, GENERATOR
from lookalike.importing.renaming import rename
from lookalike.methods.dgnet import DGNet, Joint

F64 = torch.float64
H, W, B, K = 48, 40, 2, 11  # the dilated branches' reflection needs at least 40 pixels
BASE = DGNet(height=H, width=W, batch_size=B, weights="none", stride_on="3x3")


@pytest.fixture(scope="module")
def fresh() -> Reference:
    """The transcription before its first step. Not to be changed."""
    return reference(K, F64)


@pytest.fixture(scope="module")
def one_step(fresh: Reference) -> tuple[Reference, dict[str, float], Joint, list[int]]:
    """Both after one full step (draw A, erasing on), with the number of BatchNorm updates."""
    batch, draws = problem(H, W, B, K, F64)
    ref = copy.deepcopy(fresh)
    joint = ours_like(ref, replace(BASE, encode_again=1.0), draws, F64)
    theirs = ref.step(batch, 50_000, draws)
    joint.iteration(crops(batch), 50_000)  # type: ignore[arg-type]
    updates = [int(ref.id.model.bn1.num_batches_tracked),
               int(joint.trained.appearance.trunk.bn1.num_batches_tracked)]  # type: ignore[union-attr, arg-type] # fmt: skip
    return ref, {k: float(v) for k, v in theirs.items()}, joint, updates


def test_ours_starts_from_the_very_weights(fresh: Reference) -> None:
    """To float64's last digit: a copy in float32 would round 0.2, and be 4e-4 off in gradients."""
    joint = ours_like(fresh, BASE, problem(H, W, B, K, F64)[1], F64)
    assert not torch.tensor(0.2, dtype=F64).equal(torch.tensor(0.2).double())
    for trunk in (joint.trained.appearance.trunk, joint.teacher.models[0].trunk):
        scale = trunk.get_parameter("layer3.0.bn3.weight")
        assert scale.equal(torch.full_like(scale, 0.2))
        assert scale.dtype == F64


def test_losses_are_those_of_the_transcription(one_step: Any) -> None:
    _, theirs, joint, _ = one_step
    for ours, name in TERMS.items():
        assert joint.losses[ours] == pytest.approx(theirs[name], rel=1e-5, abs=1e-7), ours
    assert joint.losses["dis"] + joint.losses["r1"] == pytest.approx(theirs["d_loss"], rel=1e-6)


def test_step_zero_losses_are_the_known_ones(one_step: Any) -> None:
    losses = one_step[2].losses
    assert losses["dis"] == pytest.approx(6.0, abs=0.01)
    assert losses["adv"] == pytest.approx(12.0, abs=0.1)
    for name in ("id", "positive_id", "generated_id"):  # 2·ln K before anything is learned
        assert losses[name] == pytest.approx(2 * math.log(K), rel=0.02)


def test_gradients_are_those_of_the_transcription(one_step: Any) -> None:
    ref, _, joint, _ = one_step
    ours = dict(joint.trained.named_parameters())
    for net, layout in ((ref.gen, GENERATOR), (ref.id, APPEARANCE)):
        for name, p in net.named_parameters():
            own = rename(name, layout.names)
            if own not in ours:  # ImageNet's classifier
                continue
            ours_grad, theirs = ours[own].grad, p.grad
            assert ours_grad is not None
            assert theirs is not None
            # Where a norm follows, the bias's true gradient is 0 and both hold rounding noise.
            scale = max(float(theirs.norm()), 1e-4)
            assert float((ours_grad - theirs).norm()) < 1e-8 * scale, own


def test_batchnorm_updates_ten_times_with_the_teacher(one_step: Any) -> None:
    assert one_step[3] == [10, 10]


def test_draw_b_sends_the_structure_loss_through_a_frozen_encoder(fresh: Reference) -> None:
    batch, draws = problem(H, W, B, K, F64)
    draws["u"] = 0.75
    ref = copy.deepcopy(fresh)
    joint = ours_like(ref, replace(BASE, encode_again=0.0), draws, F64)
    theirs = ref.step(batch, 50_000, draws)
    joint.iteration(crops(batch), 50_000)  # type: ignore[arg-type]
    for ours, name in TERMS.items():
        assert joint.losses[ours] == pytest.approx(float(theirs[name]), rel=1e-5, abs=1e-7), ours
    own = joint.trained.generator.encoder.convs[1].weight.grad
    want = ref.gen.enc_content.model[1].conv.weight.grad
    assert float((own - want).norm()) < 1e-6 * float(want.norm())


def test_features_are_two_halves_of_both_views_weighed_as_the_score(
    fresh: Reference,
) -> None:
    joint = ours_like(fresh, BASE, problem(H, W, B, K, F64)[1], F64)
    images = torch.rand(B, 3, H, W, dtype=F64)
    features = joint.trained.embed(images)
    x = joint.trained.preprocess(images)
    halves = reference_embed(fresh.id.state_dict(), x)
    halves[:, 512:] *= math.sqrt(0.5)  # √β
    torch.testing.assert_close(features, halves, rtol=0, atol=1e-9)
    torch.testing.assert_close(features[:, :512].norm(dim=1), torch.ones(B, dtype=F64))
    torch.testing.assert_close(features[:, 512:].norm(dim=1), torch.ones(B, dtype=F64) * 0.5**0.5)
