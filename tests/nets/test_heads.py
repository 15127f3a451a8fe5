"""Counts, initialisation and embeddings of the heads."""

import pytest
import torch
from torch import nn

from lookalike.nets import BNNeck, BottleneckHead, LinearHead, resnet

UNUSED_FC = 2_049_000  # the ImageNet classifier that CamStyle's network carries along


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.fixture(scope="module")
def trunk() -> int:
    return count(resnet(50))


@pytest.mark.parametrize(("classes", "total"), [(751, 25_046_831), (702, 24_946_430)])
def test_variant_a(trunk: int, classes: int, total: int) -> None:
    assert trunk + count(LinearHead(2048, classes)) == total


@pytest.mark.parametrize(("classes", "total"), [(751, 24_943_407), (702, 24_918_270)])
def test_variant_d(trunk: int, classes: int, total: int) -> None:
    assert trunk + count(BottleneckHead(2048, 512, classes, "lrelu", gamma_std=0.02)) == total


@pytest.mark.parametrize(("classes", "total"), [(751, 28_427_031), (702, 28_376_806)])
def test_variant_e(trunk: int, classes: int, total: int) -> None:
    assert trunk + count(BottleneckHead(2048, 1024, classes, "relu")) + UNUSED_FC == total


@pytest.mark.parametrize("classes", [751, 702, 767, 1041])
def test_dgnet_head(classes: int) -> None:
    assert count(BottleneckHead(2048, 512, classes)) == 1_050_112 + 513 * classes


def test_bnneck() -> None:
    head = BNNeck(2048, 751)
    trained = [k for k, p in head.named_parameters() if p.requires_grad]
    assert trained == ["bn.weight", "classifier.weight"]
    x = torch.randn(8, 2048)
    torch.testing.assert_close(head(x), head.classifier(head.bn(x)))
    assert head.embed(x).mean(0).abs().max() < 1e-5
    assert head.neck is head.bn
    assert not hasattr(BottleneckHead(512, 512, 3), "neck")  # as wide, and another thing


def test_initial_values() -> None:
    torch.manual_seed(0)
    head = BottleneckHead(2048, 512, 751, "lrelu", gamma_std=0.02)
    assert head.feat.weight.std().item() == pytest.approx((2 / 512) ** 0.5, rel=0.01)  # fan-out
    assert head.bn.weight.mean().item() == pytest.approx(1, abs=0.005)
    assert head.bn.weight.std().item() == pytest.approx(0.02, rel=0.15)
    for h in (head, LinearHead(2048, 751)):
        assert h.classifier.weight.std().item() == pytest.approx(0.001, rel=0.01)
        assert h.classifier.bias.eq(0).all()
    assert head.feat.bias.eq(0).all()
    assert head.bn.bias.eq(0).all()
    assert BottleneckHead(8, 4, 2).bn.weight.eq(1).all()


@pytest.mark.parametrize("activation", [None, "relu", "lrelu"])
def test_bottleneck_is_the_literal_one(activation: str | None) -> None:
    torch.manual_seed(0)
    head = BottleneckHead(6, 4, 3, activation, gamma_std=0.5).double()  # type: ignore[arg-type]
    x = torch.randn(5, 6, dtype=torch.float64)
    z = x @ head.feat.weight.T + head.feat.bias
    z = (z - z.mean(0)) / (z.var(0, correction=0) + 1e-5).sqrt() * head.bn.weight + head.bn.bias
    if activation is not None:
        z = torch.where(z > 0, z, z * (0.1 if activation == "lrelu" else 0))
    torch.testing.assert_close(head.embed(x), z)
    torch.manual_seed(3)
    kept = torch.rand(5, 4) >= 0.5
    torch.manual_seed(3)
    expected = (z * kept * 2) @ head.classifier.weight.T + head.classifier.bias
    torch.testing.assert_close(head(x), expected)
    head.eval()
    torch.testing.assert_close(head(x), head.classify(head.embed(x)))
    assert LinearHead(6, 3).embed(x) is x


def test_keys() -> None:
    bn = [f"bn.{n}" for n in ("weight", "bias", "running_mean", "running_var")]
    assert set(BottleneckHead(6, 4, 3, "relu").state_dict()) == {
        *bn,
        "bn.num_batches_tracked",
        *(f"{layer}.{n}" for layer in ("feat", "classifier") for n in ("weight", "bias")),
    }
    assert set(LinearHead(6, 3).state_dict()) == {"classifier.weight", "classifier.bias"}
