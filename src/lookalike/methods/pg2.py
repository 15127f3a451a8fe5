"""PG²: a person drawn in another pose, first coarsely, then refined against a discriminator.

Paper: Ma, Jia, Sun, Schiele, Tuytelaars, Van Gool, *Pose Guided Person Image Generation*, NeurIPS
2017 (arXiv 1705.09368). It generates `repose`; it recognises nobody.

From a photo I_A of a person and a pose P_B (18 maps with a disc of radius 4 at each joint), the
picture of the same person in that pose; I_B is the photo of the person in pose P_B, and M_B is 1
on the body that P_B's joints outline:

    coarse      Î_1 = G1(I_A, P_B)
    refined     Î_2 = Î_1 + G2(Î_1, I_A)
    distance    PML(a, b) = mean |a − b|·(1 + M_B)                       (the paper sums)

    stage "coarse"  L_G1 = PML(Î_1, I_B)
    stage "refine"  L_G2 = BCE(D(I_A, Î_2), 1) + λ·PML(Î_2, I_B)         λ = 10; 50 on DeepFashion
                    L_D  = BCE(D(I_A, I_B), 1) + BCE(D(I_A, Î_2), 0)     G1 stays as it is

That is the paper's discriminator of pairs (`disc_mode` "pair"). The released code's sees single
images, and the condition image is one more fake, so that copying it is no way to look real:

    triplet_*       L_D  = ½·BCE(D(I_B), 1) + ¼·BCE(D(I_A), 0) + ¼·BCE(D(Î_2), 0)
                    L_G2 = BCE(D(Î_2), 1) + λ·PML(Î_2, I_B)

D normalises by the statistics of all that it judges together: I_A, I_B and Î_2, and Î_1 too in
"triplet_market". In "triplet_df" the first term of L_G2 is the mean over Î_2 and I_A, which seems
an oversight; "triplet_fixed" is without it.

The rows of the paper's table, as settings (Market-1501, SSIM):

    G1-CE-L1         --parts g1 --loss l1 --pose_embed ce       .219
    G1-HME-L1        --parts g1 --loss l1 --pose_embed hme      .294
    G1-L1            --parts g1 --loss l1                       .304
    G1-poseMaskLoss  --parts g1                                 .340
    G1+D             --parts g1+d                               .283
    G1+G2+D                                                     .253
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lookalike.data import People
from lookalike.data.pair_samplers import OrderedPairs
from lookalike.data.posemaps import disc_maps, flip_joints, pose_mask
from lookalike.data.transforms import Augment, denormalize
from lookalike.errors import UserError
from lookalike.losses import bce, bce_discriminator, bce_generator, pose_mask_l1
from lookalike.methods.base import Method, Model, Stage, StageModule, schedule
from lookalike.methods.pictures import Columns, SwapGrid
from lookalike.nets import frozen
from lookalike.nets.pg2 import G1, G2, Discriminator, Padding, PoseEmbed

DiscMode = Literal["pair", "triplet_market", "triplet_df", "triplet_fixed"]


@dataclass(frozen=True)
class PG2(Method):
    """Settings of PG²; the defaults are the paper's for Market-1501."""

    name: ClassVar[str] = "pg2"
    title: ClassVar[str] = "PG²: pose guided person image generation"
    generates: ClassVar[tuple[str, ...]] = ("repose",)
    needs: ClassVar[tuple[Literal["pose"], ...]] = ("pose",)
    embeds: ClassVar[bool] = False

    height: int = 128
    """Height of the pictures, pixels; a multiple of 2^(blocks − 1), as is the width."""
    width: int = 64
    """Width of the pictures, pixels."""
    blocks: int = 0
    """N: the sizes at which G1 works, each half of the one before; 0: log2(height) − 2. G2 works at
    N − 2 of them, and D has N − 1 convolutions."""
    channels: int = 128
    """n: channels at full size, and by which G1 gains at every halving; even."""
    parts: Literal["g1", "g1+d", "g1+g2+d"] = "g1+g2+d"
    """What is trained: G1 alone, G1 against D from the start, or G1 and then G2 against D."""
    pose_embed: PoseEmbed = "concat"
    """How G1 sees the pose: maps beside the image, coordinates through two linear layers (ce), or
    maps through an encoder of their own (hme)."""
    pose_value_range: Literal["pm1", "01"] = "pm1"
    """Values of the maps: −1 and 1 (released code) or 0 and 1 (paper)."""
    residual: bool = True
    """Whether G1's blocks add their input."""
    fc_bottleneck: bool = True
    """Whether G1's deepest feature passes through a code of 64 numbers."""
    g2_predict: Literal["difference", "image"] = "difference"
    """What G2 draws: what to add to the coarse picture, or the picture."""
    g2_skip_outer: bool = False
    """Whether G2's last block sees its first feature (DeepFashion) or not (Market-1501)."""
    padding: Padding = "tf_same"
    """Of strided convolutions: TensorFlow's, which the authors' weights need, or symmetric."""

    loss: Literal["pml", "l1"] = "pml"
    """The distance of pictures: PML, which counts the body more, or the plain mean."""
    mask_weight: float = 1.0
    """What PML adds on the body."""
    mask_radius: int = 4
    """Of the discs along the limbs that make M_B, pixels; 8 fills a body at 256×256."""
    mask_close: int = 5
    """Side of the square that closes M_B's gaps, pixels; 9 at 256×256."""
    mask_fill_holes: bool = False
    """Whether M_B has no holes."""
    recon_weight: float = 10.0
    """λ: the distance's weight beside the adversarial loss."""
    disc_mode: DiscMode = "pair"
    """What D judges: pairs of condition and image, or single images, the condition a fake too."""
    freeze_g1: bool = True
    """Whether G1 stays as it is in the stage "refine", or learns from its losses too."""

    batch: int = 16
    """Pairs of images a step."""
    coarse_steps: int = schedule(22_000)
    """Steps of the stage "coarse"."""
    refine_steps: int = schedule(14_000)
    """Steps of the stage "refine". G1+D trains for the sum of both."""
    lr: float = 2e-5
    """Adam's constant rate in the stage "coarse"; betas (0.5, 0.999)."""
    lr_adv: float = 2e-5
    """Adam's constant rate for whatever trains against D, and for D."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {},
        "code": dict(disc_mode="triplet_market", refine_steps=38_000),
        "deepfashion": dict(height=256, width=256, batch=8, coarse_steps=30_000,
                            refine_steps=20_000, recon_weight=50.0, g2_skip_outer=True),
        "deepfashion_code": dict(height=256, width=256, batch=1, refine_steps=58_000,
                                 recon_weight=50.0, g2_skip_outer=True, disc_mode="triplet_df"),
        # A quarter of the channels, few steps, for two CPU cores. D learns faster than G2 at such
        # rates: with λ = 10 and pairs, patterns come out, not people
        "quick": dict(channels=32, coarse_steps=700, refine_steps=400, lr=1e-3, lr_adv=2e-4,
                      recon_weight=50.0, disc_mode="triplet_market"),
    }  # fmt: skip

    def __post_init__(self) -> None:
        least = {"height": 32, "width": 16, "channels": 2, "batch": 1, "mask_radius": 1,
                 "mask_close": 1}  # fmt: skip
        for name, minimum in least.items():
            if getattr(self, name) < minimum:
                raise UserError(f"{name} is {getattr(self, name)}, but must be {minimum} or more.")
        if self.channels % 2:
            raise UserError(f"channels is {self.channels}, but must be even.")
        if self.mask_close % 2 == 0:
            raise UserError(f"mask_close is {self.mask_close}, but must be odd.")
        if self.depth < 3:
            raise UserError(f"blocks is {self.blocks}, but must be 3 or more (or 0).")
        step = 2 ** (self.depth - 1)
        if self.height % step or self.width % step:
            raise UserError(
                f"Pictures of {self.height}×{self.width} can't be halved {self.depth - 1} times: "
                f"choose multiples of {step}, or fewer blocks than {self.depth}."
            )
        if self.pose_embed != "concat" and not self.fc_bottleneck:
            raise UserError(f"pose_embed {self.pose_embed} enters at the bottleneck: it needs "
                            "fc_bottleneck.")  # fmt: skip

    @property
    def depth(self) -> int:
        """N."""
        return self.blocks or int(math.log2(self.height)) - 2

    def stages(self, people: People, seed: int) -> list[Stage]:
        pairs = OrderedPairs(posed_labels(people), self.batch, seed)

        def plan(step: int) -> dict[str, NDArray[np.int64]]:
            condition, target = pairs.batch(step)
            return {"condition": condition, "target": target}

        size, classes = (self.height, self.width), people.num_pids
        alone = replace(self, parts="g1")
        coarse = Stage("coarse", self.coarse_steps, size, plan, lambda _: Coarse(alone, classes))
        if self.parts == "g1":
            return [coarse]
        if self.parts == "g1+d":
            steps = self.coarse_steps + self.refine_steps
            return [Stage("adversarial", steps, size, plan, lambda _: Adversarial(self, classes))]

        def refine(done: Mapping[str, nn.Module]) -> Adversarial:
            module = Adversarial(self, classes)
            module.trained.g1.load_state_dict(cast(PG2Model, done["coarse"]).g1.state_dict())
            return module

        return [coarse, Stage("refine", self.refine_steps, size, plan, refine)]

    def model(self, classes: int) -> PG2Model:
        return PG2Model(self, classes)


def posed_labels(people: People) -> NDArray[np.int64]:
    """The labels of `people`, −1 where no joint is known.

    Raises UserError where no joint of anybody is known, or nobody who has one has two images.
    """
    if people.poses is None or not people.poses.known.any():
        raise UserError("pg2 learns from poses, but no joint of any training image is known.")
    labels = np.where(people.poses.known > 0, people.labels(), -1)
    if not (np.bincount(labels[labels >= 0], minlength=1) > 1).any():
        raise UserError(
            "pg2 learns from pairs of images of one person, but no identity has two images with "
            "a pose."
        )
    return labels


class PG2Model(Model):
    """G1, and G2 where there is one: they `repose`."""

    method: PG2

    def __init__(self, method: PG2, classes: int) -> None:
        super().__init__(method, classes, method.height, method.width, "half")
        m = method
        self.g1 = G1(m.height, m.width, m.depth, m.channels, m.pose_embed, m.residual,
                     m.fc_bottleneck, m.padding)  # fmt: skip
        self.g2 = None
        if m.parts == "g1+g2+d":
            self.g2 = G2(m.depth - 2, m.channels, m.g2_skip_outer, m.padding)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def pose(self, joints: Tensor) -> Tensor:
        """What G1 sees of joints B×18×3 in pixels: maps B×18×H×W, or with "ce" B×36 in [−1, 1],
        −2 for what isn't known."""
        if self.method.pose_embed == "ce":
            size = joints.new_tensor(self.size[::-1])
            places = 2 * joints[:, :, :2] / size - 1
            return torch.where(joints[:, :, 2:] > 0, places, -2.0).flatten(1)
        maps = disc_maps(joints, *self.size)
        return 2 * maps - 1 if self.method.pose_value_range == "pm1" else maps

    def coarse(self, x: Tensor, joints: Tensor) -> Tensor:
        """Î_1, in the scale of the normalised images x."""
        return self.g1(x, self.pose(joints).to(x.dtype))  # type: ignore[no-any-return]

    def refined(self, coarse: Tensor, x: Tensor) -> Tensor:
        """Î_2."""
        assert self.g2 is not None
        made: Tensor = self.g2(coarse, x)
        return coarse + made if self.method.g2_predict == "difference" else made

    @torch.no_grad()
    def repose_parts(self, images: Tensor, joints: Tensor) -> dict[str, Tensor]:
        """The pictures on the way: "coarse" and, with G2, "difference" (to "coarse"; grey is none)
        and "refined".

        images: B×3×h×w in [0, 1]. joints: B×18×3, x and y in pixels of the model's size, 1 where
        known. All pictures are B×3×H×W in [0, 1]. Raises UserError for a pose without any joint.
        """
        if joints.shape != (len(images), 18, 3):
            raise ValueError(f"joints must be {len(images)}×18×3, got {tuple(joints.shape)}")
        unknown = (joints[:, :, 2] <= 0).all(1).nonzero().flatten().tolist()
        if unknown:
            raise UserError(f"Pose {unknown[0]} (from 0) has no joint: nobody can be drawn in it.")
        x = self.preprocess(images)
        coarse = self.coarse(x, joints)
        parts = {"coarse": coarse}
        if self.g2 is not None:
            refined = self.refined(coarse, x)
            parts |= {"difference": refined - coarse, "refined": refined}
        return {name: denormalize(part, self.normalize.norm) for name, part in parts.items()}

    def repose(self, images: Tensor, joints: Tensor) -> Tensor:
        """The people of `images` in the poses `joints`: B×3×H×W in [0, 1]; see `repose_parts`."""
        parts = self.repose_parts(images, joints)
        return parts.get("refined", parts["coarse"])

    def features(self, x: Tensor) -> Tensor:
        raise UserError("A model of pg2 makes pictures of people; it has no features to compare.")


