"""PG²: its settings, pairs and views, its losses beside literal ones, and where gradients go."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lookalike.data import People
from lookalike.data.batches import Crops
from lookalike.data.posemaps import disc_maps, pose_mask
from lookalike.data.poses.poses import MIRROR, Poses
from lookalike.errors import UserError
from lookalike.methods import METHODS
from lookalike.methods.look import Look
from lookalike.methods.model_file import load_model, save_model
from lookalike.methods.pg2 import (
    PG2,
    Adversarial,
    Coarse,
    PG2Model,
    Verdicts,
    discriminator_loss,
    generator_loss,
    pairable_labels,
    verdicts,
)
from lookalike.methods.stage import Given, Stage, Terms

H, W, B = 32, 16, 3
TINY = PG2(height=H, width=W, channels=4, batch_size=B, mask_radius=1, lr=1e-3, lr_adv=1e-3)
Values = dict[str, float]  # of loss terms, by name


def joints(count: int, seed: int = 0) -> Tensor:
    """Joints at pixels' centres, all known."""
    torch.manual_seed(seed)
    place = (torch.rand(count, 18, 2) * torch.tensor([W, H])).floor() + 0.5
    return torch.cat((place, torch.ones(count, 18, 1)), 2)


def crops(seed: int, posed: Tensor) -> Crops:
    torch.manual_seed(seed)
    images = torch.randint(0, 256, (len(posed), H, W, 3), dtype=torch.uint8).permute(0, 3, 1, 2)
    rows = torch.arange(len(posed))
    return Crops(images, rows, rows, rows, posed)


def batch() -> dict[str, Any]:
    return {"condition": crops(1, joints(B, 1)), "target": crops(2, joints(B, 2)), "step": 0}


def stage(method: PG2, kind: type[Any] = Adversarial) -> Any:
    """A stage in float64 whose weights depend only on their shapes, ready for iterations."""
    module = kind(method, 5).double()
    for seed, p in enumerate(module.parameters()):
        torch.manual_seed(seed)
        torch.nn.init.normal_(p, std=0.05)
    module.stage, views = "test", module.views

    def as_double(given: dict[str, Any]) -> Any:
        return type(seen := views(given))(*(x.double() for x in seen))

    module.views = as_double
    return module


def losses(method: PG2, kind: type[Any] = Adversarial) -> Values:
    """The terms of a first iteration, each with the same weights, images and flips."""
    module = stage(method, kind)
    torch.manual_seed(0)
    module.iteration(batch(), 0)
    return dict(module.losses)


# ---- settings --------------------------------------------------------------------------


def test_presets_have_the_published_numbers() -> None:
    paper, code = PG2.preset("paper"), PG2.preset("code")
    fashion, fashion_code = PG2.preset("deepfashion"), PG2.preset("deepfashion_code")
    assert METHODS["pg2"] is PG2
    for m in (paper, code):
        assert (m.height, m.width, m.depth, m.batch_size, m.recon_weight) == (128, 64, 5, 16, 10)
        assert not m.g2_skip_outer
    for m in (fashion, fashion_code):
        assert (m.height, m.width, m.depth, m.recon_weight) == (256, 256, 6, 50)
        assert m.g2_skip_outer
    assert (fashion.batch_size, fashion_code.batch_size) == (8, 1)
    steps = [(m.coarse_steps, m.refine_steps) for m in (paper, code, fashion, fashion_code)]
    assert steps == [(22_000, 14_000), (22_000, 38_000), (30_000, 20_000), (22_000, 58_000)]
    modes = [m.dis_mode for m in (paper, code, fashion, fashion_code)]
    assert modes == ["pair", "triplet_market", "pair", "triplet_df"]
    for m in (paper, code, fashion, fashion_code):
        assert (m.lr, m.lr_adv, m.channels) == (2e-5, 2e-5, 128)
        assert (m.pose_embed, m.loss, m.parts, m.mask_weight) == ("concat", "pml", "g1+g2+d", 1)
        assert (m.mask_radius, m.mask_close, m.mask_fill_holes) == (4, 5, False)
    values = [m.pose_value_range for m in (paper, code, fashion, fashion_code)]
    assert values == ["01", "pm1", "pm1", "pm1"]  # the released weights need −1 and 1
    assert paper == PG2(pose_value_range="01")


