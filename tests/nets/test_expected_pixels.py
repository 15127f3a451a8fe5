"""What pixels pretrained weights expect, and that nets get these."""

import os
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from lookalike.errors import UserError
from lookalike.methods.ide import IDE, BaselineModel, Identification
from lookalike.methods.model_file import load_model, save_model
from lookalike.methods.siamese import Siamese
from lookalike.nets import expected_pixels, resnet

REAL = os.environ.get("LOOKALIKE_RESNET50")


def trained_on(deviation: float) -> dict[str, Tensor]:
    """A resnet18's weights whose first norm has seen grey noise of that deviation."""
    torch.manual_seed(0)
    net = resnet(18)
    torch.nn.init.normal_(net.conv1.weight, std=0.1)
    net.bn1.momentum = 1.0
    net.bn1.train()(net.conv1(deviation * torch.randn(8, 3, 32, 32)))
    return {k: v.clone() for k, v in net.state_dict().items() if "num_batches" not in k}


@pytest.mark.parametrize(("deviation", "scale"), [(1, "imagenet"), (0.45, "imagenet"),
                                                  (58, "caffe_bgr")])  # fmt: skip
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_statistics_tell_pixels_to_255(
    deviation: float, scale: str, suffix: str, tmp_path: Path
) -> None:
    path = tmp_path / f"w{suffix}"
    state = trained_on(deviation)
    save_file(state, path) if suffix == ".safetensors" else torch.save(state, path)
    assert expected_pixels("resnet18", str(path)) == scale


def test_metadata_count_more_than_statistics(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    for said in ("half", "imagenet", "caffe_bgr"):
        save_file(trained_on(1), path, metadata={"pixel_norm": said})
        assert expected_pixels("resnet18", str(path)) == said
    save_file(trained_on(1), path, metadata={"pixel_norm": "rgb"})
    with pytest.raises(UserError, match=r"pixel_norm in .*'rgb'.*caffe_bgr, half, imagenet"):
        expected_pixels("resnet18", str(path))


def test_files_without_a_first_layer_and_no_file(tmp_path: Path) -> None:
    assert expected_pixels("resnet18", "none") == "imagenet"
    for shape, norms in (((2,), 2), ((2, 3, 1, 1), 3), ((0, 3, 1, 1), 0)):
        state = {"conv1.weight": torch.ones(shape), "bn1.running_var": torch.ones(norms)}
        torch.save(state, tmp_path / "w.pth")
        assert expected_pixels("resnet18", str(tmp_path / "w.pth")) == "imagenet"
    torch.save({}, tmp_path / "w.pth")  # loading says what is missing
    assert expected_pixels("resnet18", str(tmp_path / "w.pth")) == "imagenet"
    with pytest.raises(UserError, match=r"no weights file 'gone\.pth'"):
        expected_pixels("resnet18", "gone.pth")


def test_timm_says_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers: dict[str, Any] = {
        "a": SimpleNamespace(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)),
        "b": SimpleNamespace(mean=(0.5,) * 3, std=(0.5,) * 3),
        "c": SimpleNamespace(mean=(0.0,) * 3, std=(1.0,) * 3),
    }
    timm = ModuleType("timm")
    timm.is_model = numbers.__contains__  # type: ignore[attr-defined]
    timm.get_pretrained_cfg = numbers.get  # type: ignore[attr-defined]
    monkeypatch.setitem(__import__("sys").modules, "timm", timm)
    assert expected_pixels("timm:a", "imagenet") == "imagenet"
    assert expected_pixels("timm:b", "imagenet") == "half"
    assert expected_pixels("timm:gone", "imagenet") == "imagenet"  # building it says so
    with pytest.raises(UserError, match=r"timm:c expect pixels of mean .*choose the nearest"):
        expected_pixels("timm:c", "imagenet")
    assert IDE(backbone="timm:b", pixel_norm="auto").resolved().pixel_norm == "half"
    path = str(tmp_path / "w.safetensors")  # what a file says counts more, for these too
    save_file({"model.a": torch.ones(1)}, path, metadata={"pixel_norm": "caffe_bgr"})
    assert expected_pixels("timm:b", path) == "caffe_bgr"
    save_file({"model.a": torch.ones(1)}, path)
    assert expected_pixels("timm:b", path) == "half"
    assert "no pixel_norm gives" in IDE(backbone="timm:c").pixel_warning()
    assert "expect pixels in the scale half" in IDE(backbone="timm:b").pixel_warning()


@pytest.mark.parametrize("preset", ["caffe", "caffe_translated", "lmp"])
@pytest.mark.parametrize(("deviation", "scale"), [(1, "imagenet"), (58, "caffe_bgr")])
def test_caffe_presets_give_weights_what_they_expect(
    preset: str, deviation: float, scale: str, tmp_path: Path
) -> None:
    torch.save(trained_on(deviation), tmp_path / "w.pth")
    given = IDE.preset(preset, backbone="resnet18", weights=str(tmp_path / "w.pth"))
    method = given.resolved()
    assert method.pixel_norm == scale  # so config.yaml and the model's file have it
    assert not method.pixel_warning()
    module = Identification(given, 3, 1)
    images = torch.randint(0, 256, (2, 3, 224, 224), dtype=torch.uint8)
    images = images.contiguous(memory_format=torch.channels_last)
    x = images.float()
    if scale == "imagenet":
        mean, deviations = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
        x = (x / 255 - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(deviations).view(3, 1, 1)
    else:
        x = x.flip(1) - torch.tensor((104.0, 117.0, 124.0)).view(3, 1, 1)
    module.augment.flip = 0
    for got in (module.augment(images), module.trained.preprocess(images)):
        torch.testing.assert_close(got, x, rtol=1e-4, atol=1e-4)
    save_model(module.trained, tmp_path / "m.safetensors")
    loaded = load_model(tmp_path / "m.safetensors")
    assert loaded.normalize.norm == module.trained.normalize.norm
    assert torch.equal(loaded.embed(images), module.trained.embed(images))


def test_pixels_that_weights_do_not_expect_are_told(tmp_path: Path) -> None:
    torch.save(trained_on(1), tmp_path / "w.pth")
    trunk: dict[str, Any] = {"backbone": "resnet18", "weights": str(tmp_path / "w.pth")}
    said = IDE(pixel_norm="caffe_bgr", **trunk).pixel_warning()
    assert "expect pixels in the scale imagenet, but ide gives them caffe_bgr" in said
    assert "--pixel_norm auto" in said
    assert not IDE(**trunk).pixel_warning()
    assert not IDE(pixel_norm="caffe_bgr", backbone="resnet18", weights="none").pixel_warning()
    torch.save(trained_on(58), tmp_path / "w.pth")  # a method that has one scale alone
    assert "scale caffe_bgr, but siamese gives them imagenet" in Siamese(**trunk).pixel_warning()


@pytest.mark.skipif(not REAL, reason="LOOKALIKE_RESNET50 is not set")
def test_real_weights() -> None:
    assert expected_pixels("resnet50", str(REAL)) == "imagenet"
    model = BaselineModel(IDE.preset("caffe", weights=str(REAL)), 3)
    assert model.method.pixel_norm == "imagenet"
