"""`auto` means what a measurement finds faster, and a run goes on as it began."""

from pathlib import Path

import pytest
import torch
import yaml
from helpers.two_domains import TwoDomains, make_domains
from torch import nn

import lookalike as la
from lookalike.data.transforms import Normalize
from lookalike.layout import channels_last, use_layout
from lookalike.training import RunSettings, precision
from lookalike.training.precision import decided, fastest, seconds


def measured(monkeypatch: pytest.MonkeyPatch, fp32: float, bf16: float, contiguous: float) -> None:
    """Lets a convolution take so many seconds; contiguous: the factor of that layout."""

    def times(kind: str, layout: str) -> float:
        return {"fp32": fp32, "bf16": bf16}[kind] * (contiguous if layout == "contiguous" else 1)

    monkeypatch.setattr(precision, "seconds", times)


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
    settings, reason = decided(RunSettings(accelerator="cpu"), {})
    assert (settings.precision, settings.layout) == expected
    assert reason.startswith(f"precision {expected[0]}, layout {expected[1]}: a convolution takes ")


def test_what_is_said_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    measured(monkeypatch, 1.0, 2.0, 0.5)
    given = RunSettings(accelerator="cpu", precision="bf16")
    settings, reason = decided(given, {})
    assert (settings.precision, settings.layout) == ("bf16", "contiguous")
    assert reason.startswith("layout contiguous: ")
    both = RunSettings(accelerator="cpu", precision="bf16", layout="channels_last")
    assert decided(both, {"precision": "fp32"}) == (both, "")
    before = {"precision": "bf16", "layout": "channels_last"}
    assert decided(RunSettings(), before)[0].precision == "bf16"


def test_the_measurement_is_short_and_draws_nothing() -> None:
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