def test_the_paper_paints_0_and_1() -> None:
    """A literal painter: 1 on every pixel no farther than 4 from the joint, 0 elsewhere."""
    small = {"height": 32, "width": 16, "channels": 2, "blocks": 3}
    asked = torch.zeros(1, 18, 3)
    asked[0, 3] = torch.tensor([7.6, 11.2, 1.0])
    painted = PG2Model(PG2.preset("paper", **small), 1).pose(asked)
    code = PG2Model(PG2.preset("code", **small), 1).pose(asked)
    assert painted.shape == (1, 18, 32, 16)
    for joint in range(18):
        for y in range(32):
            for x in range(16):
                inside = joint == 3 and (y - 11) ** 2 + (x - 7) ** 2 <= 16
                assert painted[0, joint, y, x] == (1 if inside else 0)
                assert code[0, joint, y, x] == (1 if inside else -1)


def test_the_optimizer_is_adam_with_a_constant_rate() -> None:
    module = stage(replace(TINY, lr_adv=3e-4))
    assert [o.defaults["betas"] for o in module.raw_optimizers()] == [(0.5, 0.999)] * 2
    assert [o.param_groups[0]["lr"] for o in module.raw_optimizers()] == [3e-4] * 2
    assert {module.learning_rate(k) for k in (0, 1, 100_000)} == {1.0}
    (only,) = stage(replace(TINY, parts="g1"), Coarse).raw_optimizers()
    assert only.param_groups[0]["lr"] == TINY.lr


def test_schedules_are_scaled() -> None:
    scaled = PG2().scaled(0.01)
    assert (scaled.coarse_steps, scaled.refine_steps) == (220, 140)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"height": 100}, r"100×64 can't be halved 3 times: choose multiples of 8"),
        ({"height": 16, "width": 16}, "height is 16, but must be 32"),
        ({"blocks": 2}, "blocks is 2, but must be 3"),
        ({"channels": 5}, "channels is 5, but must be 2 or more and a multiple of 2"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"loss": "l3"}, "Unknown loss 'l3'; did you mean 'l1'"),
        ({"mask_close": 4}, "mask_close is 4, but must be odd"),
        ({"pose_embed": "ce", "fc_bottleneck": False}, "needs fc_bottleneck"),
    ],
)
def test_settings_that_fit_no_network(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        PG2(**wrong)


# ---- people, pairs, stages -------------------------------------------------------------


def people(known: list[int], pids: list[int]) -> People:
    """A crop an entry, of that person and with so many known joints."""
    posed = np.zeros((len(pids), 18, 3), np.float32)
    for row, count in enumerate(known):
        posed[row, :count] = (3, 4, 1)
    poses = Poses(posed, np.tile((H, W), (len(pids), 1)))
    return People([f"{k}.jpg" for k in range(len(pids))], np.array(pids), np.zeros(len(pids)),
                  poses=poses)  # type: ignore[arg-type] # fmt: skip


def test_pairs_are_two_posed_images_of_one_person() -> None:
    # 0, 1, 2: a pair but for image 1, which has no pose; 3: alone; 4, 5: one of them posed; junk.
    crowd = people([18, 0, 1, 18, 18, 0, 18, 18], [7, 7, 7, 8, 9, 9, -1, -1])
    coarse = replace(TINY, batch_size=1).stages(Given(crowd))[0]
    assert isinstance(coarse, Stage)
    assert coarse.plan is not None
    batches = [coarse.plan(k) for k in range(9)]
    drawn = {(int(b["condition"][0]), int(b["target"][0])) for b in batches}
    assert drawn == {(0, 2), (2, 0)}
    assert pairable_labels(crowd).tolist() == [0, -1, 0, 1, 2, -1, -1, -1]


def test_data_that_gives_no_pair() -> None:
    with pytest.raises(UserError, match="no joint of any training image is known"):
        TINY.stages(Given(people([0, 0], [1, 1])))
    with pytest.raises(UserError, match="no joint of any training image is known"):
        TINY.stages(Given(replace(people([1, 1], [1, 1]), poses=None)))
    with pytest.raises(UserError, match="no identity has two images with a pose"):
        TINY.stages(Given(people([1, 0, 1, 1], [1, 1, 2, 3])))
    with pytest.raises(UserError, match=r"no identity has two images\.$"):
        TINY.stages(Given(people([1, 0, 1, 1], [1, 2, 3, 4])))
    with pytest.raises(UserError, match="smaller batch"):
        TINY.stages(Given(people([1, 1], [1, 1])))  # two pairs for a batch of three


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ("g1", [("coarse", 5, Coarse, False)]),
        ("g1+d", [("adversarial", 12, Adversarial, False)]),
        ("g1+g2+d", [("coarse", 5, Coarse, False), ("refine", 7, Adversarial, True)]),
    ],
)
def test_stages(parts: Any, expected: list[Any]) -> None:
    method = replace(TINY, parts=parts, coarse_steps=5, refine_steps=7)
    done: dict[str, Any] = {}
    stages = []
    for s in method.stages(Given(people([1] * 4, [1, 1, 2, 2]))):
        assert isinstance(s, Stage)
        module: Any = s.build({k: m.trained for k, m in done.items()})
        stages.append((s.name, s.steps, type(module), module.trained.g2 is not None))
        done[s.name] = module
    assert stages == expected
    if parts == "g1+g2+d":
        first, second = (m.trained.g1.state_dict() for m in done.values())
        assert all(torch.equal(first[k], second[k]) for k in first)
        assert done["coarse"].trained.method.parts == "g1"  # what its own file will say


