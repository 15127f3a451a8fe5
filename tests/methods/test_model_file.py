"""A model file holds all that a model needs, and says so when it doesn't."""

import dataclasses
import errno
import json
from pathlib import Path
from typing import Any

import pytest
import safetensors
import safetensors.torch
import torch

import lookalike
from lookalike.errors import UserError
from lookalike.methods import METHODS, Method, Model
from lookalike.methods.dgnet import DGNet
from lookalike.methods.ide import IDE
from lookalike.methods.model_file import fingerprint, load_model, save_model, settings_from

SMALL: dict[str, Any] = {"backbone": "resnet10", "weights": "none", "stride_on": "3x3",
                         "height": 64, "width": 48}  # fmt: skip


def small(name: str, **changes: Any) -> Method:
    if name == "pg2":
        return METHODS[name].preset(None, height=64, width=48, channels=4, **changes)
    extra = {"structure_dim": 2, "mlp_dim": 8} if name == "dgnet" else {}
    return METHODS[name].preset(None, **{**SMALL, **extra, **changes})


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Model, Path]:
    torch.manual_seed(0)
    model = small("ide").model(5)
    model.pids = [2, 3, 5, 7, 11]
    return model, save_model(model, tmp_path_factory.mktemp("m") / "model.safetensors", "a:b")


def test_metadata(saved: tuple[Model, Path]) -> None:
    with safetensors.safe_open(str(saved[1]), framework="pt") as file:
        about = json.loads(file.metadata()["lookalike"])
    settings = about.pop("settings")
    assert about == {
        "format": 2, "version": lookalike.__version__, "method": "ide", "classes": 5,
        "pids": [2, 3, 5, 7, 11], "data": "a:b", "without": [],
        "preprocessing": {
            "size": [64, 48], "resize": "bicubic, antialiased", "mean": [0.485, 0.456, 0.406],
            "std": [0.229, 0.224, 0.225], "bgr": False,
        },
    }  # fmt: skip
    assert settings_from(IDE, settings) == saved[0].method


def test_everybody_can_read_the_file(saved: tuple[Model, Path]) -> None:
    assert saved[1].stat().st_mode & 0o777 == 0o644


def test_a_model_without_a_part(tmp_path: Path) -> None:
    model = small("dgnet").model(3)
    model.leave_out("generator")
    loaded = load_model(save_model(model, tmp_path / "model.safetensors"))
    assert loaded.without == {"generator"}
    assert loaded.embed(torch.rand(1, 3, 64, 48)).shape == (1, 1024)
    with pytest.raises(UserError, match="has no generator"):
        loaded.swap(torch.rand(1, 3, 64, 48), torch.rand(1, 3, 64, 48))  # type: ignore[operator]


def test_a_run_folder_stands_for_its_model(saved: tuple[Model, Path]) -> None:
    assert list(load_model(saved[1].parent).pids) == [2, 3, 5, 7, 11]
    assert list(load_model(str(saved[1])).pids) == [2, 3, 5, 7, 11]


def test_a_full_disk_keeps_the_old_file(
    saved: tuple[Model, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"old")

    def full(tensors: object, part: Path, metadata: object) -> None:
        part.write_bytes(b"half")
        raise safetensors.SafetensorError(f"I/O error: No space left (os error {errno.ENOSPC})")

    monkeypatch.setattr(safetensors.torch, "save_file", full)
    with pytest.raises(UserError, match=r"Could not write .*No space left.* is kept"):
        save_model(saved[0], file)
    assert file.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["model.safetensors"]


@pytest.mark.parametrize("content", [b"", b"hello", b"cut", b"foreign"])
def test_a_file_that_is_no_model(saved: tuple[Model, Path], tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x.safetensors"
    if content == b"cut":
        content = saved[1].read_bytes()[:-100]
    file.write_bytes(content)
    if content == b"foreign":
        safetensors.torch.save_file({"w": torch.zeros(1)}, file)
    with pytest.raises(UserError, match="is not a Lookalike model; an authors' checkpoint goes"):
        load_model(file)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"There is no model file .*nothing"):
        load_model(tmp_path / "nothing")
    with pytest.raises(UserError, match=r"There is no model file .*model\.safetensors"):
        load_model(tmp_path)


def rewritten(saved: tuple[Model, Path], file: Path, **changes: Any) -> Path:
    with safetensors.safe_open(str(saved[1]), framework="pt") as old:
        about = json.loads(old.metadata()["lookalike"])
    tensors = safetensors.torch.load_file(saved[1])
    safetensors.torch.save_file(tensors, file, {"lookalike": json.dumps({**about, **changes})})
    return file


def test_a_method_or_setting_of_another_version(saved: tuple[Model, Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="'idee'; did you mean 'ide'"):
        load_model(rewritten(saved, tmp_path / "a.safetensors", method="idee"))
    with pytest.raises(
        UserError, match="Unknown setting of ide 'batsch_size'; did you mean 'batch_size'"
    ):
        load_model(rewritten(saved, tmp_path / "b.safetensors", settings={"batsch_size": 1}))


def test_a_file_of_a_newer_version(saved: tuple[Model, Path], tmp_path: Path) -> None:
    newer = rewritten(saved, tmp_path / "new.safetensors", format=3, version="0.9.0", method="gcl")
    with pytest.raises(UserError) as error:
        load_model(newer)
    assert str(error.value) == (
        f"{newer} was written by Lookalike 0.9.0, which is newer than this one: install that "
        "version to load it."
    )


@pytest.mark.parametrize("name", METHODS)
def test_settings_survive_json(name: str) -> None:
    for preset in METHODS[name].presets:
        method = METHODS[name].preset(preset)
        values = json.loads(json.dumps(dataclasses.asdict(method)))
        assert settings_from(METHODS[name], values) == method
    assert isinstance(DGNet().teacher, IDE)


@pytest.mark.parametrize("name", METHODS)
def test_controls_and_ablations_are_settings_of_the_method(name: str) -> None:
    kind = METHODS[name]
    rows = [kind.control or {}, *kind.ablations.values()]
    assert all(kind.preset(None, **changes).name == name for changes in rows)
    changed = [kind.preset(None, **changes) for changes in kind.ablations.values() if changes]
    assert kind() not in changed
    model = kind.model_type()
    assert (kind.control is not None) == bool(model.verbs and model.features_of)


def test_a_model_keeps_its_fingerprint_when_it_is_loaded(tmp_path: Path) -> None:
    model = IDE(backbone="resnet10", weights="none", height=64, width=48).model(3)
    model.method = dataclasses.replace(model.method, weights="imagenet")  # as a run trains it
    again = load_model(save_model(model, tmp_path / "model.safetensors"))
    assert fingerprint(again) == fingerprint(model)
    with torch.no_grad():
        next(again.parameters()).add_(1)
    assert fingerprint(again) != fingerprint(model)
