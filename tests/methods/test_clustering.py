"""What label-free methods share: their rounds, rates and resuming; what they never see."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.clusters import PLAIN, batch_of, coloured, renewed, stage_of
from helpers.runs import Killed, assert_same_run, killed, metrics, refused

import lookalike as la
from lookalike.cli import main
from lookalike.data import UNKNOWN
from lookalike.methods.cc import ClusterContrast
from lookalike.methods.clustering import Clustering, ClusteringStage
from lookalike.methods.model_file import load_model
from lookalike.methods.spcl import SpCL
from lookalike.methods.stage import Stage
from lookalike.training.given import plan_people

Tiny = Callable[..., list[str]]
METHODS: list[Clustering] = [ClusterContrast(**PLAIN), SpCL(**PLAIN)]
FLAGS = "--checkpoint_every 1 --seed 3 --eps_last 0.7 --cameras mean"
each_method = pytest.mark.parametrize("method", METHODS, ids=["cc", "spcl"])
each_name = pytest.mark.parametrize("name", ["cc", "spcl"])


@each_method
def test_learning_rates(method: Clustering) -> None:
    def rates(**changes: Any) -> list[float]:
        module = stage_of(replace(method, **changes), coloured())
        return [module.learning_rate(step) for step in range(40)]

    assert rates() == pytest.approx([1.0] * 20 + [0.1] * 10 + [0.01] * 10)
    assert rates(milestones=[1.5]) == pytest.approx([1.0] * 15 + [0.1] * 25)
    half = [0.5 * (1 + math.cos(math.pi * (step + 0.5) / 40)) for step in range(40)]
    assert rates(decay="cosine") == pytest.approx(half)
    rise = [0.01 + 0.99 * (step + 0.5) / 8 for step in range(8)]
    assert rates(warmup=8)[:9] == pytest.approx([*rise, 1.0])
    assert rates(decay="cosine", warmup=8)[:8] == pytest.approx(
        [a * b for a, b in zip(rise, half, strict=False)]
    )


@each_method
def test_eps_goes_evenly_to_that_of_the_last_round(method: Clustering) -> None:
    module = stage_of(replace(method, eps=0.7, eps_last=0.4), coloured())
    values = []
    for round_ in range(4):
        module.step = round_ * 10
        values.append(module.eps())
    assert values == pytest.approx([0.7, 0.6, 0.5, 0.4])
    module.step = 50  # of a run that --resume made longer
    assert module.eps() == pytest.approx(0.4)
    assert stage_of(method, coloured()).eps() == 0.7


def test_eps_that_is_found_anew_is_the_round_s() -> None:
    crops = coloured()
    for method in (replace(METHODS[0], eps=0.0), replace(METHODS[1], eps=0.0, reliable=False)):
        module = stage_of(method, crops)
        module.renew(crops.look)
        assert 0 < module.round_numbers["eps"] < 1
        assert float(module.eps_of_round) == module.round_numbers["eps"]
        assert module.labels.max() > 0


@each_method
def test_no_identity_reaches_the_stage(method: Clustering, market: Path, tmp_path: Path) -> None:
    bench = la.load("market1501", market)
    given = plan_people(method, [bench], None, 0, tmp_path)
    (stage,) = method.stages(given)
    assert isinstance(stage, Stage)
    assert len(stage.people) == len(bench.train)
    assert (stage.people.pids == UNKNOWN).all()
    assert bench.train.num_pids == 8


@each_name
def test_other_identities_change_the_log_alone(name: str, market: Path, tmp_path: Path) -> None:
    bench = la.load("market1501", market)
    pids = np.random.default_rng(0).permutation(bench.train.pids)
    other = replace(bench, train=replace(bench.train, pids=pids))
    runs = []
    for k, data in enumerate((bench, other)):
        changes = replace(METHODS[0] if name == "cc" else METHODS[1], rounds=2, round_steps=2)
        run = la.train(changes, data, out=tmp_path / str(k), seed=1, log_every=1,
                       accelerator="cpu", precision="fp32", layout="channels_last")  # fmt: skip
        runs.append(run.folder)
    a, b = (load_model(run).state_dict() for run in runs)
    assert a.keys() == b.keys()
    assert all(torch.equal(a[key], b[key]) for key in a)
    lines = [metrics(run) for run in runs]
    told = ("purity", "NMI", "ARI", "precision", "recall", "F-score", "clusters a person")
    for left, right in zip(*lines, strict=True):
        if "clusters" in left:
            assert left["clusters"]["purity"] != right["clusters"]["purity"]
            for line in (left, right):
                line["clusters"] = {k: v for k, v in line["clusters"].items() if k not in told}
        assert left == right


@each_name
def test_killed_everywhere_it_ends_as_one_that_was_not(
    name: str, tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(tiny(name, tmp_path / "whole", FLAGS)) == 0
    argv = tiny(name, tmp_path / "run", FLAGS)
    dies_while_clustering(monkeypatch, argv, 0)  # before anything is saved
    killed(monkeypatch, [*argv, "--resume"], "cluster", 1)  # in a round
    dies_while_clustering(monkeypatch, [*argv, "--resume"], 2)
    killed(monkeypatch, [*argv, "--resume"], "cluster", 2)  # at a round's border
    killed(monkeypatch, [*argv, "--resume"], "cluster", 3)
    (file,) = (tmp_path / "run/stages").glob("*/last.ckpt")
    state = torch.load(file, weights_only=True)["module"]
    second = [line["clusters"] for line in metrics(tmp_path / "run") if "clusters" in line][-1]
    assert int(state["labels"].max()) + 1 == second["clusters"]
    assert float(state["eps_of_round"]) == pytest.approx(second["eps"], abs=1e-4)
    assert second["eps"] == pytest.approx(0.7)
    count = 72 if name == "spcl" else second["clusters"]
    assert state["memory.rows"].shape == (count, 64)
    if name == "spcl":
        assert len(state["memory.classes"]) == 72
        assert state["threshold"] >= 0
    else:  # TINY's average of the weights
        assert {key.partition(".")[0] for key in state} >= {"learner", "trained"}
        assert not torch.equal(state["learner.neck.weight"], state["trained.neck.weight"])
    assert main([*argv, "--resume"]) == 0
    assert_same_run(tmp_path / "whole", tmp_path / "run")


def dies_while_clustering(monkeypatch: pytest.MonkeyPatch, argv: list[str], step: int) -> None:
    """Runs the command, which dies before `step` when everybody's features are there."""
    original = ClusteringStage.cluster

    def dying(self: ClusteringStage, features: torch.Tensor) -> Any:
        labels = original(self, features)
        if self.step == step:
            raise Killed
        return labels

    with monkeypatch.context() as patch:
        patch.setattr(ClusteringStage, "cluster", dying)
        with pytest.raises(Killed):
            main(argv)


