"""The memory of clusters, against loops over images, clusters and numbers."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lookalike.losses import ClusterMemory, MemoryUpdate
from lookalike.losses.cluster_memory import turns

UPDATES: tuple[MemoryUpdate, ...] = ("sequential", "hard", "mean")


def unit(row: list[float]) -> list[float]:
    length = math.sqrt(sum(x * x for x in row))
    return [x / length for x in row]


def dot(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def literal_loss(
    rows: list[list[float]], features: list[list[float]], labels: list[int], temperature: float
) -> float:
    total = 0.0
    for f, y in zip(features, labels, strict=True):
        logits = [dot(f, c) / temperature for c in rows]
        top = max(logits)
        total -= logits[y] - top - math.log(sum(math.exp(z - top) for z in logits))
    return total / len(features)


def literal_update(
    rows: list[list[float]], features: list[list[float]], labels: list[int], m: float, update: str
) -> list[list[float]]:
    rows = [list(row) for row in rows]

    def pull(y: int, f: list[float]) -> None:
        rows[y] = unit([m * c + (1 - m) * x for c, x in zip(rows[y], f, strict=True)])

    if update == "sequential":
        for f, y in zip(features, labels, strict=True):
            pull(y, f)
        return rows
    for y in sorted(set(labels)):
        members = [f for f, label in zip(features, labels, strict=True) if label == y]
        if update == "hard":
            pull(y, min(members, key=lambda f: dot(f, rows[y])))
        else:
            pull(y, [sum(column) / len(members) for column in zip(*members, strict=True)])
    return rows


def example(clusters: int, batch: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(seed)
    rows = F.normalize(torch.randn(clusters, 6))
    features = F.normalize(torch.randn(batch, 6))
    return rows, features, torch.randint(clusters, (batch,))


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize(("clusters", "batch"), [(1, 3), (4, 1), (3, 12), (10, 16)])
@pytest.mark.parametrize("momentum", [0.0, 0.1, 0.9])
def test_loss_and_update(update: MemoryUpdate, clusters: int, batch: int, momentum: float) -> None:
    rows, features, labels = example(clusters, batch, clusters + batch)
    memory = ClusterMemory(momentum, update)
    memory.fill(rows * 3)  # of any length
    numbers = rows.tolist(), features.tolist(), labels.tolist()
    loss = memory.loss(features, labels, 0.05)
    assert loss.item() == pytest.approx(literal_loss(*numbers, 0.05), rel=1e-4, abs=1e-5)
    memory.update(features, labels)
    expected = literal_update(*numbers, momentum, update)
    torch.testing.assert_close(memory.rows, torch.tensor(expected), atol=2e-6, rtol=1e-5)


def test_order_matters_for_sequential_alone() -> None:
    rows, features, labels = example(3, 12, 1)
    for update in UPDATES:
        ends = []
        for order in (torch.arange(12), torch.arange(11, -1, -1)):
            memory = ClusterMemory(0.1, update)
            memory.fill(rows)
            memory.update(features[order], labels[order])
            ends.append(memory.rows)
        same = torch.allclose(*ends, atol=1e-6)
        assert same == (update != "sequential")


def test_gradients_are_of_the_rows_before_the_update() -> None:
    rows, features, labels = example(4, 8, 2)
    gradients = []
    for updates_first in (False, True):
        memory = ClusterMemory(0.1)
        memory.fill(rows)
        x = features.clone().requires_grad_()
        loss = memory.loss(x, labels)
        if updates_first:
            memory.update(x, labels)
        loss.backward()  # type: ignore[no-untyped-call]
        gradients.append(x.grad)
    assert torch.equal(*gradients)


def test_float32_under_autocast() -> None:
    rows, features, labels = example(5, 9, 3)
    memory = ClusterMemory()
    memory.fill(rows)
    with torch.autocast("cpu", torch.bfloat16):
        loss = memory.loss(features, labels)
    assert loss.dtype == torch.float32
    assert loss.item() == memory.loss(features, labels).item()


def test_turns() -> None:
    labels = torch.tensor([2, 0, 2, 2, 1, 0])
    assert turns(labels).tolist() == [0, 0, 1, 2, 0, 1]
