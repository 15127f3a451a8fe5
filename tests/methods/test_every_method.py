"""What every method keeps, whatever it is: a new one gets these tests by being in METHODS.

It needs a line in `helpers.runs.TINY`, and one in GENTLE there if two processes differ by rounding.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.processes import Command, assert_no_orphans
from helpers.runs import GENTLE, TINY, assert_same_run, killed, losses, metrics, shared_run, steps
from PIL import Image
from torch import Tensor

import lookalike as la
from lookalike.cli import main
from lookalike.methods.model import Model
from lookalike.methods.model_file import load_model, save_model

Tiny = Callable[..., list[str]]
FLAGS = "--steps 2 --checkpoint_every 1 --seed 3"


@pytest.fixture(params=list(la.METHODS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def argv(name: str, tiny: Tiny) -> Callable[..., list[str]]:
    """The command that trains the method for two steps a stage into a folder, flags added."""

    def command(out: Path, flags: str = "") -> list[str]:
        return tiny(name, out, f"{GENTLE.get(name, '')} {FLAGS} {flags}")

    return command


@pytest.fixture
def whole(
    name: str, argv: Callable[..., list[str]], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The run of that command. Not to be changed."""
    return shared_run(tmp_path_factory, f"every-{name}", argv)


@pytest.fixture
def model(whole: Path) -> Model:
    """The trained model, in use."""
    return load_model(whole)


@pytest.fixture
def images() -> Tensor:
    """Four pictures of another size than any model's: B×3×h×w in [0, 1], whole 255ths."""
    return (torch.rand(4, 3, 80, 44, generator=torch.manual_seed(0)) * 255).round() / 255


def outputs(model: Model, images: Any, rows: slice = slice(None)) -> dict[str, Tensor]:
    """All that the model makes of the images: its features, and the pictures of its verbs."""
    made: dict[str, Tensor] = {}
    if model.embeds:
        made["embed"] = model.embed(images)
    if "swap" in model.generates:
        made["swap"] = model.swap(images, images)  # type: ignore[operator]
    if "repose" in model.generates:
        height, width = model.size
        joints = torch.rand(4, 18, 3, generator=torch.manual_seed(1))
        joints = joints * torch.tensor([width, height, 1.0])
        joints[:, :, 2] = 1
        made["repose"] = model.repose(images, joints[rows])  # type: ignore[operator]
    assert made.keys() == {*model.generates} | ({"embed"} if model.embeds else set())
    return made


