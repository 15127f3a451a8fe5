"""FD-GAN's settings, losses, stages and model against its specification."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.trunks import CHANNELS
from torch import Tensor, nn

from lookalike.data import People
from lookalike.data.batches import Crops
from lookalike.data.poses.poses import Poses
from lookalike.data.transforms import ERASINGS
from lookalike.errors import UserError
from lookalike.losses import bce_discriminator
from lookalike.methods import fdgan, siamese
from lookalike.methods.fdgan import FDGAN, Adversarial, FDGANModel, Inputs, Networks
from lookalike.methods.look import Look
from lookalike.methods.model_file import load_model, save_model
from lookalike.methods.siamese import Baseline
from lookalike.methods.stage import Given, Stage, Terms

H, W, P = 64, 32, 4
TINY = FDGAN(height=H, width=W, backbone="resnet10", weights="none", stride_on="3x3", batch_size=P,
             generator_dim=2, dis_dim=2, pose_dim=3, noise_dim=4)  # fmt: skip
ALL = {"recon", "sp", "veri", "adv_id", "adv_pd", "dis_id", "dis_pd"}


NOTHING_DRAWN = dict.fromkeys(
    ("recon_weight", "sp_weight", "adv_id_weight", "adv_pd_weight"), 0.0)  # fmt: skip


def networks(method: FDGAN) -> Networks:
    return Networks(method, 3, FDGANModel(method, 3))


def first(method: FDGAN, epoch: int = 10) -> Baseline:
    """The stage "baseline"."""
    return Baseline(method, FDGANModel(method, 3), epoch).train()


@cache
def seeded_networks(method: FDGAN) -> tuple[Networks, Tensor]:
    """The networks of seed 0, not to be changed, and the generator's state after them."""
    torch.manual_seed(0)
    return networks(method), torch.get_rng_state()


def adversarial(method: FDGAN = TINY, joint: bool = True, **changes: Any) -> Adversarial:
    nets, random = seeded_networks(method)
    torch.set_rng_state(random)
    stage = Adversarial(replace(method, **changes), copy.deepcopy(nets), 10, joint)
    stage.stage = "joint"
    return stage.train()


def crops(seed: int, labels: list[int]) -> Crops:
    rng = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (len(labels), 3, H, W), dtype=torch.uint8, generator=rng)
    joints = torch.rand(len(labels), 18, 3, generator=rng) * torch.tensor([W, H, 0.0])
    joints[..., 2] = 1
    none = torch.zeros(0)
    return Crops(images, torch.tensor(labels), none, none, joints)


def batch(labels: tuple[int, ...] = (0, 0, 0, 0), others: tuple[int, ...] = (0, 1, 1, 2)) -> Any:
    one, two = list(labels), list(others)
    return {"first": crops(0, one), "second": crops(1, two), "first_target": crops(2, one),
            "second_target": crops(3, two)}  # fmt: skip


def state(module: nn.Module) -> dict[str, Tensor]:
    return {k: v.clone() for k, v in module.state_dict().items()}


def moved(before: dict[str, Tensor], module: nn.Module) -> set[str]:
    return {k for k, v in module.state_dict().items() if not v.equal(before[k])}


# ---- losses ----------------------------------------------------------------------------------


def test_a_discriminators_loss() -> None:
    real, fake = torch.tensor([[[0.3], [-1.0]], [[0.5], [2.0]]], dtype=torch.float64)

    def bce(logit: float, target: float) -> float:
        p = 1 / (1 + math.exp(-logit))
        return -target * math.log(p) - (1 - target) * math.log(1 - p)

    expected = 0.5 * ((bce(0.3, 0.9) + bce(-1, 0.9)) / 2 + (bce(0.5, 0.2) + bce(2, 0.2)) / 2)
    terms = Terms(times=0.5)
    terms.add("dis", 1.0, bce_discriminator(fake, real, (0.2, 0.9)))
    assert float(terms.total()) == pytest.approx(expected, rel=1e-12)
    stage = adversarial()
    stage.update_pose(inputs(stage), torch.rand(2 * P, 3, H, W), (0.5, 0.5))
    assert stage.losses["dis_pd"] == pytest.approx(math.log(2), abs=0.2)  # the half of two of them


def test_targets_are_drawn_for_each_discriminator(monkeypatch: pytest.MonkeyPatch) -> None:
    stage, seen = adversarial(), []
    monkeypatch.setattr(stage, "update", lambda _, targets: seen.append(targets))
    torch.manual_seed(0)
    stage.iteration(batch(), 0)
    assert seen[0]["identity"] != seen[0]["pose"]
    stage.method = replace(stage.method, smooth_labels=False)
    stage.iteration(batch(), 0)
    assert seen[1] == {"identity": (0.0, 1.0), "pose": (0.0, 1.0)}