class Verdicts(NamedTuple):
    """D's logits of what it judges together: B each. With "pair" the condition is in each."""

    target: Tensor
    made: Tensor
    condition: Tensor | None = None


def judged(
    judge: Any, mode: DiscMode, condition: Tensor, target: Tensor, made: Tensor,
    coarse: Tensor | None,
) -> Verdicts:  # fmt: skip
    """One pass of D, `judge`, over everything, for its statistics are those of that batch.

    coarse: Î_1 where that isn't what was made; "triplet_market" counts it in the statistics.
    """
    if mode == "pair":
        pairs = [torch.cat((condition, image), 1) for image in (target, made)]
        return Verdicts(*judge(torch.cat(pairs)).chunk(2))
    seen = [target, made, condition]
    if mode == "triplet_market" and coarse is not None:
        seen.append(coarse)
    return Verdicts(*judge(torch.cat(seen)).chunk(len(seen))[:3])


def discriminator_loss(verdicts: Verdicts) -> Tensor:
    """L_D: with a condition among the judged the triplet's, else that of pairs."""
    target, made, condition = verdicts
    if condition is None:
        return bce_discriminator(made, target)
    return bce(target, 1.0) / 2 + bce(condition, 0.0) / 4 + bce(made, 0.0) / 4


def generator_loss(mode: DiscMode, verdicts: Verdicts) -> Tensor:
    """The adversarial term of L_G2."""
    loss = bce_generator(verdicts.made)
    if mode == "triplet_df":
        assert verdicts.condition is not None
        loss = (loss + bce_generator(verdicts.condition)) / 2
    return loss


