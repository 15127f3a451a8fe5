"""Backbones by name, timm's among them."""

from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from lookalike.errors import UserError
from lookalike.nets import backbone, resnet, set_bn_mode
from lookalike.nets.batchnorm import BatchNorm2d


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_resnets(name: str) -> None:
    net = backbone(name, weights="none", last_stride=1, bn_mode="frozen")
    with torch.no_grad():
        assert net(torch.zeros(1, 3, 64, 32)).shape == (1, net.channels, 4, 2)
    norms = [m for m in net.modules() if isinstance(m, BatchNorm2d)]
    assert len(norms) in (20, 53)
    assert all(m.mode == "frozen" and not m.weight.requires_grad for m in norms)


def test_unknown_names() -> None:
    with pytest.raises(UserError, match="did you mean 'resnet50'"):
        backbone("resnet5O", weights="none")
    with pytest.raises(UserError, match="can't change its strides"):
        backbone("timm:resnet18", weights="none", last_stride=1)


def test_timm_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "timm", None)
    with pytest.raises(UserError, match=r"needs timm .*pip install lookalike\[timm\]"):
        backbone("timm:resnet18", weights="none")


class Peer(nn.Module):
    """As timm's networks are."""

    feature_info = SimpleNamespace(channels=lambda: [4])

    def __init__(self) -> None:
        super().__init__()
        self.stem_conv = nn.Conv2d(3, 4, 1)
        self.bn = nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> list[Tensor]:
        return [self.bn(self.stem_conv(x))]


def test_timm_with_the_weights_of_a_model_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []

    def create_model(name: str, **options: Any) -> Peer:
        asked.append(options)
        return Peer()

    timm = ModuleType("timm")
    timm.is_model = lambda name: True  # type: ignore[attr-defined]
    timm.create_model = create_model  # type: ignore[attr-defined]
    monkeypatch.setitem(__import__("sys").modules, "timm", timm)
    trained, path = backbone("timm:peer", weights="none"), tmp_path / "w.safetensors"
    save_file(dict(trained.state_dict()), path, metadata={"backbone": "timm:peer"})
    net = backbone("timm:peer", weights=str(path))
    assert not asked[-1]["pretrained"]  # the names are ours, which timm doesn't know
    assert net.state_dict().keys() == trained.state_dict().keys()
    assert all(torch.equal(v, trained.state_dict()[k]) for k, v in net.state_dict().items())
    save_file({"model.bn.weight": torch.ones(4)}, path, metadata={"backbone": "timm:peer"})
    with pytest.raises(UserError, match=r"has no 'model\.stem_conv\.weight'"):
        backbone("timm:peer", weights=str(path))
    save_file(dict(trained.state_dict()), path)  # of anybody else: timm reads it
    backbone("timm:peer", weights=str(path))
    assert asked[-1]["pretrained"]
    assert asked[-1]["pretrained_cfg_overlay"] == {"file": str(path)}


@pytest.fixture
def timm() -> object:
    return pytest.importorskip("timm", exc_type=ImportError)


NETWORKS = ["resnet18", "densenet121", "convnext_atto", "efficientnet_b0"]


@pytest.mark.usefixtures("timm")
@pytest.mark.parametrize("name", NETWORKS)
def test_timm_networks_keep_their_numbers(name: str) -> None:
    import timm

    x = torch.randn(2, 3, 128, 64)
    torch.manual_seed(0)
    net = backbone(f"timm:{name}", weights="none", bn_mode="eval_stats")
    torch.manual_seed(0)
    peer = timm.create_model(name, features_only=True, out_indices=(-1,))
    before = {k: v.clone() for k, v in net.state_dict().items()}
    net.train()(x)
    assert all(torch.equal(net.state_dict()[k], v) for k, v in before.items())
    set_bn_mode(net, "train")
    torch.manual_seed(1)
    y = net(x)
    torch.manual_seed(1)
    assert torch.equal(y, peer.train()(x)[-1])
    assert y.shape == (2, net.channels, 4, 2)


@pytest.mark.usefixtures("timm")
def test_timms_resnet_is_ours() -> None:
    import timm

    peer = timm.create_model("resnet50", num_classes=0, global_pool="").eval()
    ours = resnet(50).eval()
    ours.load_state_dict(peer.state_dict())
    x = torch.randn(2, 3, 64, 32)
    torch.testing.assert_close(ours(x), peer(x))


@pytest.mark.usefixtures("timm")
def test_timm_refusals() -> None:
    with pytest.raises(UserError, match="timm has no network 'nothing'"):
        backbone("timm:nothing", weights="none")
