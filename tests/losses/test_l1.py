"""The mean absolute difference, against a loop."""

import pytest
import torch

from lookalike.losses import l1_distance


def test_the_mean_over_all_numbers() -> None:
    torch.manual_seed(0)
    x, y = torch.randn(2, 2, 3, 4, 5, dtype=torch.float64)
    x.requires_grad_()
    loss = l1_distance(x, y)
    pairs = zip(x.flatten().tolist(), y.flatten().tolist(), strict=True)
    assert loss.item() == pytest.approx(sum(abs(a - b) for a, b in pairs) / x.numel())
    loss.backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad, (x - y).sign() / x.numel())


def test_half_precision_is_computed_in_float32() -> None:
    x = torch.full((2, 3), 256.0, dtype=torch.bfloat16)
    loss = l1_distance(x, torch.full((2, 3), 1.0, dtype=torch.bfloat16))
    assert loss.dtype == torch.float32
    assert loss.item() == 255