# ---- views -----------------------------------------------------------------------------


def test_images_joints_and_mask_are_flipped_together() -> None:
    module = Coarse(replace(TINY, mask_radius=4, mask_close=3), 5)
    given, flips = batch(), set()
    for seed in range(4):
        torch.manual_seed(seed)
        views = module.views(given)
        for k in range(B):
            condition, target = (given[n].images[k] / 127.5 - 1 for n in ("condition", "target"))
            asked = given["target"].joints[k : k + 1]
            maps, mask = disc_maps(asked, H, W)[0], pose_mask(asked, H, W, 4, 3)[0]
            flip = not torch.allclose(views.condition[k], condition, atol=1e-6)
            if flip:
                condition, target, mask = condition.flip(2), target.flip(2), mask.flip(2)
                maps = maps[list(MIRROR)].flip(2)
            flips.add(flip)
            torch.testing.assert_close(views.condition[k], condition)
            torch.testing.assert_close(views.target[k], target)
            assert torch.equal(disc_maps(views.joints, H, W)[k], maps)
            assert torch.equal(pose_mask(views.joints, H, W, 4, 3)[k], views.mask[k])
            if not flip:
                assert torch.equal(views.mask[k], mask)
    assert flips == {True, False}


def test_what_g1_sees_of_a_pose() -> None:
    asked = joints(1)
    asked[0, 0] = torch.tensor([0.0, H / 2, 1])
    asked[0, 5] = 0  # missing
    maps = PG2Model(TINY, 1).pose(asked)
    assert sorted(maps.unique().tolist()) == [-1, 1]
    assert (maps[0, 5] == -1).all()
    assert torch.equal(maps, 2 * disc_maps(asked, H, W, radius=4) - 1)
    zero_one = PG2Model(replace(TINY, pose_value_range="01"), 1).pose(asked)
    assert torch.equal(2 * zero_one - 1, maps)
    numbers = PG2Model(replace(TINY, pose_embed="ce"), 1).pose(asked).view(18, 2)
    assert numbers[0].tolist() == [-1, 0]
    assert numbers[5].tolist() == [-2, -2]
    assert numbers[[k for k in range(18) if k != 5]].abs().max() <= 1


# ---- losses ----------------------------------------------------------------------------


def log_sigma(x: float) -> float:
    return -math.log(1 + math.exp(-x))


