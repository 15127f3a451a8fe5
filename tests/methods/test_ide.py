"""The five nets that are called IDE, against the numbers and rules of their papers and code."""

import copy
import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers.trunks import CHANNELS
from torch import Tensor, nn

from lookalike.cli import main
from lookalike.data import People
from lookalike.data.batches import Crops
from lookalike.data.transforms import PIXEL_NORMS
from lookalike.errors import UserError
from lookalike.losses import cross_entropy, triplet_loss
from lookalike.methods.decay import with_decay
from lookalike.methods.ide import IDE, BaselineModel, Identification, IDEPlus, identification_stage
from lookalike.methods.model_file import load_model
from lookalike.methods.triplet import Triplet
from lookalike.nets import resnet

TINY: dict[str, Any] = {"backbone": "resnet10", "weights": "none", "height": 64, "width": 32,
                        "resize": (0, 0), "pad": 2}  # fmt: skip
# The letters of the literature → settings.
VARIANTS: dict[str, IDE] = {
    "A": IDE.preset("caffe"),
    "B": IDE.preset("caffe_translated"),
    "C": IDE.preset("pytorch"),
    "D": IDEPlus.preset("paper"),
    "E": IDE.preset("camstyle"),
}


def crops(batch: int, classes: int, size: tuple[int, int] = (64, 32)) -> Crops:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (batch, 3, *size), generator=generator, dtype=torch.uint8)
    images = images.contiguous(memory_format=torch.channels_last)
    labels = torch.arange(batch) % classes
    return Crops(images, labels, labels, labels)


def module_of(method: IDE, classes: int = 4, steps_per_epoch: int = 1) -> Identification:
    """The stage's module, descending without a trainer."""
    torch.manual_seed(0)
    module = Identification(method, classes, steps_per_epoch)
    module.stage = "learn"
    return module.train()


def tiny(method: IDE, **changes: Any) -> IDE:
    return dataclasses.replace(method, **{**TINY, "batch_size": 8, **changes})


# Parameter counts (E without the ImageNet classifier that its code carries along)


@pytest.mark.parametrize(
    ("variant", "market", "duke"),
    [
        ("A", 25_046_831, 24_946_430),
        ("B", 25_046_831, 24_946_430),
        ("C", 25_046_831, 24_946_430),
        ("D", 24_943_407, 24_918_270),
        ("E", 28_427_031 - 2_049_000, 28_376_806 - 2_049_000),
    ],
)
def test_parameters_of_the_variants(variant: str, market: int, duke: int) -> None:
    model = VARIANTS[variant].model(751)
    assert isinstance(model, BaselineModel)
    with torch.device("meta"):
        other = BaselineModel(model.method, 702)
    assert sum(p.numel() for p in model.parameters()) == market
    assert sum(p.numel() for p in other.parameters()) == duke


# Batch norm modes hold in a real step


def norms(module: nn.Module) -> dict[str, nn.modules.batchnorm._BatchNorm]:
    kind = nn.modules.batchnorm._BatchNorm
    return {n: m for n, m in module.named_modules() if isinstance(m, kind)}


@pytest.mark.parametrize("variant", "ABCDE")
def test_batch_norms_in_three_steps(variant: str) -> None:
    module = module_of(tiny(VARIANTS[variant]))
    # Random weights under identity statistics explode: the trunk learns slowly here.
    for group in module.raw_optimizers()[0].param_groups:
        group["lr"] = 1e-6 if group["lr"] == module.method.lr_trunk else 0.1
    before = copy.deepcopy(module.trained)
    batch = {"crops": crops(8, 4)}
    for step in range(3):
        module.train()  # Lightning calls it: the modes must hold
        module.iteration(batch, step)
    for (name, old), new in zip(
        norms(before.trunk).items(), norms(module.trained.trunk).values(), strict=True
    ):
        assert old.running_mean is not None and new.running_mean is not None  # noqa: PT018
        assert old.running_var is not None and new.running_var is not None  # noqa: PT018
        fixed = torch.equal(old.running_mean, new.running_mean) and torch.equal(
            old.running_var, new.running_var
        )
        assert fixed == (variant != "E"), name
        affine = torch.equal(old.weight, new.weight) and torch.equal(old.bias, new.bias)
        assert affine == (variant == "B"), name
    if variant in "DE":
        old_bn, new_bn = before.head.bn, module.trained.head.bn
        assert not torch.equal(old_bn.running_mean, new_bn.running_mean)  # type: ignore[union-attr,arg-type]
        assert not torch.equal(old_bn.weight, new_bn.weight)  # type: ignore[union-attr,arg-type]


