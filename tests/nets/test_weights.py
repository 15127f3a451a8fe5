"""Pretrained weights: strict loading, stride placement, download and what is said when it fails."""

import hashlib
import os
from pathlib import Path
from urllib.error import URLError

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from lookalike.errors import UserError
from lookalike.nets import (
    BatchNorm1d,
    backbone,
    load_imagenet,
    resnet,
    weights,
    weights_stride_on,
)
from lookalike.nets.weights import load_part

REAL = os.environ.get("LOOKALIKE_RESNET50")
needs_real = pytest.mark.skipif(not REAL, reason="LOOKALIKE_RESNET50 is not set")


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("LOOKALIKE_RESNET50", raising=False)
    monkeypatch.delenv("LOOKALIKE_RESNET18", raising=False)
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def state() -> dict[str, Tensor]:
    """A file's content: random trunk weights without step counts, and an ImageNet classifier."""
    torch.manual_seed(1)
    found = {k: v for k, v in resnet(18).state_dict().items() if "num_batches" not in k}
    return {k: v.clone() for k, v in found.items()} | {"fc.weight": torch.ones(1000, 512)}


def assert_loaded(net: nn.Module, state: dict[str, Tensor]) -> None:
    for key, value in net.state_dict().items():
        if "num_batches" not in key:
            assert value.dtype == torch.float32
            assert torch.equal(value, state[key].float()), key


@pytest.mark.parametrize("form", ["safetensors", "fp16", "pth", "state_dict", "module."])
def test_forms_of_a_file(form: str, state: dict[str, Tensor], tmp_path: Path) -> None:
    path = tmp_path / ("w.safetensors" if form in ("safetensors", "fp16") else "w.pth")
    if form == "fp16":
        state = {k: v.half() for k, v in state.items()}
    if path.suffix == ".safetensors":
        save_file(state, path)
    elif form == "state_dict":
        torch.save({"state_dict": state, "epoch": 3}, path)
    elif form == "module.":
        torch.save({f"module.{k}": v for k, v in state.items()}, path)
    else:
        torch.save(state, path)
    net = resnet(18)
    load_imagenet(net, "resnet18", str(path))
    assert_loaded(net, state)


def test_none_leaves_the_random_weights() -> None:
    net = resnet(18)
    before = net.conv1.weight.clone()
    load_imagenet(net, "resnet18", "none")
    assert torch.equal(net.conv1.weight, before)


def test_wrong_keys_are_named(state: dict[str, Tensor], tmp_path: Path) -> None:
    path = tmp_path / "w.pth"

    def load(content: object) -> None:
        torch.save(content, path)
        load_imagenet(resnet(18), "resnet18", str(path))

    missing = {k: v for k, v in state.items() if k != "layer3.1.bn2.running_var"}
    with pytest.raises(UserError, match=r"has no 'layer3\.1\.bn2\.running_var'"):
        load(missing)
    with pytest.raises(UserError, match=r"'conv1\.weight' of shape \(64, 1, 7, 7\)"):
        load(state | {"conv1.weight": torch.zeros(64, 1, 7, 7)})
    with pytest.raises(UserError, match=r"'layer2\.2\.conv1\.weight', for which .* no place"):
        load(state | {"layer2.2.conv1.weight": torch.zeros(1)})
    with pytest.raises(UserError, match="holds a list"):
        load([1, 2])


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
@pytest.mark.parametrize("content", [b"<html>Not found</html>", b"broken", b""])
def test_files_that_are_no_weights(name: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UserError, match=rf"{name} (can't be read|is not a readable)") as error:
        load_imagenet(resnet(18), "resnet18", str(path))
    assert "\n" not in str(error.value)


def test_no_code_runs_from_a_file(tmp_path: Path) -> None:
    torch.save({"state_dict": Path("x")}, tmp_path / "w.pth")
    with pytest.raises(UserError, match="can't be read"):
        load_imagenet(resnet(18), "resnet18", str(tmp_path / "w.pth"))


def test_missing_files_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"no weights file 'nowhere\.pth': give --weights"):
        load_imagenet(resnet(18), "resnet18", "nowhere.pth")
    monkeypatch.setenv("LOOKALIKE_RESNET18", "gone.pth")
    with pytest.raises(UserError, match=r"LOOKALIKE_RESNET18 names 'gone\.pth'"):
        load_imagenet(resnet(18), "resnet18")
    with pytest.raises(UserError, match="Unknown network with public weights 'resnet19'"):
        weights_stride_on("resnet19", "imagenet")


