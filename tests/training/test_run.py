"""Runs as a whole: what they write, what they refuse, and that equal seeds give equal numbers."""

import csv
import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from helpers.runs import changed, metrics, refused

import lookalike as la
from lookalike.cli import main
from lookalike.data.poses.with_poses import with_poses
from lookalike.errors import UserError
from lookalike.folders import held
from lookalike.methods import METHODS
from lookalike.methods.dgnet import DGNet
from lookalike.methods.fdgan import FDGAN
from lookalike.methods.ide import IDE
from lookalike.training import RunSettings
from lookalike.training.given import plan_people

Tiny = Callable[..., list[str]]
Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def started(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two steps. Not to be changed."""
    run = tmp_path_factory.mktemp("runs") / "ide"
    assert main(tiny("ide", run, "--steps 2")) == 0
    return run


def test_a_run_folder_holds_everything(started: Path, market: Path) -> None:
    files = {p.name for p in started.iterdir()}
    assert files == {
        "config.yaml", "environment.json", "evaluation.json", "metrics.jsonl",
        "model.safetensors", "queries.csv", "ranked.json", "report.html", "stages", "tensorboard",
    }  # fmt: skip
    config = yaml.safe_load((started / "config.yaml").read_text())
    assert config["method"] == "ide"
    assert config["data"] == f"market1501:{market}"
    assert config["settings"]["batch_size"] == 8
    assert config["settings"]["stride_on"] == "3x3"  # decided, not "auto"
    assert {"backbone", "weights", "height", "width", "batch_size", "pad"} == set(config["changed"])
    rows = json.loads((started / "evaluation.json").read_text())["rows"]
    assert rows[0]["queries"] == 12
    assert 0 < rows[0]["mAP"] <= 1
    with (started / "queries.csv").open(newline="") as file:
        queries = list(csv.DictReader(file))
    assert len(queries) == rows[0]["valid_queries"] > 0
    assert np.mean([float(q["ap"]) for q in queries]) == pytest.approx(rows[0]["mAP"])
    assert np.mean([float(q["inp"]) for q in queries]) == pytest.approx(rows[0]["mINP"])
    assert np.mean([int(q["rank"]) <= 5 for q in queries]) == pytest.approx(rows[0]["rank5"])
    assert {q["path"] for q in queries} <= {str(p) for p in (market / "query").iterdir()}
    assert {q["data"] for q in queries} == {f"market1501:{market}"}


def test_the_same_seed_gives_the_same_run_and_another_seed_another(
    tiny: Tiny, tmp_path: Path, started: Path
) -> None:
    assert main(tiny("ide", tmp_path / "again", "--steps 2")) == 0
    assert metrics(tmp_path / "again") == metrics(started)
    again = (tmp_path / "again/model.safetensors").read_bytes()
    assert again == (started / "model.safetensors").read_bytes()
    assert main(tiny("ide", tmp_path / "other", "--steps 2 --seed 1")) == 0
    other = metrics(tmp_path / "other")
    assert all(a["losses"] != b["losses"] for a, b in zip(other, metrics(started), strict=True))


def test_pictures_appear_in_images(tiny: Tiny, tmp_path: Path) -> None:
    assert main(tiny("dgnet", tmp_path, "--steps 1 --teacher.epochs 1")) == 0
    assert [p.name for p in (tmp_path / "images").iterdir()] == ["joint-0000001-swap.png"]


def test_from_python(market: Path, tmp_path: Path, capsys: Capture) -> None:
    run = la.train(
        "ide", f"market1501:{market}", out=tmp_path / "run", backbone="resnet10", weights="none",
        height=64, width=48, batch_size=8, settings=RunSettings(steps=1, accelerator="cpu"),
    )  # fmt: skip
    assert run.report.is_file()
    assert run.rows[0]["queries"] == 12
    assert run.model.pids == sorted(
        {int(p.name[:4]) for p in (market / "bounding_box_train").iterdir()}
    )
    assert not run.model.training
    with pytest.raises(
        UserError, match=r"Unknown setting of ide 'bathc'; did you mean 'batch_size'"
    ):
        la.train("ide", f"market1501:{market}", out=tmp_path / "no", bathc=8)


def test_junk_and_distractors_are_not_trained_on(market: Path, tmp_path: Path) -> None:
    bench = la.load("market1501", str(market))
    pids = bench.train.pids.copy()
    pids[:2] = -1, 0
    people = la.People(bench.train.paths, pids, bench.train.camids)
    run = la.train(
        "ide", dataclasses.replace(bench, train=people), out=tmp_path / "run", batch_size=70,
        backbone="resnet10", weights="none", height=64, width=48,
        settings=RunSettings(steps=1, accelerator="cpu"),
    )  # fmt: skip
    assert run.model.classes == 8


# What is refused


def test_no_such_folder(tiny: Tiny, tmp_path: Path, capsys: Capture) -> None:
    argv = changed(tiny("ide", tmp_path / "run"), "--data", f"market1501:{tmp_path}/nowhere")
    assert "nowhere" in refused(argv, capsys)
    assert not (tmp_path / "run").exists()


def test_an_empty_split(tiny: Tiny, tmp_path: Path, market: Path, capsys: Capture) -> None:
    shutil.copytree(market, tmp_path / "data")
    for file in (tmp_path / "data/bounding_box_train").iterdir():
        file.unlink()
    argv = changed(tiny("ide", tmp_path / "run"), "--data", f"market1501:{tmp_path}/data")
    assert "train" in refused(argv, capsys)


@pytest.mark.parametrize(
    ("flag", "value", "sentence"),
    [
        ("--data", "market1510:/tmp", "did you mean 'market1501'?"),
        ("--data", "/tmp", "isn't name:path"),
        ("--batch_size", "73", "A batch of 73 images is larger than the data, 72 images."),
        ("--weights", "/no/weights.pth", "There is no weights file '/no/weights.pth'"),
        ("--backbone", "resnet19", "did you mean 'resnet1"),
        ("--accelerator", "gpu", "Can't train with --accelerator gpu --devices 1"),
    ],
)
def test_a_bad_setting(
    tiny: Tiny, tmp_path: Path, capsys: Capture, flag: str, value: str, sentence: str
) -> None:
    if value == "gpu" and torch.cuda.is_available():
        pytest.skip("a GPU is there")
    assert sentence in refused(changed(tiny("ide", tmp_path / "run"), flag, value), capsys)


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ("--ids_per_batch 9", "the data has 8; choose fewer identities per batch"),
        ("--triplet_weight 1", "set ids_per_batch"),
        ("--ce_weight 0", "There is nothing to learn"),
        ("--head trinet", "The head 'trinet' has no classifier: set ce_weight to 0."),
        ("--devices 3", "batches of 8 images, which 3 devices can't share equally"),
        ("--log_every 0", "log_every is 0, but must be 1 or more."),
        ("--schedule_scale 0", "schedule_scale is 0.0, but must be above 0."),
        ("--freeze_stages 5", "freeze_stages is 5, but must be from 0 to 4."),
        ("--batch_size 73", "Choose a smaller batch: --batch_size."),
        ("--batch_size 1", "a batch needs two images: set batch_size to 2 or more"),
        ("--ids_per_batch 9", "fewer identities per batch: --ids_per_batch."),
        ("--ids_per_batch 1 --triplet_weight 1", "set ids_per_batch and images_per_id to 2 or"),
        ("--decay exponential --decay_from 60", "needs decay_from before the end"),
        ("--preset storng", "Unknown preset of ide 'storng'; did you mean 'strong'?"),
    ],
)
def test_settings_that_do_not_fit(
    tiny: Tiny, tmp_path: Path, capsys: Capture, flags: str, sentence: str
) -> None:
    assert sentence in refused(tiny("ide", tmp_path / "run", flags), capsys)


@pytest.mark.parametrize(
    ("method", "flags", "sentence"),
    [
        ("dgnet", "--teacher.ids_per_batch 9", "per batch: --teacher.ids_per_batch."),
        ("dgnet", "--teacher.batch_size 73", "smaller batch: --teacher.batch_size."),
        ("dgnet", "--teacher.batch_size 1", "teacher: The head 'bneck512' normalises over"),
        ("dgnet", "--batch_size 73", "smaller batch: --batch_size."),
        ("siamese", "--batch_size 5000", "smaller batch: --batch_size."),
        ("triplet", "--images_per_id 1", "Triplets need two images each of two identities"),
    ],
)
def test_a_batch_that_cannot_be_is_refused_by_its_flag(
    tiny: Tiny, tmp_path: Path, capsys: Capture, method: str, flags: str, sentence: str
) -> None:
    assert sentence in refused(tiny(method, tmp_path / "run", flags), capsys)


def test_a_stage_with_fixed_batches_says_how_to_leave_it_out(rendered: Path) -> None:
    bench = with_poses(la.load("world", str(rendered)))
    given = plan_people(FDGAN(), [bench], None, 0, Path())
    with pytest.raises(UserError, match=r"has only 12: leave it out with --identify_steps 0\."):
        FDGAN(batch_size=2, identify_steps=1, epoch="step").stages(given)


def test_weights_are_no_trained_run(
    tiny: Tiny, tmp_path: Path, started: Path, capsys: Capture
) -> None:
    for name in ("", "model.safetensors", "stages/1-learn/last.ckpt"):
        argv = changed(tiny("ide", tmp_path / "run"), "--weights", str(started / name))
        said = refused(argv, capsys)
        assert "is a trained model of Lookalike, not a trunk's weights. To start from its" in said
        assert "give it as --start" in said


def test_a_corrupt_image_is_named(
    tiny: Tiny, tmp_path: Path, market: Path, capsys: Capture
) -> None:
    shutil.copytree(market, tmp_path / "data")
    bad = sorted((tmp_path / "data/bounding_box_train").iterdir())[7]
    bad.write_bytes(bad.read_bytes()[:200])
    argv = changed(tiny("ide", tmp_path / "run"), "--data", f"market1501:{tmp_path}/data")
    assert f"Can't read the image {bad}" in refused(argv, capsys)
    # Mended, the same command begins again: nothing was learned yet.
    bad.unlink()
    assert main([*argv, "--steps", "1"]) == 0


def test_an_out_folder_in_use(tiny: Tiny, tmp_path: Path, started: Path, capsys: Capture) -> None:
    assert "already holds a run; add --resume" in refused(tiny("ide", started), capsys)
    (tmp_path / "other.txt").write_text("mine")
    assert "holds other files" in refused(tiny("ide", tmp_path), capsys)
    assert "holds other files" in refused(tiny("ide", tmp_path / "other.txt"), capsys)
    (tmp_path / "config.yaml").write_text("mine: too\n")
    assert "config.yaml can't be read" in refused(tiny("ide", tmp_path), capsys)
    assert (tmp_path / "config.yaml").read_text() == "mine: too\n"


def test_two_at_work_on_one_run(tiny: Tiny, tmp_path: Path, capsys: Capture) -> None:
    run = tmp_path / "run"
    for flags in ("", "--resume"):
        with held(run, "run"):
            said = refused([*tiny("ide", run, "--steps 1"), *flags.split()], capsys)
        assert f"Another process is at work on the run in {run}" in said
        assert not list(run.iterdir())
    (run / ".lock").touch()  # as a killed process leaves it
    assert main(tiny("ide", run, "--steps 1")) == 0
    assert not (run / ".lock").exists()


def test_a_run_that_begins_again_keeps_nothing_of_the_one_before(
    tiny: Tiny, tmp_path: Path, started: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(started, run)
    for left in ("stages/1-learn/last.ckpt", "model.safetensors"):  # it had failed before them
        (run / left).unlink()
    lines = (run / "metrics.jsonl").read_text()
    (run / "metrics.jsonl").write_text(lines.replace('"learn"', '"teacher"'))
    (run / "stages/1-learn").rename(run / "stages/1-teacher")
    assert main(tiny("ide", run, "--steps 1 --seed 4")) == 0
    assert [(line["stage"], line["step"]) for line in metrics(run)] == [("learn", 1)]
    assert [folder.name for folder in (run / "stages").iterdir()] == ["1-learn"]


def test_a_trained_model_is_kept_though_its_checkpoints_are_gone(
    tiny: Tiny, tmp_path: Path, started: Path, capsys: Capture
) -> None:
    run = tmp_path / "run"
    shutil.copytree(started, run)
    shutil.rmtree(run / "stages")
    assert "already holds a run" in refused(tiny("ide", run, "--steps 1"), capsys)
    assert (run / "model.safetensors").read_bytes() == (started / "model.safetensors").read_bytes()


def test_settings_that_are_given_themselves_take_no_preset(market: Path, tmp_path: Path) -> None:
    for change in (dict(preset="quick"), dict(epochs=2.0)):
        with pytest.raises(TypeError, match="a preset and changed fields only with a method's na"):
            la.train(IDE(), f"market1501:{market}", out=tmp_path / "run", **change)
    assert not (tmp_path / "run").exists()


def test_resume_where_nothing_is(tiny: Tiny, tmp_path: Path, capsys: Capture) -> None:
    said = refused([*tiny("ide", tmp_path / "run"), "--resume"], capsys)
    assert "There is no run to resume" in said
    assert "leave out --resume" in said


def test_resume_with_other_settings_names_them(tiny: Tiny, started: Path, capsys: Capture) -> None:
    argv = [*tiny("ide", started, "--batch_size 4 --seed 1 --flip 0.25"), "--resume"]
    said = refused(argv, capsys)
    for difference in ("seed: 0 → 1", "batch_size: 8 → 4", "flip: 0.5 → 0.25"):
        assert difference in said
    assert said.count("→") == 3


def test_another_method_is_refused_with_resume_and_without(
    tiny: Tiny, started: Path, capsys: Capture
) -> None:
    for resume in ([], ["--resume"]):
        said = refused([*tiny("dgnet", started), *resume], capsys)
        assert "holds a run of ide, not of dgnet; choose another --out." in said


def test_a_run_of_a_later_version(
    tiny: Tiny, tmp_path: Path, started: Path, capsys: Capture
) -> None:
    shutil.copytree(started, tmp_path / "run")
    file = tmp_path / "run/config.yaml"
    file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), "format": 99}))
    said = refused([*tiny("ide", tmp_path / "run", "--steps 2"), "--resume"], capsys)
    assert "holds a run of a later Lookalike" in said


def test_resume_where_the_note_is_gone(
    tiny: Tiny, tmp_path: Path, started: Path, capsys: Capture
) -> None:
    shutil.copytree(started, tmp_path / "run")
    (tmp_path / "run/config.yaml").unlink()
    for resume in ([], ["--resume"]):
        said = refused([*tiny("ide", tmp_path / "run"), *resume], capsys)
        assert "holds other files" in said
        assert said.endswith("choose another --out.")


@pytest.mark.parametrize("name", ["config.yaml", "stages/1-learn/last.ckpt"])
def test_resume_from_broken_files(
    tiny: Tiny, tmp_path: Path, started: Path, capsys: Capture, name: str
) -> None:
    shutil.copytree(started, tmp_path / "run")
    (tmp_path / "run" / name).write_bytes(b"{broken")
    said = refused([*tiny("ide", tmp_path / "run", "--steps 2"), "--resume"], capsys)
    assert f"{name} can't be read" in said


def test_settings_that_only_comfort_may_change_on_resume(
    tiny: Tiny, tmp_path: Path, started: Path
) -> None:
    shutil.copytree(started, tmp_path / "run")
    flags = "--steps 2 --log_every 7 --preview_every 3 --checkpoint_every 5 --cache none"
    assert main([*tiny("ide", tmp_path / "run", flags), "--resume"]) == 0


# Schedules


def test_schedule_scale_multiplies_lengths_milestones_and_ramps() -> None:
    method = DGNet(teacher=IDE(epochs=60.0, milestones=(40.0, 50.0), warmup=5.0)).scaled(0.01)
    assert (method.joint_steps, method.milestones) == (1000, (600, 900, 1050))
    assert (method.ramp_from, method.ramp) == (300, 20)
    assert method.teacher.epochs == pytest.approx(0.6)
    assert method.teacher.milestones == pytest.approx((0.4, 0.5))
    assert method.teacher.warmup == pytest.approx(0.05)
    tiny_schedule = DGNet(ramp_from=0).scaled(1e-9)
    assert (tiny_schedule.joint_steps, tiny_schedule.milestones) == (1, (1, 1, 1))
    assert (tiny_schedule.ramp_from, tiny_schedule.ramp) == (0, 1)
    for value in (tiny_schedule.joint_steps, tiny_schedule.ramp_from, *tiny_schedule.milestones):
        assert type(value) is int


@pytest.mark.parametrize("name", METHODS)
def test_scaling_touches_nothing_but_the_schedule(name: str) -> None:
    def split(method: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        fields = dataclasses.fields(method)
        schedule = {f.name for f in fields if f.metadata.get("schedule")}
        nested = {f.name for f in fields if dataclasses.is_dataclass(getattr(method, f.name))}
        values = {f.name: getattr(method, f.name) for f in fields if f.name not in nested}
        return (
            {k: v for k, v in values.items() if k in schedule},
            {k: v for k, v in values.items() if k not in schedule},
        )

    before, after = METHODS[name].preset(), METHODS[name].preset().scaled(0.5)
    assert split(before)[1] == split(after)[1]
    for key, value in split(before)[0].items():
        halves = tuple(v / 2 for v in value) if isinstance(value, tuple) else value / 2
        assert split(after)[0][key] == halves
    assert split(before)[0]


def test_scale_and_steps_through_the_command(tiny: Tiny, tmp_path: Path) -> None:
    flags = "--epochs 2 --milestones [1] --decay milestones --schedule_scale 0.5"
    assert main(tiny("ide", tmp_path / "scaled", flags)) == 0
    scaled = metrics(tmp_path / "scaled")
    assert len(scaled) == 9  # an epoch
    assert [round(line["lr"] / scaled[0]["lr"], 6) for line in scaled] == [1] * 4 + [0.1] * 5
    # --steps cuts the schedule short and doesn't squeeze it.
    assert main(tiny("ide", tmp_path / "cut", "--epochs 1 --milestones [0.5] --steps 4")) == 0
    assert metrics(tmp_path / "cut") == scaled[:4]