def test_targets_change_places_as_rarely_as_released(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pytest.approx(1 / 10001) == fdgan.SWAP_ROLES
    stage, seen = adversarial(), []
    monkeypatch.setattr(stage, "update", lambda _, targets: seen.append(targets))
    for share in (0.0, 1.0):
        monkeypatch.setattr(fdgan, "SWAP_ROLES", share)
        stage.iteration(batch(), 0)
    for name in ("identity", "pose"):
        (generated, real), (swapped, other) = (targets[name] for targets in seen)
        assert max(generated, other) <= 0.3
        assert min(real, swapped) >= 0.7


# ---- inputs ----------------------------------------------------------------------------------


def inputs(stage: Adversarial, given: Any = None) -> Inputs:
    torch.manual_seed(5)
    return stage.inputs(given or batch())


def test_pairs_share_noise_and_positive_pairs_their_target() -> None:
    seen = inputs(adversarial(flip=0.5))
    assert seen.positive.tolist() == [True, False, False, False]
    assert seen.noise.shape == (2 * P, 4)
    assert seen.noise[0::2].equal(seen.noise[1::2])
    assert seen.maps.shape == (2 * P, 18, H, W)
    given = batch()
    given["second_target"].images[0] = given["first_target"].images[0]  # as the plan does
    given["second_target"].joints[0] = given["first_target"].joints[0]
    seen = inputs(adversarial(flip=0.5), given)
    for name in ("maps", "target"):
        sides = getattr(seen, name)
        assert sides[0].equal(sides[1])
        assert not any(sides[2 * i].equal(sides[2 * i + 1]) for i in range(1, P))
    assert not seen.source[0].equal(seen.source[1])


@pytest.mark.parametrize("pose_aug", ["gauss_int_shared", "gauss_uniform_per_joint", "erase"])
def test_a_positive_pairs_map_is_one_however_it_is_augmented(pose_aug: Any) -> None:
    given = batch((0, 0, 0, 0), (0, 0, 0, 0))
    given["second_target"] = given["first_target"]
    seen = inputs(adversarial(pose_aug=pose_aug), given)
    assert seen.maps[0::2].equal(seen.maps[1::2])
    assert seen.target[0::2].equal(seen.target[1::2])


def test_target_and_map_are_mirrored_together() -> None:
    plain, flipped = (inputs(adversarial(flip=p, pose_aug="none")) for p in (0.0, 1.0))
    assert flipped.target.equal(plain.target.flip(3))
    swapped = [0, 1, 5, 6, 7, 2, 3, 4, 11, 12, 13, 8, 9, 10, 15, 14, 17, 16]
    assert flipped.maps.equal(plain.maps[:, swapped].flip(3))
    released = inputs(adversarial(flip=1.0, pose_aug="none", bugs="released"))
    assert released.maps.equal(plain.maps.flip(3))


def test_the_pose_augmentation_is_a_switch() -> None:
    maps = {
        aug: inputs(adversarial(flip=0.0, pose_aug=aug)).maps  # type: ignore[arg-type]
        for aug in ("none", "gauss_int_shared", "gauss_uniform_per_joint", "erase")
    }
    areas = {k: v.sum((2, 3)) for k, v in maps.items()}
    assert not any(maps["none"].equal(v) for k, v in maps.items() if k != "none")
    assert ((areas["erase"] == 0).sum(1) == 1).all()
    widths = (areas["gauss_int_shared"] / areas["none"])[:, :].round(decimals=2)
    assert len(widths.unique()) > 1


def test_images_without_a_known_joint_have_empty_maps() -> None:
    given = batch()
    given["first_target"].joints[1] = 0
    seen = inputs(adversarial(), given)
    assert not seen.maps[2].any()
    stage = adversarial()
    stage.update(seen, {"identity": (0.0, 1.0), "pose": (0.0, 1.0)})
    assert all(math.isfinite(v) for v in stage.losses.values())


def test_crops_are_erased_before_they_are_normalised() -> None:
    given = batch()
    for side in given.values():
        side.images.zero_()
    seen = inputs(adversarial(), given)
    black = torch.tensor([(0 - m) / s for m, s in ((0.485, 0.229), (0.456, 0.224), (0.406, 0.225))])
    torch.testing.assert_close(seen.target, black.view(1, 3, 1, 1).expand_as(seen.target))
    assert float(seen.source.max()) > -1  # erased with a random colour
    assert float(seen.source.max()) < 2.7


# ---- one iteration ---------------------------------------------------------------------------


def test_every_term_and_what_it_moves() -> None:
    stage = adversarial()
    before = state(stage.nets)
    stage.iteration(batch(), 0)
    assert set(stage.losses) == ALL
    names = moved(before, stage.nets)
    parts = {".".join(name.split(".")[:2]) for name in names}
    assert {"model.encoder", "model.verifier", "model.generator", "identity.trunk",
            "identity.head", "pose.convs", "pose.norms"} == parts  # fmt: skip
    # Only the generator and the pose discriminator normalise by the batch.
    statistics = {n for n in names if "running" in n or "tracked" in n}
    assert {n.split(".")[0] for n in statistics} == {"model", "pose"}
    assert all(n.startswith(("model.generator.", "pose.")) for n in statistics)


def test_the_warm_up_leaves_the_encoder_bitwise_alone() -> None:
    stage = adversarial(joint=False)
    before, optimizers = state(stage.nets), stage.raw_optimizers()
    for step in range(2):
        stage.iteration(batch(), step)
    assert set(stage.losses) == ALL - {"veri"}
    names = moved(before, stage.nets)
    assert not [n for n in names if n.startswith(("model.encoder.", "model.verifier."))]
    assert any(n.startswith("model.generator.") for n in names)
    assert any(n.startswith("identity.trunk.") for n in names)
    assert not any(n.startswith("identity.") and "running" in n for n in names)
    held = {id(p) for o in optimizers for g in o.param_groups for p in g["params"]}
    assert not held & {id(p) for p in stage.nets.model.encoder.parameters()}


def test_train_and_eval_leave_the_fixed_statistics_alone() -> None:
    stage = adversarial()
    stage.eval().train()
    before = state(stage.nets.model.encoder)
    stage.iteration(batch(), 0)
    assert not [n for n in moved(before, stage.nets.model.encoder) if "running" in n]


@pytest.mark.parametrize(
    ("setting", "gone"),
    [
        ({"recon_weight": 0.0}, {"recon"}),
        ({"sp_weight": 0.0}, {"sp"}),
        ({"veri_weight": 0.0}, {"veri"}),
        ({"adv_id_weight": 0.0}, {"adv_id", "dis_id"}),
        ({"adv_pd_weight": 0.0}, {"adv_pd", "dis_pd"}),
        ({"adv_id_weight": 0.0, "adv_pd_weight": 0.0}, {"adv_id", "dis_id", "adv_pd", "dis_pd"}),
        ({"sp_weight": 0.0, "veri_weight": 0.0}, {"sp", "veri"}),
    ],
)
def test_a_switch_removes_exactly_its_terms(setting: dict[str, float], gone: set[str]) -> None:
    full = adversarial()
    ablated_method = replace(TINY, **setting)  # type: ignore[arg-type]
    torch.manual_seed(0)
    ablated = Adversarial(ablated_method, networks(ablated_method), 10, True).train()
    ablated.nets.load_state_dict(full.nets.state_dict(), strict=False)
    for stage in (full, ablated):
        torch.manual_seed(1)
        stage.iteration(batch(), 0)
    assert set(full.losses) - set(ablated.losses) == gone
    for name, value in ablated.losses.items():
        assert value == pytest.approx(full.losses[name], rel=1e-4), name
    assert (ablated.nets.identity is None) == ("adv_id" in gone)
    assert (ablated.nets.pose is None) == ("adv_pd" in gone)
    assert len(ablated.raw_optimizers()) == 3 - len(gone & {"adv_id", "adv_pd"})


def test_weights_weigh() -> None:
    """The generator side's gradient is the weighted sum of the terms' own."""
    seen = inputs(adversarial(dropout=0.0))
    weights = {"recon_weight": 3.0, "sp_weight": 5.0, "veri_weight": 7.0, "adv_id_weight": 2.0,
               "adv_pd_weight": 11.0}  # fmt: skip

    def gradient(**given: float) -> Tensor:
        method = replace(TINY, dropout=0.0, **{**dict.fromkeys(weights, 1e-12), **given})  # type: ignore[arg-type]
        stage = adversarial(method)
        stage.double()
        stage.update(Inputs(*(t.double() if t.is_floating_point() else t for t in seen)),
                     {"identity": (0.0, 1.0), "pose": (0.0, 1.0)})  # fmt: skip
        first = stage.nets.model.encoder.conv1.weight.grad  # type: ignore[union-attr]
        assert isinstance(first, Tensor)
        return first.clone()

    alone = sum((w * gradient(**{name: 1.0}) for name, w in weights.items()), torch.zeros(()))
    torch.testing.assert_close(gradient(**weights), alone, rtol=1e-6, atol=1e-12)


def test_chunks_of_the_identity_discriminators_update_change_nothing() -> None:
    found = []
    for chunk in (0, 5):
        stage = adversarial(identity_chunk=chunk).double()
        seen = Inputs(*(t.double() if t.is_floating_point() else t for t in inputs(stage)))
        stage.update_identity(seen, seen.target.flip(3), (0.2, 0.9))
        found.append({k: p.grad for k, p in stage.nets.identity.named_parameters()})  # type: ignore[union-attr]
    for name, gradient in found[0].items():
        assert gradient is not None
        torch.testing.assert_close(found[1][name], gradient, rtol=1e-9, atol=1e-15)


def test_a_batch_without_a_positive_pair() -> None:
    stage = adversarial()
    stage.iteration(batch((0, 0, 0, 0), (1, 1, 2, 2)), 0)
    assert stage.losses["sp"] == 0
    assert all(math.isfinite(v) for v in stage.losses.values())
    stage.check_weights()


def test_the_same_seed_gives_the_same_step() -> None:
    found = []
    for _ in range(2):
        stage = adversarial()
        stage.training_step({**batch(), "step": 3}, 0)
        stage.training_step({**batch(), "step": 4}, 0)
        found.append((stage.losses, state(stage.nets)))
    assert found[0][0] == found[1][0]
    assert moved(found[0][1], adversarial().nets) != set()  # the steps did something
    assert all(v.equal(found[1][1][k]) for k, v in found[0][1].items())


# ---- sharing the encoder ---------------------------------------------------------------------


def shared(mode: str, joint: bool = True) -> Adversarial:
    method = replace(TINY, share_encoder=True, share_mode=mode)  # type: ignore[arg-type]
    return adversarial(method, joint)


def test_a_shared_trunk_is_the_encoder() -> None:
    nets = shared("all").nets
    assert nets.identity is not None
    assert nets.identity.trunk is nets.model.encoder
    own = adversarial().nets
    trunk = sum(p.numel() for p in own.model.encoder.parameters())
    count = [sum(p.numel() for p in n.parameters()) for n in (own, nets)]
    assert count[0] - count[1] == trunk
    preset = FDGAN.preset("dr_gan_siamese")
    assert preset == replace(FDGAN(), share_encoder=True, sp_weight=0.0)


@pytest.mark.parametrize(("mode", "pulls"), [("all", True), ("head_only", False)])
def test_who_moves_a_shared_trunk(mode: str, pulls: bool) -> None:
    stage = shared(mode)
    seen = inputs(stage)
    drawn = torch.randn(2 * P, 3, H, W)
    before = state(stage.nets)
    stage.update_identity(seen, drawn, (0.0, 1.0))
    names = {n.split(".")[1] for n in moved(before, stage.nets)}
    assert names == ({"encoder", "trunk", "head"} if pulls else {"head"})
    stage.iteration(batch(), 0)
    assert set(stage.losses) == ALL
    assert any(n.startswith("model.encoder.") for n in moved(before, stage.nets))


def test_the_warm_up_leaves_a_shared_trunk_alone() -> None:
    stage = shared("all", joint=False)
    before = state(stage.nets.model.encoder)
    stage.iteration(batch(), 0)
    assert not moved(before, stage.nets.model.encoder)


def test_an_own_trunk_judges_as_a_shared_one_before_the_first_update() -> None:
    """Sharing changes who is trained, not what is measured."""
    own, common = adversarial(), shared("all")
    common.nets.load_state_dict(
        {k: v for k, v in own.nets.state_dict().items() if not k.startswith("identity.trunk.")},
        strict=False)  # fmt: skip
    assert own.nets.identity is not None
    own.nets.identity.trunk.load_state_dict(own.nets.model.encoder.state_dict())
    for stage in (own, common):
        torch.manual_seed(1)
        stage.iteration(batch(), 0)
    for name in ("recon", "sp", "veri"):
        assert own.losses[name] == pytest.approx(common.losses[name], rel=1e-5)


# ---- optimisers and schedules ----------------------------------------------------------------


def rates(stage: Adversarial) -> list[list[float]]:
    return [[g["lr"] for g in o.param_groups] for o in stage.raw_optimizers()]


def test_optimisers() -> None:
    identity, pose, generator = adversarial(joint=False).raw_optimizers()
    for sgd in (identity, pose):
        assert isinstance(sgd, torch.optim.SGD)
        assert (sgd.defaults["momentum"], sgd.defaults["weight_decay"]) == (0.9, 1e-4)
    assert isinstance(generator, torch.optim.Adam)
    assert (generator.defaults["betas"], generator.defaults["weight_decay"]) == ((0.5, 0.999), 0)
    assert rates(adversarial(joint=False)) == [[1e-5], [1e-3], [1e-4]]
    assert rates(adversarial()) == [[1e-4], [1e-4], [1e-5] * 3]
    paper = FDGAN.preset("paper")
    joint = adversarial(lr_mult_effective=paper.lr_mult_effective)
    torch.testing.assert_close(torch.tensor(rates(joint)[2]), torch.tensor([1e-6, 1e-5, 1e-6]))
    warm = replace(TINY, lr_warmup=paper.lr_warmup, lr_mult_effective=True)
    assert rates(adversarial(warm, joint=False)) == [[1e-4], [1e-2], [1e-3]]
    (only,) = first(TINY).raw_optimizers()
    assert isinstance(only, torch.optim.SGD)
    assert [g["lr"] for g in only.param_groups] == [0.01, 0.01]
    (only,) = first(replace(TINY, verifier_lr_factor=10.0)).raw_optimizers()
    assert [g["lr"] for g in only.param_groups] == [0.01, 0.1]
    assert len(only.param_groups[1]["params"]) == 4
    assert (only.defaults["momentum"], only.defaults["weight_decay"]) == (0.9, 5e-4)


Fall = Callable[[float], float]


def fall(method: FDGAN) -> tuple[Fall, Fall]:
    """The factor on all rates after so many epochs of the warm-up, and of the joint stage."""
    stages = [adversarial(joint=joint) for joint in (False, True)]
    for stage in stages:
        stage.method, stage.epoch = method, 1
    return stages[0].learning_rate, stages[1].learning_rate  # type: ignore[return-value]


def test_the_released_fall_begins_early_and_ends_at_zero() -> None:
    schedules = ((50, 100), (25, 50))
    for (flat, length), code in zip(schedules, fall(FDGAN.preset("code")), strict=True):
        # The n-th epoch, counted from 1, has factor 1 − max(0, n + 1 − flat)/(length − flat + 1).
        for n in range(1, length + 1):
            expected = 1 - max(0, n + 1 - flat) / (length - flat + 1)
            for within in (0, 0.5, 0.99):
                assert code(n - 1 + within) == pytest.approx(expected)
        assert code(flat - 2) == 1
        assert code(flat - 1) < 1
        assert code(length - 1) == 0


def test_the_mended_fall_begins_after_the_flat_epochs() -> None:
    warmup, joint = fall(FDGAN())
    for n in range(1, 101):
        assert warmup(n - 1) == pytest.approx(1 - max(0, n - 50) / 51)
    assert warmup(49) == 1
    assert warmup(99) == pytest.approx(1 / 51)
    assert joint(49) == pytest.approx(1 / 26)


def test_a_scaled_schedule_keeps_its_shape() -> None:
    for method in (FDGAN(), FDGAN.preset("code")):
        short = method.scaled(0.013)
        epochs = short.epochs, short.warmup_epochs, short.joint_epochs
        assert epochs == pytest.approx((1.3, 1.3, 0.65))
        (warmup, joint), (short_warmup, short_joint) = fall(method), fall(short)
        for epoch in range(100):
            assert short_warmup(epoch * 0.013) == pytest.approx(warmup(epoch))
            assert short_joint(epoch * 0.013 / 2) == pytest.approx(joint(epoch / 2))


def test_stages_follow_their_schedules() -> None:
    at = [first(TINY).learning_rate(step) for step in (0, 399, 400, 799, 800, 999)]
    assert at == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])
    assert adversarial(joint=False).learning_rate(999) == pytest.approx(1 / 51)
    assert adversarial(joint=True).learning_rate(499) == pytest.approx(1 / 26)
    assert adversarial(joint=True).learning_rate(249) == 1


