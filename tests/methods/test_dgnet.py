"""DG-Net against its specification's oracles."""

from __future__ import annotations

import copy
import math
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from literal.dgnet_twins import Erased, crops, problem
from torch import Tensor, nn

from lookalike.data import People
from lookalike.data.samplers import of_other_people
from lookalike.data.transforms import Augment
from lookalike.errors import UserError
from lookalike.methods import teacher as teachers
from lookalike.methods.dgnet import DGNet, DGNetModel, Joint
from lookalike.methods.ide import IDE, BaselineModel
from lookalike.methods.look import Look
from lookalike.methods.model_file import save_model
from lookalike.methods.pictures import SwapGrid
from lookalike.methods.stage import Given, Stage
from lookalike.methods.teacher import Teacher, load_teacher
from lookalike.nets.dgnet import Discriminator, Generator, PatchDiscriminator

F64 = torch.float64
H, W, B, K = 48, 40, 3, 11  # the dilated branches' reflection needs at least 40 pixels
BASE = DGNet(height=H, width=W, batch_size=B, weights="none", stride_on="3x3")


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


# ---- shapes and counts --------------------------------------------------------------------


def test_generator_counts() -> None:
    gen = Generator(2048, 16, 4, 512, "channel")
    mlps = count(gen.gammas) + count(gen.betas)
    assert count(gen.encoder) == 380_544
    assert mlps == 11_544_576
    assert count(gen.gammas[0]) == 1_443_072
    assert count(gen) - count(gen.encoder) - mlps == 1_455_555
    assert count(gen) == 13_380_675


def test_discriminator_counts_and_patches() -> None:
    dis = Discriminator(32, 3, 4)
    assert count(dis) == 1_025_571
    assert count(PatchDiscriminator(32, 4)) == 341_857
    with torch.no_grad():
        maps = dis(torch.randn(1, 3, 256, 128))
    assert [tuple(m.shape[1:]) for m in maps] == [(1, 64, 32), (1, 32, 16), (1, 16, 8)]


@pytest.mark.parametrize(
    ("classes", "published"),
    [(751, 28_427_782), (702, 28_377_508), (767, 28_444_198), (1041, 28_725_322)],
)
def test_appearance_encoder_counts(classes: int, published: int) -> None:
    model = DGNet(weights="none", stride_on="3x3").model(classes)
    unused_fc = 2_049_000  # ImageNet's classifier, which the published counts include
    assert count(model.appearance) + unused_fc == published
    assert count(model.appearance.trunk) == 23_508_032
    assert count(model.appearance.primary) == 1_050_112 + 513 * classes


def test_teacher_count() -> None:
    assert count(BaselineModel(IDE(weights="none", stride_on="3x3"), 751)) == 24_943_407


def test_codes_have_the_specified_shapes_and_statistics() -> None:
    model = DGNet(weights="none", stride_on="3x3").model(4)
    with torch.no_grad():
        images = torch.rand(2, 3, 256, 128)
        f, s = model.appearance_code(images), model.structure_code(images)
        picture = model.render(f, s)
    assert f.shape == (2, 8192)
    assert s.shape == (2, 128, 64, 32)
    assert picture.shape == (2, 3, 256, 128)
    assert s.mean((2, 3)).abs().max() < 1e-4
    assert (s.std((2, 3)) - 1).abs().max() < 0.01


def test_the_code_is_channel_major_and_the_stripe_order_is_an_option() -> None:
    feature_map = torch.arange(8.0).view(1, 2, 4, 1)  # two channels, four stripes
    code = BASE.model(K).appearance.code(feature_map)
    assert code.tolist() == [[0, 1, 2, 3, 4, 5, 6, 7]]  # index = 4·channel + stripe
    seen: dict[str, list[Tensor]] = {}
    for order in ("channel", "stripe"):
        gen = Generator(2, 2, 1, 3, order)  # type: ignore[arg-type]
        seen[order] = []
        for gamma in gen.gammas:
            gamma.register_forward_pre_hook(lambda _, x, o=order: seen[o].append(x[0]))
        gen.styles(code)
    assert [x.tolist()[0] for x in seen["channel"]] == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert [x.tolist()[0] for x in seen["stripe"]] == [[0, 4], [1, 5], [2, 6], [3, 7]]


