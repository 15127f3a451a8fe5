"""`auto` means what a measurement finds faster, and a run goes on as it began."""

from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import torch
import yaml
from helpers.two_domains import TwoDomains, make_domains
from torch import nn

import lookalike as la
from lookalike.data.transforms import Normalize
from lookalike.errors import UserError
from lookalike.layout import channels_last, use_layout
from lookalike.training import RunSettings, precision
from lookalike.training.precision import decide, fastest, seconds, wrong_in_bf16


def measured(monkeypatch: pytest.MonkeyPatch, fp32: float, bf16: float, contiguous: float) -> None:
    """Lets a convolution take so many seconds; contiguous: the factor of that layout."""

    def times(kind: str, layout: str) -> float:
        return {"fp32": fp32, "bf16": bf16}[kind] * (contiguous if layout == "contiguous" else 1)

    monkeypatch.setattr(precision, "seconds", times)
    monkeypatch.setattr(precision, "read_settings", Mock(side_effect=UserError("no file")))
    monkeypatch.setattr(precision, "write_json", Mock())


@pytest.mark.parametrize(
    ("fp32", "bf16", "contiguous", "expected"),
    [
        (2.0, 1.0, 1.2, ("bf16", "channels_last")),
        (1.0, 2.0, 1.2, ("fp32", "channels_last")),  # named, and slower: some Xeons
        (1.0, 0.95, 1.2, ("fp32", "channels_last")),  # too little to gain
        (2.0, 1.0, 0.5, ("bf16", "contiguous")),
        (1.0, 2.0, 0.5, ("fp32", "contiguous")),
    ],
)
def test_the_faster_one_is_taken(
    monkeypatch: pytest.MonkeyPatch, fp32: float, bf16: float, contiguous: float,
    expected: tuple[str, str],
) -> None:  # fmt: skip
    measured(monkeypatch, fp32, bf16, contiguous)
    choice = fastest("cpu")
    assert (choice.precision, choice.layout) == expected
    settings, reason = decide(RunSettings(accelerator="cpu"), {})
    assert (settings.precision, settings.layout) == expected
    assert reason.startswith(f"precision {expected[0]}, layout {expected[1]}: a convolution takes ")


def test_what_is_said_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    measured(monkeypatch, 1.0, 2.0, 0.5)
    given = RunSettings(accelerator="cpu", precision="bf16")
    settings, reason = decide(given, {})
    assert (settings.precision, settings.layout) == ("bf16", "contiguous")
    assert reason.startswith("layout contiguous: ")
    both = RunSettings(accelerator="cpu", precision="bf16", layout="channels_last")
    assert decide(both, {"precision": "fp32"}) == (both, "")
    before = {"precision": "bf16", "layout": "channels_last"}
    assert decide(RunSettings(), before)[0].precision == "bf16"


@pytest.mark.parametrize(
    ("given", "chosen", "reason"),
    [
        ({}, "bf16 channels_last", "takes 1 ms in bf16, 2 ms in fp32"),
        ({"layout": "channels_last"}, "bf16 channels_last", "takes 1 ms in bf16, 2 ms in fp32"),
        ({"layout": "contiguous"}, "fp32 contiguous", "takes 4 ms in bf16, 1.2 ms in fp32"),
        ({"precision": "fp32"}, "fp32 contiguous", "2 ms in channels_last, 1.2 ms in contiguous"),
        ({"precision": "bf16"}, "bf16 channels_last", "1 ms in channels_last, 4 ms in contiguous"),
    ],
)
def test_the_other_is_chosen_for_what_is_said(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], chosen: str, reason: str
) -> None:
    times = {"fp32 channels_last": 2e-3, "bf16 channels_last": 1e-3,
             "fp32 contiguous": 1.2e-3, "bf16 contiguous": 4e-3}  # fmt: skip
    monkeypatch.setattr(precision, "convolution_times", lambda: times)
    settings, sentence = decide(RunSettings(accelerator="cpu", **given), {})
    assert f"{settings.precision} {settings.layout}" == chosen
    assert sentence.endswith(reason)
    assert sentence.startswith(
        ", ".join(f"{name} {getattr(settings, name)}" for name in ("precision", "layout")
                  if name not in given)
    )  # fmt: skip
    # What a run began with counts as said.
    settings, again = decide(RunSettings(accelerator="cpu"), given)
    assert f"{settings.precision} {settings.layout}" == chosen
    assert again == sentence


