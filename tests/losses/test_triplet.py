"""The triplet loss against loops over triplets, over a grid of batches and settings."""

import math

import pytest
import torch
from torch import Tensor

from lookalike.errors import UserError
from lookalike.losses import pairwise_distance, triplet_loss

BATCHES = {
    "equal": [0, 0, 1, 1, 2, 2],
    "unequal": [0, 0, 0, 0, 1, 1, 2],
    "mixed order": [3, 1, 3, 1, 1, 7, 3],
    "singletons": [0, 1, 2, 3, 3],
    "all alone": [0, 1, 2],
    "one person": [4, 4, 4],
}


def literal_distance(a: Tensor, b: Tensor, distance: str) -> Tensor:
    if distance == "cityblock":
        return sum(((x - y).abs() for x, y in zip(a, b, strict=True)), a.new_zeros(()))
    squared = sum(((x - y) ** 2 for x, y in zip(a, b, strict=True)), a.new_zeros(()))
    return squared if distance == "squared" else squared.clamp_min(1e-12).sqrt()


def literal(
    f: Tensor, ids: list[int], rows: range, margin: object, mining: str, distance: str
) -> tuple[Tensor, int, list[tuple[Tensor, Tensor]]]:
    """The mean loss, the number of active triplets and the (ap, an) of each, by loops."""
    triplets = []
    for i in rows:
        d = [literal_distance(f[i], g, distance) for g in f]
        positives = [d[j] for j in range(len(ids)) if j != i and ids[j] == ids[i]]
        negatives = [d[j] for j in range(len(ids)) if ids[j] != ids[i]]
        if not positives or not negatives:
            continue
        if mining == "hard":
            triplets.append((max(positives), min(negatives)))
        elif mining == "all":
            triplets += [(p, n) for p in positives for n in negatives]
        else:
            for p in positives:
                farther = [n for n in negatives if n > p]
                triplets.append((p, min(farther) if farther else max(negatives)))
    total, active = f.sum() * 0, 0
    for p, n in triplets:
        if margin == "soft":
            total = total + (1 + (p - n).exp()).log()
        elif margin == "none":
            total = total + (p - n)
        else:
            assert isinstance(margin, float)
            total = total + max(p - n + margin, p * 0)
        active += bool(p - n + (margin if isinstance(margin, float) else 0) > 0)
    return total / max(len(triplets), 1), active, triplets


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("distance", ["euclidean", "squared", "cityblock"])
@pytest.mark.parametrize("mining", ["hard", "all", "semi"])
@pytest.mark.parametrize("margin", [0.0, 0.3, 3.0, "soft", "none"])
def test_value_gradient_and_stats(batch: str, distance: str, mining: str, margin: object) -> None:
    torch.manual_seed(len(batch))
    ids = BATCHES[batch]
    f = torch.randn(len(ids), 4, dtype=torch.float64, requires_grad=True)
    g = f.detach().clone().requires_grad_()
    loss, stats = triplet_loss(
        f,
        torch.tensor(ids),
        margin=margin,  # type: ignore[arg-type]
        mining=mining,  # type: ignore[arg-type]
        distance=distance,  # type: ignore[arg-type]
    )
    expected, active, triplets = literal(g, ids, range(len(ids)), margin, mining, distance)
    torch.testing.assert_close(loss, expected)
    loss.backward()
    expected.backward()
    torch.testing.assert_close(f.grad, g.grad)
    n = max(len(triplets), 1)
    assert stats["active"].item() == pytest.approx(active / n)
    assert stats["ap"].item() == pytest.approx(sum(p.item() for p, _ in triplets) / n)
    assert stats["an"].item() == pytest.approx(sum(a.item() for _, a in triplets) / n)
    assert stats["norm"].item() == pytest.approx(sum(math.hypot(*r) for r in f.tolist()) / len(f))
    spread = [((c - c.mean()) ** 2).mean().sqrt() for c in f.T]
    assert stats["std"].item() == pytest.approx(sum(s.item() for s in spread) / 4)
    assert not any(s.requires_grad for s in stats.values())