def test_discriminators_start_from_normal_weights_and_the_generator_from_kaiming() -> None:
    dis, gen = Discriminator(32, 1, 4), Generator(2048, 16, 4, 512, "channel")
    weights = torch.cat([m.weight.flatten() for m in dis.modules() if isinstance(m, nn.Conv2d)])
    assert float(weights.detach().std()) == pytest.approx(0.02, rel=0.02)
    first = gen.gammas[0].layers[0].weight  # fan-in 2048, gain √2
    assert float(first.detach().std()) == pytest.approx(math.sqrt(2 / 2048), rel=0.02)
    for net in (dis, gen):
        for m in net.modules():
            if isinstance(m, (nn.Conv2d, nn.Linear)):
                assert m.bias is not None
                assert not m.bias.any()


# ---- which loss moves which network -------------------------------------------------------

PARTS = {
    "encoder": lambda j: j.trained.generator.encoder,
    "decoder": lambda j: j.trained.generator.residuals,
    "mlps": lambda j: j.trained.generator.gammas,
    "trunk": lambda j: j.trained.appearance.trunk,
    "primary": lambda j: j.trained.appearance.primary,
    "fine": lambda j: j.trained.appearance.fine,
}
GENERATOR_LOSS = {"encoder", "decoder", "mlps"}
WEIGHTS = {
    "adv": "adv_weight", "recon": "recon_weight", "positive": "positive_weight",
    "generated_id": "generated_id_weight", "structure": "structure_weight",
    "appearance": "appearance_weight", "cycle": "cycle_weight", "id": "id_weight",
    "positive_id": "positive_id_weight", "teacher": "teacher_weight",
}  # fmt: skip


@pytest.mark.parametrize(
    ("kept", "moved", "settings"),
    [
        ("adv", GENERATOR_LOSS, {}),
        ("recon", GENERATOR_LOSS, {}),
        ("positive", GENERATOR_LOSS, {}),
        ("generated_id", GENERATOR_LOSS, {}),
        ("structure", {"encoder"}, {"encode_again": 1.0}),
        ("structure", GENERATOR_LOSS, {"encode_again": 0.0}),
        ("appearance", set(), {}),
        ("appearance", GENERATOR_LOSS, {"code_gradient": "pictures"}),
        ("cycle", GENERATOR_LOSS, {}),
        ("id", {"trunk", "primary"}, {}),
        ("positive_id", {"trunk", "primary"}, {}),
        ("teacher", {"trunk", "primary", "fine"}, {}),
        ("teacher", {"trunk", "primary"}, {"fine_factor": 0.0}),
    ],
)
def test_gradient_routing(kept: str, moved: set[str], settings: dict[str, Any]) -> None:
    off = {field: 0.0 for name, field in WEIGHTS.items() if name != kept}
    tiny = {"structure_dim": 2, "dis_dim": 2, "mlp_dim": 8, "backbone": "resnet10",
            "residual_blocks": 1}  # fmt: skip
    method = replace(BASE, ramp_from=0, ramp=1, r1_weight=0.0, **{**tiny, **off, **settings})
    batch, draws = problem(H, W, B, K, torch.float32)
    joint = tiny_joint(method, draws)
    joint.iteration(crops(batch), 10)  # type: ignore[arg-type]
    for name, part in PARTS.items():
        gradient = sum(float(p.grad.abs().sum()) for p in part(joint).parameters()
                       if p.grad is not None)  # fmt: skip
        assert (gradient > 0) == (name in moved), f"{kept} → {name}: {gradient}"


# Each loss of the generator's, with what it needs to reach a picture
GENERATOR_TERMS = ("adv", "recon", "positive", "generated_id", "structure", "appearance", "cycle")


