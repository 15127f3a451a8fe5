"""DG-Net: one person's clothes on another's posture, made while learning to recognise both.

Paper: Zheng, Yang, Yu, Zheng, Yang, Kautz, *Joint Discriminative and Generative Learning for Person
Re-identification*, CVPR 2019 (arXiv 1904.07223).

Two encoders split a crop x into an **appearance code** f (clothes, colours; a ResNet-50 that is
also the re-ID network) and a **structure code** s (posture, hair, bag, background; from the grey
image). A decoder G joins any appearance with any structure. For two batches a, b and positives a'
of a (same identity, other image), with x_ba = G(s_b, f_a) and every mean taken over its tensor:

    generator      2·Σ_scales mean (D(x_ba) − 1)²                      weight 1        L_adv
                   |G(s_a, f_a) − x_a|                                 5               L_img1
                   |G(s_a, f_a') − x_a|                                5               L_img2
                   |Es(x_ab) − s_a|                                    0 → 1           L_code2
                   |f(x_ba) − f_a|   (no gradient by default)          0 → 1           L_code1
                   |G(Es(x_ab), f(x_ba)) − x_a|                        0 → 2           cycle
                   CE(P1_frozen(x_ba), id_a)                           0.5             L_c_id
    re-ID          CE(P1(x_a), id_a) + w_T·α·CE(P2(x_a), id_a)         1               L_s_id
                   CE(P1(x_a'), id_a)                                  1               L_s_id
                   KL(teacher(x_ba) ‖ P1(x_ba))                        w_T: 0 → 2      L_prim
                   CE(P2(x_ba), id_b) — the structure donor            w_T·α, α = 0.2  L_fine
    discriminator  Σ_scales mean D(x_ba)² + mean (D(x_a) − 1)² + R1

and the same with a and b exchanged. The re-ID losses alone train the appearance encoder, through
detached pictures; the generator's losses never reach it. "→" marks ramps that begin at `ramp_from`.
Where the paper and the authors' code differ, the default is what made the released checkpoint.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from lookalike.data import People
from lookalike.data.samplers import Partners, Shuffled, step_generator
from lookalike.data.transforms import ERASINGS, Augment, RandomErasing, denormalize
from lookalike.errors import UserError
from lookalike.losses import (
    cross_entropy,
    l1_distance,
    lsgan_discriminator,
    lsgan_generator,
    r1_penalty,
    soft_target_kl,
)
from lookalike.losses.precision import full_precision
from lookalike.methods.base import Method, Model, Stage, StageModule, evaluating, schedule
from lookalike.methods.ide import IDE, BaselineModel, identification_stage
from lookalike.methods.model_file import load_model
from lookalike.methods.pictures import Columns, SwapGrid
from lookalike.nets import Dropout, backbone, batch_statistics, frozen, weights_stride_on
from lookalike.nets.dgnet import AppearanceEncoder, Discriminator, Generator, PartOrder

QUICK_TEACHER = IDE(height=128, width=64, pad=5, last_stride=1, erase=0.3, batch=32, length=5.0,
                    drops=(4.0,), lr_trunk=0.01, lr_head=0.1)  # fmt: skip


@dataclass(frozen=True)
class DGNet(Method):
    """Settings of DG-Net; the defaults are those of the released Market-1501 model."""

    name: ClassVar[str] = "dgnet"
    title: ClassVar[str] = "DG-Net: joint discriminative and generative learning"
    generates: ClassVar[tuple[str, ...]] = ("swap",)

    height: int = 256
    """Height of crops and pictures, pixels; a multiple of 4, at least 40."""
    width: int = 128
    """Width of crops and pictures, pixels; a multiple of 4, at least 40."""
    backbone: str = "resnet50"
    """The appearance encoder's trunk: resnet18, 34, 50, 101."""
    weights: str = "imagenet"
    """Weights it starts from: imagenet (downloaded once), none, or a file."""
    stride_on: Literal["auto", "3x3", "1x1"] = "auto"
    """Which convolution of a bottleneck strides; auto: as the weights were trained."""
    start_from: Literal["weights", "teacher"] = "weights"
    """The appearance encoder starts with a trunk from `weights`, or as the trained teacher."""

    structure_dim: int = 16
    """Channels of the structure encoder's first layer; the code has 8 times as many."""
    residuals: int = 4
    """Residual blocks of the structure encoder and of each discriminator."""
    mlp_dim: int = 512
    """Hidden width of the MLPs that make AdaIN's γ and β."""
    part_order: PartOrder = "channel"
    """What one AdaIN block sees of f: a quarter of the channels (released) or a stripe (paper)."""
    dis_dim: int = 32
    """Channels of a discriminator's first layer."""
    dis_scales: int = 3
    """Discriminators, each at half the size of the one before."""

    batch: int = 8
    """Images of each of the two sides; a step sees four times as many with the positives."""
    pad: int = 10
    """Pixels of repeated border added before the random crop."""
    erase: float = 0.5
    """Probability of random erasing in the re-ID passes; 0 reuses the clean passes for them."""
    different_ids: bool = False
    """Redraw b where it has a's identity (the paper assumes it, the code doesn't)."""

    length: int = schedule(100_000)
    """Steps of the joint stage."""
    drops: tuple[int, ...] = schedule((60_000, 90_000, 105_000))
    """Steps at which every learning rate is multiplied by 0.1."""
    ramp_from: int = schedule(30_000)
    """Step after which the code, cycle and teacher terms rise from 0."""
    ramp: int = schedule(2_000)
    """Steps in which a ramped weight rises by 1."""

    adv_weight: float = 1.0
    """Of the adversarial losses, for generator and discriminator."""
    recon_weight: float = 5.0
    """Of the self-reconstruction."""
    positive_weight: float = 5.0
    """Of the reconstruction with the appearance of another image of the person."""
    structure_weight: float = 1.0
    """Final weight of the structure code's reconstruction."""
    appearance_weight: float = 1.0
    """Final weight of the appearance code's reconstruction."""
    cycle_weight: float = 2.0
    """Final weight of the cycle; 0 as in the paper."""
    id_weight: float = 1.0
    """Of the identity loss on real images."""
    positive_id_weight: float = 1.0
    """Of the identity loss on the positives; 0 as in the paper."""
    generated_id_weight: float = 0.5
    """Of the identity loss that the generator gets."""
    teacher_weight: float = 2.0
    """Final weight w_T of the primary loss; 0 trains without generated images."""
    fine_factor: float = 0.2
    """α: the fine-grained loss's share of w_T."""
    fine_on_real: bool = True
    """Whether the fine head also learns from real images (needed in practice; not in the paper)."""
    r1_weight: float = 0.01
    """Of the R1 penalty on real images."""
    r1_every: int = 1
    """Steps between R1 penalties, each then weighted as many times (lazy regularisation)."""
    encode_again: float = 0.5
    """Probability that the structure code's loss trains Es rather than the pictures."""
    code_gradient: Literal["none", "pictures"] = "none"
    """Where the appearance code's loss goes: nowhere (released) or into the pictures."""

    label_style: Literal["soft", "hard", "appearance", "uniform", "masked"] = "soft"
    """The teacher's label of a picture: its softmax over both mirror views, its argmax, the
    appearance donor's label, the uniform label (LSRO), or its softmax on the two donors only."""
    teacher: IDE = field(default_factory=IDE)
    """The baseline that is trained first and then labels the pictures. Its backbone, weights and
    size are those above."""
    teacher_model: str = ""
    """A trained ide model to take as the teacher instead; several, separated by commas, are
    averaged."""
    teacher_top1: float = 0.95
    """The share of training images that a given teacher must recognise."""
    teacher_dropout: bool = False
    """Leave the teacher's dropout on, as the released code does by accident."""
    teacher_bn: Literal["batch", "running"] = "batch"
    """The statistics that the teacher normalises by."""

    lr: float = 1e-4
    """Adam's rate for generator and discriminator; betas (0, 0.999)."""
    lr_trunk: float = 0.002
    """SGD's rate for the appearance encoder's trunk; Nesterov momentum 0.9."""
    lr_head: float = 0.02
    """SGD's rate for its two heads."""
    weight_decay: float = 5e-4
    """L2 penalty on all weights."""
    beta: float = 0.5
    """The fine half's weight in a score."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "code": {},
        # What the paper says and the released code doesn't do
        "paper": dict(cycle_weight=0.0, positive_id_weight=0.0, fine_on_real=False,
                      different_ids=True, code_gradient="pictures", part_order="stripe",
                      teacher_bn="running"),
        # 128×64, half the channels and a hundredth of the steps, for two CPU cores
        "quick": dict(height=128, width=64, pad=5, start_from="teacher", erase=0.0,
                      structure_dim=8, dis_dim=16, dis_scales=2, length=1_000, drops=(800,),
                      ramp_from=300, ramp=100, lr=3e-4, teacher=QUICK_TEACHER),
        # From random weights in five minutes, for the teacher of that name, which knows its own
        # training images; the pictures count for more, so that they show people that soon
        "demo": dict(height=96, width=48, pad=4, backbone="resnet18", weights="none", batch=4,
                     start_from="teacher", erase=0.0, structure_dim=8, residuals=2, mlp_dim=128,
                     dis_dim=16, dis_scales=2, length=700, drops=(600,), ramp_from=500, ramp=30,
                     recon_weight=20.0, positive_weight=20.0, r1_every=4, lr=1e-3, lr_trunk=5e-4,
                     lr_head=5e-3, teacher_top1=0.0, teacher=IDE.preset("demo")),
    }  # fmt: skip

    def __post_init__(self) -> None:
        least = {"height": 40, "width": 40, "batch": 2, "ramp": 1, "r1_every": 1, "beta": 0}
        for name, minimum in least.items():
            if getattr(self, name) < minimum:
                raise UserError(f"{name} is {getattr(self, name)}, but must be {minimum} or more.")
        if self.height % 4 or self.width % 4:
            raise UserError(f"Pictures of {self.height}×{self.width} can't be decoded: height and "
                            "width must be multiples of 4.")  # fmt: skip

    def resolved(self) -> DGNet:
        stride_on = self.stride_on
        if stride_on == "auto":
            stride_on = weights_stride_on(self.backbone, self.weights)
        teacher = dataclasses.replace(
            self.teacher, weights=self.weights, backbone=self.backbone, stride_on=stride_on,
            height=self.height, width=self.width, pixel_norm="imagenet")  # fmt: skip
        return dataclasses.replace(self, stride_on=stride_on, teacher=teacher)

    def ramps(self, step: int) -> dict[str, float]:
        """The weights of the ramped terms at 0-based step `step`."""
        risen = max(0, step - self.ramp_from) / self.ramp
        caps = {
            "structure_code": self.structure_weight,
            "appearance_code": self.appearance_weight,
            "cycle": self.cycle_weight,
            "teacher": self.teacher_weight,
        }
        return {name: min(cap, risen) for name, cap in caps.items()}

    def stages(self, people: People, seed: int) -> list[Stage]:
        labels = people.labels()
        sides = [Shuffled(len(people), self.batch, seed + k) for k in (0, 1)]
        partners = Partners(labels, seed)

        def plan(step: int) -> dict[str, NDArray[np.int64]]:
            a, b = (side.batch(step) for side in sides)
            if self.different_ids:
                b = redraw(labels, a, b, seed, step)
            return {"a": a, "b": b, "a_positive": partners.draw(a, step, 0),
                    "b_positive": partners.draw(b, step, 1)}  # fmt: skip

        def build(done: Mapping[str, nn.Module]) -> Joint:
            teachers = (
                [cast(BaselineModel, done["teacher"])]
                if "teacher" in done
                else [load_teacher(path, people, self) for path in self.teacher_model.split(",")]
            )
            return Joint(self, people.num_pids, teachers)

        joint = Stage("joint", self.length, (self.height, self.width), plan, build)
        if self.teacher_model:
            return [joint]
        return [identification_stage(self.teacher, people, seed, "teacher"), joint]

    def model(self, classes: int) -> DGNetModel:
        return DGNetModel(dataclasses.replace(self, weights="none"), classes)


def load_teacher(path: str, people: People, method: DGNet) -> BaselineModel:
    """The ide model in `path`. Raises UserError unless its classes are those of `people` and its
    input is what the generator makes: pictures of the method's size in ImageNet's scale."""
    model = load_model(path)
    if not isinstance(model, BaselineModel) or not hasattr(model.head, "classify"):
        raise UserError(f"{path} is a model of {model.method.name}, but a teacher is one of ide.")
    if model.size != (method.height, method.width) or model.method.pixel_norm != "imagenet":
        raise UserError(
            f"The teacher {path} takes images of {model.size[0]}×{model.size[1]} in the scale "
            f"'{model.method.pixel_norm}', but labels pictures of {method.height}×{method.width} "
            "in the scale 'imagenet'."
        )
    if model.classes != people.num_pids:
        raise UserError(
            f"The teacher {path} knows {model.classes} identities, but the data has "
            f"{people.num_pids}."
        )
    if model.pids and list(model.pids) != people.classes.tolist():
        raise UserError(f"The teacher {path} was trained on other identities than this data has.")
    return model


def redraw(labels: NDArray[np.int64], a: NDArray[np.int64], b: NDArray[np.int64], seed: int,
           step: int) -> NDArray[np.int64]:  # fmt: skip
    """b with every image that shares its partner's identity replaced by one of somebody else's."""
    rng, b = step_generator(seed, "different ids", step), b.copy()
    for i in np.flatnonzero(labels[a] == labels[b]):
        others = np.flatnonzero(labels != labels[a[i]])
        if not len(others):
            raise UserError("different_ids needs at least two identities in the training set.")
        b[i] = rng.choice(others)
    return b


class DGNetModel(Model):
    """The appearance encoder, which recognises, and the generator, which `swap`s."""

    method: DGNet
    parts: ClassVar[Mapping[str, slice]] = {"f_prim": slice(0, 512), "f_fine": slice(512, 1024)}

    def __init__(self, method: DGNet, classes: int) -> None:
        super().__init__(method, classes, method.height, method.width, "imagenet")
        trunk = backbone(method.backbone, weights=method.weights, stride_on=method.stride_on,
                         last_stride=1)  # fmt: skip
        channels = cast(int, trunk.channels)
        self.appearance = AppearanceEncoder(trunk, classes)
        self.appearance.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.generator = Generator(channels, method.structure_dim, method.residuals,
                                   method.mlp_dim, method.part_order)  # fmt: skip

    def features(self, x: Tensor) -> Tensor:
        """f_prim and f_fine, each the normalised sum over both mirror views: B×1024, norm √2."""
        halves = []
        for views in zip(self.appearance.embed(x), self.appearance.embed(x.flip(3)), strict=True):
            halves.append(F.normalize(F.normalize(views[0]) + F.normalize(views[1])))
        return torch.cat(halves, 1)

    def scored(self, features: Tensor) -> Tensor:
        """The fine half times √β: the product of two is cos₁ + β·cos₂, all have length
        √(1 + β), and so cosine and Euclidean distance rank as the product does."""
        return torch.cat([features[:, :512], math.sqrt(self.method.beta) * features[:, 512:]], 1)

    def appearance_code(self, images: Tensor) -> Tensor:
        """f of images in [0, 1]: B×4C."""
        self.needs("appearance", "generating")
        return self.appearance.code(self.appearance.trunk(self.preprocess(images)))

    def structure_code(self, images: Tensor) -> Tensor:
        """s of images in [0, 1]: B×8d×H/4×W/4."""
        self.needs("generator", "generating")
        return self.generator.structure(self.preprocess(images))

    def render(self, f: Tensor, s: Tensor) -> Tensor:
        """The pictures in [0, 1] of appearance codes f with structure codes s."""
        self.needs("generator", "generating")
        return denormalize(self.generator.decode(s, self.generator.styles(f)), self.normalize.norm)

    @torch.no_grad()
    def swap(self, appearance: Tensor, structure: Tensor) -> Tensor:
        """Pictures of the structures in the appearances: two B×3×h×w in [0, 1] → B×3×H×W."""
        if len(appearance) != len(structure):
            raise ValueError(f"{len(appearance)} appearances, but {len(structure)} structures")
        with evaluating(self):
            return self.render(self.appearance_code(appearance), self.structure_code(structure))

    @torch.no_grad()
    def swap_grid(self, appearance: Tensor, structure: Tensor) -> Tensor:
        """All pairs: n and m images in [0, 1] → n×m×3×H×W; row i wears appearance i."""
        with evaluating(self):
            s = self.structure_code(structure)
            rows = self.appearance_code(appearance)
            return torch.stack([self.render(f.expand(len(s), -1), s) for f in rows])

    @torch.no_grad()
    def interpolate(self, first: Tensor, second: Tensor, fixed: Tensor, steps: int = 11,
                    code: Literal["appearance", "structure"] = "appearance") -> Tensor:  # fmt: skip
        """From `first` to `second` in linear steps of one code: → B×steps×3×H×W in [0, 1].

        The other code is that of `fixed` (all three B×3×h×w in [0, 1]): with "appearance" its
        structure wears what is between their clothes, with "structure" its clothes are worn by
        what is between their structures.
        """
        frames = []
        with evaluating(self):
            encode = self.appearance_code if code == "appearance" else self.structure_code
            start, end = encode(first), encode(second)
            kept = self.structure_code(fixed) if code == "appearance" else (
                self.appearance_code(fixed))  # fmt: skip
            for t in torch.linspace(0, 1, steps).tolist():
                between = torch.lerp(start, end, t)
                f, s = (between, kept) if code == "appearance" else (kept, between)
                frames.append(self.render(f, s))
        return torch.stack(frames, 1)


class Judge(nn.Module):
    """The teacher in use: pictures → soft labels, whatever the trainer's train() and eval() say."""

    def __init__(self, teachers: Sequence[BaselineModel], method: DGNet) -> None:
        super().__init__()
        self.teachers, self.method = nn.ModuleList(teachers), method
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> Judge:
        """Stays in eval mode, but for its dropout where the released code leaves that on."""
        super().train(False)
        for teacher in self.teachers:
            for part in cast(nn.Module, teacher.head).modules():
                if isinstance(part, Dropout):
                    part.train(self.method.teacher_dropout)
        return self

    @torch.no_grad()
    def forward(self, x: Tensor, worn: Tensor, shaped: Tensor) -> Tensor:
        """The labels q of pictures x of appearance `worn` and structure `shaped`: B×classes."""
        style, classes = self.method.label_style, cast(int, self.teachers[0].classes)
        if style == "appearance":
            return F.one_hot(worn, classes).float()
        if style == "uniform":
            return torch.full((len(x), classes), 1 / classes, device=x.device)
        q = torch.stack([self.softmax(cast(BaselineModel, t), x) for t in self.teachers]).mean(0)
        if style == "hard":
            return F.one_hot(q.argmax(1), classes).float()
        if style == "masked":
            q = q * ((F.one_hot(worn, classes) + F.one_hot(shaped, classes)) > 0)
            q = q / q.sum(1, keepdim=True)
        return q

    def softmax(self, teacher: BaselineModel, x: Tensor) -> Tensor:
        """softmax over both mirror views, renormalised to sum 1."""
        if self.method.teacher_bn == "running":
            views = [teacher.logits(x), teacher.logits(x.flip(3))]
        else:
            with batch_statistics(teacher):
                views = [teacher.logits(x), teacher.logits(x.flip(3))]
        return cast(Tensor, sum(full_precision(v).softmax(1) for v in views)) / 2