def test_losses_of_chosen_logits() -> None:
    target, drawn, condition = 1.5, -0.5, 0.25
    pair = Verdicts(torch.tensor([target]), torch.tensor([drawn]))
    triplet = Verdicts(*pair[:2], torch.tensor([condition]))
    real, fake = -log_sigma(target), -log_sigma(-drawn)  # BCE(·, 1), BCE(·, 0)
    assert discriminator_loss(pair).item() == pytest.approx(real + fake)
    expected = real / 2 - log_sigma(-condition) / 4 + fake / 4
    assert discriminator_loss(triplet).item() == pytest.approx(expected)
    for mode in ("pair", "triplet_market", "triplet_fixed"):
        both = pair if mode == "pair" else triplet
        assert generator_loss(mode, both).item() == pytest.approx(-log_sigma(drawn))  # type: ignore[arg-type]
    expected = -(log_sigma(drawn) + log_sigma(condition)) / 2
    assert generator_loss("triplet_df", triplet).item() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("mode", "seen"),
    [
        ("pair", [("condition", "target"), ("condition", "drawn")]),
        ("triplet_market", [("target",), ("drawn",), ("condition",), ("coarse",)]),
        ("triplet_df", [("target",), ("drawn",), ("condition",)]),
        ("triplet_fixed", [("target",), ("drawn",), ("condition",)]),
    ],
)
def test_what_is_judged_together(mode: Any, seen: list[tuple[str, ...]]) -> None:
    value = {"condition": 1.0, "target": 2.0, "drawn": 3.0, "coarse": 4.0}
    images = {name: torch.full((2, 3, 4, 4), v) for name, v in value.items()}
    passes: list[Tensor] = []

    def judge(x: Tensor) -> Tensor:
        passes.append(x)
        return x[:, -1, 0, 0]  # of a pair, the second image

    logits = verdicts(
        judge, mode, images["condition"], images["target"], images["drawn"], images["coarse"]
    )
    (x,) = passes  # one pass: D's statistics are those of everything
    expected = [[value[n] for n in names for _ in range(3)] for names in seen for _ in range(2)]
    assert x[:, :, 0, 0].tolist() == expected
    assert logits.target.tolist() == [2, 2]
    assert logits.drawn.tolist() == [3, 3]
    assert (logits.condition is None) == (mode == "pair")
    if logits.condition is not None:
        assert logits.condition.tolist() == [1, 1]


def literal_terms(module: Adversarial) -> tuple[Values, Tensor]:
    """The terms of the iteration as the paper and the code write them, and L_G2."""
    m, net, d = module.method, module.trained, module.discriminator
    torch.manual_seed(0)
    x, y, posed, mask = module.views(batch())
    coarse = made = net.g1(x, 2 * disc_maps(posed, H, W) - 1)
    if net.g2 is not None:
        coarse = coarse.detach()
        made = coarse + net.g2(coarse, x)
    ce = F.binary_cross_entropy_with_logits
    if m.dis_mode == "pair":
        logits = d(torch.cat([torch.cat((x, y), 1), torch.cat((x, made), 1)]))
        one, zero = torch.ones(B).double(), torch.zeros(B).double()
        dis = ce(logits[:B], one) + ce(logits[B:], zero)
        adv = ce(logits[B:], one)
    elif m.dis_mode == "triplet_market":
        groups = [y, x, made] if net.g2 is None else [y, x, coarse, made]
        p = d(torch.cat(groups)).sigmoid().view(len(groups), B)
        dis = -(p[0].log().mean() / 2 + (1 - p[1]).log().mean() / 4 + (1 - p[-1]).log().mean() / 4)
        adv = -p[-1].log().mean()
    else:
        p = d(torch.cat([y, made, x])).sigmoid()
        dis = -(p[:B].log().mean() + (1 - p[B:]).log().mean()) / 2
        adv = -(p[B:] if m.dis_mode == "triplet_df" else p[B : 2 * B]).log().mean()
    pml = (made - y).abs().mean() + ((made - y).abs() * mask).mean()
    terms = {"adv": adv.item(), "pml": pml.item(), "dis": dis.item()}
    if net.g2 is not None:
        terms["difference"] = (made - coarse).abs().mean().item()
    return terms, adv + m.recon_weight * pml


MODES = ["pair", "triplet_market", "triplet_df", "triplet_fixed"]


@pytest.mark.parametrize("parts", ["g1+g2+d", "g1+d"])
@pytest.mark.parametrize("mode", MODES)
def test_an_iteration_is_the_literal_one(parts: Any, mode: Any) -> None:
    method = replace(TINY, parts=parts, dis_mode=mode)
    ours, theirs = stage(method), stage(method)
    terms, total = literal_terms(theirs)
    torch.manual_seed(0)
    ours.iteration(batch(), 0)
    assert ours.losses == pytest.approx(terms, rel=1e-6)
    # Adam's first step goes down the literal gradient
    net = theirs.trained.g2 if parts == "g1+g2+d" else theirs.trained.g1
    drawn = dict(net.named_parameters())
    slopes = torch.autograd.grad(total, list(drawn.values()))
    moved = dict((ours.trained.g2 or ours.trained.g1).named_parameters())
    for (name, p), slope in zip(drawn.items(), slopes, strict=True):
        expected = p - TINY.lr_adv * slope / (slope.abs() + 1e-8)
        torch.testing.assert_close(moved[name], expected, rtol=1e-5, atol=1e-7)


