"""PG²: a person drawn in another pose, first coarsely, then refined against a discriminator.

Paper: Ma, Jia, Sun, Schiele, Tuytelaars, Van Gool, *Pose Guided Person Image Generation*, NeurIPS
2017 (arXiv 1705.09368). It generates `repose`; it recognises nobody.

From a photo I_A of a person and a pose P_B (18 maps with a disc of radius 4 at each joint), the
picture of the same person in that pose; I_B is the photo of the person in pose P_B, and M_B is 1
on the body that P_B's joints outline:

    coarse      Î_1 = G1(I_A, P_B)
    refined     Î_2 = Î_1 + G2(Î_1, I_A)

    term  loss                                             weight               paper
    stage "coarse"
    pml   mean |Î_1 − I_B|·(1 + M_B)   (the paper sums)    1                    L_G1, eq. 2
    stage "refine"; G1 stays as it is
    adv   BCE(D(I_A, Î_2), 1)                              1                    L_adv^G, eq. 4
    pml   mean |Î_2 − I_B|·(1 + M_B)                       λ = 10; 50 on        L_G2, eq. 5
                                                           DeepFashion (code)
    dis   BCE(D(I_A, I_B), 1) + BCE(D(I_A, Î_2), 0)        1                    L_adv^D, eq. 3

With `loss` "l1" the term is l1, the plain mean. `difference` in the log is mean |Î_2 − Î_1|, not a
loss.

That is the paper's discriminator of pairs (`dis_mode` "pair"). The released code's sees single
images, and the condition image is one more fake, so that copying it is no way to look real:

    dis   ½·BCE(D(I_B), 1) + ¼·BCE(D(I_A), 0) + ¼·BCE(D(Î_2), 0)      "triplet_*"
    adv   BCE(D(Î_2), 1)

D normalises by the statistics of all that it judges together: I_A, I_B and Î_2, and Î_1 too in
"triplet_market". In "triplet_df" adv is the mean over Î_2 and I_A, which seems an oversight;
"triplet_fixed" is without it. `ablations` has the rows of the paper's table.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor, nn

from lookalike.data import People
from lookalike.data.pair_samplers import OrderedPairs
from lookalike.data.people import Index
from lookalike.data.posemaps import disc_maps, flip_joints, pose_mask
from lookalike.data.transforms import Augment, denormalize
from lookalike.errors import UserError
from lookalike.layout import channels_last
from lookalike.losses import bce, bce_discriminator, bce_generator, pose_mask_l1
from lookalike.methods.look import Look
from lookalike.methods.method import Changes, Method, Need, set_by
from lookalike.methods.model import Images, Model, evaluating
from lookalike.methods.optimizers import adam
from lookalike.methods.pictures import Columns, PosePairs, SwapGrid
from lookalike.methods.stage import Done, Given, Stage, StageModule, Terms, Write
from lookalike.nets import frozen
from lookalike.nets.pg2 import G1, G2, Discriminator, Padding, PoseEmbed
from lookalike.settings import schedule, setting

DiscriminatorMode = Literal["pair", "triplet_market", "triplet_df", "triplet_fixed"]


@dataclass(frozen=True)
class PG2(Method):
    """Settings of PG²; the defaults are the paper's for Market-1501, but for the pose maps' values
    and λ, which are the released code's."""

    name: ClassVar[str] = "pg2"
    title: ClassVar[str] = "PG²: pose guided person image generation"
    needs: ClassVar[tuple[Need, ...]] = ("pose",)

    height: int = setting(128, least=32)
    """Height of the pictures, pixels; a multiple of 2^(blocks − 1), as is the width."""
    width: int = setting(64, least=16)
    """Width of the pictures, pixels."""
    blocks: int = setting(0, least=0)
    """N: the sizes at which G1 works, each half of the one before; 0: log2(height) − 2. G2 works at
    N − 2 of them, and D has N − 1 convolutions."""
    channels: int = setting(128, least=2, multiple=2)
    """n: channels at full size, and by which G1 gains at every halving."""
    parts: Literal["g1", "g1+d", "g1+g2+d"] = "g1+g2+d"
    """What is trained: G1 alone, G1 against D from the start, or G1 and then G2 against D."""
    pose_embed: PoseEmbed = "concat"
    """How G1 sees the pose: maps beside the image, coordinates through two linear layers (ce), or
    maps through an encoder of their own (hme)."""
    pose_value_range: Literal["pm1", "01"] = "pm1"
    """Values of the maps: −1 and 1 (released code, whose weights need them) or 0 and 1 (paper)."""
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
    mask_weight: float = setting(1.0, least=0)
    """What PML adds on the body."""
    mask_radius: int = setting(4, least=1)
    """Radius of the discs along the limbs that make M_B, pixels; 8 fills a body at 256×256."""
    mask_close: int = setting(5, least=1)
    """Side of the square that closes M_B's gaps, pixels; 9 at 256×256."""
    mask_fill_holes: bool = False
    """Whether M_B has no holes."""
    recon_weight: float = setting(10.0, least=0)
    """λ: the distance's weight beside the adversarial loss (released code: 10, on DeepFashion 50;
    the paper's text gives none)."""
    dis_mode: DiscriminatorMode = "pair"
    """What D judges: pairs of condition and image, or single images, the condition a fake too."""
    freeze_g1: bool = True
    """Whether G1 stays as it is in the stage "refine", or learns from its losses too."""

    batch_size: int = setting(16, least=1)
    """Pairs of images a step."""
    coarse_steps: int = schedule(22_000, least=1)
    """Length of the stage "coarse", steps."""
    refine_steps: int = schedule(14_000, least=1)
    """Length of the stage "refine", steps. G1+D trains for the sum of both."""
    lr: float = setting(2e-5, above=0)
    """Adam's constant rate in the stage "coarse"; betas (0.5, 0.999)."""
    lr_adv: float = setting(2e-5, above=0)
    """Adam's constant rate for whatever trains against D, and for D."""

    presets: ClassVar[Mapping[str, Changes]] = {
        "paper": dict(pose_value_range="01"),
        "code": dict(dis_mode="triplet_market", refine_steps=38_000),
        "deepfashion": dict(height=256, width=256, batch_size=8, coarse_steps=30_000,
                            refine_steps=20_000, recon_weight=50.0, g2_skip_outer=True),
        "deepfashion_code": dict(height=256, width=256, batch_size=1, refine_steps=58_000,
                                 recon_weight=50.0, g2_skip_outer=True, dis_mode="triplet_df"),
        # A quarter of the channels, few steps, for two CPU cores. D learns faster than G2 at such
        # rates: with λ = 10 and pairs, patterns come out, not people
        "quick": dict(channels=32, coarse_steps=700, refine_steps=400, lr=1e-3, lr_adv=2e-4,
                      recon_weight=50.0, dis_mode="triplet_market"),
    }  # fmt: skip
    # Table 1 of the paper; SSIM on Market-1501 beside
    ablations: ClassVar[Mapping[str, Changes]] = {
        "G1-CE-L1": dict(parts="g1", loss="l1", pose_embed="ce"),           # .219
        "G1-HME-L1": dict(parts="g1", loss="l1", pose_embed="hme"),         # .294
        "G1-L1": dict(parts="g1", loss="l1"),                               # .304
        "G1-poseMaskLoss": dict(parts="g1"),                                # .340
        "G1+D": dict(parts="g1+d"),                                         # .283
        "G1+G2+D": {},                                                      # .253
    }  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
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
            raise UserError(
                f"pose_embed {self.pose_embed} enters at the bottleneck: it needs fc_bottleneck."
            )

    @property
    def depth(self) -> int:
        """N."""
        return self.blocks or int(math.log2(self.height)) - 2

    def stages(self, given: Given) -> list[Stage | Write]:
        people, size = given.source, (self.height, self.width)
        classes = people.num_pids
        with set_by("--batch_size"):
            pairs = OrderedPairs(pairable_labels(people), self.batch_size, given.seed)

        def plan(step: int) -> dict[str, Index]:
            return dict(zip(("condition", "target"), pairs.batch(step), strict=True))

        def coarse(done: Done) -> Coarse:
            return Coarse(replace(self, parts="g1"), classes)

        def adversarial(done: Done) -> Adversarial:
            module = Adversarial(self, classes)
            if "coarse" in done:
                g1 = cast(PG2Model, done["coarse"]).g1
                module.trained.g1.load_state_dict(g1.state_dict())
            return module

        if self.parts == "g1+d":
            steps = self.coarse_steps + self.refine_steps
            return [Stage("adversarial", people, steps, size, plan, adversarial)]
        first = Stage("coarse", people, self.coarse_steps, size, plan, coarse)
        if self.parts == "g1":
            return [first]
        return [first, Stage("refine", people, self.refine_steps, size, plan, adversarial)]

    @classmethod
    def model_type(cls) -> type[Model]:
        return PG2Model


