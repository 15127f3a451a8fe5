"""The pose-mask loss, against loops and a hand example."""

import pytest
import torch

from lookalike.losses import pose_mask_l1


def test_half_precision_is_computed_in_float32() -> None:
    picture = torch.zeros(1, 3, 2, 2, dtype=torch.bfloat16)
    assert pose_mask_l1(picture, picture, picture[:, :1]).dtype == torch.float32


def test_pose_mask_loss_by_hand() -> None:
    made = torch.zeros(1, 3, 1, 2)
    target = torch.tensor([1.0, -2.0]).expand(1, 3, 1, 2)
    mask = torch.tensor([[[[0.0, 1.0]]]])  # the second pixel is on the body
    assert pose_mask_l1(made, target, mask).item() == (1 + 2 * 2) / 2
    assert pose_mask_l1(made, target, mask, 0.5).item() == (1 + 1.5 * 2) / 2
    assert pose_mask_l1(made, target, mask, 0.0).item() == (1 + 2) / 2


@pytest.mark.parametrize("weight", [0.0, 1.0, 3.0])
def test_pose_mask_loss_is_the_sum_of_both_means(weight: float) -> None:
    torch.manual_seed(0)
    a, b = torch.randn(2, 2, 3, 4, 5, dtype=torch.float64)
    mask = (torch.rand(2, 1, 4, 5) > 0.5).double()
    everywhere = on_body = 0.0
    for i in range(2):
        for c in range(3):
            for y in range(4):
                for x in range(5):
                    d = abs(float(a[i, c, y, x] - b[i, c, y, x]))
                    everywhere += d / a.numel()
                    on_body += d * float(mask[i, 0, y, x]) / a.numel()
    found = pose_mask_l1(a, b, mask, weight).item()
    assert found == pytest.approx(everywhere + weight * on_body)