@torch.no_grad()
def recognised(teacher: BaselineModel, people: People, pixels: Any) -> float:
    """The share of 512 training images, as they are, that the teacher classifies rightly."""
    rows = np.linspace(0, len(people) - 1, min(512, len(people))).astype(int)
    device = next(teacher.parameters()).device
    right = 0
    for part in np.array_split(rows, math.ceil(len(rows) / 64)):
        x = teacher.normalize(pixels(part).to(device))
        labels = torch.from_numpy(people.labels()[part]).to(device)
        right += int((teacher.logits(x).argmax(1) == labels).sum())
    return right / len(rows)


def swapped_halves(x: Tensor) -> Tensor:
    """The rows of side b before those of side a."""
    return x.roll(len(x) // 2, 0)


class Joint(StageModule):
    """The stage that trains generator, discriminators and appearance encoder together."""

    trained: DGNetModel

    def __init__(self, method: DGNet, classes: int, teachers: Sequence[BaselineModel]) -> None:
        super().__init__()
        self.method = method
        self.trained = DGNetModel(method, classes)
        self.discriminator = Discriminator(method.dis_dim, method.dis_scales, method.residuals)
        if method.start_from == "teacher":
            wanted = {"head": "bneck512", "backbone": method.backbone,
                      "stride_on": method.stride_on}  # fmt: skip
            for name, value in wanted.items():
                if (found := getattr(teachers[0].method, name)) != value:
                    raise UserError(f"start_from teacher needs a teacher with {name} {value}, "
                                    f"not {found}.")  # fmt: skip
            self.trained.appearance.start_from(teachers[0].trunk, teachers[0].head)
        self.judge = Judge(teachers, method)
        self.augment = Augment(method.height, method.width, pad=method.pad)
        self.erase = RandomErasing(**{**ERASINGS["dgnet"], "p": method.erase})

    def iteration(self, batch: dict[str, Any], step: int) -> None:
        """One iteration, in order. Rows of a batch of both sides: a, then b."""
        m, net, dis = self.method, self.trained, self.discriminator
        gen, app = net.generator, net.appearance
        opt_gen, opt_dis, opt_app = self.raw_optimizers()
        w = self.weights = m.ramps(step)
        names = ("a", "b", "a_positive", "b_positive")
        views = [self.augment(batch[name].images) for name in names]
        x = torch.cat(views[:2])
        worn = torch.cat([batch["a"].labels, batch["b"].labels])
        shaped = swapped_halves(worn)

        # Encode. Each pass of the appearance encoder is a batch of its own for its BatchNorm.
        with torch.set_grad_enabled(m.erase == 0):
            seen = [app(view) for view in views]
        f = torch.cat([view.code for view in seen]).detach()  # a, b, a', b'
        s = gen.structure(x)

        # Decode x_ba, x_ab; the reconstructions of a, b; and those from the positives.
        own, positive = gen.styles(f).chunk(2)
        swaps = gen.decode(swapped_halves(s), own)
        same, same_id = gen.decode(s, own), gen.decode(s, positive)
        if m.erase:
            seen = [app(self.erase(view)) for view in views]

        # Discriminator, on detached swaps; the real side in float32 for the R1 penalty.
        x_real = x.detach().requires_grad_()
        with torch.autocast(x.device.type, enabled=False):
            real = dis(x_real)
            penalty = x.new_zeros(())
            if m.r1_weight and step % m.r1_every == 0:
                penalty = 2 * m.r1_every * r1_penalty(real, x_real, m.r1_weight)
        terms = {"dis": 2 * lsgan_discriminator(dis(swaps.detach()), real), "r1": penalty}
        self.descend(m.adv_weight * (terms["dis"] + penalty), terms, opt_dis)

        # Generator and appearance encoder. Both sides' terms are summed: 2 × the common mean.
        weighted: dict[str, tuple[float, Tensor]] = {}
        patches = frozen(dis, swaps)
        weighted["adv"] = m.adv_weight, 2 * 2 * lsgan_generator(patches)
        weighted["recon"] = m.recon_weight, 2 * l1_distance(same, x)
        weighted["positive"] = m.positive_weight, 2 * l1_distance(same_id, x)

        with evaluating(app), batch_statistics(app):
            judged = [frozen(app, half) for half in swaps.chunk(2)]
        logits = torch.cat([side.primary for side in judged])
        weighted["generated_id"] = m.generated_id_weight, 2 * cross_entropy(logits, worn)

        again_trains_encoder = float(torch.rand(())) <= m.encode_again
        if w["structure_code"] or w["cycle"]:
            if again_trains_encoder:
                s_again = gen.structure(swaps.detach())
            else:
                s_again = frozen(gen.encoder, swaps.mean(1, keepdim=True))
            s_again = swapped_halves(s_again)  # the structure of a was seen in x_ab
        if w["structure_code"]:
            weighted["structure_code"] = w["structure_code"], 2 * l1_distance(s_again, s.detach())
        f_again = torch.cat([side.code for side in judged])
        if w["appearance_code"]:
            live = f_again if m.code_gradient == "pictures" else f_again.detach()
            weighted["appearance_code"] = w["appearance_code"], 2 * l1_distance(live, f[: len(x)])
        if w["cycle"]:
            cycled = gen.decode(s_again, gen.styles(f_again.detach()))
            weighted["cycle"] = w["cycle"], 2 * l1_distance(cycled, x)

        # Re-identification: real images, positives, and detached pictures as training data.
        ours, partners = seen[:2], seen[2:]
        real_id = cross_entropy(torch.cat([v.primary for v in ours]), worn)
        weighted["id"] = m.id_weight, 2 * real_id
        if m.positive_id_weight:
            partner_id = cross_entropy(torch.cat([v.primary for v in partners]), worn)
            weighted["positive_id"] = m.positive_id_weight, 2 * partner_id
        if w["teacher"]:
            fine = w["teacher"] * m.fine_factor
            if m.fine_on_real:
                real_fine = cross_entropy(torch.cat([v.fine for v in ours]), worn)
                weighted["id_fine"] = m.id_weight * fine, 2 * real_fine
            halves = swaps.detach().chunk(2)
            made = [app(half) for half in halves]
            donors = zip(halves, worn.chunk(2), shaped.chunk(2), strict=True)
            labels = [self.judge(*half) for half in donors]
            primary = soft_target_kl(torch.cat([v.primary for v in made]), torch.cat(labels))
            weighted["primary"] = w["teacher"], 2 * primary
            weighted["fine"] = fine, 2 * cross_entropy(torch.cat([v.fine for v in made]), shaped)

        total = torch.stack([weight * term for weight, term in weighted.values()]).sum()
        self.descend(total, {k: v for k, (_, v) in weighted.items()}, opt_gen, opt_app)

    def learning_rate(self, step: int) -> float:
        return float(0.1 ** sum(step >= drop for drop in self.method.drops))

    def configure_optimizers(self) -> tuple[torch.optim.Optimizer, ...]:
        m, net = self.method, self.trained
        adam = [
            torch.optim.Adam([{"params": list(part.parameters()), "initial_lr": m.lr}], lr=m.lr,
                             betas=(0.0, 0.999), weight_decay=m.weight_decay, fused=True)
            for part in (net.generator, self.discriminator)
        ]  # fmt: skip
        heads = [*net.appearance.primary.parameters(), *net.appearance.fine.parameters()]
        sgd = torch.optim.SGD(
            [{"params": list(net.appearance.trunk.parameters()), "lr": m.lr_trunk,
              "initial_lr": m.lr_trunk},
             {"params": heads, "lr": m.lr_head, "initial_lr": m.lr_head}],
            momentum=0.9, nesterov=True, weight_decay=m.weight_decay, fused=True)  # fmt: skip
        return (*adam, sgd)

    def begin(self, people: People, pixels: Any) -> None:
        """Checks a given teacher on training images and keeps seven people for the preview."""
        m, labels = self.method, people.labels()
        for path, teacher in zip(m.teacher_model.split(","), self.judge.teachers, strict=True):
            known = recognised(cast(BaselineModel, teacher), people, pixels) if path else 1.0
            if known < m.teacher_top1:
                raise UserError(
                    f"The teacher {path} recognises {known:.0%} of these training images, less "
                    f"than teacher_top1 = {m.teacher_top1:.0%}: its classes or its preprocessing "
                    "don't fit, or it was trained too briefly."
                )
        chosen = np.linspace(0, people.num_pids - 1, min(7, people.num_pids)).astype(int)
        self.samples = pixels([int(np.flatnonzero(labels == c)[0]) for c in chosen]).float() / 255

    def preview(self) -> dict[str, SwapGrid | Columns]:
        """Every one of seven people in the clothes of every other."""
        samples = self.samples.to(self.device)
        return {"swap": SwapGrid(samples, samples, self.trained.swap_grid(samples, samples))}