def pairable_labels(people: People) -> Index:
    """The labels of the crops whose pose is known, −1 for all others.

    Raises UserError where no joint of anybody is known, or nobody who has one has two images.
    """
    labels = people.posed_labels()
    if people.poses is None or not people.poses.known.any():
        raise UserError("pg2 learns from poses, but no joint of any training image is known.")
    if not (np.bincount(labels[labels >= 0], minlength=1) > 1).any():
        pairs = (np.bincount(people.labels() + 1)[1:] > 1).any()
        raise UserError(
            "pg2 learns from pairs of images of one person, but no identity has two images"
            + (" with a pose." if pairs else ".")
        )
    return labels


class Verdicts(NamedTuple):
    """D's logits of what it judges together: B each. With "pair" the condition is in each."""

    target: Tensor
    drawn: Tensor
    condition: Tensor | None = None


def verdicts(
    discriminator: Callable[[Tensor], Tensor],
    mode: DiscriminatorMode,
    condition: Tensor,
    target: Tensor,
    drawn: Tensor,
    coarse: Tensor | None,
) -> Verdicts:
    """One pass of D over everything: its batch norm sees condition, target and drawn as one batch.

    coarse: Î_1 where that isn't what was drawn; "triplet_market" counts it in the statistics.
    """
    if mode == "pair":
        pairs = [torch.cat((condition, image), 1) for image in (target, drawn)]
        return Verdicts(*discriminator(torch.cat(pairs)).chunk(2))
    images = [target, drawn, condition]
    if mode == "triplet_market" and coarse is not None:
        images.append(coarse)
    return Verdicts(*discriminator(torch.cat(images)).chunk(len(images))[:3])


