"""Cross-entropy with smoothing, against loops."""

import math

import pytest
import torch

from lookalike.losses import cross_entropy


def softmax(row: list[float]) -> list[float]:
    top = max(row)
    powers = [math.exp(v - top) for v in row]
    return [p / sum(powers) for p in powers]


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize(("batch", "classes"), [(1, 2), (4, 3), (7, 20)])
def test_cross_entropy(smoothing: float, batch: int, classes: int) -> None:
    torch.manual_seed(batch)
    logits = torch.randn(batch, classes, dtype=torch.float64) * 3
    labels = torch.randint(classes, (batch,))
    expected = 0.0
    for row, label in zip(logits.tolist(), labels.tolist(), strict=True):
        for k, p in enumerate(softmax(row)):
            target = smoothing / classes + (1 - smoothing if k == label else 0)
            expected -= target * math.log(p) / batch
    assert cross_entropy(logits, labels, smoothing).item() == pytest.approx(expected)


def test_float32_under_autocast() -> None:
    logits = (torch.randn(4, 9) * 20).bfloat16()
    labels = torch.arange(4)
    with torch.autocast("cpu", torch.bfloat16):
        loss = cross_entropy(logits, labels, 0.1)
        full = cross_entropy(logits.double(), labels, 0.1)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(full.item(), rel=1e-5)
