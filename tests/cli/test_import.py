"""The command `lookalike import`: what it prints, and its exit codes."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from literal import dgnet as ref

from lookalike.cli import main


@pytest.fixture
def id_file(tmp_path: Path) -> Iterator[Path]:
    """An id file with the right names and shapes, whose zeros take no room, and one extra."""
    with torch.device("meta"):
        net = ref.AppearanceEncoder(4)
    state = {k: torch.zeros((), dtype=v.dtype).expand(v.shape) for k, v in net.state_dict().items()}
    path = tmp_path / "checkpoints" / "id_00000003.pt"
    path.parent.mkdir()
    torch.save({"a": {**state, "model.extra": torch.zeros(1)}}, path)
    yield path
    shutil.rmtree(tmp_path)  # the imported model is large, and pytest would keep it


def test_import_says_what_it_took(
    id_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "model.safetensors"
    command = ["import", "dgnet", str(tmp_path), "--out", str(out)]
    assert main([*command, "--step", "3"]) == 0
    classifier = "known and unused (ImageNet's classifier): model.fc.weight, model.fc.bias"
    what = "dgnet, 4 identities, 256×128 pixels; recognises, but doesn't swap (no gen file)"
    assert capsys.readouterr().out == (
        f"id       {id_file}: 339 entries, 336 taken\n"
        f"         left out, {classifier}\n"
        "         left out, unknown: model.extra\n"
        f"wrote    {out}: {what}\n"
    )
    assert out.is_file()
    assert main(command) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        f"lookalike: {out} exists; choose another --out, or replace it with --force.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["dgnett", "x.pt", "--out", "m.safetensors"], "Unknown method with an importer 'dgnett'"),
        (["dgnet", "no.pt", "--out", "m.safetensors"], "There is no file or folder no.pt."),
        (["dgnet", "no.pt"], "arguments are required: --out"),
        (["dgnet", "--out", "m.safetensors"], "arguments are required: FILES"),
        (["dgnet", "x", "--out", "m.safetensors", "--step", "new"], "'new' is not a whole number"),
    ],
)
def test_mistakes_exit_with_2_and_a_sentence(
    arguments: list[str],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["import", *arguments]) == 2
    captured = capsys.readouterr()
    assert sentence in captured.err
    assert captured.err.count("\n") == 1
    assert not list(tmp_path.iterdir())
