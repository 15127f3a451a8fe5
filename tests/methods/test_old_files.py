"""Files of Lookalike 0.1 before its settings had their present names (format 1).

`old_models.json` has what that version wrote into the metadata of small models, the names and
shapes of their weights, and numbers that it computed with the weights that `weights` makes: its
scored features, pictures averaged over eight fields, and probabilities of the same person.
`old_config.yaml` is the config.yaml of a run of its.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from lookalike.errors import UserError
from lookalike.methods import METHODS
from lookalike.methods.dgnet import DGNet
from lookalike.methods.fdgan import FDGAN
from lookalike.methods.ide import IDE, IDEPlus
from lookalike.methods.model_file import load_model, read_file, save_model
from lookalike.methods.old_files import present_settings
from lookalike.methods.pg2 import PG2
from lookalike.methods.siamese import Siamese
from lookalike.methods.triplet import Triplet
from lookalike.training.run import train

DATA = Path(__file__).parents[1] / "data_files"
OLD: dict[str, dict[str, Any]] = json.loads((DATA / "old_models.json").read_text())
TRUNK: dict[str, Any] = {"backbone": "resnet18", "weights": "none", "stride_on": "3x3"}
SMALL: dict[str, Any] = {**TRUNK, "height": 64, "width": 32}
PRESENT = {  # the settings that those models were made with, as they are called today
    "ide": IDE(**SMALL, batch_size=8, epoch="step", epochs=30.0, milestones=(10.0, 20.0),
               warmup=2.0, decay="milestones"),
    "ide+": IDEPlus(**SMALL, resize=(70, 40), epochs=3.5, milestones=(1.5,), batch_size=4,
                    decay="cosine"),
    "triplet": Triplet.preset("pooled", **SMALL, ids_per_batch=3, images_per_id=2, epochs=20.0,
                              decay_from=10.0),
    "dgnet": DGNet(**TRUNK, height=64, width=48, structure_dim=2, mlp_dim=4, dis_dim=2,
                   dis_scales=2, residual_blocks=1, batch_size=4, joint_steps=500,
                   milestones=(300, 400), ramp_from=100, ramp=20, beta=0.3,
                   teacher=IDE(**TRUNK, height=64, width=48, epoch="identities", ids_per_batch=2,
                               images_per_id=3, triplet_weight=1.0, epochs=5.0,
                               milestones=(4.0,), decay="milestones")),
    "pg2": PG2.preset("code", height=32, width=16, channels=2, batch_size=2, mask_radius=1,
                      dis_mode="triplet_fixed"),
    "fdgan": FDGAN.preset("code", **SMALL, resampling="bicubic", generator_dim=2, dis_dim=2,
                          pose_dim=3, noise_dim=4, batch_size=8, identify_steps=5, epoch="step",
                          epochs=10.0, warmup_epochs=20.0, joint_epochs=30.0, warmup_flat=5.0,
                          joint_flat=6.0, lr=0.02, lr_warmup=(1e-3, 2e-4, 3e-4),
                          lr_joint=(4e-4, 5e-4, 6e-4), connect_layers=2),
    "fdgan, its baseline": FDGAN(**SMALL, resampling="bicubic", batch_size=8,
                                  verifier_outputs=1),
}  # fmt: skip


def weights(shapes: Mapping[str, Sequence[int]]) -> dict[str, Tensor]:
    """Random weights, in the order of their names as written, so that signals keep their size."""
    rng = np.random.default_rng(0)
    tensors = {}
    for name, shape in shapes.items():
        if name.endswith("num_batches_tracked"):
            tensors[name] = torch.zeros(tuple(shape), dtype=torch.int64)
            continue
        values = rng.standard_normal(shape)
        if len(shape) > 1:
            values *= (2 / np.prod(shape[1:])) ** 0.5
        else:
            values = 0.1 * np.abs(values) + name.endswith(("weight", "running_var", "gamma"))
        tensors[name] = torch.from_numpy(values).float()
    return tensors


def old_file(title: str, folder: Path, **changes: Any) -> Path:
    """A model file as that version wrote it."""
    metadata = {"lookalike": json.dumps({**OLD[title]["lookalike"], **changes})}
    save_file(weights(OLD[title]["shapes"]), folder / "model.safetensors", metadata)
    return folder / "model.safetensors"


@pytest.mark.parametrize("title", OLD)
def test_a_model_of_format_1_is_read_and_computes_what_it_did(title: str, tmp_path: Path) -> None:
    about, numbers = OLD[title]["lookalike"], OLD[title]["numbers"]
    assert "format" not in about
    model: Any = load_model(old_file(title, tmp_path))  # every key has to fit
    assert model.method == PRESENT[title]
    assert (model.method.name, model.classes) == (about["method"], 4)
    assert (model.pids, sorted(model.without)) == ([2, 3, 5, 7], about["without"])
    rng = np.random.default_rng(1)
    images = torch.from_numpy(rng.random((2, 3, 80, 40))).float()
    places = np.concatenate([rng.random((2, 18, 2)) * 30, np.ones((2, 18, 1))], 2)
    joints = torch.from_numpy(places).float()
    given = {"swap": (images, images.flip(0)), "repose": (images, joints)}
    assert model.embeds == ("features" in numbers)
    assert bool(model.generates) == ("pictures" in numbers)
    if model.embeds:
        features = model.embed(images)
        part = features[:, :: features.shape[1] // 8]
        torch.testing.assert_close(part, torch.tensor(numbers["features"]), rtol=1e-3, atol=1e-4)
    for verb in model.generates:
        pictures = F.adaptive_avg_pool2d(getattr(model, verb)(*given[verb]), (4, 2)).flatten(1)
        torch.testing.assert_close(pictures, torch.tensor(numbers["pictures"]), rtol=0, atol=1e-3)
    if "same" in numbers:
        same = model.verify(features[:1], features[1:]).float()
        torch.testing.assert_close(same, torch.tensor(numbers["same"]), rtol=1e-2, atol=1e-30)


def test_every_method_of_that_version_is_here() -> None:
    then = {"ide", "ide+", "triplet", "dgnet", "pg2", "fdgan"}
    assert {entry["lookalike"]["method"] for entry in OLD.values()} == then
    assert then <= set(METHODS)


@pytest.mark.parametrize(("old", "new"), [("epochs", "images"), ("id_passes", "identities"),
                                          ("steps", "step")])  # fmt: skip
def test_words_of_the_baselines(old: str, new: str) -> None:
    settings = OLD["ide"]["lookalike"]["settings"]
    assert present_settings("ide", {**settings, "unit": old})["epoch"] == new
    for decay, present in (("steps", "milestones"), ("cosine", "cosine")):
        assert present_settings("ide", {**settings, "decay": decay})["decay"] == present


def test_bugs_of_fdgan() -> None:
    """What a model draws is decided by its output alone."""
    settings = OLD["fdgan"]["lookalike"]["settings"]
    for output, bugs in (("tanh", "released"), ("sigmoid", "mended")):
        present = present_settings("fdgan", {**settings, "gen_output": output})
        assert present["bugs"] == bugs
        assert not {"gen_output", "flip_swap_lr", "erasing", "decay_off_by_one"} & present.keys()
    for unit, epoch in (("steps", "step"), ("epochs", "pairs")):
        assert present_settings("fdgan", {**settings, "unit": unit})["epoch"] == epoch


def test_a_setting_that_version_did_not_have_is_named(tmp_path: Path) -> None:
    settings = {**OLD["ide"]["lookalike"]["settings"], "bacth": 3}
    with pytest.raises(UserError, match="Unknown setting of ide 'bacth'; did you mean 'batch"):
        load_model(old_file("ide", tmp_path, settings=settings))


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    shapes = {**OLD["pg2"]["shapes"]}
    shapes.popitem()
    save_file(weights(shapes), tmp_path / "model.safetensors",
              {"lookalike": json.dumps(OLD["pg2"]["lookalike"])})  # fmt: skip
    with pytest.raises(UserError, match=r"^The weights in .* don't fit its settings"):
        load_model(tmp_path)


def old_run(folder: Path, checkpoint: bool = True) -> Path:
    (folder / "run/stages/1-learn").mkdir(parents=True)
    shutil.copy(DATA / "old_config.yaml", folder / "run/config.yaml")
    if checkpoint:
        (folder / "run/stages/1-learn/last.ckpt").touch()
    return folder / "run"


def start(run: Path, market: Path, resume: bool) -> None:
    flags: dict[str, Any] = {"steps": 1, "accelerator": "cpu", "precision": "fp32"}
    method: dict[str, Any] = {**SMALL, "pad": 2, "batch_size": 4, "epoch": "step", "epochs": 30.0,
                              "milestones": (20.0,)}  # fmt: skip
    train("ide", f"market1501:{market}", out=run, resume=resume, **flags, **method)


def test_a_run_of_that_version_is_not_resumed(market: Path, tmp_path: Path) -> None:
    run = old_run(tmp_path)
    before = (run / "config.yaml").read_bytes()
    with pytest.raises(UserError) as error:
        start(run, market, resume=True)
    assert str(error.value) == (
        f"{run} holds a run of an earlier Lookalike, which that version alone can resume: its "
        "models can be used as they are; train in another --out."
    )
    assert (run / "config.yaml").read_bytes() == before
    with pytest.raises(UserError, match="already holds a run"):
        start(run, market, resume=False)
    assert (run / "config.yaml").read_bytes() == before


def test_a_run_of_that_version_without_a_checkpoint_begins_again(
    market: Path, tmp_path: Path
) -> None:
    run = old_run(tmp_path, checkpoint=False)
    start(run, market, resume=False)
    assert load_model(run).classes == 8
    assert "format: 2" in (run / "config.yaml").read_text()


@pytest.mark.parametrize(
    ("method", "setting", "before", "now"),
    [
        (Siamese(**SMALL), "resampling", "bicubic", "bilinear"),
        (Triplet(**SMALL), "repeats", "random", "even"),
    ],
)
def test_a_setting_that_came_later_has_its_value_of_before(
    method: Any, setting: str, before: str, now: str, tmp_path: Path
) -> None:
    model = method.model(2)
    file = save_model(model, tmp_path / "model.safetensors")
    about, tensors = read_file(file)
    assert (about["settings"][setting], getattr(load_model(file).method, setting)) == (now, now)
    how = getattr(model, "resampling", "bicubic")
    assert about["preprocessing"]["resize"] == f"{how}, antialiased"
    del about["settings"][setting]
    save_file(tensors, file, {"lookalike": json.dumps(about)})
    old = load_model(file)
    assert getattr(old.method, setting) == before
    assert old.resampling == "bicubic"  # as it was trained