@pytest.mark.parametrize(("margin", "expected"), [(0.3, 2.016646), ("soft", 1.985841)])
def test_the_specifications_vector(margin: float, expected: float) -> None:
    f = torch.tensor([[0.0, 0], [3, 4], [1, 0], [0, 2]])
    ids = torch.tensor([0, 0, 1, 1])
    loss, stats = triplet_loss(f, ids, margin=margin)
    assert loss.item() == pytest.approx(expected, abs=1e-6)
    assert stats["ap"].item() == pytest.approx((5 + 5 + 2.236068 * 2) / 4, abs=1e-6)
    assert stats["an"].item() == pytest.approx((1 + 3.605551 + 1 + 2) / 4, abs=1e-6)


@pytest.mark.parametrize("mining", ["hard", "all", "semi"])
def test_a_process_with_its_rows_of_the_global_batch(mining: str) -> None:
    """Two processes' shares, each of the anchors it has, add up to the loss of the whole batch."""
    torch.manual_seed(0)
    ids = torch.tensor([0, 0, 1, 1, 2, 2, 0, 1])
    f = torch.randn(8, 3, dtype=torch.float64, requires_grad=True)
    whole, _ = triplet_loss(f, ids, mining=mining)  # type: ignore[arg-type]
    shares = []
    for first in (0, 4):
        own = slice(first, first + 4)
        share, stats = triplet_loss(
            f[own],
            ids[own],
            mining=mining,  # type: ignore[arg-type]
            all_embeddings=f,
            all_labels=ids,
            first_row=first,
        )
        expected, *_ = literal(f, ids.tolist(), range(first, first + 4), 0.3, mining, "euclidean")
        torch.testing.assert_close(share, expected)
        assert stats["norm"].item() == pytest.approx(f.norm(dim=1).mean().item())
        shares.append(share)
    if mining == "hard":  # as many triplets in each share
        (g,) = torch.autograd.grad(sum(shares) / 2, f, retain_graph=True)
        torch.testing.assert_close(sum(shares) / 2, whole)
        torch.testing.assert_close(g, torch.autograd.grad(whole, f)[0])


@pytest.mark.parametrize(("margin", "at"), [(0.3, 0.3), ("soft", math.log(2)), ("none", 0.0)])
def test_a_collapse_shows(margin: float, at: float) -> None:
    f = torch.ones(6, 8, requires_grad=True)
    loss, stats = triplet_loss(f, torch.tensor([0, 0, 1, 1, 2, 2]), margin=margin)
    loss.backward()
    assert loss.item() == pytest.approx(at)
    assert stats["std"] == 0
    assert f.grad is not None
    assert f.grad.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("distance", ["euclidean", "squared", "cityblock"])
def test_half_precision_is_computed_in_float32(dtype: torch.dtype, distance: str) -> None:
    torch.manual_seed(0)
    f = (torch.randn(8, 64) * 100).to(dtype)  # squares that float16 can't hold
    ids = torch.arange(8) // 2
    options = {"distance": distance, "margin": "none"}
    expected, _ = triplet_loss(f.double(), ids, **options)  # type: ignore[arg-type]
    with torch.autocast("cpu", torch.bfloat16):
        loss, stats = triplet_loss(f, ids, **options)  # type: ignore[arg-type]
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    assert all(s.isfinite() for s in stats.values())


def test_close_pairs_far_from_the_origin_keep_their_distance() -> None:
    a = torch.tensor([[1000.0, 1000.0]])
    d = pairwise_distance(a, a + torch.tensor([[0.0, 0.0], [0.25, 0.0]]))
    assert d[0].tolist() == pytest.approx([1e-6, 0.25])


def test_unknown_settings() -> None:
    f, ids = torch.randn(4, 2), torch.tensor([0, 0, 1, 1])
    for option, wrong in (("mining", "hardest"), ("margin", "sofd"), ("distance", "cosine")):
        with pytest.raises(UserError, match=f"Unknown {option} '{wrong}'"):
            triplet_loss(f, ids, **{option: wrong})  # type: ignore[arg-type]