# ---- stages ----------------------------------------------------------------------------------


def people(pids: list[int]) -> People:
    joints = np.random.default_rng(0).uniform(0, 1, (len(pids), 18, 3)) * [W, H, 0] + [0, 0, 1]
    poses = Poses(joints, np.tile([H, W], (len(pids), 1)))
    return People([str(i) for i in range(len(pids))], pids, np.zeros(len(pids)), "drawn", poses)  # type: ignore[arg-type]


def stages_of(method: FDGAN, crowd: People, seed: int = 0) -> list[Any]:
    stages = method.stages(Given(crowd, seed=seed))
    assert all(isinstance(s, Stage) and s.people is crowd and s.size == (H, W) for s in stages)
    return stages


def test_three_stages_with_their_lengths_and_plans() -> None:
    crowd = people([1] * 5 + [2] * 6 + [3] * 5)
    labels = crowd.labels()
    stages = stages_of(TINY, crowd, seed=1)
    assert [s.name for s in stages] == ["baseline", "warmup", "joint"]
    assert [s.steps for s in stages] == [1600, 1600, 800]  # 16 crops × 4 pairs / 4
    steps = stages_of(replace(TINY, epoch="step"), crowd, seed=1)
    assert [s.steps for s in steps] == [100, 100, 50]
    assert steps[0].build({}).learning_rate(40) == pytest.approx(0.1)
    assert set(stages[0].plan(0)) == {"first", "second"}
    for stage in stages[1:]:
        for step in range(20):
            plan = stage.plan(step)
            first, second = plan["first"], plan["second"]
            assert {len(v) for v in plan.values()} == {P}
            for side, target in ((first, plan["first_target"]), (second, plan["second_target"])):
                assert (labels[side] == labels[target]).all()
            assert (first != plan["first_target"]).all()
            same = labels[first] == labels[second]
            assert same.sum() == 1
            assert (plan["first_target"] == plan["second_target"])[same].all()
            assert (second != plan["second_target"])[~same].all()
    for name, value in stages[1].plan(3).items():
        np.testing.assert_array_equal(value, stages_of(TINY, crowd, seed=1)[1].plan(3)[name])
        assert not np.array_equal(value, stages[2].plan(3)[name])


