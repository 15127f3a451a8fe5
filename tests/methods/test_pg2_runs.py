"""The real command trains PG², stage by stage, on a rendered world's own poses."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.runs import metrics, train_command
from PIL import Image

from lookalike.cli import main
from lookalike.errors import UserError
from lookalike.methods.model_file import load_model
from lookalike.methods.pg2 import PG2


def argv(world: Path, out: Path, flags: str = "") -> list[str]:
    return train_command("pg2", f"world:{world}", out, flags)


@pytest.fixture(scope="module")
def trained(rendered: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("pg2") / "run"
    assert main(argv(rendered, run)) == 0
    return run


def test_two_stages_leave_two_models(trained: Path) -> None:
    steps = [(line["stage"], line["step"], list(line["losses"])) for line in metrics(trained)]
    refining = ["difference", "adv", "pml", "dis"]
    assert steps == [("coarse", 1, ["pml"]), ("coarse", 2, ["pml"]), ("refine", 1, refining),
                     ("refine", 2, refining)]  # fmt: skip
    coarse, model = (load_model(trained / f"{n}.safetensors") for n in ("coarse", "model"))
    assert isinstance(coarse.method, PG2)
    assert isinstance(model.method, PG2)
    assert (coarse.method.parts, model.method.parts) == ("g1", "g1+g2+d")
    kept = model.state_dict()
    assert all(torch.equal(v, kept[k]) for k, v in coarse.state_dict().items())
    assert not any("discriminator" in k for k in kept)


def test_the_preview_shows_every_part(trained: Path) -> None:
    pictures = sorted(p.name for p in (trained / "images").glob("*.png"))
    assert pictures == ["coarse-0000002-repose.png", "final-held_out_people.png",
                        "refine-0000002-repose.png"]  # fmt: skip
    widths = [Image.open(trained / "images" / p).width for p in pictures]
    assert widths[2] > widths[0]  # six columns and four


def test_the_run_ends_with_its_pictures_measured(trained: Path) -> None:
    rows = json.loads((trained / "pictures.json").read_text())["rows"]
    assert [row["pictures"] for row in rows] == ["copying the source", "coarse", "pg2"]
    assert all(0 < row["mask-SSIM"] <= 1 for row in rows)
    assert not (trained / "evaluation.json").exists()
    page = (trained / "report.html").read_text()
    assert "copying the source" in page
    assert "Not everything is here" not in page
    assert "Ranked lists" not in page


def test_nobody_to_draw_is_said_and_loses_nothing(
    rendered: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def nobody(*_: Any, **__: Any) -> Any:
        raise UserError("No target image of these pairs has a known pose.")

    monkeypatch.setattr("lookalike.training.report_run.picture_quality", nobody)
    assert main(argv(rendered, tmp_path / "run", "--steps 1")) == 0
    said = capsys.readouterr().out
    assert "no pictures of tested people: No target image of these pairs has a known pose." in said
    assert "known pose" in (tmp_path / "run/report.html").read_text()
    assert (tmp_path / "run/model.safetensors").exists()


@pytest.mark.parametrize(
    ("flags", "stages"),
    [
        ("--parts g1 --loss l1 --pose_embed ce", ["coarse"]),
        ("--parts g1 --loss l1 --pose_embed hme", ["coarse"]),
        ("--parts g1+d --dis_mode triplet_market", ["adversarial"]),
    ],
)
def test_rows_of_the_table_are_flags(
    flags: str, stages: list[str], rendered: Path, tmp_path: Path
) -> None:
    assert main(argv(rendered, tmp_path / "run", f"{flags} --steps 1")) == 0
    assert [line["stage"] for line in metrics(tmp_path / "run")] == stages


def test_a_size_that_cannot_be_halved_is_a_sentence(
    rendered: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(argv(rendered, tmp_path / "run", "--height 100")) == 2
    message = capsys.readouterr().err
    assert "100×16 can't be halved 3 times" in message
    assert "Traceback" not in message


def test_what_recognises_nobody_is_not_ranked(
    trained: Path, rendered: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(trained), "--data", f"world:{rendered}", "--verify"]) == 2
    message = capsys.readouterr().err
    assert "has no features to compare: judge its pictures with `lookalike quality`" in message


def test_poses_are_missed_before_weights_are_fetched(
    rendered: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def fetched(*_: Any) -> Any:
        raise AssertionError

    monkeypatch.setattr("lookalike.methods.method.weights_stride_on", fetched)
    data = f"world:{rendered}?poses={tmp_path / 'none.csv'}"
    assert main(["train", "fdgan", "--data", data, "--out", str(tmp_path / "run")]) == 2
    assert "No poses at" in capsys.readouterr().err
    (tmp_path / "bad.csv").write_text("name:keypoints_y:keypoints_x\na.jpg:[1]:[2]\n")
    data = f"world:{rendered}?poses={tmp_path / 'bad.csv'}"
    assert main(["train", "fdgan", "--data", data, "--out", str(tmp_path / "run")]) == 2
    assert "bad.csv" in capsys.readouterr().err