@pytest.mark.parametrize("kept", GENERATOR_TERMS)
@pytest.mark.parametrize(
    ("setting", "erase", "terms"),
    [
        ("none", 0.5, set()),
        ("none", 0.0, set()),
        ("image", 0.5, {"recon", "positive"}),
        ("image", 0.0, {"recon", "positive"}),
        ("all", 0.5, set(GENERATOR_TERMS)),
    ],
)
def test_which_generator_losses_train_the_appearance_encoder(
    kept: str, setting: str, erase: float, terms: set[str]
) -> None:
    off = {field: 0.0 for name, field in WEIGHTS.items() if name != kept}
    method = replace(TINY, ramp_from=0, ramp=1, r1_weight=0.0, encode_again=0.0, erase=erase,
                     appearance_gradient=setting, **off)  # type: ignore[arg-type] # fmt: skip
    batch, draws = problem(H, W, B, K, torch.float32)
    joint = tiny_joint(method, draws)
    joint.iteration(crops(batch), 10)  # type: ignore[arg-type]
    moved = {name for name in ("trunk", "primary", "fine", "decoder")
             if any(p.grad is not None and p.grad.any() for p in PARTS[name](joint).parameters())}  # type: ignore[no-untyped-call] # fmt: skip
    assert ("trunk" in moved) == (kept in terms)
    assert ("primary" in moved) == (kept in terms and kept == "generated_id")
    assert "fine" not in moved
    assert ("decoder" in moved) == (kept != "appearance" or setting == "all")


@pytest.mark.parametrize("setting", ["image", "all"])
def test_the_encoder_descends_the_printed_losses(setting: str) -> None:
    """Its gradient is that of eq. 1, 2 and, with all, 4 to 7 and the cycle, written out by sides
    and with nothing held constant but the structure's target and the discriminator."""
    off = dict(id_weight=0.0, positive_id_weight=0.0, teacher_weight=0.0, encode_again=0.0)
    method = replace(TINY, ramp_codes=False, gan="log", appearance_gradient=setting, **off)  # type: ignore[arg-type]
    batch, draws = problem(H, W, B, K, F64)
    joint = tiny_joint(method, draws).double()
    net = copy.deepcopy(joint.trained)
    joint.iteration(crops(batch), 0)  # type: ignore[arg-type]
    gen, app = net.generator, net.appearance
    for head in (app.primary, app.fine):
        head.dropout.p = 0.0
    x, xp, ids = ({"a": batch[f"{n}_a"], "b": batch[f"{n}_b"]} for n in ("x", "xp", "l"))
    total = torch.zeros((), dtype=F64)
    f, s = {k: app(x[k]).code for k in "ab"}, {k: gen.structure(x[k]) for k in "ab"}
    worn = {k: gen.decode(s[other], gen.styles(f[k])) for k, other in ("ab", "ba")}
    for k, other in ("ab", "ba"):
        total = total + 5 * (gen.decode(s[k], gen.styles(f[k])) - x[k]).abs().mean()
        total = total + 5 * (gen.decode(s[k], gen.styles(app(xp[k]).code)) - x[k]).abs().mean()
        if setting == "all":
            s_again, again = gen.structure(worn[other]), app(worn[k])
            for logits in joint.discriminator(worn[k]):  # after its step, as the generator meets it
                total = total + torch.log(1 - torch.sigmoid(logits)).mean()
            total = total + (again.code - f[k]).abs().mean()
            total = total + (s_again - s[k].detach()).abs().mean()
            p = again.primary.softmax(1)[range(B), ids[k]]
            total = total - 0.5 * torch.log(p).mean()
            cycled = gen.decode(s_again, gen.styles(again.code))
            total = total + 2 * (cycled - x[k]).abs().mean()
    names = [name for name, _ in app.trunk.named_parameters()]
    slopes = torch.autograd.grad(total, list(app.trunk.parameters()))
    for name, slope in zip(names, slopes, strict=True):
        own = joint.trained.appearance.trunk.get_parameter(name).grad
        torch.testing.assert_close(own, slope, rtol=1e-7, atol=1e-9)
        assert name.endswith("bias") or slope.abs().sum() > 0


def tiny_joint(method: DGNet, draws: dict[str, Any]) -> Joint:
    """A stage with given draws, outside of a trainer."""
    torch.manual_seed(0)
    teacher = BaselineModel(
        IDE(backbone="resnet10", weights="none", stride_on="3x3", dropout=0.5), K)  # fmt: skip
    joint = Joint(method, K, [teacher])
    joint.stage = "joint"
    joint.augment = nn.Identity()  # type: ignore[assignment]
    joint.erase = Erased([draws[n] for n in ("ex_a", "ex_b", "exp_a", "exp_b")])  # type: ignore[assignment]
    return joint.train()