def test_the_variable_stands_for_imagenet(
    state: dict[str, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save(state, tmp_path / "mine.pth")
    monkeypatch.setenv("LOOKALIKE_RESNET18", str(tmp_path / "mine.pth"))
    net = backbone("resnet18")
    assert_loaded(net, state)


def test_offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def no_network(url: str, *args: object, **options: object) -> None:
        raise URLError("Name or service not known")

    monkeypatch.setattr(torch.hub, "download_url_to_file", no_network)
    with pytest.raises(UserError) as caught:
        load_imagenet(resnet(50))
    said = str(caught.value)
    assert "https://download.pytorch.org/models/resnet50-0676ba61.pth" in said
    assert str(tmp_path / "cache" / "weights" / "resnet50-0676ba61.pth") in said
    assert "--weights PATH" in said
    assert "--weights none" in said


@pytest.mark.parametrize("right", [True, False])
def test_download_checks_the_hash_and_keeps_the_file(
    right: bool, state: dict[str, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = tmp_path / "server"
    server.mkdir()
    torch.save(state, server / "x.pth")
    digest = hashlib.sha256((server / "x.pth").read_bytes()).hexdigest()[:8]
    name = f"resnet18-{digest if right else '0' * 8}.pth"
    (server / "x.pth").rename(server / name)
    monkeypatch.setattr(weights, "_URL", f"{server.as_uri()}/")
    monkeypatch.setitem(weights.PUBLIC, "resnet18", name)
    net = resnet(18)
    if right:
        load_imagenet(net, "resnet18")
        (server / name).unlink()
        load_imagenet(net, "resnet18")  # from the cache
        assert_loaded(net, state)
    else:
        with pytest.raises(UserError, match="invalid hash value"):
            load_imagenet(net, "resnet18")
        assert not list((tmp_path / "cache").rglob("*.pth"))


@pytest.mark.parametrize("said", ["1x1", "3x3", None])
def test_stride_placement_is_read_from_the_metadata(said: str | None, tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    content = {k: v for k, v in resnet(50).state_dict().items() if "num_batches" not in k}
    save_file(content, path, metadata={"stride_on": said} if said else None)
    assert weights_stride_on("resnet50", str(path)) == (said or "3x3")
    first = backbone("resnet50", weights=str(path)).get_submodule("layer2.0.conv1")
    assert isinstance(first, nn.Conv2d)
    assert first.stride == ((2, 2) if said == "1x1" else (1, 1))
    forced = backbone("resnet50", weights=str(path), stride_on="1x1")
    assert forced.get_submodule("layer2.0.conv1").stride == (2, 2)


def test_wrong_metadata(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(1)}, tmp_path / "w.safetensors", metadata={"stride_on": "5x5"})
    with pytest.raises(UserError, match="'5x5'"):
        weights_stride_on("resnet50", str(tmp_path / "w.safetensors"))
    assert weights_stride_on("resnet50", "none") == "3x3"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_parts_beside_the_trunk(dtype: torch.dtype, tmp_path: Path) -> None:
    torch.manual_seed(0)
    neck = BatchNorm1d(8)
    state = {k: torch.rand(v.shape) if v.dim() else v + 3 for k, v in neck.state_dict().items()}
    tensors = {f"neck.{k}": v.to(dtype) if v.dim() else v for k, v in state.items()}
    path, ours = tmp_path / "w.safetensors", {"backbone": "resnet18"}

    def load(**others: Tensor) -> bool:
        save_file({**tensors, "conv1.weight": torch.ones(2), **others}, path, ours)
        return load_part(neck, str(path), "neck")

    before = {k: v.clone() for k, v in neck.state_dict().items()}
    for name in ("weight", "num_batches_tracked"):
        assert not load(**{f"neck.{name}": torch.ones(9)})  # of another shape
    assert not load(**{"neck.more": torch.ones(1)})
    assert not load_part(neck, str(path), "pool")  # of which the file has nothing
    save_file(tensors, path)  # not a file that a run of ours wrote: its "neck" may be anything
    assert not load_part(neck, str(path), "neck")
    for name in ("none", "imagenet", str(tmp_path / "w.pth")):
        assert not load_part(neck, name, "neck")
    assert all(torch.equal(v, before[k]) for k, v in neck.state_dict().items())
    assert load()
    assert all(torch.equal(v, tensors[f"neck.{k}"].to(v)) for k, v in neck.state_dict().items())
    assert neck.weight.dtype == torch.float32


@pytest.mark.parametrize("name", ["gone.safetensors", "folder.safetensors"])
def test_metadata_of_what_is_no_file(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder.safetensors").mkdir()
    with pytest.raises(UserError, match=rf"weights \S*{name} can't be opened \("):
        weights.metadata(tmp_path / name)


@needs_real
def test_real_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    assert REAL is not None
    monkeypatch.setenv("LOOKALIKE_RESNET50", REAL)
    net = backbone("resnet50", last_stride=1).eval()
    found = weights.read_weights(Path(REAL))
    assert_loaded(net, found)
    digest = hashlib.sha256(Path(REAL).read_bytes()).hexdigest()
    if digest[:16] in weights.KNOWN_1X1:
        assert net.get_submodule("layer3.0.conv1").stride == (2, 2)
    with torch.no_grad():
        y = net(torch.randn(1, 3, 256, 128))
    assert y.shape == (1, 2048, 16, 8)
    assert y.isfinite().all()
    with pytest.raises(UserError, match=r"layer1\.0\.conv1\.weight"):
        load_imagenet(resnet(18), "resnet18", REAL)