def test_an_identity_with_one_image_is_its_own_target_and_never_positive() -> None:
    crowd = people([1] * 5 + [2] * 5 + [3])
    stage = stages_of(TINY, crowd)[1]
    alone = 0
    for step in range(60):
        plan = stage.plan(step)
        for side in ("first", "second"):
            rows = plan[side] == 10
            assert (plan[f"{side}_target"][rows] == 10).all()
            alone += int(rows.sum())
        assert not ((plan["first"] == 10) & (plan["second"] == 10)).any()
    assert alone


def test_each_stage_starts_from_the_one_before() -> None:
    stages = stages_of(TINY, people([1] * 5 + [2] * 5))
    torch.manual_seed(0)
    baseline = stages[0].build({})
    for p in baseline.parameters():
        nn.init.uniform_(p, -0.1, 0.1)
    warmup = stages[1].build({"baseline": baseline.trained})
    nets: Any = warmup.trained
    for part in ("encoder", "verifier"):
        source, own = getattr(baseline.trained, part), getattr(nets.model, part)
        assert all(v.equal(source.state_dict()[k]) for k, v in own.state_dict().items())
    trunk = nets.identity.trunk.state_dict()
    assert all(v.equal(trunk[k]) for k, v in baseline.trained.encoder.state_dict().items())  # type: ignore[union-attr, operator]
    warmup.train().iteration(batch(), 0)
    joint = stages[2].build({"baseline": baseline.trained, "warmup": nets})
    assert all(v.equal(nets.state_dict()[k]) for k, v in joint.nets.state_dict().items())  # type: ignore[union-attr, operator]
    assert isinstance(joint.trained, FDGANModel)
    before = state(nets)
    joint.train().iteration(batch(), 0)
    assert not moved(before, nets)  # the warm-up's result is its own