TINY = replace(BASE, structure_dim=2, dis_dim=2, mlp_dim=8, backbone="resnet10", residual_blocks=1)


def test_eight_batchnorm_updates_before_the_ramps_and_six_without_erasing() -> None:
    batch, draws = problem(H, W, B, K, torch.float32)
    joint = tiny_joint(TINY, draws)
    joint.iteration(crops(batch), 0)  # type: ignore[arg-type]
    assert int(joint.trained.appearance.trunk.bn1.num_batches_tracked) == 8  # type: ignore[union-attr, arg-type]
    assert set(joint.losses) == {"dis", "r1", "adv", "recon", "positive", "generated_id", "id",
                                 "positive_id"}  # fmt: skip
    clean = tiny_joint(replace(TINY, erase=0.0, ramp_from=0, ramp=1), draws)
    clean.iteration(crops(batch), 10)  # type: ignore[arg-type]
    assert int(clean.trained.appearance.trunk.bn1.num_batches_tracked) == 6  # type: ignore[union-attr, arg-type]


def test_the_trained_networks_move_and_nothing_else_does() -> None:
    batch, draws = problem(H, W, B, K, torch.float32)
    joint = tiny_joint(replace(TINY, ramp_from=0, ramp=1), draws)
    before = {k: v.clone() for k, v in joint.state_dict().items()}
    joint.iteration(crops(batch), 10)  # type: ignore[arg-type]
    changed = {k.split(".")[0] for k, v in joint.state_dict().items() if not v.equal(before[k])}
    assert changed == {"trained", "discriminator"}  # the teacher, its statistics included, is still


# ---- schedule -----------------------------------------------------------------------------


def test_ramps() -> None:
    method = DGNet()
    at = {it: method.ramps(it) for it in (0, 30_000, 30_001, 32_000, 34_000, 99_999)}
    assert set(at[0].values()) == set(at[30_000].values()) == {0.0}
    assert at[30_001] == pytest.approx(dict.fromkeys(at[0], 0.0005))
    assert at[32_000] == {"structure_code": 1, "appearance_code": 1, "cycle": 1, "teacher": 1}
    full = {"structure_code": 1, "appearance_code": 1, "cycle": 2, "teacher": 2}
    assert at[34_000] == at[99_999] == full


RAMPED = {"structure_code", "appearance_code", "cycle", "id_fine", "primary", "fine"}


@pytest.mark.parametrize(
    ("preset", "step", "terms"),
    [
        ("code", 30_000, set()),
        ("code", 30_001, set()),  # the weights were 0 when this step began
        ("code", 30_002, RAMPED),
        ("paper", 0, {"structure_code", "appearance_code"}),
        ("paper", 30_001, {"structure_code", "appearance_code"}),
        ("paper", 30_002, {"structure_code", "appearance_code", "primary", "fine"}),
    ],
)
def test_the_step_at_which_ramped_terms_set_in(preset: str, step: int, terms: set[str]) -> None:
    batch, draws = problem(H, W, B, K, torch.float32)
    tiny = {f.name: getattr(TINY, f.name) for f in fields(TINY)
            if getattr(TINY, f.name) != getattr(DGNet(), f.name)}  # fmt: skip
    joint = tiny_joint(DGNet.preset(preset, **tiny), draws)
    joint.iteration(crops(batch), step)  # type: ignore[arg-type]
    assert set(joint.losses) & RAMPED == terms
    codes = max(0, step - 30_000) / 2_000 if preset == "code" else 1.0
    assert joint.weights["structure_code"] == joint.weights["appearance_code"] == codes
    assert joint.weights["cycle"] == (codes if preset == "code" else 0)
    assert joint.weights["teacher"] == max(0, step - 30_000) / 2_000


def test_learning_rates_drop_for_all_optimisers_a_step_early() -> None:
    """The released scheduler is stepped before the update: step 59,999, from 0, has its second."""
    joint = tiny_joint(replace(TINY, milestones=(60_000, 90_000)), problem(H, W, B, K, F64)[1])
    factors = [joint.learning_rate(it) for it in (0, 59_998, 59_999, 89_998, 89_999)]
    assert factors == pytest.approx([1, 1, 0.1, 0.1, 0.01])
    joint.method = replace(TINY, milestones=(3, 5))
    (optimizer, *_) = joint.raw_optimizers()
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [3, 5])
    for step in range(7):
        optimizer.step()  # torch would have the update before; its order changes no rate
        scheduler.step()
        assert scheduler.get_last_lr() == pytest.approx([1e-4 * joint.learning_rate(step)])