class TestEveryMethod:
    def test_two_steps_of_every_stage(self, name: str, whole: Path, model: Model) -> None:
        stages = list(dict.fromkeys(stage for stage, _ in steps(whole)))
        assert steps(whole) == [(stage, k) for stage in stages for k in (1, 2)]
        for line in metrics(whole):
            numbers = line.get("losses") or line["clusters"]
            assert all(np.isfinite(value) for value in numbers.values())
        assert (whole / "report.html").is_file()
        assert (whole / "evaluation.json").is_file() == model.embeds
        assert (whole / "pictures.json").is_file() == ("repose" in model.generates)
        assert model.method.name == name
        if not model.embeds:  # its pictures' measures, not those of copying the source
            rows = json.loads((whole / "pictures.json").read_text())["rows"]
            assert la.Run(whole, model, rows).metrics["pictures"] == name

    def test_killed_in_every_stage_it_ends_as_one_that_was_not(
        self,
        argv: Callable[..., list[str]],
        whole: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        for k, stage in enumerate(dict.fromkeys(stage for stage, _ in steps(whole))):
            killed(monkeypatch, argv(tmp_path / "run", "--resume" if k else ""), stage, 1)
        assert main(argv(tmp_path / "run", "--resume")) == 0
        models = tuple(file.stem for file in whole.glob("*.safetensors"))
        assert_same_run(whole, tmp_path / "run", models)

    def test_two_processes_compute_what_one_does(
        self,
        argv: Callable[..., list[str]],
        whole: Path,
        command: Callable[..., Command],
        tmp_path: Path,
    ) -> None:
        run = command(argv(tmp_path / "two", "--devices 2"), processes=2)
        assert run.wait() == 0, run.stderr
        assert losses(tmp_path / "two") == pytest.approx(losses(whole), rel=1e-4, abs=1e-6)
        files = [
            sorted(file.name for file in folder.rglob("*") if "tfevents" not in file.name)
            for folder in (whole, tmp_path / "two")
        ]
        assert files[0] == files[1]
        events = list((tmp_path / "two/tensorboard").rglob("*tfevents*"))
        assert len(events) == len({stage for stage, _ in steps(whole)})  # a file a stage
        assert run.stdout.count("model.safetensors") == 1
        assert "arning" not in run.stderr
        assert_no_orphans(tmp_path)

    def test_a_saved_model_comes_back_to_the_bit(
        self, model: Model, images: Tensor, tmp_path: Path
    ) -> None:
        file = save_model(model, tmp_path / "new/model.safetensors")
        again = load_model(file)
        assert type(again) is type(model)
        assert again.method == model.method
        assert list(again.pids) == list(model.pids)
        assert not again.training
        left, right = model.state_dict(), again.state_dict()
        assert left.keys() == right.keys()
        assert all(torch.equal(left[key], right[key]) for key in left)
        for verb, made in outputs(again, images).items():
            assert torch.equal(made, outputs(model, images)[verb]), verb
        assert save_model(again, tmp_path / "again.safetensors").read_bytes() == file.read_bytes()

    def test_a_row_of_a_batch_is_the_single_call(self, model: Model, images: Tensor) -> None:
        together = outputs(model, images)
        for k in range(len(images)):
            alone = outputs(model, images[k : k + 1], slice(k, k + 1))
            for verb, made in alone.items():
                torch.testing.assert_close(made[0], together[verb][k], rtol=1e-4, atol=1e-5)

    def test_arrays_and_pil_images_are_tensors(self, model: Model, images: Tensor) -> None:
        arrays = (images * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
        pictures = [Image.fromarray(array) for array in arrays]
        expected = outputs(model, images)
        for other in (arrays, pictures):
            for verb, made in outputs(model, other).items():
                torch.testing.assert_close(made, expected[verb], rtol=1e-5, atol=1e-6)
        with pytest.raises(ValueError, match=r"images must be in \[0, 1\]"):
            model.preprocess(images * 255)

    def test_bfloat16_is_float32_within_its_rounding(self, model: Model, images: Tensor) -> None:
        expected = outputs(model, images)
        with torch.autocast("cpu", torch.bfloat16):
            rounded = outputs(model, images)
        for verb, made in rounded.items():
            assert made.isfinite().all()
            error = (made.float() - expected[verb]).norm() / expected[verb].norm()
            assert error < 0.05, verb

    def test_its_small_presets_take_two_steps(self, name: str, crowd: Path, tmp_path: Path) -> None:
        changes = {"weights": "none"} if "weights" in fields(name) else {}
        for preset in {"quick", "micro"} & la.METHODS[name].presets.keys():
            run = la.train(name, f"market1501:{crowd}", preset=preset, out=tmp_path / preset,
                           steps=2, accelerator="cpu", precision="fp32", layout="channels_last",
                           **changes)  # fmt: skip
            assert run.report.is_file()
            assert losses(run.folder)
            assert all(np.isfinite(value) for value in losses(run.folder).values())

    def test_its_presets_control_and_ablations_are_settings(self, name: str) -> None:
        method = la.METHODS[name]
        assert "quick" in method.presets
        for preset in method.presets:
            settings = method.preset(preset)
            for changes in method.ablations.values():
                assert dataclasses.replace(settings, **changes).name == name
        verbs, embeds = method.model_type().verbs, method.model_type().features_of
        assert (method.control is not None) == bool(verbs and embeds)
        if method.control is not None:
            control = method.preset(None, **method.control)
            assert control != method.preset(None)


def fields(name: str) -> set[str]:
    return {field.name for field in dataclasses.fields(la.METHODS[name])}


def test_every_method_is_tiny_here() -> None:
    assert TINY.keys() == la.METHODS.keys()
