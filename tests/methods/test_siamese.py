"""The Siamese baseline on its own: FD-GAN's first stage as a method."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers.trunks import CHANNELS
from torch import Tensor, nn

from lookalike.data import People
from lookalike.data.batches import Crops
from lookalike.errors import UserError
from lookalike.methods import METHODS
from lookalike.methods.fdgan import FDGAN
from lookalike.methods.siamese import Baseline, Siamese, SiameseModel, augmentation
from lookalike.methods.stage import Given, Stage

H, W, P = 64, 32, 4
SMALL: dict[str, Any] = {"height": H, "width": W, "backbone": "resnet10", "weights": "none",
                         "stride_on": "3x3", "batch_size": P}  # fmt: skip
TINY = Siamese(**SMALL)


def crowd() -> People:
    pids = [1] * 5 + [2] * 6 + [3] * 5
    return People([str(k) for k in range(16)], np.array(pids), np.zeros(16))


def crops(seed: int, labels: list[int]) -> Crops:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (P, 3, H, W), dtype=torch.uint8, generator=generator)
    none = torch.zeros(0)
    return Crops(images, torch.tensor(labels), none, none)


def batch() -> dict[str, Any]:
    return {"first": crops(0, [0, 0, 1, 2]), "second": crops(1, [0, 1, 1, 1]), "step": 0}


def stage_of(method: Siamese, seed: int = 0) -> Stage:
    (stage,) = method.stages(Given(crowd(), seed=seed))
    assert isinstance(stage, Stage)
    return stage


def test_its_settings_are_fdgans() -> None:
    assert METHODS["siamese"] is Siamese
    assert {f.name for f in fields(Siamese)} <= {f.name for f in fields(FDGAN)}
    fdgan = FDGAN()
    assert all(getattr(fdgan, f.name) == getattr(Siamese(), f.name) for f in fields(Siamese))
    assert Siamese.preset("paper") == Siamese(batch_size=128, verifier_outputs=1)
    assert Siamese.preset("code") == Siamese(bugs="released")
    assert Siamese.preset("fixed") == Siamese()
    assert Siamese.needs == ()  # poses are for those that draw


def test_one_stage_that_is_fdgans_first() -> None:
    for epoch, steps in (("pairs", 1600), ("step", 100)):  # 16 crops × 4 pairs / 4
        stage = stage_of(replace(TINY, epoch=epoch), seed=3)  # type: ignore[arg-type]
        assert (stage.name, stage.steps, stage.size) == ("baseline", steps, (H, W))
        theirs = FDGAN(**SMALL, epoch=epoch, generator_dim=2).stages(Given(crowd(), seed=3))[0]  # type: ignore[arg-type]
        assert isinstance(theirs, Stage)
        assert (theirs.name, theirs.steps) == (stage.name, stage.steps)
        assert stage.plan is not None
        assert theirs.plan is not None
        for step in (0, 7):
            own, other = stage.plan(step), theirs.plan(step)
            assert own.keys() == other.keys() == {"first", "second"}
            assert all(own[k].tolist() == other[k].tolist() for k in own)
        labels = crowd().labels()
        pairs = [stage.plan(step) for step in range(40)]
        same = np.concatenate([labels[p["first"]] == labels[p["second"]] for p in pairs])
        assert same.mean() == pytest.approx(0.25, abs=0.01)  # a positive, 3 negatives


def test_an_iteration_is_its_formula() -> None:
    torch.manual_seed(0)
    method = replace(TINY, flip=0.0)
    module = Baseline(method, SiameseModel(method, 3), 10).train()
    twin = SiameseModel(method, 3).train()
    twin.load_state_dict(module.trained.state_dict())
    given = batch()
    module.augment = nn.Identity()  # type: ignore[assignment]
    images = {k: (given[k].images.float() / 255 - 0.5) / 0.25 for k in ("first", "second")}
    for name, x in images.items():
        given[name] = given[name]._replace(images=x)
    x = torch.stack([images["first"], images["second"]], 1).flatten(0, 1)  # pair after pair
    f = twin.encoder(x).mean((2, 3))
    difference = (f[0::2] - f[1::2]) ** 2
    logits = twin.verifier.classifier(twin.verifier.bn(difference))
    loss = F.cross_entropy(logits, torch.tensor([1, 0, 1, 0]))
    loss.backward()  # type: ignore[no-untyped-call]
    before = {n: p.detach().clone() for n, p in module.trained.named_parameters()}
    module.iteration(given, 0)
    after = dict(module.trained.named_parameters())
    assert set(module.losses) == {"veri"}
    assert module.losses["veri"] == pytest.approx(loss.item(), rel=1e-5)
    for name, p in twin.named_parameters():
        assert p.grad is not None
        expected = before[name] - 0.01 * (p.grad + 5e-4 * before[name])
        torch.testing.assert_close(after[name], expected, rtol=1e-4, atol=1e-6)


def test_one_logit_is_a_sigmoid_of_the_same_loss() -> None:
    torch.manual_seed(0)
    module = Baseline(replace(TINY, verifier_outputs=1), SiameseModel(
        replace(TINY, verifier_outputs=1), 3), 10).train()  # fmt: skip
    module.iteration(batch(), 0)
    assert module.losses["veri"] == pytest.approx(math.log(2), abs=0.1)
    assert module.trained.verifier.classifier.weight.shape == (1, CHANNELS)


def test_rates_and_their_drops() -> None:
    module = stage_of(replace(TINY, verifier_lr_factor=0.1)).build({})
    (optimizer,) = module.raw_optimizers()
    assert [g["lr"] for g in optimizer.param_groups] == pytest.approx([0.01, 0.001])
    assert (optimizer.defaults["momentum"], optimizer.defaults["weight_decay"]) == (0.9, 5e-4)
    held = {id(p) for g in optimizer.param_groups for p in g["params"]}
    assert held == {id(p) for p in module.parameters()}
    at = [module.learning_rate(step) for step in (0, 639, 640, 1279, 1280)]  # 16 steps an epoch
    assert at == pytest.approx([1, 1, 0.1, 0.1, 0.01])
    quick = Siamese.preset("quick")
    assert (quick.epoch, quick.epochs, quick.drop_every) == ("step", 800, 500)


def test_crops_are_of_random_areas_and_erased() -> None:
    stage = stage_of(TINY)  # which cuts them from the files
    assert (stage.area, stage.resampling) == ((0.64, 1.0), "bilinear")
    assert stage_of(replace(TINY, resampling="bicubic")).resampling == "bicubic"
    module = Baseline(TINY, SiameseModel(TINY, 3), 10)
    assert module.augment.area is None
    assert module.augment.erase is not None
    assert not module.augment.random_crop
    images = torch.zeros(32, 3, H, W, dtype=torch.uint8)
    erased = (augmentation(TINY)(images) > -1.5).flatten(1).any(1)  # black is below −1.8
    assert 0.4 < float(erased.float().mean()) < 1


def test_the_model_embeds_and_verifies_and_draws_nothing() -> None:
    torch.manual_seed(0)
    model: Any = TINY.model(3)
    assert isinstance(model, SiameseModel)
    assert (model.embeds, model.generates, model.metric) == (True, (), "euclidean")
    images = torch.rand(4, 3, 80, 40)
    expected = F.interpolate(images, (H, W), mode="bilinear", antialias=True)
    torch.testing.assert_close(model.preprocess(images), model.normalize(expected))
    features: Tensor = model.embed(images)
    assert features.shape == (4, CHANNELS)
    assert features.min() >= 0
    nn.init.normal_(model.verifier.classifier.weight, std=0.1)
    same = model.verify(features[:2], features[2:])
    assert same.dtype == torch.float64
    assert ((same > 0) & (same < 1)).all()
    with torch.no_grad():
        logits = model.eval().verifier(features[:2], features[2:])
    torch.testing.assert_close(same.float(), logits.softmax(1)[:, 1])
    torch.testing.assert_close(same, model.verify(features[2:], features[:2]))
    model.leave_out("verifier")
    assert model.embeds
    with pytest.raises(UserError, match="no verifier, which verifying needs"):
        model.verify(features, features)


def test_paper_size() -> None:
    with torch.device("meta"):
        model = Siamese(weights="none", stride_on="3x3").model(751)
    assert sum(p.numel() for p in model.parameters()) == 23_516_226


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ({"height": 31}, "height is 31, but must be 32 or more"),
        ({"batch_size": 1}, "batch_size is 1, but must be 2 or more"),
        ({"negatives": 0}, "negatives is 0, but must be 1 or more"),
        ({"epoch": "images"}, "Unknown epoch 'images'"),
        ({"epochs": 0.0}, "epochs is 0.0, but must be above 0"),
        ({"lr": 0.0}, "lr is 0.0, but must be above 0"),
        ({"verifier_outputs": 3}, "verifier_outputs is 3, but must be one of 1, 2"),
        ({"bugs": "some"}, "Unknown bugs 'some'"),
    ],
)
def test_settings_that_cannot_work(setting: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        replace(TINY, **setting)


def test_people_without_pairs() -> None:
    for pids, sentence in (([1, 1, 1], "two identities"), ([1, 2, 3], "No identity has two")):
        alone = People([str(k) for k in range(3)], np.array(pids), np.zeros(3))
        with pytest.raises(UserError, match=sentence):
            TINY.stages(Given(alone))