def test_optimisers_are_those_of_the_paper() -> None:
    gen, dis, app = tiny_joint(TINY, problem(H, W, B, K, F64)[1]).raw_optimizers()
    for adam in (gen, dis):
        assert isinstance(adam, torch.optim.Adam)
        assert adam.defaults["betas"] == (0.0, 0.999)
        assert [(g["lr"], g["weight_decay"]) for g in adam.param_groups] == [(1e-4, 5e-4)]
    assert isinstance(app, torch.optim.SGD)
    assert [g["lr"] for g in app.param_groups] == [0.002, 0.02]
    assert all(g["nesterov"] and g["momentum"] == 0.9 for g in app.param_groups)
    assert all(g["weight_decay"] == 5e-4 for g in app.param_groups)


def test_the_paper_preset_is_the_printed_system() -> None:
    """Whatever the specification's list of differences gives a setting."""
    paper = DGNet.preset("paper")
    changed = {f.name: getattr(paper, f.name) for f in fields(paper)
               if getattr(paper, f.name) != getattr(DGNet(), f.name)}  # fmt: skip
    assert changed == {
        "appearance_gradient": "all", "code_gradient": "pictures", "gan": "log",
        "ramp_codes": False, "cycle_weight": 0.0, "positive_id_weight": 0.0,
        "fine_on_real": False, "teacher_bn": "running", "part_order": "stripe",
        "different_ids": True,
    }  # fmt: skip
    assert DGNet.preset("code") == DGNet()
    assert (DGNet().appearance_gradient, DGNet().gan, DGNet().ramp_codes) == ("none", "lsgan", True)


def test_the_logarithmic_game_isnt_doubled() -> None:
    """Where D answers 0, a half: −2·Σ_scale ln 2 of the generator's, 4·Σ_scale ln 2 of its own."""
    losses = losses_with((("gan", "log"),))
    assert losses["adv"] == pytest.approx(-2 * 3 * math.log(2), abs=0.01)
    assert losses["dis"] == pytest.approx(4 * 3 * math.log(2), abs=0.01)
    released = losses_with(())
    for name in losses.keys() - {"adv", "dis"}:
        assert losses[name] == pytest.approx(released[name], rel=1e-4), name


def test_scaling_the_schedule_scales_the_teacher_too() -> None:
    scaled = DGNet().scaled(0.01)
    assert (scaled.joint_steps, scaled.ramp_from, scaled.ramp, scaled.milestones) == (
        1_000, 300, 20, (600, 900, 1_050))  # fmt: skip
    assert scaled.teacher.epochs == pytest.approx(0.6)
    assert scaled.lr == DGNet().lr


# ---- the teacher ---------------------------------------------------------------------


@pytest.fixture
def teacher() -> BaselineModel:
    torch.manual_seed(3)
    model = BaselineModel(IDE(backbone="resnet10", weights="none", stride_on="3x3"), K)
    nn.init.normal_(model.head.classifier.weight)  # type: ignore[union-attr, arg-type]
    return model


DONORS = torch.tensor([0, 1, 2, 3]), torch.tensor([4, 5, 6, 7])


def test_soft_labels_average_both_mirror_views_with_batch_statistics(
    teacher: BaselineModel,
) -> None:
    x = torch.randn(4, 3, 64, 32)
    q = Teacher([teacher])(x, *DONORS)
    teacher.train()
    teacher.head.dropout.p = 0.0  # type: ignore[union-attr]
    with torch.no_grad():
        expected = teacher.logits(x).softmax(1) + teacher.logits(x.flip(3)).softmax(1)
    torch.testing.assert_close(q, expected / expected.sum(1, keepdim=True))


