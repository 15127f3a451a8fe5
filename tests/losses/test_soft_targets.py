"""The divergence from soft labels, against loops."""

import math

import pytest
import torch

from lookalike.losses import cross_entropy, soft_target_kl


def softmax(row: list[float]) -> list[float]:
    top = max(row)
    powers = [math.exp(v - top) for v in row]
    return [p / sum(powers) for p in powers]


@pytest.mark.parametrize(("batch", "classes"), [(1, 2), (4, 3), (7, 20)])
@pytest.mark.parametrize("hard", [False, True])
def test_soft_target_kl(batch: int, classes: int, hard: bool) -> None:
    torch.manual_seed(batch)
    logits = torch.randn(batch, classes, dtype=torch.float64) * 3
    targets = (torch.randn(batch, classes, dtype=torch.float64) * 2).softmax(1)
    if hard:  # zeros
        targets = torch.nn.functional.one_hot(targets.argmax(1), classes).double()
    expected = 0.0
    for row, q in zip(logits.tolist(), targets.tolist(), strict=True):
        for p_k, q_k in zip(softmax(row), q, strict=True):
            expected += q_k * math.log(q_k / p_k) / batch if q_k > 0 else 0
    assert soft_target_kl(logits, targets).item() == pytest.approx(expected)
    if hard:
        same = cross_entropy(logits, targets.argmax(1))
        torch.testing.assert_close(soft_target_kl(logits, targets), same)


def test_a_student_that_agrees_has_no_loss() -> None:
    logits = torch.randn(3, 5, requires_grad=True)
    loss = soft_target_kl(logits, logits.detach().softmax(1))
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert logits.grad is not None
    assert logits.grad.abs().max() < 1e-6


def test_float32_under_autocast() -> None:
    logits = (torch.randn(4, 9) * 20).bfloat16()
    q = torch.rand(4, 9).softmax(1)
    with torch.autocast("cpu", torch.bfloat16):
        loss = soft_target_kl(logits, q)
        full = soft_target_kl(logits.double(), q.double())
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(full.item(), rel=1e-5)
