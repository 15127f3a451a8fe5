"""The memory of images, against loops over images and classes."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from lookalike.losses import InstanceMemory


def literal_loss(
    rows: list[list[float]],
    classes: list[int],
    features: list[list[float]],
    index: list[int],
    temperature: float,
) -> float:
    """As printed: similarities of a class's images are averaged, then the softmax over classes."""
    total = 0.0
    for f, i in zip(features, index, strict=True):
        sums: dict[int, list[float]] = {}
        for row, c in zip(rows, classes, strict=True):
            dot = sum(x * v for x, v in zip(f, row, strict=True))
            sums.setdefault(c, []).append(dot / temperature)
        logits = {c: sum(values) / len(values) for c, values in sums.items()}
        top = max(logits.values())
        norm = sum(math.exp(z - top) for z in logits.values())
        total -= logits[classes[i]] - top - math.log(norm)
    return total / len(features)


@pytest.mark.parametrize(
    "labels", [[0, 0, 1, -1, 1, 0, -1], [-1] * 7, [0] * 7, [3, 3, 5, 5, -1, 3, 3]]
)
def test_loss(labels: list[int]) -> None:
    torch.manual_seed(len(set(labels)))
    memory = InstanceMemory()
    memory.fill(torch.randn(7, 5))
    memory.divide(torch.tensor(labels))
    features, index = F.normalize(torch.randn(4, 5)), torch.tensor([0, 3, 3, 6])
    expected = literal_loss(
        memory.rows.tolist(), memory.classes.tolist(), features.tolist(), index.tolist(), 0.05
    )
    assert memory.loss(features, index).item() == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_every_image_in_no_cluster_is_a_class() -> None:
    memory = InstanceMemory()
    memory.divide(torch.tensor([4, -1, 2, 4, -1]))
    assert memory.classes.tolist() == [1, 2, 0, 1, 3]


def test_update() -> None:
    torch.manual_seed(0)
    memory = InstanceMemory(momentum=0.2)
    memory.fill(torch.randn(6, 4))
    rows = [list(row) for row in memory.rows.tolist()]
    features, index = F.normalize(torch.randn(4, 4)), [2, 0, 2, 5]
    for f, i in zip(features.tolist(), index, strict=True):
        moved = [0.2 * v + 0.8 * x for v, x in zip(rows[i], f, strict=True)]
        length = math.sqrt(sum(x * x for x in moved))
        rows[i] = [x / length for x in moved]
    memory.update(features, torch.tensor(index))
    torch.testing.assert_close(memory.rows, torch.tensor(rows), atol=2e-6, rtol=1e-5)


def test_a_large_similarity_does_not_overflow() -> None:
    memory = InstanceMemory()
    memory.fill(torch.eye(3))
    memory.divide(torch.tensor([-1, -1, -1]))
    loss = memory.loss(torch.eye(3), torch.tensor([0, 1, 0]), temperature=1e-3)
    assert loss.item() == pytest.approx(1000 / 3)
