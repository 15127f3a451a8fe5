"""The same-pose loss of FD-GAN against a loop over the positive pairs."""

import pytest
import torch

from lookalike.losses import same_pose


def test_same_pose_is_the_mean_over_positive_pairs() -> None:
    torch.manual_seed(0)
    one, two = torch.randn(2, 5, 3, 4, 2).double()
    positive = torch.tensor([True, False, True, False, False])
    total, count = 0.0, 0
    for i in range(5):
        if positive[i]:
            for a, b in zip(one[i].flatten().tolist(), two[i].flatten().tolist(), strict=True):
                total, count = total + abs(a - b), count + 1
    assert float(same_pose(one, two, positive)) == pytest.approx(total / count, rel=1e-12)


def test_same_pose_without_a_positive_pair_is_zero_and_has_a_gradient() -> None:
    one = torch.randn(3, 3, 4, 2, requires_grad=True)
    loss = same_pose(one, torch.randn(3, 3, 4, 2), torch.zeros(3, dtype=torch.bool))
    loss.backward()
    assert float(loss.detach()) == 0
    assert one.grad is not None
    assert not one.grad.any()