def discriminator_loss(verdicts: Verdicts) -> Tensor:
    """dis: with a condition among the judged the triplet's, else that of pairs (eq. 3)."""
    if verdicts.condition is None:
        return bce_discriminator(verdicts.drawn, verdicts.target)
    fakes = bce(verdicts.condition, 0.0) / 4 + bce(verdicts.drawn, 0.0) / 4
    return bce(verdicts.target, 1.0) / 2 + fakes


def generator_loss(mode: DiscriminatorMode, verdicts: Verdicts) -> Tensor:
    """adv (eq. 4)."""
    loss = bce_generator(verdicts.drawn)
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
        mask = pose_mask(
            joints,
            m.height,
            m.width,
            radius=m.mask_radius,
            close=m.mask_close,
            fill_holes=m.mask_fill_holes,
        )
        images = [self.augment(side.images, moves) for side in (condition, target)]
        return Views(images[0], images[1], joints, mask)

    def distance(self, drawn: Tensor, views: Views) -> Tensor:
        """pml (eq. 2), or with `loss` "l1" the plain mean."""
        weight = self.method.mask_weight if self.method.loss == "pml" else 0.0
        return pose_mask_l1(drawn, views.target, views.mask, weight)

    def learning_rate(self, step: int) -> float:
        return 1.0

    def begin(self, look: Look) -> None:
        self.pairs = PosePairs(look, self.trained.size)

    def preview(self) -> dict[str, SwapGrid | Columns]:
        """Six people of the training set in a pose of theirs."""
        return self.pairs.columns(self.device, self.trained.repose_parts)


class Coarse(Reposing):
    """The stage that trains G1 alone."""

    leaves_out = False

    def iteration(self, batch: dict[str, Any], step: int) -> None:
        terms, views = Terms(), self.views(batch)
        drawn = self.trained.coarse(views.condition, views.joints)
        terms.add(self.method.loss, 1.0, self.distance(drawn, views))
        self.descend(terms, *self.raw_optimizers())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return adam((self.trained.g1, self.method.lr))