def test_identification_first_gives_the_baseline_its_encoder() -> None:
    crowd = people([1] * 40 + [2] * 40)
    stages = stages_of(replace(TINY, identify_steps=7), crowd)
    assert [(s.name, s.steps) for s in stages[:2]] == [("identify", 7), ("baseline", 8000)]
    assert stages_of(replace(TINY, identify_steps=7).scaled(2), crowd)[0].steps == 14
    identify = stages[0].build({})
    assert identify.trained.size == (H, W)
    for p in identify.parameters():
        nn.init.uniform_(p, -0.1, 0.1)
    baseline = stages[1].build({"identify": identify.trained})
    given = identify.trained.trunk.state_dict()  # type: ignore[union-attr, operator]
    own = baseline.trained.encoder.state_dict()  # type: ignore[union-attr, operator]
    assert all(v.equal(given[k]) for k, v in own.items())


def test_the_baseline_trains_encoder_and_verifier_by_verification_alone() -> None:
    torch.manual_seed(0)
    stage = stages_of(TINY, people([1] * 5 + [2] * 5))[0].build({}).train()
    before = state(stage.trained)
    stage.iteration(batch(), 0)
    assert set(stage.losses) == {"veri"}
    assert stage.losses["veri"] == pytest.approx(math.log(2), abs=0.1)
    names = moved(before, stage.trained)
    assert {n.split(".")[0] for n in names} == {"encoder", "verifier"}
    assert "encoder.bn1.running_mean" in names
    assert "verifier.bn.running_mean" in names
    assert stage.trained.without == {"generator"}