def test_running_statistics_and_dropout_are_switches(teacher: BaselineModel) -> None:
    x = torch.randn(4, 3, 64, 32)
    batch = Teacher([teacher])(x, *DONORS)
    running = Teacher([teacher], bn="running")(x, *DONORS)
    assert not torch.allclose(batch, running)
    noisy = Teacher([teacher], dropout=True).train()
    assert not torch.allclose(noisy(x, *DONORS), noisy(x, *DONORS))
    quiet = Teacher([teacher]).train()
    torch.testing.assert_close(quiet(x, *DONORS), quiet(x, *DONORS))
    for changes in ({}, {"teacher_bn": "running"}, {"teacher_dropout": True}):
        own = Joint(replace(TINY, **changes), K, [teacher]).teacher  # type: ignore[arg-type]
        switches = {"teacher_bn": own.bn, "teacher_dropout": own.dropout}
        assert switches == {"teacher_bn": "batch", "teacher_dropout": False, **changes}


def test_label_styles(teacher: BaselineModel) -> None:
    x = torch.randn(4, 3, 64, 32)
    appearance, structure = DONORS

    def q(style: str) -> Tensor:
        method = replace(TINY, label_style=style)  # type: ignore[arg-type]
        label: Tensor = Joint(method, K, [teacher]).teacher(x, appearance, structure)
        torch.testing.assert_close(label.sum(1), torch.ones(4))
        return label

    soft = q("soft")
    assert q("hard").argmax(1).tolist() == soft.argmax(1).tolist()
    assert set(q("hard").flatten().tolist()) == {0.0, 1.0}
    assert q("appearance").argmax(1).tolist() == appearance.tolist()
    torch.testing.assert_close(q("uniform"), torch.full((4, K), 1 / K))
    masked = q("masked")
    for i in range(4):
        donors = [int(appearance[i]), int(structure[i])]
        torch.testing.assert_close(masked[i, donors], soft[i, donors] / soft[i, donors].sum())


def test_several_teachers_are_averaged(teacher: BaselineModel) -> None:
    torch.manual_seed(4)
    other = BaselineModel(IDE(backbone="resnet10", weights="none", stride_on="3x3"), K)
    nn.init.normal_(other.head.classifier.weight)  # type: ignore[union-attr, arg-type]
    x = torch.randn(4, 3, 64, 32)
    mean = (Teacher([teacher])(x, *DONORS) + Teacher([other])(x, *DONORS)) / 2
    torch.testing.assert_close(Teacher([teacher, other])(x, *DONORS), mean)


def test_the_teacher_ignores_train_and_eval(teacher: BaselineModel) -> None:
    label = Teacher([teacher])
    label.train()
    assert not any(m.training for m in teacher.modules())
    assert not any(p.requires_grad for p in label.parameters())


def test_a_given_teacher_draws_as_a_new_network_does(tmp_path: Path) -> None:
    """Reading one draws no weights; the joint stage's, drawn next, are as ever."""
    method = IDE(backbone="resnet10", weights="none", stride_on="3x3", height=64, width=48)
    file = save_model(BaselineModel(method, 3), tmp_path / "teacher.safetensors")
    people = People(["x"] * 3, np.arange(1, 4), np.zeros(3))
    torch.manual_seed(5)
    load_teacher(str(file), people, 64, 48)
    next_draw = torch.rand(3)
    torch.manual_seed(5)
    BaselineModel(method, 3)
    assert torch.equal(torch.rand(3), next_draw)


def look(people: People, images: Tensor) -> Look:
    return Look(people, lambda rows: images[torch.as_tensor(rows)], torch.device("cpu"))


def test_a_teacher_that_does_not_know_the_people_is_refused() -> None:
    people = People(["x"] * 22, np.repeat(np.arange(1, 12), 2), np.zeros(22), "drawn")
    method = replace(TINY, teacher_model="teacher.safetensors")
    joint = tiny_joint(method, problem(H, W, B, K, F64)[1])
    joint.augment = Augment(H, W)
    black = look(people, torch.zeros(22, 3, H, W, dtype=torch.uint8))
    with pytest.raises(UserError, match=r"safetensors recognises 9% of these training images"):
        joint.begin(black)
    for given, least in (("teacher.safetensors", 2 / 22), ("", 1.0)):  # two crops of a class
        joint.method = replace(method, teacher_model=given, teacher_top1=least)
        joint.begin(black)