@pytest.mark.parametrize(
    ("stages", "frozen"),
    [(0, ()), (1, ("conv1", "bn1", "layer1")), (2, ("conv1", "bn1", "layer1", "layer2"))],
)
def test_frozen_stages(stages: int, frozen: tuple[str, ...]) -> None:
    module = module_of(tiny(IDE(), freeze_stages=stages, batch_size=8))
    before = {n: p.clone() for n, p in module.trained.trunk.named_parameters()}
    module.iteration({"crops": crops(8, 4)}, 0)
    for name, p in module.trained.trunk.named_parameters():
        assert torch.equal(before[name], p) == (name.split(".")[0] in frozen), name
        assert p.requires_grad == (name.split(".")[0] not in frozen)
    optimised = {id(p) for g in module.raw_optimizers()[0].param_groups for p in g["params"]}
    trainable = {id(p) for p in module.parameters() if p.requires_grad}
    assert optimised == trainable


# Optimisers


def rates(method: IDE) -> dict[str, tuple[float, float]]:
    """Parameter name → (learning rate, weight decay)."""
    module = Identification(method, 4, 1)
    names = {id(p): n for n, p in module.trained.named_parameters()}
    return {
        names[id(p)]: (group["lr"], group["weight_decay"])
        for group in module.configure_optimizers().param_groups
        for p in group["params"]
    }


def test_variant_b_has_factors_on_its_classifier() -> None:
    found = rates(tiny(VARIANTS["B"]))
    assert found["head.classifier.weight"] == (2e-3, 1e-3)
    assert found["head.classifier.bias"] == (4e-3, 1e-3)
    assert found["trunk.layer2.0.conv1.weight"] == (1e-3, 5e-4)
    assert not any(name.startswith(("trunk.conv1", "trunk.layer1")) for name in found)
    assert not any(".bn" in name for name in found)


def test_rates_of_trunk_and_head_and_decay_of_norms() -> None:
    found = rates(tiny(IDE()))
    assert found["trunk.conv1.weight"] == (0.005, 5e-4)
    assert found["head.feat.weight"] == found["head.classifier.weight"] == (0.05, 5e-4)
    assert found["trunk.bn1.weight"] == (0.005, 5e-4)
    found = rates(tiny(IDE(decay_norms=False)))
    assert found["trunk.bn1.weight"] == (0.005, 0.0)
    assert found["head.feat.bias"] == (0.05, 0.0)
    assert found["trunk.conv1.weight"] == (0.005, 5e-4)


@pytest.mark.parametrize(("variant", "nesterov"), [("A", False), ("B", False), ("C", True),
                                                   ("D", True), ("E", True)])  # fmt: skip
def test_recipes(variant: str, nesterov: bool) -> None:
    method = VARIANTS[variant]
    caffe = variant in "AB"
    assert method.optimizer == "sgd"
    assert method.nesterov == nesterov
    assert method.weight_decay == 5e-4
    assert method.batch_size == {"E": 128}.get(variant, 16)
    assert method.lr_trunk == {"E": 1e-2}.get(variant, 1e-3)
    assert method.lr_head == {"A": 1e-3, "B": 1e-3, "C": 1e-2, "D": 1e-2, "E": 1e-1}[variant]
    assert (method.height, method.width) == ((224, 224) if caffe else (256, 128))
    assert method.resize == ((288, 144) if variant in "CD" else (0, 0))
    assert method.pad == 0
    assert method.crop_area == {"E": 0.64}.get(variant, 0)
    assert method.epoch == ("step" if caffe else "images")
    assert method.epochs == (50_000 if caffe else {"E": 50}.get(variant, 60))
    assert method.milestones == ((20_000, 40_000) if caffe else (40,))
    assert method.feature == "pool"
    assert method.flip_test == (variant in "CD")
    assert method.pixel_norm == ("auto" if caffe else "imagenet")  # as the weights were trained
    assert (method.stride_on, method.last_stride) == ("auto", 2)  # as the weights were trained


