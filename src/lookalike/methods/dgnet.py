"""DG-Net: one person's clothes on another's posture, made while learning to recognise both.

Paper: Zheng, Yang, Yu, Zheng, Yang, Kautz, *Joint Discriminative and Generative Learning for Person
Re-identification*, CVPR 2019 (arXiv 1904.07223). It generates `swap`.

Two encoders split a crop x into an **appearance code** f (clothes, colours; a ResNet-50 that is
also the re-ID network) and a **structure code** s (posture, hair, bag, background; from the grey
image). A decoder G joins any appearance with any structure. For two batches a, b and positives a'
of a (same identity, other image), with x_ba = G(s_b, f_a) and every mean taken over its tensor:

    term             loss                                          weight            paper
    generator
    adv              2·Σ_scales mean (D(x_ba) − 1)²  (or `gan`)    1                 L_adv, eq. 7
    recon            |G(s_a, f_a) − x_a|                           5                 L_img1, eq. 1
    positive         |G(s_a, f_a') − x_a|                          5                 L_img2, eq. 2
    appearance_code  |f(x_ba) − f_a|   (no gradient by default)    0 → 1             L_code1, eq. 4
    structure_code   |Es(x_ab) − s_a|                              0 → 1             L_code2, eq. 5
    generated_id     CE(P1_frozen(x_ba), id_a)                     0.5               L_c_id, eq. 6
    cycle            |G(Es(x_ab), f(x_ba)) − x_a|                  0 → 2             –
    re-ID
    id               CE(P1(x_a), id_a)                             1                 L_s_id, eq. 3
    positive_id      CE(P1(x_a'), id_a)                            1                 L_s_id, eq. 3
    id_fine          CE(P2(x_a), id_a)                             α·w_T             –
    primary          KL(teacher(x_ba) ‖ P1(x_ba))                  w_T: 0 → 2        L_prim, eq. 8
    fine             CE(P2(x_ba), id_b), the structure's donor     α·w_T, α = 0.2    L_fine, eq. 9
    discriminator
    dis              Σ_scales mean D(x_ba)² + mean (D(x_a) − 1)²   1                 L_adv, eq. 7
    r1               0.01·Σ_scales |∂ΣD(x_a)/∂x_a|²                1                 –

and the same with a and b exchanged: every term is twice the common mean. The paper trains all four
networks by all losses. As released, the re-ID losses alone train the appearance encoder, through
detached pictures, and the generator's never reach it (`appearance_gradient`). "→" marks ramps that
begin at `ramp_from`. Where the paper and the authors' code differ, the default is what made the
released checkpoint; preset `paper` is the printed system.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from lookalike.data.people import Index
from lookalike.data.samplers import Partners, Shuffled, of_other_people
from lookalike.data.transforms import ERASINGS, Augment, RandomErasing, denormalize
from lookalike.layout import channels_last
from lookalike.losses import GANS, Gan, cross_entropy, l1_distance, r1_penalty, soft_target_kl
from lookalike.methods import schedules
from lookalike.methods.ide import IDE, BaselineModel, identification_stage, like
from lookalike.methods.look import Look
from lookalike.methods.method import Changes, Method, set_by
from lookalike.methods.model import Images, Model, evaluating
from lookalike.methods.optimizers import adam, sgd
from lookalike.methods.pictures import Columns, SwapGrid, shown
from lookalike.methods.stage import Done, Given, Stage, StageModule, Terms, Write
from lookalike.methods.swapping import SwappingModel, swapped_halves
from lookalike.methods.teacher import LabelStyle, Teacher, load_teacher
from lookalike.nets import backbone, batch_statistics, frozen
from lookalike.nets.dgnet import AppearanceEncoder, Discriminator, Generator, PartOrder
from lookalike.settings import schedule, setting

QUICK_TEACHER = IDE(height=128, width=64, pad=5, last_stride=1, erase=0.3, batch_size=32,
                    epochs=5.0, milestones=(4.0,), lr_trunk=0.01, lr_head=0.1)  # fmt: skip

SIDES = ("a", "b", "a_positive", "b_positive")  # of an iteration, in order


@dataclass(frozen=True)
class DGNet(Method):
    """Settings of DG-Net; the defaults are those of the released Market-1501 model."""

    name: ClassVar[str] = "dgnet"
    title: ClassVar[str] = "DG-Net: joint discriminative and generative learning"

    height: int = setting(256, least=40, multiple=4)
    """Height of crops and pictures, pixels."""
    width: int = setting(128, least=40, multiple=4)
    """Width of crops and pictures, pixels."""
    backbone: str = "resnet50"
    """The appearance encoder's trunk: resnet18, 34, 50, 101."""
    weights: str = "imagenet"
    """Weights it starts from: imagenet (downloaded once), none, or a file."""
    stride_on: Literal["auto", "3x3", "1x1"] = "auto"
    """Which convolution of a bottleneck strides; auto: as the weights were trained."""
    start_from: Literal["weights", "teacher"] = "weights"
    """The appearance encoder starts with a trunk from `weights`, or as the trained teacher."""

    structure_dim: int = setting(16, least=1)
    """Channels of the structure encoder's first layer; the code has 8 times as many."""
    residual_blocks: int = setting(4, least=1)
    """Residual blocks of the structure encoder and of each discriminator."""
    mlp_dim: int = setting(512, least=1)
    """Hidden width of the MLPs that make AdaIN's γ and β."""
    part_order: PartOrder = "channel"
    """What one AdaIN block sees of f: a quarter of the channels (released) or a stripe (paper)."""
    dis_dim: int = setting(32, least=1)
    """Channels of a discriminator's first layer."""
    dis_scales: int = setting(3, least=1)
    """Number of discriminators, each at half the size of the one before."""

    batch_size: int = setting(8, least=2)
    """Images of each of the two sides; a step sees four times as many with the positives."""
    pad: int = setting(10, least=0)
    """Pixels of repeated border added before the random crop."""
    erase: float = setting(0.5, least=0, most=1)
    """Probability of random erasing in the re-ID passes; 0 reuses the clean passes for them."""
    different_ids: bool = False
    """Redraw b where it has a's identity (the paper assumes it, the code doesn't)."""

    joint_steps: int = schedule(100_000, least=1)
    """Length of the joint stage, steps."""
    milestones: tuple[int, ...] = schedule((60_000, 90_000, 105_000), least=0)
    """When every learning rate is multiplied by 0.1: steps counted from 1, as in the release."""
    ramp_from: int = schedule(30_000, least=0)
    """Step, counted from 0, from which the weights of the code, cycle and teacher terms rise from
    0; the terms set in two steps later, as in the release."""
    ramp: int = schedule(2_000, least=1)
    """Steps in which a ramped weight rises by 1."""
    ramp_codes: bool = True
    """Ramp the weights of the codes and the cycle too (released); else they are full from the first
    step on (paper)."""

    adv_weight: float = setting(1.0, least=0)
    """Weight of the adversarial losses, of generator and discriminator."""
    gan: Gan = "lsgan"
    """Adversarial loss: least squares, the generator's doubled (released), or the printed minimax
    game of log D(x) + log(1 − D(x_ba)), D a sigmoid."""
    recon_weight: float = setting(5.0, least=0)
    """Weight of the self-reconstruction."""
    positive_weight: float = setting(5.0, least=0)
    """Weight of the reconstruction with the appearance of another image of the person."""
    structure_weight: float = setting(1.0, least=0)
    """Final weight of the structure code's reconstruction."""
    appearance_weight: float = setting(1.0, least=0)
    """Final weight of the appearance code's reconstruction."""
    cycle_weight: float = setting(2.0, least=0)
    """Final weight of the cycle; 0 as in the paper."""
    id_weight: float = setting(1.0, least=0)
    """Weight of the identity loss on real images."""
    positive_id_weight: float = setting(1.0, least=0)
    """Weight of the identity loss on the positives; 0 as in the paper."""
    generated_id_weight: float = setting(0.5, least=0)
    """Weight of the identity loss that the generator gets."""
    teacher_weight: float = setting(2.0, least=0)
    """Final weight w_T of the primary loss; 0 trains without generated images."""
    fine_factor: float = setting(0.2, least=0)
    """α: the fine-grained loss's share of w_T."""
    fine_on_real: bool = True
    """Whether the fine head also learns from real images (needed in practice; not in the paper)."""
    r1_weight: float = setting(0.01, least=0)
    """Weight of the R1 penalty on real images."""
    r1_every: int = setting(1, least=1)
    """Steps between R1 penalties, each then weighted as many times (lazy regularisation)."""
    encode_again: float = setting(0.5, least=0, most=1)
    """Probability that the structure code's loss trains Es rather than the pictures."""
    code_gradient: Literal["none", "pictures"] = "none"
    """Where the appearance code's loss goes: nowhere (released) or into the pictures."""
    appearance_gradient: Literal["none", "image", "all"] = "none"
    """Which of the generator's losses train the appearance encoder too: none, its code being
    detached (released); those of recon and positive, through the code that a picture wears; or all
    (paper), adv to cycle, through that code, through its reading of the pictures, which is then no
    frozen copy's, and through the code's loss at both ends, whatever code_gradient says."""

    label_style: LabelStyle = "soft"
    """The teacher's label of a picture: its softmax over both mirror views, its argmax, the
    appearance donor's label, the uniform label (LSRO), or its softmax on the two donors only."""
    teacher: IDE = field(default_factory=IDE)
    """The baseline that is trained first and then labels the pictures. Its backbone, weights and
    size are those above."""
    teacher_model: str = ""
    """A trained ide model to take as the teacher instead; several, separated by commas, are
    averaged."""
    teacher_top1: float = setting(0.95, least=0, most=1)
    """The share of training images that a given teacher must recognise."""
    teacher_dropout: bool = False
    """Leave the teacher's dropout on, as the released code does by accident."""
    teacher_bn: Literal["batch", "running"] = "batch"
    """The statistics that the teacher normalises by."""

    lr: float = setting(1e-4, above=0)
    """Adam's rate for generator and discriminator; betas (0, 0.999)."""
    lr_trunk: float = setting(0.002, above=0)
    """SGD's rate for the appearance encoder's trunk; Nesterov momentum 0.9."""
    lr_head: float = setting(0.02, above=0)
    """SGD's rate for its two heads."""
    weight_decay: float = setting(5e-4, least=0)
    """L2 penalty on all weights."""
    beta: float = setting(0.5, least=0)
    """The fine half's weight in a score."""

    presets: ClassVar[Mapping[str, Changes]] = {
        "code": {},
        # What the paper says and the released code doesn't do
        "paper": dict(cycle_weight=0.0, positive_id_weight=0.0, fine_on_real=False,
                      different_ids=True, code_gradient="pictures", appearance_gradient="all",
                      gan="log", ramp_codes=False, part_order="stripe", teacher_bn="running"),
        # 128×64, half the channels and a hundredth of the steps, for two CPU cores
        "quick": dict(height=128, width=64, pad=5, start_from="teacher", erase=0.0,
                      structure_dim=8, dis_dim=16, dis_scales=2, joint_steps=1_000,
                      milestones=(800,), ramp_from=300, ramp=100, lr=3e-4, teacher=QUICK_TEACHER),
        # From random weights in five minutes, for the teacher of that name, which knows its own
        # training images; the pictures count for more, so that they show people that soon
        "demo": dict(height=96, width=48, pad=4, backbone="resnet18", weights="none", batch_size=4,
                     start_from="teacher", erase=0.0, structure_dim=8, residual_blocks=2,
                     mlp_dim=128, dis_dim=16, dis_scales=2, joint_steps=400, milestones=(385,),
                     ramp_from=300, ramp=30, recon_weight=20.0, positive_weight=20.0, r1_every=4,
                     lr=1e-3, lr_trunk=5e-4, lr_head=5e-3, teacher_top1=0.0,
                     teacher=IDE.preset("demo")),
    }  # fmt: skip
    # The encoder, as long on the real images alone: f_fine then learns nothing, and isn't scored
    control: ClassVar[Changes | None] = dict(teacher_weight=0.0, beta=0.0,
                                             appearance_gradient="none")  # fmt: skip
    ablations: ClassVar[Mapping[str, Changes]] = {
        "f_prim alone": dict(fine_factor=0.0, beta=0.0),
        "no same-identity reconstruction": dict(positive_weight=0.0),
        "no cycle": dict(cycle_weight=0.0),
        "no fine head on real images": dict(fine_on_real=False),
        "codes from the first step": dict(ramp_codes=False),
        "logarithmic GAN": dict(gan="log"),
        "reconstructions train the encoder": dict(appearance_gradient="image"),
        "all losses train the encoder": dict(appearance_gradient="all"),
        **{f"{style} labels": dict(label_style=style)
           for style in ("hard", "appearance", "uniform", "masked")},
    }  # fmt: skip

    def resolved(self) -> DGNet:
        method = super().resolved()
        teacher = like(method.teacher, method, pixel_norm="imagenet")
        return dataclasses.replace(method, teacher=teacher)

    def ramps(self, step: int) -> dict[str, float]:
        """The weights of the ramped terms at 0-based step `step`."""
        caps = dict(structure_code=self.structure_weight, appearance_code=self.appearance_weight,
                    cycle=self.cycle_weight, teacher=self.teacher_weight)  # fmt: skip
        start, length = self.ramp_from, self.ramp
        w = {name: schedules.ramp(step, start, length, cap) for name, cap in caps.items()}
        return w if self.ramp_codes else {**caps, "teacher": w["teacher"]}

    def stages(self, given: Given) -> list[Stage | Write]:
        people, seed = given.source, given.seed
        labels = people.labels()
        with set_by("--batch_size"):
            sides = [Shuffled(len(people), self.batch_size, seed + k) for k in (0, 1)]
        partners = Partners(labels, seed)

        def plan(step: int) -> dict[str, Index]:
            a, b = (side.batch(step) for side in sides)
            if self.different_ids:
                b = of_other_people(labels, a, b, seed, step)
            positives = (partners.draw(side, step, k) for k, side in enumerate((a, b)))
            return dict(zip(SIDES, (a, b, *positives), strict=True))

        def build(done: Done) -> Joint:
            if "teacher" in done:
                return Joint(self, people.num_pids, [cast(BaselineModel, done["teacher"])])
            files = self.teacher_model.split(",")
            teachers = [load_teacher(file, people, self.height, self.width) for file in files]
            return Joint(self, people.num_pids, teachers)

        joint = Stage("joint", people, self.joint_steps, (self.height, self.width), plan, build)
        if self.teacher_model:
            return [joint]
        return [identification_stage(self.teacher, people, seed, "teacher"), joint]

    @classmethod
    def model_type(cls) -> type[Model]:
        return DGNetModel


