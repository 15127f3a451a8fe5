"""A run that starts from a trained model begins with that model's trunk, and says what it took."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from helpers.processes import Command, assert_no_orphans
from helpers.runs import Killed, assert_same_run, changed, killed, losses, refused
from safetensors.torch import load_file, save_file
from torch import Tensor

import lookalike as la
from lookalike.cli import main
from lookalike.methods.clustering import ClusteringStage
from lookalike.methods.ide import IDE, BaselineModel
from lookalike.methods.model_file import load_model, read_file, save_model, shapes
from lookalike.methods.pg2 import PG2
from lookalike.methods.pseudo_identities import PseudoIdentities
from lookalike.methods.spcl import SpCLStage
from lookalike.methods.stage import StageModule
from lookalike.methods.start import weights_to_start_from
from lookalike.nets import resnet
from lookalike.nets.resnet import SHAPES, BasicBlock, Shape
from lookalike.nets.unfilled import Unfilled
from lookalike.training.start import start_of

Tiny = Callable[..., list[str]]
Capture = pytest.CaptureFixture[str]
NECK = "--head bnneck"
SMALL: dict[str, Any] = dict(height=64, width=48, backbone="resnet10", weights="none")


def model_file(path: Path, seed: int = 0, classes: int = 1440, **settings: Any) -> Path:
    """A model of ide with random weights and statistics, as a run on rendered people leaves it."""
    torch.manual_seed(seed)
    model = BaselineModel(IDE(**{**SMALL, "head": "bnneck", **settings}).resolved(), classes)
    for name, value in model.state_dict().items():
        if name.endswith("num_batches_tracked"):
            value.fill_(7)
        elif name.endswith(("running_mean", "running_var", "bn.weight", "bn1.weight")):
            value.uniform_(0.5, 1.5)
    return save_model(model, path, "world:plaza")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a trained model. Not to be changed."""
    folder = tmp_path_factory.mktemp("start") / "world"
    model_file(folder / "model.safetensors")
    return folder


@pytest.fixture(autouse=True)
def _no_imagenet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody asks for ImageNet's weights."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("ImageNet weights are asked for")

    for depth in (10, 18, 50):
        monkeypatch.delenv(f"LOOKALIKE_RESNET{depth}", raising=False)
    monkeypatch.setattr("torch.hub.download_url_to_file", refuse)


@pytest.fixture(autouse=True)
def _any_clusters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fours of crops are clusters, whatever random trunks make of them."""

    def fours(self: ClusteringStage, features: Tensor) -> PseudoIdentities:
        return PseudoIdentities(np.arange(len(features)) // 4, 0.5, [])

    monkeypatch.setattr(ClusteringStage, "identities", fours)
    monkeypatch.setattr(SpCLStage, "identities", fours)


def part(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The entries below a prefix, by the rest of their names."""
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}


def assert_same(a: dict[str, Tensor], b: dict[str, Tensor]) -> None:
    assert a
    assert a.keys() == b.keys()
    assert not [k for k in a if not torch.equal(a[k], b[k])]


def first_states(
    monkeypatch: pytest.MonkeyPatch, argv: list[str], last: str
) -> dict[str, dict[str, Tensor]]:
    """What every stage's module holds when its first step begins, up to the stage `last`."""
    original = StageModule.training_step
    states: dict[str, dict[str, Tensor]] = {}

    def watched(self: StageModule, batch: dict[str, Any], index: int) -> None:
        if batch["step"] == 0:
            states[self.stage] = {k: v.clone() for k, v in self.trained.state_dict().items()}
        if self.stage == last:
            raise Killed
        original(self, batch, index)

    with monkeypatch.context() as patch:
        patch.setattr(StageModule, "training_step", watched)
        with pytest.raises(Killed):
            main(argv)
    return states