@pytest.mark.parametrize("half", [True, False])
def test_a_gpu_is_not_measured(monkeypatch: pytest.MonkeyPatch, half: bool) -> None:
    monkeypatch.setattr(precision, "convolution_times", Mock(side_effect=AssertionError))
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: half)
    kind = "bf16" if half else "fp32"
    choice = fastest("cuda")
    assert (choice.precision, choice.layout) == (kind, "channels_last")
    choice = fastest("cuda", layout="contiguous")
    assert (choice.precision, choice.layout) == (kind, "contiguous")
    choice = fastest("cuda", precision="fp32")
    assert (choice.precision, choice.layout) == ("fp32", "channels_last")
    assert "bfloat16" not in choice.reason  # whether it has that decided nothing


def test_a_machine_is_measured_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(precision, "cache", lambda kind: tmp_path / kind)
    monkeypatch.setattr(precision, "seconds", lambda kind, _: {"fp32": 2.0, "bf16": 1.0}[kind])
    first = fastest("cpu")
    assert first.precision == "bf16"
    (file,) = (tmp_path / "hardware").iterdir()
    monkeypatch.setattr(precision, "seconds", lambda kind, _: {"fp32": 1.0, "bf16": 2.0}[kind])
    assert fastest("cpu") == first
    file.write_text("{broken")
    assert fastest("cpu").precision == "fp32"


def test_the_measurement_is_short_and_draws_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(precision, "cache", lambda kind: tmp_path / kind)
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    fastest("cpu")
    assert torch.rand(1) == expected
    assert 0 < seconds("fp32", "contiguous") < 5


def test_a_resumed_run_keeps_what_it_began_with(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_domains(tmp_path)
    bright, dark = (f"market1501:{tmp_path / name}" for name in ("bright", "dark"))

    def train(resume: bool) -> dict[str, object]:
        run = la.train(TwoDomains(), bright, target=dark, out=tmp_path / "run", resume=resume,
                       settings=RunSettings(accelerator="cpu", steps=2))  # fmt: skip
        config: dict[str, object] = yaml.safe_load((run.folder / "config.yaml").read_text())
        return config

    measured(monkeypatch, 2.0, 1.0, 1.2)
    assert train(resume=False)["precision"] == "bf16"
    assert "lookalike: precision bf16, layout channels_last: a conv" in capsys.readouterr().err
    measured(monkeypatch, 1.0, 2.0, 0.5)
    config = train(resume=True)
    assert (config["precision"], config["layout"]) == ("bf16", "channels_last")


def test_a_network_is_laid_out_as_asked() -> None:
    layer, images = nn.Conv2d(3, 4, 3), torch.rand(2, 3, 8, 6)
    try:
        use_layout("contiguous")
        channels_last(layer)
        assert layer.weight.is_contiguous()
        plain = Normalize()(images)
        assert plain.is_contiguous()
        use_layout("channels_last")
        channels_last(layer)
        assert layer.weight.is_contiguous(memory_format=torch.channels_last)
        other = Normalize()(images)
        assert other.is_contiguous(memory_format=torch.channels_last)
        assert torch.equal(plain, other)
    finally:
        use_layout("channels_last")


def test_a_processor_with_wrong_convolutions_takes_no_bf16_for_narrow_crops(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measured(monkeypatch, 2.0, 1.0, 1.2)
    for wrong, size, expected in (
        (True, (64, 32), "fp32"),
        (True, (96, 48), "bf16"),
        (False, (64, 32), "bf16"),
    ):
        monkeypatch.setattr(precision, "wrong_in_bf16", lambda wrong=wrong: wrong)
        settings, reason = decide(RunSettings(accelerator="cpu"), {}, size)
        assert settings.precision == expected
        assert ("bf16 gives wrong results on this processor" in reason) == (expected == "fp32")


def test_wrong_convolutions_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    forward = nn.Conv2d.forward

    def run(result: float) -> bool:
        def fake(layer: nn.Conv2d, x: torch.Tensor) -> torch.Tensor:
            y = forward(layer, x.float())
            return y + result if torch.is_autocast_enabled("cpu") else y

        with torch.autocast("cpu", enabled=False):
            monkeypatch.setattr(nn.Conv2d, "forward", fake)
            return wrong_in_bf16()

    assert run(float("nan"))
    assert run(1e6)