class Views(NamedTuple):
    """The two images in [−1, 1], and joints and M_B of the target; flipped together."""

    condition: Tensor  # B×3×H×W
    target: Tensor  # B×3×H×W
    joints: Tensor  # B×18×3
    mask: Tensor  # B×1×H×W


class Reposing(StageModule):
    """What both stages share: the views of a batch, the distance of pictures, the preview."""

    trained: PG2Model

    def __init__(self, method: PG2, classes: int) -> None:
        super().__init__()
        self.method = method
        self.trained = PG2Model(method, classes)
        self.augment = Augment(method.height, method.width, pad=0, norm="half")

    def views(self, batch: dict[str, Any]) -> Views:
        """Each pair of images, with the target's joints and mask, flipped with probability ½."""
        m, (condition, target) = self.method, (batch["condition"], batch["target"])
        moves = self.augment.draw(condition.images)
        joints = flip_joints(target.joints, moves.flip.to(target.joints.device), m.width)
        mask = pose_mask(joints, m.height, m.width, radius=m.mask_radius, close=m.mask_close,
                         fill_holes=m.mask_fill_holes)  # fmt: skip
        return Views(self.augment(condition.images, moves), self.augment(target.images, moves),
                     joints, mask)  # fmt: skip

    def distance(self, made: Tensor, views: Views) -> Tensor:
        """PML, or with `loss` "l1" the plain mean."""
        weight = self.method.mask_weight if self.method.loss == "pml" else 0.0
        return pose_mask_l1(made, views.target, views.mask, weight)

    def learning_rate(self, step: int) -> float:
        return 1.0

    def begin(self, people: People, pixels: Any) -> None:
        """Keeps six pairs for the preview: two images each of people from all over the table."""
        assert people.poses is not None
        labels = posed_labels(people)
        names, counts = np.unique(labels[labels >= 0], return_counts=True)
        names = names[counts > 1]
        chosen = names[np.linspace(0, len(names) - 1, min(6, len(names))).astype(int)]
        rows = [np.flatnonzero(labels == c)[[0, -1]] for c in chosen]
        conditions, targets = np.stack(rows, 1)
        images = [pixels(which).float() / 255 for which in (conditions, targets)]
        asked = people.poses.at(*self.trained.size)[targets]
        self.shown = (*images, torch.from_numpy(asked))

    def preview(self) -> dict[str, SwapGrid | Columns]:
        """Six people of the training set in a pose of theirs."""
        net = self.trained
        condition, target, joints = (x.to(self.device) for x in self.shown)
        parts = net.repose_parts(condition, joints)
        drawn = disc_maps(joints, *net.size).amax(1, keepdim=True).expand(-1, 3, -1, -1)
        columns = {"condition": condition, "pose": drawn, **parts, "target": target}
        return {"repose": Columns(tuple(columns), tuple(columns.values()))}

    def adam(self, modules: list[nn.Module], lr: float) -> torch.optim.Optimizer:
        weights = [p for module in modules for p in module.parameters()]
        return torch.optim.Adam([{"params": weights, "initial_lr": lr}], lr=lr,
                                betas=(0.5, 0.999), fused=True)  # fmt: skip