def test_ide_plus_layers_on_a_trunk_that_trains_its_statistics() -> None:
    method, plus = IDE.preset("bottleneck"), VARIANTS["D"]
    assert (method.head, method.dropout, method.bn_mode) == ("bneck512_lrelu", 0.5, "train")
    assert (plus.head, plus.dropout, plus.bn_mode) == ("bneck512_lrelu", 0.5, "eval_stats")
    assert (method.batch_size, method.lr_trunk, method.lr_head) == (32, 1e-2, 1e-1)
    for name in ("resize", "pad", "feature", "flip_test", "epochs", "milestones", "nesterov",
                 "weight_decay", "erase"):  # fmt: skip
        assert getattr(method, name) == getattr(plus, name), name
    model = method.model(751)
    assert sum(p.numel() for p in model.parameters()) == 24_943_407
    head = model.get_submodule("head")
    act, dropout = head.act, head.dropout
    assert isinstance(act, nn.LeakyReLU)
    assert (act.negative_slope, dropout.p) == (0.1, 0.5)  # type: ignore[union-attr]
    module = module_of(tiny(method))
    before = {n: m.running_mean.clone() for n, m in norms(module.trained).items()}  # type: ignore[union-attr]
    module.iteration({"crops": crops(8, 4)}, 0)
    for name, norm in norms(module.trained).items():
        assert not torch.equal(before[name], norm.running_mean), name  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [IDE, IDEPlus])
def test_micro_is_a_small_trunk_from_random_weights(kind: type[IDE]) -> None:
    trunk = 11_689_512 - 512 * 1000 - 1000  # of ImageNet's ResNet-18 without its classifier
    head = 2 * 512 + 512 * 501  # batch norm, classifier
    if kind is IDEPlus:
        head += 512 * 512 + 512 + 501
    method, parameters = kind.preset("micro"), trunk + head
    assert (method.height, method.width, method.weights) == (96, 48, "none")
    assert (method.bn_mode, method.decay, method.epoch) == ("train", "cosine", "step")
    model = method.model(501)
    assert sum(p.numel() for p in model.parameters()) == parameters
    people = People([str(k) for k in range(96)], np.repeat(np.arange(1, 25), 4), np.zeros(96))
    stage = identification_stage(method, people, 0, "learn")
    assert (stage.steps, len(stage.plan(0)["crops"])) == (800, 64)  # type: ignore[misc]


def test_lmp_learner_is_b_for_50_epochs() -> None:
    lmp, translated = IDE.preset("lmp"), VARIANTS["B"]
    schedule = ("epoch", "epochs", "milestones")
    assert [getattr(lmp, name) for name in schedule] == ["images", 50, (40,)]
    same = {name: getattr(translated, name) for name in schedule}
    assert dataclasses.replace(lmp, **same) == translated
    assert (lmp.batch_size, lmp.lr_trunk, lmp.lr_head, lmp.nesterov) == (16, 1e-3, 1e-3, False)
    found = factors(tiny(lmp), 3, 150)
    assert found == pytest.approx([1.0] * 120 + [0.1] * 30)


# Learning rates


def factors(method: IDE, steps_per_epoch: int, steps: int) -> list[float]:
    module = Identification(method, 2, steps_per_epoch)
    return [module.learning_rate(step) for step in range(steps)]


def test_rates_drop_when_epoch_40_begins_counted_from_0() -> None:
    found = factors(tiny(IDE(), milestones=(40.0, 50.0)), 7, 60 * 7)
    assert found == pytest.approx([1.0] * 40 * 7 + [0.1] * 10 * 7 + [0.01] * 10 * 7)


def test_warm_up_rises_in_a_line_from_a_hundredth() -> None:
    found = factors(tiny(IDE(), warmup=10.0), 5, 60)
    assert np.diff(found[:50]) == pytest.approx(0.99 / 50)
    assert found[0] == pytest.approx(0.01, abs=0.01)
    assert found[50:] == [1.0] * 10


def test_cosine_ends_at_zero() -> None:
    found = factors(tiny(IDE(), decay="cosine", warmup=2.0, epochs=12.0), 10, 120)
    middle = 2 + 10 / 2
    assert found[int(middle * 10)] == pytest.approx(0.5, abs=0.01)
    assert found[-1] == pytest.approx(0, abs=1e-4)
    for step in (20, 40, 100):
        t = ((step + 0.5) / 10 - 2) / 10
        assert found[step] == pytest.approx((1 + math.cos(math.pi * t)) / 2)
    assert np.all(np.diff(found[20:]) < 0)