def test_the_weights_of_imagenet_are_read_for_the_baseline_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []
    original = fdgan.backbone

    def watching(name: str, **options: Any) -> nn.Module:
        asked.append(options["weights"])
        return original(name, **{**options, "weights": "none"})

    for module in (fdgan, siamese):
        monkeypatch.setattr(module, "backbone", watching)
    stages = stages_of(replace(TINY, weights="imagenet"), people([1] * 5 + [2] * 5))
    baseline = stages[0].build({}).trained
    assert asked == ["imagenet"]
    warmup = stages[1].build({"baseline": baseline}).trained
    assert asked == ["imagenet", "none", "none"]
    stages[2].build({"baseline": baseline, "warmup": warmup})
    assert asked == ["imagenet", "none", "none", "none", "none"]


def test_without_a_weight_on_its_pictures_nothing_is_drawn() -> None:
    """The method's control: the encoder trained as long by verification alone."""
    method, crowd = replace(TINY, **NOTHING_DRAWN), people([1] * 5 + [2] * 5)
    assert method == replace(TINY, **FDGAN.control or {})
    assert not method.draws
    full, stages = stages_of(TINY, crowd), stages_of(method, crowd)
    assert [(s.name, s.steps) for s in stages] == [("baseline", full[0].steps),
                                                   ("joint", full[2].steps)]  # fmt: skip
    for name in ("first", "second"):  # the same pairs
        assert stages[1].plan(3)[name].tolist() == full[2].plan(3)[name].tolist()
    torch.manual_seed(0)
    baseline = stages[0].build({}).trained
    with torch.no_grad():
        for p in baseline.parameters():
            p.mul_(0.9)  # other weights than those of a fresh model
    joint = stages[1].build({"baseline": baseline}).train()
    own = joint.trained.encoder.state_dict()
    assert all(v.equal(own[k]) for k, v in baseline.encoder.state_dict().items())
    given = joint.inputs(batch())
    assert (given.target, given.maps, given.noise) == (None, None, None)
    before = state(joint.nets)
    joint.iteration(batch(), 0)
    assert set(joint.losses) == {"veri"}
    assert {n.split(".")[1] for n in moved(before, joint.nets)} == {"encoder", "verifier"}
    assert joint.nets.identity is joint.nets.pose is None
    assert len(joint.raw_optimizers()) == 1
    assert joint.trained.without == {"generator"}
    assert joint.trained.generates == ()
    joint.begin(Look(crowd, lambda rows: torch.zeros(len(rows), 3, H, W, dtype=torch.uint8),
                     torch.device("cpu")))  # fmt: skip
    assert joint.preview() == {}
    with pytest.raises(UserError, match="nothing to learn: set one of the weights above 0"):
        replace(method, veri_weight=0.0)