class Joint(StageModule):
    """The stage that trains generator, discriminators and appearance encoder together."""

    trained: DGNetModel

    def __init__(self, method: DGNet, classes: int, teachers: Sequence[BaselineModel]) -> None:
        super().__init__()
        self.method = m = method
        self.trained = DGNetModel(m, classes)
        self.discriminator = Discriminator(m.dis_dim, m.dis_scales, m.residual_blocks)
        self.teacher = Teacher(teachers, m.label_style, m.teacher_bn, m.teacher_dropout)
        if m.start_from == "teacher":
            self.teacher.hand_on(self.trained.appearance, m.backbone, m.stride_on)
        self.augment = Augment(m.height, m.width, pad=m.pad)
        self.erase = RandomErasing(**{**ERASINGS["dgnet"], "p": m.erase})

    def iteration(self, batch: dict[str, Any], step: int) -> None:
        """One iteration, in order. Rows of a batch of both sides: a, then b."""
        m, net, dis = self.method, self.trained, self.discriminator
        gen, app = net.generator, net.appearance
        opt_gen, opt_dis, opt_app = self.raw_optimizers()
        w = self.weights = m.ramps(step)
        before = m.ramps(step - 1)  # a term that had no weight yet isn't computed
        dis_loss, gen_loss = GANS[m.gan]
        views = [self.augment(batch[name].images) for name in SIDES]
        x = torch.cat(views[:2])
        appearance_ids = torch.cat([batch["a"].labels, batch["b"].labels])  # of x_ba, x_ab
        structure_ids = swapped_halves(appearance_ids)

        # Encode. Each pass of the appearance encoder is a batch of its own for its BatchNorm.
        with torch.set_grad_enabled(m.erase == 0 or m.appearance_gradient != "none"):
            encoded = [app(view) for view in views]
        codes = torch.cat([view.code for view in encoded])  # a, b, a', b'
        f = codes if m.appearance_gradient == "all" else codes.detach()
        s = gen.structure(x)

        # Decode x_ba, x_ab; the reconstructions of a, b; and those from the positives.
        styles, positive_styles = gen.styles(f).chunk(2)
        swaps = gen.decode(swapped_halves(s), styles)
        if m.appearance_gradient == "image":
            styles, positive_styles = gen.styles(codes).chunk(2)
        same, same_id = gen.decode(s, styles), gen.decode(s, positive_styles)
        if m.erase:
            encoded = [app(self.erase(view)) for view in views]
        real, positives = encoded[:2], encoded[2:]

        # Discriminator, on detached swaps; the real side in float32 for the R1 penalty.
        x_real = x.detach().requires_grad_()
        with torch.autocast(x.device.type, enabled=False):
            patches_real = dis(x_real)
            penalty = x.new_zeros(())
            if m.r1_weight and step % m.r1_every == 0:
                penalty = m.r1_every * r1_penalty(patches_real, x_real, m.r1_weight)
        terms = Terms(times=2)
        terms.add("dis", m.adv_weight, dis_loss(dis(swaps.detach()), patches_real))
        terms.add("r1", m.adv_weight, penalty)
        self.descend(terms, opt_dis)

        # Generator: the pictures.
        terms = Terms(times=2)
        double = 2 if m.gan == "lsgan" else 1
        terms.add("adv", m.adv_weight, double * gen_loss(frozen(dis, swaps)))
        terms.add("recon", m.recon_weight, l1_distance(same, x))
        terms.add("positive", m.positive_weight, l1_distance(same_id, x))

        # Generator: the pictures' codes, read by the encoders as they are.
        reader = app if m.appearance_gradient == "all" else partial(frozen, app)
        with evaluating(app), batch_statistics(app):
            reread = [reader(half) for half in swaps.chunk(2)]
        logits = torch.cat([side.primary for side in reread])
        terms.add("generated_id", m.generated_id_weight, cross_entropy(logits, appearance_ids))
        trains_encoder = float(torch.rand(())) <= m.encode_again
        if before["structure_code"] or before["cycle"]:
            s_again = swapped_halves(gen.structure_again(swaps, trains_encoder))  # a's is in x_ab
        if before["structure_code"]:
            terms.add("structure_code", w["structure_code"], l1_distance(s_again, s.detach()))
        f_again = torch.cat([side.code for side in reread])
        f_cycle = f_again if m.appearance_gradient == "all" else f_again.detach()
        if before["appearance_code"]:
            f_code = f_again if m.code_gradient == "pictures" else f_cycle
            terms.add("appearance_code", w["appearance_code"], l1_distance(f_code, f[: len(x)]))
        if before["cycle"]:
            cycled = gen.decode(s_again, gen.styles(f_cycle))
            terms.add("cycle", w["cycle"], l1_distance(cycled, x))

        # Re-identification: real images, positives, and detached pictures as training data.
        logits = torch.cat([view.primary for view in real])
        terms.add("id", m.id_weight, cross_entropy(logits, appearance_ids))
        if m.positive_id_weight:
            logits = torch.cat([view.primary for view in positives])
            terms.add("positive_id", m.positive_id_weight, cross_entropy(logits, appearance_ids))
        if before["teacher"]:
            fine_weight = w["teacher"] * m.fine_factor
            if m.fine_on_real:
                logits = torch.cat([view.fine for view in real])
                weight = m.id_weight * fine_weight
                terms.add("id_fine", weight, cross_entropy(logits, appearance_ids))
            halves = swaps.detach().chunk(2)
            pictures = [app(half) for half in halves]
            donors = zip(halves, appearance_ids.chunk(2), structure_ids.chunk(2), strict=True)
            q = torch.cat([self.teacher(*half) for half in donors])
            logits = torch.cat([view.primary for view in pictures])
            terms.add("primary", w["teacher"], soft_target_kl(logits, q))
            logits = torch.cat([view.fine for view in pictures])
            terms.add("fine", fine_weight, cross_entropy(logits, structure_ids))
        self.descend(terms, opt_gen, opt_app)

    def learning_rate(self, step: int) -> float:
        return schedules.multistep(step + 1, self.method.milestones)  # counted from 1

    def configure_optimizers(self) -> tuple[torch.optim.Optimizer, ...]:
        """Those of generator, discriminator and appearance encoder."""
        m, net = self.method, self.trained
        app, decay = net.appearance, m.weight_decay
        gans = [
            adam((part, m.lr), betas=(0.0, 0.999), weight_decay=decay)
            for part in (net.generator, self.discriminator)
        ]
        rates = (app.trunk, m.lr_trunk), ((app.primary, app.fine), m.lr_head)
        return (*gans, sgd(*rates, nesterov=True, weight_decay=decay))

    def begin(self, look: Look) -> None:
        """Checks a given teacher on training images and keeps seven people for the preview."""
        self.teacher.check(self.method.teacher_model, look, self.method.teacher_top1)
        (self.samples,) = shown(look, look.people.labels(), 7)

    def preview(self) -> dict[str, SwapGrid | Columns]:
        """Every one of seven people in the clothes of every other."""
        images = self.samples.images.to(self.device)
        return {"swap": SwapGrid(images, images, self.trained.swap_grid(images, images))}


