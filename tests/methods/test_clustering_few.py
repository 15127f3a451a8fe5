"""Data that label-free methods can't cluster as asked; what others say of data without labels."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from helpers.runs import TINY, metrics, refused

from lookalike.cli import main
from lookalike.methods.ide import IDE, BaselineModel
from lookalike.methods.model_file import save_model

Tiny = Callable[..., list[str]]
APART = "images make no two clusters at any eps, so nobody can be told apart: start from a model"
each_name = pytest.mark.parametrize("name", ["cc", "spcl"])


def command(name: str, data: str, out: Path, flags: str = "") -> list[str]:
    words = ["train", name, "--data", data, "--out", str(out)]
    return [*words, *TINY[name].split(), *flags.split()]


def crops(market: Path) -> list[Path]:
    return sorted((market / "bounding_box_train").glob("*.jpg"))


def copied(files: Iterable[Path], folder: Path, persons: bool = True) -> Path:
    """The files in a folder of their person, or all in one."""
    for file in files:
        place = folder / file.name.split("_")[0] if persons else folder
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, place)
    return folder


@pytest.mark.parametrize("name", ["ide", "triplet", "dgnet"])
def test_supervised_methods_say_that_they_need_labels(
    name: str, market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = copied(crops(market)[:12], tmp_path / "crops", persons=False)
    said = refused(command(name, f"folder:{data}?person=none", tmp_path / "run"), capsys)
    assert f"{name} learns from identities" in said
    assert "none of its 12 training images" in said
    assert not (tmp_path / "run").exists()


@each_name
def test_crops_that_nobody_has_labelled(name: str, market: Path, tmp_path: Path) -> None:
    data = copied(crops(market), tmp_path / "crops", persons=False)
    assert main(command(name, f"folder:{data}?person=none", tmp_path / "run")) == 0
    rounds = [line["clusters"] for line in metrics(tmp_path / "run") if "clusters" in line]
    assert len(rounds) == 2
    assert all(numbers["clusters"] > 1 and "purity" not in numbers for numbers in rounds)
    assert (tmp_path / "run/model.safetensors").is_file()


@each_name
def test_all_crops_are_of_one_camera(
    name: str, market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [file for file in crops(market) if "_c1" in file.name]
    data = copied(files, tmp_path / "crops")
    flags = "--single_camera drop --cameras deviation"
    argv = command(name, f"folder:{data}?test_fraction=0", tmp_path / "run", flags)
    assert main(argv) == 0
    said = "there is one camera: clusters that one camera alone saw are kept in this round."
    assert capsys.readouterr().err.count(said) == 2
    rounds = [line["clusters"] for line in metrics(tmp_path / "run") if "clusters" in line]
    assert all(numbers["clusters"] > 1 for numbers in rounds)


@each_name
def test_ten_images_in_all(
    name: str, market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = f"folder:{copied(crops(market)[:10], tmp_path / 'crops')}?test_fraction=0"
    usual = "--k1 30 --k2 6 --min_samples 4 --eps 0.6"
    said = refused(command(name, data, tmp_path / "run", usual), capsys)
    assert f"These 10 {APART}" in said
    assert not list((tmp_path / "run").glob("*.safetensors"))
    # The same folder, without --resume: nothing was learned that could be lost.
    assert main(command(name, data, tmp_path / "run")) == 0


@each_name
def test_one_image_a_person(
    name: str, market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = {file.name.split("_")[0]: file for file in reversed(crops(market))}
    data = f"folder:{copied(first.values(), tmp_path / 'crops')}?test_fraction=0"
    usual = "--k1 30 --k2 6 --min_samples 4 --eps 0.6"
    said = refused(command(name, data, tmp_path / "run", usual), capsys)
    assert f"These {len(first)} {APART}" in said
    assert said.endswith("give more images of each.")


@each_name
def test_a_model_of_another_architecture_to_start_from(
    name: str, market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = BaselineModel(IDE(backbone="resnet18", weights="none"), 4)
    file = save_model(model, tmp_path / "ide.safetensors")
    argv = command(name, f"market1501:{market}", tmp_path / "run", f"--start {file}")
    said = refused(argv, capsys)
    assert "resnet18" in said
    assert "resnet10" in said
    assert not (tmp_path / "run").exists()