def test_strong_shortened_learns_until_its_end_and_whole_is_as_printed() -> None:
    strong = tiny(IDE.preset("strong"))
    whole = Identification(with_decay(strong, 1.0), 2, 135)
    expected = {
        0: 0.01,
        675: 0.505,
        1350: 1,
        5399: 1,
        5400: 0.1,
        9449: 0.1,
        9450: 0.01,
        16199: 0.01,
    }
    for step, rate in expected.items():
        assert whole.learning_rate(step) == pytest.approx(rate, rel=0.05), step
    short = Identification(with_decay(strong, 0.15).scaled(0.15), 2, 135)
    for step in range(0, 2430, 27):
        t = (step + 0.5) / 2430  # of all steps, a twelfth of which are the warm-up
        rise = min(1.0, 0.01 + 0.99 * 12 * t)
        rate = rise * (1 + math.cos(math.pi * max(0.0, (12 * t - 1) / 11))) / 2
        assert short.learning_rate(step) == pytest.approx(rate), step
    share = np.mean([short.learning_rate(step) <= 0.011 for step in range(2430)])
    assert share < 0.08  # at milestones 0.42
    kept = Identification(strong.scaled(0.15), 2, 135)  # by a notebook, which decides nothing
    assert np.mean([kept.learning_rate(s) <= 0.011 for s in range(2430)]) == pytest.approx(
        0.42, abs=0.01
    )


def test_exponential_decay_ends_at_a_thousandth() -> None:
    method = tiny(Triplet(), decay_from=150.0, epochs=250.0, ids_per_batch=2)
    found = factors(method, 1, 250)
    assert found[:150] == [1.0] * 150
    assert found[200] == pytest.approx(0.001**0.505)
    assert found[-1] == pytest.approx(0.001, rel=0.05)
    ratios = np.array(found[152:]) / np.array(found[151:-1])
    assert ratios == pytest.approx(0.001 ** (1 / 100))


def test_what_an_epoch_is() -> None:
    people = People([str(k) for k in range(60)], np.repeat(np.arange(1, 11), 6), np.zeros(60))

    def steps(**changes: Any) -> int:
        method = tiny(IDE(), epochs=3.0, **changes)
        return identification_stage(method, people, 0, "learn").steps

    assert steps(batch_size=8) == 3 * 7
    assert steps(epoch="step", batch_size=8) == 3
    assert steps(ids_per_batch=2, images_per_id=4) == 3 * 7
    assert steps(ids_per_batch=2, images_per_id=4, epoch="identities") == 3 * 5


# The step itself


def test_an_iteration_is_its_formula() -> None:
    method = tiny(IDE(), head="bnneck", ids_per_batch=2, images_per_id=4, ce_weight=0.5,
                  triplet_weight=2.0, smoothing=0.1, flip=0.0, pad=0, weight_decay=0.0,
                  nesterov=False)  # fmt: skip
    module = module_of(method)
    twin = copy.deepcopy(module.trained)
    batch = crops(8, 2)
    x = F.interpolate(batch.images.float() / 255, (64, 32))
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in ((0.485, 0.456, 0.406),
                                                         (0.229, 0.224, 0.225)))  # fmt: skip
    pooled = twin.trunk((x - mean) / std).mean((2, 3))
    logits = twin.head.classifier(twin.head.bn(pooled))  # type: ignore[operator,union-attr]
    ce = cross_entropy(logits, batch.labels, 0.1)
    triplet, stats = triplet_loss(pooled, batch.labels, margin=0.3)
    (0.5 * ce + 2.0 * triplet).backward()
    before = {n: p.detach().clone() for n, p in module.trained.named_parameters()}
    module.iteration({"crops": batch}, 0)
    assert module.losses["ce"] == pytest.approx(ce.item(), rel=1e-5)
    assert module.losses["triplet"] == pytest.approx(triplet.item(), rel=1e-5)
    logged = {k: v for k, v in module.losses.items() if k not in ("ce", "triplet")}
    assert logged == pytest.approx({f"triplet_{k}": float(v) for k, v in stats.items()}, rel=1e-5)
    assert set(stats) == {"ap", "an", "active", "norm", "std"}
    after = dict(module.trained.named_parameters())
    for name, p in twin.named_parameters():
        rate = 0.005 if name.startswith("trunk.") else 0.05
        if p.grad is None:
            assert name == "head.bn.bias"
            continue
        torch.testing.assert_close(after[name], before[name] - rate * p.grad, rtol=1e-4, atol=1e-5)