def test_the_coarse_stage_is_the_literal_one() -> None:
    module = stage(replace(TINY, parts="g1"), Coarse)
    torch.manual_seed(0)
    x, y, posed, mask = module.views(batch())
    made = module.trained.g1(x, 2 * disc_maps(posed, H, W) - 1)
    expected = ((made - y).abs() * (1 + mask)).mean()
    assert losses(replace(TINY, parts="g1"), Coarse) == pytest.approx({"pml": expected.item()})


@pytest.mark.parametrize(
    ("change", "moved"),
    [
        ({"loss": "l1"}, {"pml", "l1"}),
        ({"mask_weight": 3.0}, {"pml"}),
        ({"mask_radius": 3}, {"pml"}),
        ({"mask_close": 5}, {"pml"}),
        ({"mask_fill_holes": True}, {"pml"}),
        ({"recon_weight": 1.0}, set()),
        ({"freeze_g1": False}, set()),
        ({"dis_mode": "triplet_market"}, {"adv", "dis"}),
        ({"dis_mode": "triplet_fixed"}, {"adv"}),
        ({"g2_predict": "image"}, {"difference", "pml", "adv", "dis"}),
    ],
)
def test_a_switch_changes_the_terms_it_names(change: dict[str, Any], moved: set[str]) -> None:
    base = replace(TINY, dis_mode="triplet_df", mask_close=1)
    before, after = losses(base), losses(replace(base, **change))
    names = before.keys() | after.keys()
    different = {
        k for k in names if before.get(k, 0.0) != pytest.approx(after.get(k, 0.0), rel=1e-9)
    }
    assert different == moved


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"residual": False}, True),
        ({"pose_value_range": "01"}, True),
        ({"fc_bottleneck": False}, False),
        ({"padding": "symmetric"}, True),
        ({"pose_embed": "ce"}, False),
        ({"pose_embed": "hme"}, False),
    ],
)
def test_a_switch_of_g1_changes_the_coarse_picture(change: dict[str, Any], same: bool) -> None:
    base, other = (stage(replace(m, parts="g1"), Coarse) for m in (TINY, replace(TINY, **change)))
    shapes = [{k: v.shape for k, v in s.state_dict().items()} for s in (base, other)]
    assert (shapes[0] == shapes[1]) == same
    views = base.views(batch())
    made = [s.trained.coarse(views.condition, views.joints) for s in (base, other)]
    assert not torch.allclose(*made)


# ---- gradients -------------------------------------------------------------------------


def trained_by(method: PG2) -> set[str]:
    """Which networks three iterations change."""
    module = stage(method)
    parts = {"g1": module.trained.g1, "g2": module.trained.g2, "d": module.discriminator}
    before = {k: [p.detach().clone() for p in net.parameters()] for k, net in parts.items() if net}
    for k in range(3):
        module.iteration(batch(), k)
    moved = set()
    for name, old in before.items():
        pairs = zip(old, parts[name].parameters(), strict=True)
        if not all(torch.equal(a, b) for a, b in pairs):  # bit by bit
            moved.add(name)
    return moved


@pytest.mark.parametrize("mode", MODES)
def test_the_second_stage_leaves_g1_as_it_is(mode: Any) -> None:
    assert trained_by(replace(TINY, dis_mode=mode)) == {"g2", "d"}


def test_g1_learns_where_it_should() -> None:
    assert trained_by(replace(TINY, freeze_g1=False)) == {"g1", "g2", "d"}
    assert trained_by(replace(TINY, parts="g1+d")) == {"g1", "d"}


def test_each_loss_moves_its_own_network() -> None:
    module = stage(TINY)
    reached: list[set[str]] = []

    def descend(terms: Terms, *_: Any) -> None:
        weights = dict(module.named_parameters())
        slopes = torch.autograd.grad(terms.total(), list(weights.values()), allow_unused=True)
        pairs = zip(weights, slopes, strict=True)
        reached.append({n.replace("trained.", "").split(".")[0] for n, s in pairs if s is not None})

    module.descend = descend
    module.iteration(batch(), 0)
    assert reached == [{"g2"}, {"discriminator"}]