# Method → flags, and the trunks of its stages, the last of which ends the test
TRUNKS = {
    "ide": ("", {"learn": "trunk."}),
    "ide+": ("", {"learn": "trunk."}),
    "triplet": ("", {"learn": "trunk."}),
    "siamese": ("", {"baseline": "encoder."}),
    "dgnet": (
        "--steps 1 --teacher.epoch step --teacher.epochs 1",
        {"teacher": "trunk.", "joint": "appearance.trunk."},
    ),
    "fdgan": ("", {"identify": "trunk."}),
    "fdgan by pairs alone": ("--identify_steps 0", {"baseline": "encoder."}),
    "cc": ("", {"cluster": "trunk."}),
    "spcl": ("", {"cluster": "trunk."}),
}


def test_every_method_that_learns_a_trunk_is_here() -> None:
    learning = {name for name, m in la.METHODS.items() if hasattr(m(), "weights")}
    assert learning == {words.split()[0] for words in TRUNKS}


@pytest.mark.parametrize("name", la.METHODS)
def test_every_model_says_where_its_trunk_is(name: str) -> None:
    kind = la.METHODS[name]
    with torch.device("meta"), Unfilled():
        parts = kind().model(3).parts_to_start_from()
        trunk = resnet(50).state_dict()
    if not hasattr(kind(), "weights"):
        assert not parts
        return
    assert shapes(parts["trunk"].state_dict()) == shapes(trunk)