@each_method
def test_the_average_clusters_and_is_what_is_left(method: Clustering) -> None:
    crops = coloured()
    module = stage_of(replace(method, ema=0.5), crops)
    renewed(module, crops, np.arange(5).repeat(6))
    assert module.trained is not module.learner
    before = copy.deepcopy(module.trained)
    module.training_step(batch_of(module, crops, 0))
    new = dict(module.learner.named_parameters())
    for (name, a), b in zip(
        module.trained.named_parameters(), before.parameters(), strict=True
    ):  # after step 0 the average keeps a tenth of itself
        torch.testing.assert_close(a, 0.1 * b + 0.9 * new[name], atol=1e-6, rtol=1e-5)
        assert not a.requires_grad
    features = ClusteringStage.embed_all(module, crops.look)
    with torch.no_grad():
        for p in module.learner.parameters():
            p.zero_()
    assert torch.equal(ClusteringStage.embed_all(module, crops.look), features)


@each_method
def test_a_strip_for_every_cluster(method: Clustering) -> None:
    crops = coloured(persons=4)
    module = stage_of(method, crops)
    assert module.preview() == {}
    labels = np.array([0] * 6 + [1] * 6 + [2, 2, 2, -1, -1, -1] + [3] * 6)
    renewed(module, crops, labels)
    ((name, columns),) = module.preview().items()
    assert name == "clusters"
    assert columns.labels == tuple("12345678")
    strips = torch.stack(list(columns.images), 1)  # type: ignore[union-attr]
    assert strips.shape == (4, 8, 3, 64, 32)
    white = (strips == 1).flatten(2).all(2)
    assert white.sum(1).tolist() == [5, 2, 2, 2]  # the smallest is first
    torch.testing.assert_close(strips[0, :3], crops.pixels[12:15].float() / 255)
    fresh = stage_of(method, crops)  # resumed inside the round
    fresh.load_state_dict(module.state_dict())
    fresh.begin(crops.look)
    assert fresh.preview().keys() == {"clusters"}


LINKS = "a,b,same\n{0},{1},1\n{2},{3},0\n"


@each_name
def test_links_of_a_run(
    name: str, tiny: Tiny, market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = la.load("market1501", market).train.paths
    names = [Path(paths[row]).name for row in (0, 40, 10, 11)]
    file = tmp_path / "links.csv"
    file.write_text(LINKS.format(*names))
    flags = f"--checkpoint_every 1 --steps 2 --links {file}"
    argv = tiny(name, tmp_path / "run", flags)
    assert main(argv) == 0
    (checkpoint,) = (tmp_path / "run/stages").glob("*/last.ckpt")
    labels = torch.load(checkpoint, weights_only=True)["module"]["labels"]
    assert labels[0] == labels[40] >= 0
    assert labels[10] != labels[11] or labels[10] < 0

    # Another place is the same list; another list isn't.
    moved = file.rename(tmp_path / "moved.csv")
    longer = [*tiny(name, tmp_path / "run", f"--links {moved} --steps 4"), "--resume"]
    longer += ["--checkpoint_every", "1"]
    assert main(longer) == 0
    capsys.readouterr()
    moved.write_text(LINKS.format(*reversed(names)))
    assert "links: " in refused(longer, capsys)
    moved.write_text(LINKS.format(*names[:3], "nobody.jpg"))
    said = refused(longer, capsys)
    assert said == f"lookalike: {moved}, line 3: no image is called 'nobody.jpg'."