class DGNetModel(SwappingModel):
    """The appearance encoder, which recognises, and the generator, which `swap`s."""

    method: DGNet
    verbs: ClassVar = {"swap": ("appearance", "generator")}
    features_of = ("appearance",)
    start_parts: ClassVar[Mapping[str, str]] = {"trunk": "appearance.trunk"}
    parts: ClassVar[Mapping[str, slice]] = {"f_prim": slice(0, 512), "f_fine": slice(512, 1024)}

    def __init__(self, method: DGNet, classes: int) -> None:
        super().__init__(method, classes, method.height, method.width, "imagenet")
        options: dict[str, Any] = dict(stride_on=method.stride_on, last_stride=1)
        trunk = backbone(method.backbone, weights=method.weights, **options)
        self.appearance = AppearanceEncoder(trunk, classes)
        channels_last(self.appearance)
        dims = method.structure_dim, method.residual_blocks, method.mlp_dim, method.part_order
        self.generator = Generator(cast(int, trunk.channels), *dims)

    def features(self, x: Tensor) -> Tensor:
        """f_prim and √β·f_fine, each half the normalised sum over both mirror views: B×1024.

        The product of two is the paper's score cos₁ + β·cos₂, and all have length √(1 + β): so
        cosine and Euclidean distance rank as it does. With β = 0 the fine half is too short to
        count, but long enough to be ranked on its own.
        """
        halves = []
        for views in zip(self.appearance.embed(x), self.appearance.embed(x.flip(3)), strict=True):
            halves.append(F.normalize(F.normalize(views[0]) + F.normalize(views[1])))
        return torch.cat([halves[0], math.sqrt(self.method.beta or 1e-22) * halves[1]], 1)

    def appearance_code(self, images: Images) -> Tensor:
        """f of images: B×4C."""
        return self.appearance.code(self.appearance.trunk(self.preprocess(images)))

    def structure_code(self, images: Images) -> Tensor:
        """s of images: B×8d×H/4×W/4."""
        return self.generator.structure(self.preprocess(images))

    def render(self, f: Tensor, s: Tensor) -> Tensor:
        """The pictures in [0, 1] of appearance codes f with structure codes s."""
        return denormalize(self.generator.decode(s, self.generator.styles(f)), self.normalize.norm)