def test_the_preview_is_seven_people_in_each_others_clothes() -> None:
    joint = tiny_joint(TINY, problem(H, W, B, K, F64)[1])
    people = People([str(k) for k in range(27)], np.repeat(np.arange(1, 10), 3), np.zeros(27))
    images = torch.randint(0, 256, (27, 3, H, W), dtype=torch.uint8)
    joint.begin(look(people, images))
    first = images[[0, 3, 9, 12, 15, 21, 24]] / 255  # the first crop of people evenly from nine
    grid = joint.preview()["swap"]
    assert isinstance(grid, SwapGrid)
    assert grid.appearances.equal(first)
    assert grid.structures.equal(first)
    assert grid.cells.equal(joint.trained.swap_grid(first, first))
    joint.begin(look(people[np.arange(6)], images))
    assert len(joint.preview()["swap"].appearances) == 2  # type: ignore[union-attr]


def test_a_teacher_sees_what_it_was_trained_on(
    monkeypatch: pytest.MonkeyPatch, teacher: BaselineModel
) -> None:
    """The first stage trains it at DG-Net's size; a given one must have that size and scale."""
    own = replace(TINY, teacher=IDE(height=256, width=128)).resolved().teacher
    assert (own.height, own.width, own.backbone) == (H, W, "resnet10")
    people = People(["x"] * 22, np.repeat(np.arange(1, 12), 2), np.zeros(22), "drawn")
    monkeypatch.setattr(teachers, "load_model", lambda _: teacher)
    with pytest.raises(UserError, match=r"takes images of 256×128 .* pictures of 48×40"):
        load_teacher("t.safetensors", people, H, W)
    assert load_teacher("t.safetensors", people, 256, 128) is teacher
    teacher.method = replace(teacher.method, pixel_norm="half")
    with pytest.raises(UserError, match="scale 'half'"):
        load_teacher("t.safetensors", people, 256, 128)


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ({"ramp": 0}, "ramp is 0, but must be 1 or more"),
        ({"batch_size": 1}, "batch_size is 1, but must be 2 or more"),
        ({"height": 32}, "height is 32, but must be 40 or more"),
        ({"width": 50}, "width is 50, but must be 40 or more and a multiple of 4"),
        ({"beta": -1.0}, "beta is -1.0"),
        ({"label_style": "sfot"}, "Unknown label_style 'sfot'; did you mean 'soft'"),
    ],
)
def test_numbers_that_cannot_work(setting: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        replace(TINY, **setting)


def test_the_appearance_encoder_may_start_as_the_teacher(teacher: BaselineModel) -> None:
    app = Joint(replace(TINY, start_from="teacher"), K, [teacher]).trained.appearance
    for own, given in ((app.trunk, teacher.trunk), (app.primary, teacher.head),
                       (app.fine, teacher.head)):  # fmt: skip
        for name, value in own.state_dict().items():
            assert value.equal(given.state_dict()[name]), name
    for changes in ({"head": "bnneck"}, {"backbone": "resnet34"}, {"stride_on": "1x1"}):
        other = BaselineModel(replace(teacher.method, **changes), K)
        with pytest.raises(UserError, match="start_from teacher needs a teacher with"):
            Joint(replace(TINY, start_from="teacher"), K, [other])


# ---- data, features, pictures --------------------------------------------------


def test_redrawn_partners_have_other_identities() -> None:
    labels = np.repeat(np.arange(4), 3)
    a, b = np.array([0, 3, 6, 9]), np.array([1, 6, 8, 0])
    drawn = of_other_people(labels, a, b, seed=0, step=5)
    assert (labels[drawn] != labels[a]).all()
    assert drawn[[1, 3]].tolist() == [6, 0]  # those that differed stay
    np.testing.assert_array_equal(drawn, of_other_people(labels, a, b, seed=0, step=5))
    with pytest.raises(UserError, match="two identities"):
        of_other_people(np.zeros(3, int), np.array([0]), np.array([1]), 0, 0)


def test_plan_pairs_every_image_with_its_own_identity() -> None:
    labels = np.repeat(np.arange(1, 7), 5)
    people = People([str(i) for i in range(30)], labels, np.zeros(30), "drawn")
    (joint,) = replace(TINY, teacher_model="given").stages(Given(people, seed=1))
    assert isinstance(joint, Stage)
    assert (joint.name, joint.people) == ("joint", people)
    assert joint.plan is not None
    batch = joint.plan(7)
    for side in "ab":
        positive = batch[f"{side}_positive"]
        assert (labels[batch[side]] == labels[positive]).all()
        assert (batch[side] != positive).all()
    assert batch["a"].tolist() != batch["b"].tolist()


@pytest.fixture(scope="module")
def model() -> DGNetModel:
    torch.manual_seed(5)
    return TINY.model(K)


def test_swap_grid_is_all_pairs(model: DGNetModel) -> None:
    looks, shapes = torch.rand(2, 3, 50, 40), torch.rand(3, 3, H, W)
    grid = model.swap_grid(looks, shapes)
    assert grid.shape == (2, 3, 3, H, W)
    for i in range(2):
        for j in range(3):
            torch.testing.assert_close(grid[i, j][None],
                                       model.swap(looks[i : i + 1], shapes[j : j + 1]))  # fmt: skip
    assert 0 <= float(grid.min()) <= float(grid.max()) <= 1


def test_interpolation_begins_and_ends_with_the_swaps(model: DGNetModel) -> None:
    first, second, fixed = (torch.rand(2, 3, H, W) for _ in range(3))
    worn = model.interpolate(first, second, fixed)
    assert worn.shape == (2, 11, 3, H, W)
    torch.testing.assert_close(worn[:, 0], model.swap(first, fixed))
    torch.testing.assert_close(worn[:, -1], model.swap(second, fixed))
    moved = model.interpolate(first, second, fixed, steps=3, code="structure")
    torch.testing.assert_close(moved[:, 2], model.swap(fixed, second))


def test_a_model_without_generator_embeds_but_does_not_swap() -> None:
    model = TINY.model(K)
    model.leave_out("generator")
    images = torch.rand(2, 3, H, W)
    assert model.embed(images).shape == (2, 1024)
    with pytest.raises(UserError, match="no generator"):
        model.swap(images, images)


# ---- the ablation switches --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "gone"),
    [
        ({"cycle_weight": 0.0}, {"cycle"}),
        ({"positive_id_weight": 0.0}, {"positive_id"}),
        ({"fine_on_real": False}, {"id_fine"}),
        ({"teacher_weight": 0.0}, {"primary", "fine", "id_fine"}),
        ({"structure_weight": 0.0}, {"structure_code"}),
        ({"appearance_weight": 0.0}, {"appearance_code"}),
    ],
)
def test_a_switch_removes_exactly_its_term(setting: dict[str, Any], gone: set[str]) -> None:
    full, ablated = losses_with(()), losses_with(tuple(setting.items()))
    assert set(full) - set(ablated) == gone
    for name, value in ablated.items():
        assert value == pytest.approx(full[name], rel=1e-4), name