# ---- the model -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model() -> FDGANModel:
    torch.manual_seed(5)
    model = FDGANModel(TINY, 4)
    for module in model.generator.modules():  # so that the few channels carry something
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.uniform_(module.weight, -0.2, 0.3)
    return model.eval()


def test_features_are_the_maps_average(model: FDGANModel) -> None:
    images = torch.rand(3, 3, 80, 50)
    found = model.embed(images)
    with torch.no_grad():
        feature_map = model.encoder(model.preprocess(images))
    torch.testing.assert_close(found, feature_map.mean((2, 3)))
    assert found.shape == (3, CHANNELS)
    assert found.min() >= 0
    assert model.metric == "euclidean"


def test_features_of_the_paper_have_2048_numbers() -> None:
    with torch.device("meta"):
        model = FDGAN(weights="none", stride_on="3x3").model(751)
    parameters = sum(p.numel() for p in model.parameters())
    assert parameters == 23_516_226 + 55_864_192


@pytest.mark.parametrize("outputs", [1, 2])
def test_verify_is_the_probability_of_the_same_person(outputs: Any) -> None:
    torch.manual_seed(0)
    model = replace(TINY, verifier_outputs=outputs).model(3)
    nn.init.normal_(model.verifier.classifier.weight, std=0.1)
    one, two = torch.rand(2, 6, CHANNELS)
    found = model.verify(one, two)
    with torch.no_grad():
        logits = model.eval().verifier(one, two)
    expected = logits.softmax(1)[:, 1] if outputs == 2 else logits[:, 0].sigmoid()
    assert found.dtype == torch.float64  # float32 has nothing between 1 and 1 − 6e-8
    torch.testing.assert_close(found.float(), expected)
    torch.testing.assert_close(found, model.verify(two, one))
    assert found.shape == (6,)
    nn.init.constant_(model.verifier.classifier.bias[-1:], 25.0)
    assert 0 < (1 - model.verify(one, two)).max() < 1e-8


def test_repose_draws_the_person_in_the_pose(model: FDGANModel) -> None:
    torch.manual_seed(0)
    images = torch.rand(2, 3, 90, 50)
    joints = torch.rand(2, 18, 3) * torch.tensor([W, H, 0.0]) + torch.tensor([0, 0, 1.0])
    found = model.repose(images, joints)
    assert found.shape == (2, 3, H, W)
    assert 0 <= float(found.min()) <= float(found.max()) <= 1
    assert found.equal(model.repose(images, joints))
    # One image at a time gives the same; the default noise doesn't depend on the batch.
    torch.testing.assert_close(model.repose(images[1:], joints[1:]), found[1:])
    assert not torch.equal(model.repose(images, joints.flip(0)), found)
    assert not torch.equal(model.repose(images.flip(0), joints), found)
    assert not torch.equal(model.repose(images, joints, torch.rand(2, 4)), found)
    before = torch.get_rng_state()
    model.repose(images, joints)
    assert torch.get_rng_state().equal(before)
    with pytest.raises(ValueError, match="2 images, but 1 poses"):
        model.repose(images, joints[:1])


def test_the_range_of_pictures() -> None:
    torch.manual_seed(0)
    features, maps, noise = torch.rand(2, CHANNELS), torch.rand(2, 18, H, W), torch.rand(2, 4)
    for bugs in ("released", "mended"):
        model: Any = replace(TINY, bugs=bugs).model(3)  # type: ignore[arg-type]
        nn.init.normal_(model.generator.decode[-1].conv.weight, std=1e4)
        drawn = model.pictures(features, maps, noise).detach()
        channels = drawn.transpose(0, 1).flatten(1)
        if bugs == "released":
            reach = torch.tensor([[-1.0, 1.0]]).expand(3, 2)
        else:  # exactly what a normalised crop can be
            mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
            reach = torch.stack([(0 - mean) / std, (1 - mean) / std], 1)
        found = torch.stack([channels.amin(1), channels.amax(1)], 1)
        torch.testing.assert_close(found, reach, rtol=0, atol=1e-4)


def test_without_generator_or_verifier(tmp_path: Path) -> None:
    model = TINY.model(3)
    model.leave_out("generator")
    model.leave_out("verifier")
    found = load_model(save_model(model, tmp_path / "model.safetensors"))
    assert isinstance(found, FDGANModel)
    assert found.embed(torch.rand(1, 3, H, W)).shape == (1, CHANNELS)
    with pytest.raises(UserError, match="no generator"):
        found.repose(torch.rand(1, 3, H, W), torch.zeros(1, 18, 3))
    with pytest.raises(UserError, match="no verifier"):
        found.verify(torch.rand(1, CHANNELS), torch.rand(1, CHANNELS))