@pytest.mark.parametrize("words", TRUNKS)
def test_every_trunk_starts_with_exactly_these_weights(
    tiny: Tiny, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    flags, trunks = TRUNKS[words]
    name = words.split()[0]
    argv = tiny(name, tmp_path / "run", f"{flags} --start {source}")
    at = argv.index("--weights")
    del argv[at : at + 2]  # its default, imagenet, is not asked for
    states = first_states(monkeypatch, argv, [*trunks][-1])
    weights = part(load_file(source / "model.safetensors"), "trunk.")
    assert states.keys() == trunks.keys()
    for stage, prefix in trunks.items():
        assert_same(part(states[stage], prefix), weights)


def test_a_neck_starts_too_where_both_have_one(
    tiny: Tiny, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = part(load_file(source / "model.safetensors"), "head.bn.")
    argv = tiny("ide", tmp_path / "neck", f"{NECK} --start {source}")
    assert_same(part(first_states(monkeypatch, argv, "learn")["learn"], "head.bn."), weights)
    kept = load_file(tmp_path / "neck/start.safetensors")
    assert_same(part(kept, "neck."), weights)
    # The neck of a clustering method is the same thing; GeM averages at first as its start does.
    argv = tiny("cc", tmp_path / "cc", f"--pooling gem --start {source}")
    state = first_states(monkeypatch, argv, "cluster")["cluster"]
    assert_same(part(state, "neck."), weights)
    assert state["pool.p"].tolist() == [1.0]
    # A bottleneck's norm may be as wide; it is another thing.
    argv = tiny("ide", tmp_path / "other", f"--head bneck512 --start {source}")
    first_states(monkeypatch, argv, "learn")
    assert not part(load_file(tmp_path / "other/start.safetensors"), "neck.")


def test_what_was_taken_is_listed_and_kept(
    tiny: Tiny, tmp_path: Path, source: Path, capsys: Capture
) -> None:
    flags = f"--steps 1 {NECK} --last_stride 1 --start {source}"
    assert main(tiny("ide", tmp_path / "run", flags)) == 0
    (said,) = (x for x in capsys.readouterr().err.splitlines() if "starts from" in x)
    count = len(part(load_file(source / "model.safetensors"), "trunk."))
    assert said == (
        f"lookalike: starts from {source} (ide, trained on world:plaza): {count} tensors of its "
        "resnet10 trunk and its neck; left: head.classifier of 1,440 people. Its last stage had "
        "stride 2 and has 1 here, which changes no weight."
    )
    config = yaml.safe_load((tmp_path / "run/config.yaml").read_text())
    start = config["start"]
    assert start["model"] == str(source)
    assert (start["method"], start["data"]) == ("ide", "world:plaza")
    assert start["parts"] == ["trunk", "neck"]
    assert len(start["fingerprint"]) == 16
    assert config["settings"]["weights"] == "start.safetensors"
    assert f", started from {source}" in (tmp_path / "run/report.html").read_text()
    about, tensors = read_file(tmp_path / "run/model.safetensors")
    assert about["settings"]["weights"] == "start.safetensors"
    again = weights_to_start_from(
        IDE(backbone="resnet10", head="bnneck"), tmp_path / "run"
    )  # and so on
    assert_same(part(again.tensors, "neck."), part(tensors, "head.bn."))


def test_from_python(market: Path, tmp_path: Path, source: Path) -> None:
    run = la.train(
        "ide", f"market1501:{market}", start=source / "model.safetensors", out=tmp_path / "run",
        backbone="resnet10", height=64, width=48, batch_size=8, lr_trunk=1e-30, steps=1,
        bn_mode="frozen", weight_decay=0.0, accelerator="cpu",
    )  # fmt: skip
    weights = part(load_file(source / "model.safetensors"), "trunk.")
    assert_same(part(run.model.state_dict(), "trunk."), weights)


# How it goes on


def test_it_goes_on_without_the_model_and_in_another_place(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    model = model_file(tmp_path / "model.safetensors")
    flags = f"--steps 3 --checkpoint_every 1 {NECK} --start {model}"
    assert main(tiny("ide", tmp_path / "whole", flags)) == 0
    argv = tiny("ide", tmp_path / "run", flags)
    killed(monkeypatch, argv, "learn", 2)
    model.unlink()
    (tmp_path / "run").rename(tmp_path / "moved")
    argv = changed(argv, "--out", str(tmp_path / "moved"))
    capsys.readouterr()
    assert main([*argv, "--resume"]) == 0
    assert "starts from" not in capsys.readouterr().err
    assert_same_run(tmp_path / "whole", tmp_path / "moved")
    assert load_model(tmp_path / "whole").method == load_model(tmp_path / "moved").method


def test_dgnet_goes_on_in_another_place(
    tiny: Tiny, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = f"--steps 1 --teacher.epoch step --teacher.epochs 1 --start {source}"
    argv = tiny("dgnet", tmp_path / "run", flags)
    killed(monkeypatch, argv, "joint", 0)
    (tmp_path / "run").rename(tmp_path / "moved")
    at = argv.index("--start")  # the run has what it needs of it
    assert (
        main([*changed(argv[:at] + argv[at + 2 :], "--out", str(tmp_path / "moved")), "--resume"])
        == 0
    )
    about, _ = read_file(tmp_path / "moved/model.safetensors")
    assert about["settings"]["weights"] == "start.safetensors"
    assert about["settings"]["teacher"]["weights"] == "start.safetensors"


def test_it_goes_on_with_the_same_model_wherever_that_lies(
    tiny: Tiny, tmp_path: Path, capsys: Capture
) -> None:
    model = model_file(tmp_path / "a.safetensors")
    argv = tiny("ide", tmp_path / "run", f"--steps 1 --start {model}")
    assert main(argv) == 0
    again = [*changed(argv, "--steps", "2"), "--resume"]
    shutil.copy(model, tmp_path / "b.safetensors")
    assert main(changed(again, "--start", str(tmp_path / "b.safetensors"))) == 0
    at = again.index("--start")
    assert main(again[:at] + again[at + 2 :]) == 0
    other = model_file(tmp_path / "c.safetensors", seed=1)
    capsys.readouterr()
    said = refused(changed(again, "--start", str(other)), capsys)
    assert "was started with other settings (start: ide " in said
    assert said.count("→") == 1
    said = refused(changed(again, "--start", str(tmp_path / "d.safetensors")), capsys)
    assert f"There is no model file {tmp_path / 'd.safetensors'}." in said


def test_a_run_without_a_start_takes_none_later(
    tiny: Tiny, tmp_path: Path, source: Path, capsys: Capture
) -> None:
    argv = tiny("ide", tmp_path / "run", "--steps 1")
    assert main(argv) == 0
    capsys.readouterr()
    said = refused([*argv, "--start", str(source), "--resume"], capsys)
    assert "start: None → ide " in said
    assert not (tmp_path / "run/start.safetensors").exists()


def test_a_run_whose_own_file_is_gone(
    tiny: Tiny, tmp_path: Path, source: Path, capsys: Capture
) -> None:
    argv = tiny("ide", tmp_path / "run", f"--steps 1 --start {source}")
    assert main(argv) == 0
    file = tmp_path / "run/start.safetensors"
    kept = load_file(file)
    file.unlink()
    capsys.readouterr()
    again = [*changed(argv, "--steps", "2"), "--resume"]
    at = again.index("--start")
    said = refused(again[:at] + again[at + 2 :], capsys)
    assert (
        f"{file} is gone, from which the run started: put it back, or give --start the ide" in said
    )
    assert main(again) == 0
    assert_same(load_file(file), kept)


def test_a_run_that_failed_early_begins_again_from_another_model_or_none(
    tiny: Tiny, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, other = tmp_path / "run", model_file(tmp_path / "other.safetensors", seed=1)
    killed(monkeypatch, tiny("ide", run, f"--start {source}"), "learn", 0)
    killed(monkeypatch, tiny("ide", run, f"--start {other}"), "learn", 0)
    assert_same(
        part(load_file(run / "start.safetensors"), "conv1."), part(load_file(other), "trunk.conv1.")
    )
    killed(monkeypatch, tiny("ide", run), "learn", 0)
    assert not (run / "start.safetensors").exists()
    assert "start" not in yaml.safe_load((run / "config.yaml").read_text())


def test_two_processes_start_from_one_model(
    tiny: Tiny, tmp_path: Path, source: Path, command: Callable[..., Command]
) -> None:
    flags = f"--steps 2 {NECK} --lr_trunk 1e-4 --lr_head 3e-3 --start {source}"
    assert main(tiny("ide", tmp_path / "one", flags)) == 0
    run = command(tiny("ide", tmp_path / "two", f"{flags} --devices 2"), processes=2)
    assert run.wait() == 0, run.stderr
    assert run.stderr.count("starts from") == 1
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), rel=1e-4, abs=1e-6)
    assert_no_orphans(tmp_path)


def test_a_helper_takes_what_the_run_has(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = IDE(backbone="resnet10", pixel_norm="auto")
    first = start_of(method, source, tmp_path, {}, owner=True)
    assert first.write(tmp_path)
    monkeypatch.setattr(
        "lookalike.training.start.weights_to_start_from", None
    )  # it never looks at the model
    again = start_of(method, source, tmp_path, {"start": first.about}, owner=False)
    assert again.method == first.method
    assert again.about == first.about
    assert not again.write(tmp_path)


# What the settings follow


def test_strides_and_pixels_follow_the_model(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    model = model_file(tmp_path / "m.safetensors", stride_on="1x1", pixel_norm="caffe_bgr")
    argv = tiny("ide", tmp_path / "run", f"--pixel_norm auto --start {model}")
    first_states(monkeypatch, argv, "learn")
    settings = yaml.safe_load((tmp_path / "run/config.yaml").read_text())["settings"]
    assert (settings["stride_on"], settings["pixel_norm"]) == ("1x1", "caffe_bgr")
    assert "expect pixels" not in capsys.readouterr().err
    for method, advice in (("ide", "--pixel_norm auto gives"), ("siamese", "other weights will")):
        argv = tiny(method, tmp_path / method, f"--start {model}")
        first_states(monkeypatch, argv, {"ide": "learn", "siamese": "baseline"}[method])
        (said,) = (x for x in capsys.readouterr().err.splitlines() if "expect pixels" in x)
        assert f"expect pixels in the scale caffe_bgr, but {method} gives them imagenet" in said
        assert advice in said


def test_a_timm_trunk(tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("timm")
    settings = dict(backbone="timm:resnet10t", pixel_norm="half")
    model = model_file(tmp_path / "m.safetensors", **settings)
    argv = changed(tiny("ide", tmp_path / "run", f"{NECK} --pixel_norm auto --start {model}"),
                   "--backbone", "timm:resnet10t")  # fmt: skip
    state = first_states(monkeypatch, argv, "learn")["learn"]
    assert_same(part(state, "trunk."), part(load_file(model), "trunk."))
    assert_same(part(state, "head.bn."), part(load_file(model), "head.bn."))
    settings = yaml.safe_load((tmp_path / "run/config.yaml").read_text())["settings"]
    assert settings["pixel_norm"] == "half"


# What is refused, before anything is written


def other_shapes(path: Path) -> Path:
    """A model of a resnet10 that is wider than ours."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SHAPES, 10, Shape(BasicBlock, (1, 1, 1, 1), width=16))
        model_file(path)
    return path


def not_finite(path: Path) -> Path:
    """A model that diverged."""
    model = load_model(model_file(path))
    next(model.parameters()).data[0] = float("nan")
    return save_model(model, path)


@pytest.mark.parametrize(
    ("make", "flags", "sentence"),
    [
        (lambda p: model_file(p / "m.safetensors", backbone="resnet18"), "",
         "has the trunk resnet18, but ide is to have a resnet10: give --backbone resnet18,"),
        (lambda p: model_file(p / "m.safetensors"), "--stride_on 1x1",
         "was trained with its strides on 3x3, in which --stride_on 1x1 is wrong: leave it out."),
        (lambda p: other_shapes(p / "m.safetensors"), "", "don't fit its settings: get the file"),
        (lambda p: not_finite(p / "m.safetensors"), "", "that isn't finite: start from another"),
        (lambda p: p / "nowhere", "", "There is no model file"),
        (lambda p: p, "", "There is no model file"),
        (lambda p: save_model(PG2(height=32, width=16, channels=2).model(3), p / "m.safetensors"),
         "", "is a model of pg2, which has no trunk to take."),
        (lambda p: model_file(p / "m.safetensors"), "--weights w.pth",
         "--start takes the trunk of a model, --weights w.pth another one: leave one out."),
    ],
)  # fmt: skip
def test_a_start_that_does_not_fit(
    tiny: Tiny,
    tmp_path: Path,
    capsys: Capture,
    make: Callable[[Path], Path],
    flags: str,
    sentence: str,
) -> None:
    (tmp_path / "here").mkdir()
    argv = tiny("ide", tmp_path / "run", f"{flags} --start {make(tmp_path / 'here')}")
    assert sentence in refused(argv, capsys)
    assert not (tmp_path / "run").exists()


def test_files_that_are_no_models(
    tiny: Tiny, tmp_path: Path, source: Path, capsys: Capture
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run/config.yaml").write_text("method: ide\n")
    weights = {k: v.contiguous() for k, v in load_model(source).trunk.state_dict().items()}  # type: ignore[union-attr, operator]
    save_file(weights, tmp_path / "plain.safetensors")
    torch.save(weights, tmp_path / "plain.pth")
    (tmp_path / "broken.safetensors").write_bytes(b"{broken")
    (tmp_path / "last.ckpt").write_bytes(b"?")
    for name in ("plain.safetensors", "plain.pth", "broken.safetensors", "last.ckpt"):
        said = refused(tiny("ide", tmp_path / "out", f"--start {tmp_path / name}"), capsys)
        assert f"{name} is no model to start from: give --start a run's folder" in said
    said = refused(tiny("ide", tmp_path / "out", f"--start {tmp_path / 'run'}"), capsys)
    assert "has no model yet: finish it with --resume, or start from another." in said
    assert not (tmp_path / "out").exists()


def test_methods_and_settings_without_a_use_for_it(
    tiny: Tiny, tmp_path: Path, source: Path, capsys: Capture
) -> None:
    said = refused(tiny("pg2", tmp_path / "run", f"--start {source}"), capsys)
    assert said == (
        "lookalike: pg2 learns no trunk that could start from a model's: leave out --start."
    )
    flags = f"--teacher_model {source} --start_from teacher --start {source}"
    said = refused(tiny("dgnet", tmp_path / "run", flags), capsys)
    assert "the trunk starts from that teacher: leave out --start, or" in said
    assert not (tmp_path / "run").exists()
