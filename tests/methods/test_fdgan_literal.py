"""FD-GAN's joint step beside the literal transcription, in float64."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from literal.fdgan_twins import SOFT, inputs, ours_like, problem, renamed, transcription
from torch import Tensor, nn

from lookalike.methods.fdgan import FDGAN

H, W, P = 64, 32, 2
F64 = torch.float64
METHOD = FDGAN(height=H, width=W, batch_size=P, weights="none", stride_on="3x3", bugs="released")


@pytest.fixture(scope="module")
def one_step() -> tuple[Any, dict[str, Tensor], Any, dict[str, dict[str, Tensor]]]:
    """Both after one step, and what the discriminators were before it."""
    plain = transcription(H, W, F64)
    batch = problem(H, W, P, F64)
    stage = ours_like(plain, METHOD, F64)
    before = {name: {k: p.detach().clone() for k, p in getattr(plain, name).named_parameters()}
              for name in ("Di", "Dp")}  # fmt: skip
    losses = plain.step(batch, SOFT)
    stage.update(inputs(batch), SOFT)
    return plain, losses, stage, before


def test_losses_are_those_of_the_transcription(one_step: Any) -> None:
    _, theirs, stage, _ = one_step
    assert set(stage.losses) == set(theirs)
    for name, value in theirs.items():
        assert stage.losses[name] == pytest.approx(float(value), rel=1e-6), name


def pairs_of(one_step: Any, name: str) -> Any:
    """Every parameter of the transcription's network with ours: name, theirs, ours."""
    plain, _, stage, _ = one_step
    nets = stage.nets
    ours: dict[str, nn.Module] = {
        "E": nn.ModuleDict({"encoder": nets.model.encoder, "verifier": nets.model.verifier}),
        "Di": nn.ModuleDict({"encoder": nets.identity.trunk, "verifier": nets.identity.head}),
        "G": nets.model.generator,
        "Dp": nets.pose,
    }
    own = dict(ours[name].named_parameters())
    theirs = {k: p for k, p in getattr(plain, name).named_parameters() if ".fc." not in k}
    assert {renamed(k) for k in theirs} == set(own)
    for key, p in theirs.items():
        yield key, p, own[renamed(key)]


@pytest.mark.parametrize("name", ["E", "G"])
def test_gradients_are_those_of_the_transcription(one_step: Any, name: str) -> None:
    for key, theirs, ours in pairs_of(one_step, name):
        scale = max(float(theirs.grad.norm()), 1e-6)
        assert float((ours.grad - theirs.grad).norm()) < 1e-6 * scale, key


@pytest.mark.parametrize("name", ["Di", "Dp"])
def test_updates_of_the_discriminators_are_those_of_the_transcription(
    one_step: Any, name: str
) -> None:
    """Their gradients in the transcription hold the generator side's too, which nobody uses."""
    before = one_step[3][name]
    for key, theirs, ours in pairs_of(one_step, name):
        step = (theirs - before[key]).detach()
        scale = max(float(step.norm()), 1e-12)
        assert float((ours - before[key]).detach().sub(step).norm()) < 1e-6 * scale, key
        assert step.any() or "running" in key


def test_statistics_are_those_of_the_transcription(one_step: Any) -> None:
    plain, _, stage, _ = one_step
    for theirs, ours in ((plain.G, stage.nets.model.generator), (plain.Dp, stage.nets.pose)):
        own = dict(ours.named_buffers())
        for key, value in theirs.named_buffers():
            torch.testing.assert_close(own[renamed(key)], value, rtol=1e-9, atol=1e-12)


def test_the_generator_side_takes_no_gradient_of_the_discriminators(one_step: Any) -> None:
    """Their gradients are those of their own updates: the weights were constants since."""
    lr, decay = 1e-4, 1e-4
    for name in ("Di", "Dp"):
        for key, _, ours in pairs_of(one_step, name):
            was = one_step[3][name][key]
            own = ours.grad + decay * was  # the first step of SGD with momentum
            torch.testing.assert_close((was - ours).detach(), lr * own, rtol=1e-6, atol=1e-15)
