"""The spine: a method of two domains, a written data set and rounds, killed at every point of a
grid, ends with the weights of the run that wasn't."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from helpers import two_domains
from helpers.two_domains import Killed, TwoDomains, arm, make_domains, train
from PIL import Image
from safetensors.torch import load_file

import lookalike as la
from lookalike.errors import UserError

SCRIPT = Path(two_domains.__file__)
POINTS = [
    "recolour:0", "recolour:3", "recolour:5",  # in a stage
    "before:write", "after:write",  # between stages
    "write:0", "write:3", "write:8", "write:11",  # while writing, in a batch of 8 and between two
    "renew:0", "renew:3",  # while renewing
    "learn:0", "learn:2", "learn:3", "learn:4", "learn:5",  # in a round and at its border
]  # fmt: skip
FAST = ["recolour:3", "write:3", "learn:4"]
# Of two processes the first one dies, which writes the first batch of eight and not the second
OF_TWO = [point for point in POINTS if point not in ("write:8", "write:11")] + ["write:7"]


@pytest.fixture(scope="module")
def domains(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two small benchmarks, "bright" and "dark". Not to be changed."""
    folder = tmp_path_factory.mktemp("domains")
    make_domains(folder)
    return folder


@pytest.fixture(scope="module")
def whole(domains: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that was never killed."""
    return train(domains, tmp_path_factory.mktemp("whole") / "run").folder


def log(run: Path) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if "seconds" not in k} for line in lines]


def pictures(run: Path) -> dict[str, bytes]:
    files = (run / "generated").rglob("*")
    return {str(f.relative_to(run)): f.read_bytes() for f in files if f.is_file()}


def assert_same(a: Path, b: Path) -> None:
    left, right = (load_file(run / "model.safetensors") for run in (a, b))
    assert left.keys() == right.keys()
    assert all(torch.equal(left[name], right[name]) for name in left)
    assert pictures(a) == pictures(b)
    assert log(a) == log(b)


def killed_and_resumed(domains: Path, run: Path, point: str) -> None:
    def end() -> None:
        raise Killed

    disarm = arm(point, end)
    try:
        with pytest.raises(Killed):
            train(domains, run)
    finally:
        disarm()
    train(domains, run, resume=(run / "stages").exists())


@pytest.mark.parametrize("point", FAST)
def test_a_killed_run_ends_as_one_that_was_not(
    domains: Path, whole: Path, tmp_path: Path, point: str
) -> None:
    killed_and_resumed(domains, tmp_path / "run", point)
    assert_same(whole, tmp_path / "run")


def test_what_a_killed_run_was_writing_goes_when_it_goes_on(
    domains: Path, whole: Path, tmp_path: Path
) -> None:
    run = train(domains, tmp_path / "run").folder
    part = run / "generated/recoloured/000001_0001_c2s1_000001_00.png.3d4efc10.part"
    part.write_bytes(b"half")
    train(domains, run, resume=True)
    assert_same(whole, run)


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_killed_at_every_point(domains: Path, whole: Path, tmp_path: Path, point: str) -> None:
    killed_and_resumed(domains, tmp_path / "run", point)
    assert_same(whole, tmp_path / "run")


def script(domains: Path, run: Path, devices: int, resume: bool, point: str) -> int:
    argv = [str(domains), str(run), str(devices), "resume" if resume else "", point]
    return subprocess.run([sys.executable, SCRIPT, *argv], timeout=240, capture_output=True,
                          env={**os.environ, "OMP_NUM_THREADS": "1"}).returncode  # fmt: skip


@pytest.fixture(scope="module")
def whole_of_two(domains: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of two processes that was never killed."""
    run = tmp_path_factory.mktemp("whole") / "two"
    assert script(domains, run, 2, False, "") == 0
    return run


@pytest.mark.slow
def test_two_processes_write_the_pictures_of_one(whole: Path, whole_of_two: Path) -> None:
    files = [run / "generated/recoloured" for run in (whole, whole_of_two)]
    names = sorted(file.name for file in files[0].iterdir())
    assert names == sorted(file.name for file in files[1].iterdir())
    for name in names[:-1]:  # its model's weights differ by rounding
        left, right = (np.asarray(Image.open(folder / name), int) for folder in files)
        assert np.abs(left - right).max() <= 1
    assert names[-1] == "made_of.json"
    left, right = (load_file(run / "model.safetensors") for run in (whole, whole_of_two))
    for name in left:
        torch.testing.assert_close(left[name], right[name], rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("point", OF_TWO)
def test_two_processes_killed_at_every_point(
    domains: Path, whole_of_two: Path, tmp_path: Path, point: str
) -> None:
    run = tmp_path / "run"
    assert script(domains, run, 2, False, point) == -9
    assert script(domains, run, 2, (run / "stages").exists(), "") == 0
    assert_same(whole_of_two, run)


def test_the_run_knows_both_domains(whole: Path, domains: Path) -> None:
    rounds = [line for line in log(whole) if "clusters" in line]
    assert [line["step"] for line in rounds] == [0, 3]
    assert all(0 < line["clusters"]["purity"] <= 1 for line in rounds)  # type: ignore[index]
    rows = json.loads((whole / "evaluation.json").read_text())["rows"]
    assert [row["data"] for row in rows] == [f"market1501:{domains / 'dark'}"]
    names = sorted(p.name for p in (whole / "generated/recoloured").iterdir())
    assert names[:2] == ["000000_0001_c1s1_000000_00.png", "000001_0001_c2s1_000001_00.png"]
    assert len(names) == 13
    assert names[-1] == "made_of.json"
    with Image.open(whole / "generated/recoloured" / names[0]) as image:
        assert image.size == (8, 16)


def test_workers_load_what_a_module_plans(domains: Path, whole: Path, tmp_path: Path) -> None:
    assert_same(whole, train(domains, tmp_path / "run", workers=2).folder)


def test_a_broken_stage_and_the_later_ones_are_trained_again(
    domains: Path, whole: Path, tmp_path: Path
) -> None:
    run = train(domains, tmp_path / "run").folder
    checkpoint = run / "stages/1-recolour/last.ckpt"
    checkpoint.write_bytes(b"broken")
    with pytest.raises(UserError, match=r"or delete .*1-recolour and the folders of later stages"):
        train(domains, run, resume=True)
    shutil.rmtree(run / "stages")
    train(domains, run, resume=True)
    assert checkpoint.exists()
    left, right = (load_file(folder / "model.safetensors") for folder in (whole, run))
    assert all(torch.equal(left[name], right[name]) for name in left)
    assert sorted(map(str, log(whole))) == sorted(map(str, log(run)))


def test_the_report_shows_losses_and_clusters_of_a_round(whole: Path) -> None:
    page = (whole / "report.html").read_text()
    for title in ("contrast", "clusters", "outliers", "purity", "NMI"):
        assert re.search(rf"<figcaption><b>{title}</b>", page), title


def test_a_target_is_demanded(domains: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="two_domains learns from one domain for another: say whi"):
        la.train(TwoDomains(), f"market1501:{domains / 'bright'}", out=tmp_path / "run")


def test_pictures_of_other_models_are_not_taken(domains: Path, tmp_path: Path) -> None:
    run = train(domains, tmp_path / "run").folder
    for file in (run / "stages/3-learn").iterdir():
        file.unlink()
    note = run / "generated/recoloured/made_of.json"
    note.write_text(note.read_text().replace('"seed": 3', '"seed": 4'))
    with pytest.raises(UserError, match=r"holds pictures made of something else \(seed: 4 → 3"):
        train(domains, run, resume=True)


# Several benchmarks, and a target


def tiny_ide(out: Path, data: object, **changes: object) -> la.Run:
    sizes = dict(backbone="resnet10", weights="none", height=32, width=16, batch_size=8, steps=1)
    return la.train("ide", data, out=out, accelerator="cpu", precision="fp32",
                    **{**sizes, **changes})  # fmt: skip


def test_several_benchmarks_are_one_table_and_are_tested_each(
    domains: Path, tmp_path: Path
) -> None:
    data = [f"market1501:{domains / name}" for name in ("bright", "dark")]
    run = tiny_ide(tmp_path / "run", data)
    assert run.model.classes == 8  # four people of each: equal numbers are other people
    assert list(run.model.pids) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [row["data"] for row in run.rows] == data
    config = yaml.safe_load((run.folder / "config.yaml").read_text())
    assert config["data"] == data
    assert run.report.is_file()
    twice = tiny_ide(tmp_path / "twice", [data[0], data[0]])  # the same people, seen twice
    assert twice.model.classes == 4


def test_a_run_with_a_target_is_judged_there(domains: Path, tmp_path: Path) -> None:
    bright, dark = (f"market1501:{domains / name}" for name in ("bright", "dark"))
    run = tiny_ide(tmp_path / "run", bright, target=dark)  # direct transfer
    assert run.model.classes == 4
    assert run.metrics["data"] == dark
    assert yaml.safe_load((run.folder / "config.yaml").read_text())["target"] == dark
    other = tiny_ide(tmp_path / "other", bright)
    left, right = (load_file(r.folder / "model.safetensors") for r in (run, other))
    assert all(torch.equal(left[name], right[name]) for name in left)  # the target changes nothing
    with pytest.raises(UserError, match=r"target_people: market1501: 12 crops .* → None"):
        tiny_ide(tmp_path / "run", bright, resume=True)


def test_shuffled_identities_change_no_weight_of_a_method_that_reads_none(
    domains: Path, whole: Path, tmp_path: Path
) -> None:
    benches = [la.load(f"market1501:{domains / name}") for name in ("bright", "dark")]
    rng = np.random.default_rng(0)
    shuffled = [
        replace(bench, train=replace(bench.train, pids=rng.permutation(bench.train.pids)))
        for bench in benches
    ]
    run = two_domains.train_on(*shuffled, tmp_path / "run")
    left, right = (load_file(r / "model.safetensors") for r in (whole, run.folder))
    assert all(torch.equal(left[name], right[name]) for name in left)


def test_run_settings_and_fields_are_keywords(domains: Path, tmp_path: Path) -> None:
    run = tiny_ide(tmp_path / "run", f"market1501:{domains / 'bright'}", seed=7, epochs=2.0)
    config = yaml.safe_load((run.folder / "config.yaml").read_text())
    assert config["seed"] == 7
    assert config["run"]["steps"] == 1
    assert config["settings"]["epochs"] == 2.0
    assert 0 <= run.metrics["mAP"] <= 1
    with pytest.raises(UserError, match="Unknown setting of ide 'sede'"):
        tiny_ide(tmp_path / "no", f"market1501:{domains / 'bright'}", sede=7)


def test_no_method_has_a_field_that_is_a_run_setting() -> None:
    running = {f.name for f in fields(la.RunSettings)} | {"data", "target", "out", "resume"}
    for name, method in la.METHODS.items():
        assert not running & {f.name for f in fields(method)}, name