class Coarse(Reposing):
    """The stage that trains G1 alone."""

    leaves_out = False

    def iteration(self, batch: dict[str, Any], step: int) -> None:
        views = self.views(batch)
        loss = self.distance(self.trained.coarse(views.condition, views.joints), views)
        self.descend(loss, {self.method.loss: loss}, *self.raw_optimizers())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return self.adam([self.trained.g1], self.method.lr)


class Adversarial(Reposing):
    """The stage with a discriminator: it trains G2 on a trained G1 or, without G2, G1."""

    def __init__(self, method: PG2, classes: int) -> None:
        super().__init__(method, classes)
        inputs = 6 if method.disc_mode == "pair" else 3
        self.discriminator = Discriminator(method.height, method.width, method.depth - 1,
                                           method.channels, inputs, method.padding)  # fmt: skip
        self.discriminator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def iteration(self, batch: dict[str, Any], step: int) -> None:
        """One iteration, in order: draw, move what draws, move D."""
        m, net, dis = self.method, self.trained, self.discriminator
        opt_gen, opt_dis = self.raw_optimizers()
        views = self.views(batch)
        images = views.condition, views.target

        with torch.set_grad_enabled(net.g2 is None or not m.freeze_g1):
            made = net.coarse(views.condition, views.joints)
        coarse, terms = None, {}
        if net.g2 is not None:
            coarse = made
            made = net.refined(coarse, views.condition)
            # Not a loss: near 0, G2 has learnt nothing from D
            terms["difference"] = (made.detach() - coarse.detach()).float().abs().mean()

        verdicts = judged(lambda x: frozen(dis, x), m.disc_mode, *images, made, coarse)
        terms["adv"] = generator_loss(m.disc_mode, verdicts)
        terms[m.loss] = self.distance(made, views)
        self.descend(terms["adv"] + m.recon_weight * terms[m.loss], terms, opt_gen)

        detached = made.detach(), None if coarse is None else coarse.detach()
        loss = discriminator_loss(judged(dis, m.disc_mode, *images, *detached))
        self.descend(loss, {"dis": loss}, opt_dis)

    def configure_optimizers(self) -> tuple[torch.optim.Optimizer, ...]:
        m, net = self.method, self.trained
        drawing: list[nn.Module] = [net.g1] if net.g2 is None or not m.freeze_g1 else []
        if net.g2 is not None:
            drawing.append(net.g2)
        return self.adam(drawing, m.lr_adv), self.adam([self.discriminator], m.lr_adv)