class Adversarial(Reposing):
    """The stage with a discriminator: it trains G2 on a trained G1 or, without G2, G1."""

    def __init__(self, method: PG2, classes: int) -> None:
        super().__init__(method, classes)
        inputs = 6 if method.dis_mode == "pair" else 3
        self.discriminator = Discriminator(
            method.height, method.width, method.depth - 1, method.channels, inputs, method.padding
        )
        channels_last(self.discriminator)

    def iteration(self, batch: dict[str, Any], step: int) -> None:
        """One iteration, in order: draw, move what draws, move D."""
        m, net, dis, terms = self.method, self.trained, self.discriminator, Terms()
        opt_gen, opt_dis = self.raw_optimizers()
        views = self.views(batch)
        images = views.condition, views.target

        with torch.set_grad_enabled(net.g2 is None or not m.freeze_g1):
            drawn = net.coarse(views.condition, views.joints)
        coarse = None
        if net.g2 is not None:
            coarse = drawn
            drawn = net.refined(coarse, views.condition)
            # Not a loss: near 0, G2 has learnt nothing from D
            terms.note("difference", (drawn.detach() - coarse.detach()).float().abs().mean())

        judged = verdicts(lambda x: frozen(dis, x), m.dis_mode, *images, drawn, coarse)
        terms.add("adv", 1.0, generator_loss(m.dis_mode, judged))
        terms.add(m.loss, m.recon_weight, self.distance(drawn, views))
        self.descend(terms, opt_gen)

        terms = Terms()
        detached = drawn.detach(), None if coarse is None else coarse.detach()
        judged = verdicts(dis, m.dis_mode, *images, *detached)
        terms.add("dis", 1.0, discriminator_loss(judged))
        self.descend(terms, opt_dis)

    def configure_optimizers(self) -> tuple[torch.optim.Optimizer, ...]:
        """Those of what draws, and of D."""
        m, net = self.method, self.trained
        drawing: list[nn.Module] = [net.g1] if net.g2 is None or not m.freeze_g1 else []
        if net.g2 is not None:
            drawing.append(net.g2)
        return adam((drawing, m.lr_adv)), adam((self.discriminator, m.lr_adv))


class PG2Model(Model):
    """G1, and G2 where there is one: they `repose`."""

    method: PG2
    verbs: ClassVar = {"repose": ("g1",)}

    def __init__(self, method: PG2, classes: int) -> None:
        super().__init__(method, classes, method.height, method.width, "half")
        m = method
        blocks = m.pose_embed, m.residual, m.fc_bottleneck, m.padding
        self.g1 = G1(m.height, m.width, m.depth, m.channels, *blocks)
        self.g2 = None
        if m.parts == "g1+g2+d":
            self.g2 = G2(m.depth - 2, m.channels, m.g2_skip_outer, m.padding)
        channels_last(self)

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
        return self.g1(x, self.pose(joints).to(x.dtype))

    def refined(self, coarse: Tensor, x: Tensor) -> Tensor:
        """Î_2."""
        assert self.g2 is not None
        drawn: Tensor = self.g2(coarse, x)
        return coarse + drawn if self.method.g2_predict == "difference" else drawn

    @torch.no_grad()
    def repose_parts(self, images: Images, joints: Tensor) -> dict[str, Tensor]:
        """The pictures on the way: "coarse" and, with G2, "difference" (to "coarse"; grey is none)
        and "refined", the result.

        joints: B×18×3, x and y in pixels of the model's size, 1 where known. All pictures are
        B×3×H×W in [0, 1]. Raises UserError for a pose without any joint.
        """
        x = self.preprocess(images)
        if joints.shape != (len(x), 18, 3):
            raise ValueError(f"joints must be {len(x)}×18×3, got {tuple(joints.shape)}")
        unknown = (joints[:, :, 2] <= 0).all(1).nonzero().flatten().tolist()
        if unknown:
            raise UserError(f"Pose {unknown[0]} (from 0) has no joint: nobody can be drawn in it.")
        with evaluating(self):
            coarse = self.coarse(x, joints.to(x.device))
            parts = {"coarse": coarse}
            if self.g2 is not None:
                refined = self.refined(coarse, x)
                parts |= {"difference": refined - coarse, "refined": refined}
        return {name: denormalize(part, self.normalize.norm) for name, part in parts.items()}

    def repose(self, images: Images, joints: Tensor) -> Tensor:
        """The people of `images` in the poses `joints`: B×3×H×W in [0, 1]; see `repose_parts`."""
        parts = self.repose_parts(images, joints)
        return parts.get("refined", parts["coarse"])