def test_the_average_of_the_weights_is_what_is_left() -> None:
    method = tiny(IDE(), ema=0.3, dropout=0.0)
    module, plain = module_of(method), module_of(dataclasses.replace(method, ema=0.0))
    literal = {k: v.double() for k, v in module.trained.state_dict().items()}
    batch = crops(8, 4)
    for step in range(4):
        for each in (module, plain):
            each.training_step({"crops": batch, "step": step})
        d = min(0.3, (1 + step) / (10 + step))
        for name, value in module.learner.state_dict().items():
            mixed = d * literal[name] + (1 - d) * value.double()
            literal[name] = mixed if value.is_floating_point() else value.double()
    for name, value in plain.trained.state_dict().items():  # nothing of it reaches the learner
        assert torch.equal(value, module.learner.state_dict()[name]), name
    for name, value in module.trained.state_dict().items():
        torch.testing.assert_close(value.double(), literal[name], rtol=1e-4, atol=1e-6)
    weight = "trunk.conv1.weight"
    assert not torch.equal(
        module.trained.get_parameter(weight), plain.trained.get_parameter(weight)
    )
    optimised = {id(p) for g in module.raw_optimizers()[0].param_groups for p in g["params"]}
    assert optimised == {id(p) for p in module.learner.parameters()}
    assert plain.learner is plain.trained
    assert not any(key.startswith("raw.") for key in plain.state_dict())


def test_area_crops_are_used() -> None:
    module = module_of(tiny(IDE(), crop_area=0.64))
    assert module.augment.area == (0.64, 1.0)
    module.iteration({"crops": crops(8, 4, (70, 40))}, 0)
    assert module_of(tiny(IDE())).augment.area is None


# The feature


@pytest.mark.parametrize("flip_test", [False, True])
@pytest.mark.parametrize(("feature", "width"), [("pool", CHANNELS), ("bottleneck", 512)])
def test_the_feature_is_normalised_and_may_add_the_mirror_image(
    feature: Any, width: int, flip_test: bool
) -> None:
    torch.manual_seed(0)
    model = tiny(IDE(), feature=feature, flip_test=flip_test).model(4).eval()
    images = torch.rand(2, 3, 64, 32)
    found = model.embed(images)
    assert found.shape == (2, width)

    def literal(x: Tensor) -> Tensor:
        pooled = model.trunk(x).mean((2, 3))
        return pooled if feature == "pool" else model.head.bn(model.head.feat(pooled))  # type: ignore[operator,union-attr]

    with torch.no_grad():
        x = model.normalize(images)
        expected = literal(x) + (literal(x.flip(3)) if flip_test else 0)
    torch.testing.assert_close(found, expected / expected.norm(dim=1, keepdim=True))
    mirrored = model.embed(images.flip(3))
    assert torch.allclose(found, mirrored, atol=1e-5) == flip_test


def test_images_of_any_size_are_resized(tmp_path: Path) -> None:
    model = tiny(IDE()).model(4)
    assert model.embed(torch.rand(1, 3, 100, 40)).shape == (1, 512)
    with pytest.raises(ValueError, match="images must be B×3×h×w"):
        model.embed(torch.rand(3, 64, 32))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"triplet_weight": 1.0}, "set ids_per_batch"),
        ({"head": "none"}, "The head 'none' has no classifier"),
        ({"ce_weight": 0.0}, "nothing to learn"),
        ({"freeze_stages": 1, "backbone": "timm:resnet10t"}, "freeze_stages is for the resnets"),
        ({"decay": "exponential", "decay_from": 60.0}, "needs decay_from before the end"),
    ],
)
def test_settings_that_contradict_each_other(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        IDE(**settings)


@pytest.mark.parametrize("norm", ["caffe_bgr", "auto"])
def test_a_run_says_what_pixels_its_weights_expect(
    norm: str, tiny: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = {k: v.clone() for k, v in resnet(10).state_dict().items()}
    torch.save(state, tmp_path / "w.pth")
    flags = f"--weights {tmp_path / 'w.pth'} --pixel_norm {norm} --steps 1"
    assert main(tiny("ide", tmp_path / "run", flags)) == 0
    warned = "expect pixels in the scale imagenet, but ide gives them caffe_bgr"
    assert (warned in capsys.readouterr().err) == (norm == "caffe_bgr")
    used = "imagenet" if norm == "auto" else norm
    assert f"pixel_norm: {used}" in (tmp_path / "run" / "config.yaml").read_text()
    assert load_model(tmp_path / "run").normalize.norm == PIXEL_NORMS[used]
