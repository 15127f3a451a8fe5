"""Proxies of clusters and cameras, against loops."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lookalike.losses import CameraProxies


def example(images: int = 40) -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(0)
    features = F.normalize(torch.randn(images, 5))
    return features, torch.randint(-1, 5, (images,)), torch.randint(0, 3, (images,))


def unit(row: list[float]) -> list[float]:
    length = math.sqrt(sum(x * x for x in row))
    return [x / length for x in row]


def literal_proxies(
    features: Tensor, labels: Tensor, camids: Tensor
) -> dict[tuple[int, int], list[float]]:
    sums: dict[tuple[int, int], list[float]] = {}
    for f, y, c in zip(features.tolist(), labels.tolist(), camids.tolist(), strict=True):
        if y >= 0:
            old = sums.get((y, c), [0.0] * len(f))
            sums[y, c] = [a + b for a, b in zip(old, f, strict=True)]
    return {key: unit(row) for key, row in sums.items()}


@pytest.mark.parametrize("negatives", [1, 4, 50])
def test_loss(negatives: int) -> None:
    features, labels, camids = example()
    memory = CameraProxies(negatives=negatives)
    memory.fill(features, labels, camids)
    proxies = literal_proxies(features, labels, camids)
    inside = torch.nonzero(labels >= 0)[:, 0]
    rows = inside[::3]
    x = F.normalize(torch.randn(len(rows), 5))
    losses = []
    for f, y, c in zip(x.tolist(), labels[rows].tolist(), camids[rows].tolist(), strict=True):
        logits = {
            key: sum(a * b for a, b in zip(f, row, strict=True)) / 0.07
            for key, row in proxies.items()
        }
        hardest = sorted((z for (k, _), z in logits.items() if k != y), reverse=True)[:negatives]
        against = sum(math.exp(z) for z in hardest)
        terms = [
            -math.log(math.exp(z) / (math.exp(z) + against))
            for (k, camera), z in logits.items()
            if k == y and camera != c
        ]
        if terms:
            losses.append(sum(terms) / len(terms))
    expected = sum(losses) / len(losses)
    assert memory.loss(x, labels[rows], camids[rows]).item() == pytest.approx(expected, rel=1e-4)


def test_update() -> None:
    features, labels, camids = example()
    memory = CameraProxies(momentum=0.3)
    memory.fill(features, labels, camids)
    proxies = literal_proxies(features, labels, camids)
    rows = torch.arange(14)  # of which some are in no cluster
    assert (labels[rows] < 0).any()
    x = F.normalize(torch.randn(14, 5))
    memory.update(x, labels[rows], camids[rows])
    for f, y, c in zip(x.tolist(), labels[rows].tolist(), camids[rows].tolist(), strict=True):
        if y < 0:
            continue
        moved = [0.3 * p + 0.7 * v for p, v in zip(proxies[y, c], f, strict=True)]
        proxies[y, c] = unit(moved)
    pairs = zip(memory.clusters.tolist(), memory.cameras.tolist(), strict=True)
    expected = torch.tensor([proxies[pair] for pair in pairs])
    torch.testing.assert_close(memory.rows, expected, atol=2e-6, rtol=1e-5)


def test_a_single_camera_gives_no_loss_and_a_gradient_of_zero() -> None:
    features, labels, _ = example()
    memory = CameraProxies()
    memory.fill(features, labels, torch.zeros_like(labels))
    x = features[labels >= 0].clone().requires_grad_()
    loss = memory.loss(x, labels[labels >= 0], torch.zeros(len(x), dtype=torch.int64))
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == 0
    assert x.grad is not None
    assert (x.grad == 0).all()