# ---- the model -------------------------------------------------------------------------


def test_repose_and_its_parts() -> None:
    torch.manual_seed(0)
    model = PG2Model(TINY, 5)
    images, asked = torch.rand(2, 3, 40, 30), joints(2)
    parts = model.repose_parts(images, asked)
    assert list(parts) == ["coarse", "difference", "refined"]
    assert all(p.shape == (2, 3, H, W) for p in parts.values())
    assert all(p.min() >= 0 and p.max() <= 1 for p in parts.values())
    assert torch.equal(model.repose(images, asked), parts["refined"])
    with torch.no_grad():
        x = model.preprocess(images)
        coarse = model.g1(x, 2 * disc_maps(asked, H, W) - 1)
        made = model.g2(coarse, x)  # type: ignore[misc]
    # Clamped at the end only: what leaves [0, 1] in the coarse picture may come back
    assert (coarse.abs() > 1).any()
    torch.testing.assert_close(parts["refined"], ((coarse + made) / 2 + 0.5).clamp(0, 1))
    torch.testing.assert_close(parts["coarse"], (coarse / 2 + 0.5).clamp(0, 1))
    torch.testing.assert_close(parts["difference"], (made / 2 + 0.5).clamp(0, 1))


def test_a_model_without_g2_gives_the_coarse_picture() -> None:
    model = PG2Model(replace(TINY, parts="g1+d"), 5)
    images, asked = torch.rand(2, 3, H, W), joints(2)
    assert list(model.repose_parts(images, asked)) == ["coarse"]
    assert torch.equal(model.repose(images, asked), model.repose_parts(images, asked)["coarse"])


def test_what_a_model_refuses() -> None:
    model, images, asked = PG2Model(TINY, 5), torch.rand(2, 3, H, W), joints(2)
    assert not model.embeds
    with pytest.raises(UserError, match="no features to compare"):
        model.embed(images)
    with pytest.raises(ValueError, match="joints must be 2×18×3"):
        model.repose(images, asked[:1])
    asked[1, :, 2] = 0
    with pytest.raises(UserError, match=r"Pose 1 \(from 0\) has no joint"):
        model.repose(images, asked)


@pytest.mark.parametrize("parts", ["g1", "g1+g2+d"])
def test_the_preview_shows_people_poses_and_every_part(parts: Any) -> None:
    module = Coarse(replace(TINY, parts=parts), 5)
    crowd = people([18] * 8, [1, 1, 1, 2, 2, 3, 4, 4])
    images = torch.randint(0, 256, (8, 3, H, W), dtype=torch.uint8)
    module.begin(Look(crowd, lambda rows: images[torch.as_tensor(rows)], torch.device("cpu")))
    columns = module.preview()["repose"]
    drawn = ["coarse"] if parts == "g1" else ["coarse", "difference", "refined"]
    assert columns.labels == ("person", "pose", *drawn, "photograph")
    shown = dict(zip(columns.labels, columns.images, strict=True))
    assert shown["person"].equal(images[[0, 3, 6]] / 255)  # of everybody with two crops: the first
    assert shown["photograph"].equal(images[[2, 4, 7]] / 255)  # and the last
    posed = torch.from_numpy(crowd.poses.at(H, W))[[2, 4, 7]]  # type: ignore[union-attr]
    assert shown["pose"].equal(disc_maps(posed, H, W).amax(1, keepdim=True).expand(-1, 3, -1, -1))
    for name, pictures in module.trained.repose_parts(shown["person"], posed).items():
        assert shown[name].equal(pictures)


@pytest.mark.parametrize("change", [{}, {"parts": "g1"}, {"pose_embed": "hme"}])
def test_a_saved_model_draws_the_same(change: dict[str, Any], tmp_path: Path) -> None:
    model = PG2Model(replace(TINY, **change), 5)
    images, asked = torch.rand(2, 3, H, W), joints(2)
    again = load_model(save_model(model, tmp_path / "model.safetensors"))
    assert isinstance(again, PG2Model)
    assert again.method == model.method
    torch.testing.assert_close(again.repose(images, asked), model.repose(images, asked))