@cache
def losses_with(setting: tuple[tuple[str, Any], ...]) -> dict[str, float]:
    """The losses of a step after all ramps, with these settings."""
    batch, draws = problem(H, W, B, K, torch.float32)
    joint = tiny_joint(replace(TINY, ramp_from=0, ramp=1, **dict(setting)), draws)
    torch.manual_seed(0)
    joint.iteration(crops(batch), 10)  # type: ignore[arg-type]
    return joint.losses


@pytest.mark.parametrize("changes", [DGNet.control, DGNet.ablations["f_prim alone"]])
def test_a_head_that_does_not_learn_does_not_count_in_a_score(changes: dict[str, Any]) -> None:
    model = replace(BASE, **changes).model(4).eval()
    with torch.no_grad():
        before = model.embed(torch.rand(2, 3, *model.size, generator=torch.manual_seed(0)))
        for weight in model.appearance.fine.parameters():
            weight.normal_()
        after = model.embed(torch.rand(2, 3, *model.size, generator=torch.manual_seed(0)))
    torch.testing.assert_close(before, after, rtol=0, atol=1e-9)
    assert before.abs().max() > 1e-2


def test_lazy_r1_counts_as_often_as_it_is_left_out() -> None:
    batch, draws = problem(H, W, B, K, torch.float32)

    def r1(every: int, step: int) -> float:
        joint = tiny_joint(replace(TINY, r1_every=every, r1_weight=1e3), draws)
        joint.iteration(crops(batch), step)  # type: ignore[arg-type]
        return joint.losses["r1"]

    assert r1(4, 8) == pytest.approx(4 * r1(1, 8))
    assert r1(4, 9) == 0