def test_the_preview_shows_two_crops_a_pose_and_a_picture() -> None:
    stage = adversarial()
    crowd = people([k for k in range(1, 9) for _ in range(3)])
    images = torch.randint(0, 256, (24, 3, H, W), dtype=torch.uint8)

    def begin(crowd: People) -> None:
        stage.begin(Look(crowd, lambda rows: images[torch.as_tensor(rows)], torch.device("cpu")))

    begin(crowd)
    columns = stage.preview()["repose"]
    assert columns.labels == ("person", "pose", "generated", "photograph")  # type: ignore[union-attr]
    person, pose, picture, photograph = columns.images  # type: ignore[union-attr]
    assert person.shape == pose.shape == picture.shape == photograph.shape == (6, 3, H, W)
    assert person[0].equal(images[0] / 255)
    assert photograph[0].equal(images[2] / 255)
    joints = torch.from_numpy(crowd.poses.at(H, W)[[2]])  # type: ignore[union-attr]
    assert picture[:1].equal(stage.nets.model.repose(person[:1], joints)[:1])
    assert float(pose.max()) == 1
    assert pose[:, 0].equal(pose[:, 2])
    blind = replace(crowd, poses=Poses(np.zeros((24, 18, 3)), np.tile([H, W], (24, 1))))  # type: ignore[arg-type]
    begin(blind)
    assert stage.preview() == {}
    one = blind.poses.joints.copy()  # type: ignore[union-attr]
    one[4] = 1
    single = replace(crowd, poses=Poses(one, np.tile([H, W], (24, 1))))  # type: ignore[arg-type]
    begin(single)
    assert stage.preview()["repose"].images[0].shape == (1, 3, H, W)  # type: ignore[union-attr]


# ---- settings --------------------------------------------------------------------------------


def test_every_stage_resizes_bilinearly_and_the_first_cuts_areas() -> None:
    crowd = people([1] * 5 + [2] * 6 + [3] * 5)
    for method, how in ((TINY, "bilinear"), (replace(TINY, resampling="bicubic"), "bicubic")):
        stages = stages_of(method, crowd)
        assert [s.resampling for s in stages] == [how] * 3
        assert [s.area for s in stages] == [(0.64, 1.0), None, None]
        assert method.model(3).resampling == how
    for preset in FDGAN.presets:
        assert FDGAN.preset(preset).resampling == "bilinear"


def test_presets_differ_where_the_sources_do() -> None:
    code, paper, fixed = (FDGAN.preset(name) for name in ("code", "paper", "fixed"))
    assert fixed == FDGAN()
    assert code == replace(fixed, bugs="released")
    assert (paper.batch_size, paper.verifier_outputs) == (128, 1)
    assert paper.pose_aug == "gauss_uniform_per_joint"
    weights = (fixed.recon_weight, fixed.sp_weight, fixed.adv_id_weight, fixed.adv_pd_weight)
    assert (fixed.batch_size, fixed.negatives, *weights, fixed.veri_weight) == (
        256, 3, 100, 10, 1, 1, 10)  # fmt: skip


@pytest.mark.parametrize("bugs", ["mended", "released"])
def test_the_rectangle_of_random_erasing(bugs: Any) -> None:
    method = replace(TINY, bugs=bugs)
    wanted = dict(ERASINGS["fdgan" if bugs == "mended" else "fdgan_released"])
    wanted["probability"] = wanted.pop("p")
    for stage in (first(method), adversarial(method)):
        erase: Any = stage.augment.erase
        assert {name: getattr(erase, name) for name in wanted} == wanted
        assert erase.place == ("uniform" if bugs == "mended" else "own_size")


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ({"height": 31}, "height is 31, but must be 32 or more"),
        ({"batch_size": 1}, "batch_size is 1, but must be 2 or more"),
        ({"connect_layers": 6}, "connect_layers is 6, but must be from 0 to 5"),
        ({"warmup_epochs": 30.0}, "stage warmup lasts 30, so its rates can't stay flat for 50"),
        ({"joint_flat": 51.0}, "stage joint lasts 50, so its rates can't stay flat for 51"),
        ({"joint_epochs": 0.0}, "joint_epochs is 0.0, but must be above 0"),
        ({"fall_every": 0.0}, "fall_every is 0.0, but must be above 0"),
        ({"drop_every": 0.0}, "drop_every is 0.0, but must be above 0"),
        ({"lr_joint": (-1e-5, 1e-4, 1e-4)}, "lr_joint is .*, but must be above 0"),
        ({"identify_steps": -3}, "identify_steps is -3, but must be 0 or more"),
        ({"flip": 2.0}, "flip is 2.0, but must be from 0 to 1"),
        ({"dropout": 1.0}, "dropout is 1.0, but must be 0 or more and below 1"),
        ({"fuse": "mul"}, "Unknown fuse 'mul'"),
        ({"norm": "layer"}, "Unknown norm 'layer'"),
        ({"verifier_outputs": 3}, "verifier_outputs is 3, but must be one of 1, 2"),
        ({"sp_weight": -1.0}, "sp_weight is -1.0, but must be 0 or more"),
        ({"bugs": "code"}, "Unknown bugs 'code'"),
    ],
)  # fmt: skip
def test_settings_that_cannot_work(setting: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        replace(TINY, **setting)
