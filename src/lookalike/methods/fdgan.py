"""FD-GAN: redraw people in other poses, so that their features forget the pose.

Paper: Ge, Li, Zhao, Yin, Yi, Wang, Li, *FD-GAN: Pose-guided Feature Distilling GAN for Robust
Person Re-identification*, NeurIPS 2018 (arXiv 1810.02936).

A Siamese encoder E sees pairs of crops x₁, x₂ with the label c = 1 for the same person. A generator
G redraws both people, y_k = G(E(x_k), p_k, z), in the pose p_k of another crop y'_k of the same
person, with one noise z for both. If E(x) told the pose of x, the drawing would show it, and two
judges see to that: D_id says whether two crops are of one person, D_pd whether a picture has a
pose. Both crops of a positive pair are asked for the same picture. All means are over the batch:

    verification   L_v  = CE(V(E(x₁), E(x₂)), c),  V = linear(BN((f₁ − f₂)²))         weight 10
    reconstruction L_r  = mean |y − y'|                                                     100
    same pose      L_sp = mean |y₁ − y₂| over the positive pairs                             10
    identity       L_id = −log D_id(x, y)                                                     1
    pose           L_pd = −log D_pd(p, y)                                                     1
    D_id           ½ [BCE(D_id(x, y'), a) + BCE(D_id(x, y), b)]      a in [0.7, 1], b in [0, 0.3]
    D_pd           ½ [BCE(D_pd(p, y'), a) + BCE(D_pd(p, y), b)]      drawn anew for every loss

A tenth of these weights are the paper's λ. Three stages: `baseline` trains E and V by L_v alone
(the row "baseline (Siamese)" of table 1), `warmup` trains G, D_id and D_pd on the fixed E, `joint`
trains everything. At test only E runs. "baseline (single)" is our method `ide`. The other rows:

    no sp. / no veri.        sp_weight 0 / veri_weight 0
    no D_pd / no D_id        adv_pd_weight 0 / adv_id_weight 0
    no pose aug. / share E   pose_aug none / share_encoder true
    Siamese DR-GAN           the preset dr_gan_siamese

Where the released code has bugs (a flipped pose keeps its left and right, erasing knows one place,
the output can't reach the targets' range, the last epoch's rate is 0), the default mends them; the
preset `code` has them all. The released code picks its model on people it also trains on; here the
model is the last one, and trains on the benchmark's training people alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple, cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from lookalike.data import People
from lookalike.data.batches import Crops
from lookalike.data.pair_samplers import VerificationPairs
from lookalike.data.posemaps import PoseAug, augmented_maps, flip_joints
from lookalike.data.samplers import Partners
from lookalike.data.transforms import ERASINGS, Augment, RandomErasing, denormalize
from lookalike.errors import UserError, unknown
from lookalike.losses import cross_entropy, l1_distance
from lookalike.losses.gan import bce, bce_generator
from lookalike.losses.precision import full_precision
from lookalike.methods.base import Method, Model, Stage, StageModule, evaluating, schedule
from lookalike.methods.ide import IDE, BaselineModel, identification_stage
from lookalike.methods.pictures import Columns, SwapGrid
from lookalike.nets import backbone, frozen, set_bn_mode, weights_stride_on
from lookalike.nets.fdgan import (
    Fuse,
    Generator,
    IdentityDiscriminator,
    Norm,
    PoseDiscriminator,
    Verifier,
    average,
)
from lookalike.parallel import mean_over_processes, my_rows, world_size

SWAP_ROLES = 1 / 10001  # how often a discriminator's update takes real for generated
SHOWN = 6  # people in a preview
ERASING = {"fixed": "fdgan", "released": "fdgan_released"}
# The baseline that `identify` trains first
IDENTIFYING = IDE(head="linear", feature="pool", l2norm=False, pad=5, erase=0.3, batch=64,
                  unit="steps", lr_trunk=0.01, lr_head=0.1)  # fmt: skip


@dataclass(frozen=True)
class FDGAN(Method):
    """Settings of FD-GAN; the defaults are the released commands without their bugs."""

    name: ClassVar[str] = "fdgan"
    title: ClassVar[str] = "FD-GAN: features that forget the pose"
    generates: ClassVar[tuple[str, ...]] = ("repose",)
    needs: ClassVar[tuple[Literal["pose"], ...]] = ("pose",)

    height: int = 256
    """Height of crops and pictures, pixels; at least 32."""
    width: int = 128
    """Width of crops and pictures, pixels; at least 32."""
    backbone: str = "resnet50"
    """The trunk of the encoder and of the identity discriminator: resnet18, 34, 50, 101, or
    timm:NAME."""
    weights: str = "imagenet"
    """Weights the encoder starts from: imagenet (downloaded once), none, or a file."""
    stride_on: Literal["auto", "3x3", "1x1"] = "auto"
    """Which convolution of a bottleneck strides; auto: as the weights were trained."""
    verifier_outputs: Literal[1, 2] = 2
    """Logits of V: different and same (released), or one with a sigmoid (paper)."""

    generator_dim: int = 64
    """Channels of the pose encoder's first layer; the bottleneck has 8 times as many."""
    dis_dim: int = 64
    """Channels of the pose discriminator's first layer."""
    pose_dim: int = 128
    """Numbers of a pose code."""
    noise_dim: int = 256
    """Numbers of the noise."""
    dropout: float = 0.2
    """In the generator's decoder."""
    fuse: Fuse = "cat"
    """How feature, pose code and noise meet: cat, or add after a linear map each."""
    connect_layers: int = 0
    """How many of the pose encoder's smallest maps the decoder sees (U-Net), 0 to 5."""
    norm: Norm = "batch"
    """The generator's normalisation: batch or instance."""
    gen_output: Literal["sigmoid", "tanh"] = "sigmoid"
    """The pictures' last function: a sigmoid, then normalised as the crops are, or (released) a
    tanh that stands for normalised pixels, which reach from −2.1 to 2.6."""
    share_encoder: bool = False
    """The identity discriminator judges by the encoder's own trunk with a head of its own (paper:
    the worse choice); then it is updated after the generator."""
    share_mode: Literal["all", "head_only"] = "all"
    """What the update of a discriminator with a shared trunk trains in the joint stage."""

    batch: int = 256
    """Pairs in a global batch (paper: 128). Below 64 the statistics of batch norm get too noisy at
    the paper's learning rates."""
    identity_chunk: int = 0
    """Crops at a time that the identity discriminator's update computes, a second time for its
    gradient: less memory, the same numbers, a quarter slower; 0: all at once, kept."""
    negatives: int = 3
    """Pairs of different people for every pair of the same."""
    flip: float = 0.5
    """Probability of a mirrored image."""
    flip_swap_lr: bool = True
    """Whether a mirrored pose's left joints become right ones (released: no)."""
    erasing: Literal["fixed", "released"] = "fixed"
    """Where the erased rectangle lies: anywhere, or where its size says (released)."""
    pose_aug: PoseAug = "gauss_int_shared"
    """The joints' Gaussians: σ 4, 5 or 6 for a pose (released), uniform in [4, 6] for every joint
    (paper), σ 5 with one joint left out (erase), or σ 5 (none); pixels of a height of 256."""
    smooth_labels: bool = True
    """Soft targets for the discriminators, and once in 10,001 updates swapped ones."""

    identify: int = schedule(0)
    """Steps in which the encoder first learns to tell the training people apart by classification,
    as `ide` does; 0: none (paper). Verification alone needs more pairs in a batch than a CPU has
    time for."""
    unit: Literal["epochs", "steps"] = "epochs"
    """What the next four count; an epoch is every crop with 1 positive and its negatives."""
    length: tuple[float, float, float] = schedule((100.0, 100.0, 50.0))
    """How long the three stages are."""
    drop_every: float = schedule(40.0)
    """When the baseline's learning rate is multiplied by 0.1, again and again."""
    flat: tuple[float, float] = schedule((50.0, 25.0))
    """How long warmup and joint keep their rates, before these fall linearly to the stage's end."""
    fall_every: float = schedule(1.0)
    """How far the steps of that fall are apart."""
    decay_off_by_one: bool = False
    """Let the fall begin a step early and end at 0 (released)."""

    recon_weight: float = 100.0
    """Of the reconstruction; 0 leaves a term out."""
    sp_weight: float = 10.0
    """Of the same-pose loss."""
    adv_id_weight: float = 1.0
    """Of the identity discriminator's verdict; 0 builds none."""
    adv_pd_weight: float = 1.0
    """Of the pose discriminator's verdict; 0 builds none."""
    veri_weight: float = 10.0
    """Of the verification loss in the joint stage."""

    lr_baseline: float = 0.01
    """SGD's rate for E and V in the baseline; momentum 0.9."""
    verifier_lr_factor: float = 1.0
    """Of V's rate in the baseline, beside E's (first release: 10, a mistake); few pairs want less,
    or V follows every batch."""
    warmup_lr: tuple[float, float, float] = (1e-4, 1e-5, 1e-3)
    """Rates of G (Adam, betas (0.5, 0.999)), D_id and D_pd (SGD, momentum 0.9) in the warm-up."""
    joint_lr: tuple[float, float, float] = (1e-5, 1e-4, 1e-4)
    """Rates of E, V and G (Adam, as above), D_id and D_pd in the joint stage."""
    lr_mult_effective: bool = False
    """Give E and G a tenth of that rate, as the paper says and the released code means to."""
    weight_decay: float = 5e-4
    """L2 penalty in the baseline."""
    dis_weight_decay: float = 1e-4
    """L2 penalty on the discriminators."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "fixed": {},
        # The released commands to the letter
        "code": dict(gen_output="tanh", flip_swap_lr=False, erasing="released",
                     decay_off_by_one=True),
        # Settings that the paper gives otherwise than the released code
        "paper": dict(batch=128, verifier_outputs=1, pose_aug="gauss_uniform_per_joint",
                      warmup_lr=(1e-3, 1e-4, 1e-2), lr_mult_effective=True),
        "dr_gan_siamese": dict(share_encoder=True, sp_weight=0.0),
        # 96×48, a sixteenth of the pairs after some classification, half of the GAN's channels
        # with skips, and 1,150 steps, for two CPU cores; V's rate suits the few pairs
        "quick": dict(height=96, width=48, batch=16, generator_dim=32, dis_dim=32,
                      connect_layers=4, identify=350, unit="steps", length=(200.0, 350.0, 250.0),
                      drop_every=140.0, flat=(250.0, 170.0), fall_every=10.0, lr_baseline=2e-3,
                      verifier_lr_factor=0.1,
                      warmup_lr=(1e-3, 1e-4, 1e-3), joint_lr=(5e-5, 1e-4, 1e-4)),
    }  # fmt: skip

    def __post_init__(self) -> None:
        least = {"height": 32, "width": 32, "batch": 2, "negatives": 1, "noise_dim": 1,
                 "pose_dim": 1, "generator_dim": 1, "dis_dim": 1, "connect_layers": 0,
                 "identity_chunk": 0, "identify": 0,
                 "recon_weight": 0, "sp_weight": 0, "adv_id_weight": 0, "adv_pd_weight": 0,
                 "veri_weight": 0}  # fmt: skip
        for name, minimum in least.items():
            if getattr(self, name) < minimum:
                raise UserError(f"{name} is {getattr(self, name)}, but must be {minimum} or more.")
        positive = {"length": self.length, "drop_every": [self.drop_every],
                    "fall_every": [self.fall_every], "lr_baseline": [self.lr_baseline],
                    "warmup_lr": self.warmup_lr, "joint_lr": self.joint_lr}  # fmt: skip
        for name, values in positive.items():
            if min(values) <= 0:
                raise UserError(f"{name} is {getattr(self, name)}, but must be above 0.")
        for name, lasts, flat in zip(("warmup", "joint"), self.length[1:], self.flat, strict=True):
            if not 0 <= flat <= lasts:
                raise UserError(f"The stage {name} lasts {lasts:g}, so its rates can't stay flat "
                                f"for {flat:g}: set --flat with --length.")  # fmt: skip
        if not 0 <= self.flip <= 1:
            raise UserError(f"flip is {self.flip}, but must be from 0 to 1.")
        if self.connect_layers > 5:
            raise UserError(f"connect_layers is {self.connect_layers}, but must be 5 or less.")
        if not 0 <= self.dropout < 1:
            raise UserError(f"dropout is {self.dropout}, but must be at least 0 and below 1.")
        for name, known in (("fuse", ("cat", "add")), ("norm", ("batch", "instance")),
                            ("gen_output", ("sigmoid", "tanh")), ("erasing", ERASING),
                            ("share_mode", ("all", "head_only")),
                            ("unit", ("epochs", "steps"))):  # fmt: skip
            if getattr(self, name) not in known:
                raise unknown(name, getattr(self, name), known)
        if self.verifier_outputs not in (1, 2):
            raise UserError(f"verifier_outputs is {self.verifier_outputs}, but must be 1 or 2.")
        if not any((self.recon_weight, self.sp_weight, self.adv_id_weight, self.adv_pd_weight)):
            raise UserError("The generator has nothing to learn: set one of its weights above 0.")

    def resolved(self) -> FDGAN:
        if self.stride_on != "auto" or self.backbone.startswith("timm:"):
            return self
        return dataclasses.replace(self, stride_on=weights_stride_on(self.backbone, self.weights))

    def fall(self, epochs: float, stage: Literal[0, 1]) -> float:
        """The factor on the rates after so many epochs of warmup (0) or joint (1): 1 while flat,
        then 1 − (n − flat) / (decay + 1) in the n-th of all its epochs, counted from 1."""
        flat = self.flat[stage] / self.fall_every
        decay = self.length[stage + 1] / self.fall_every - flat
        n = int(epochs / self.fall_every + 1e-9) + 1 + self.decay_off_by_one
        return float(np.clip(1 - (n - flat) / (decay + 1), 0, 1))

    def stages(self, people: People, seed: int) -> list[Stage]:
        labels, size = people.labels(), (self.height, self.width)
        pairs = [VerificationPairs(labels, self.batch, self.negatives, seed + k) for k in range(3)]
        epoch = pairs[0].steps_per_epoch if self.unit == "epochs" else 1

        def plan(stage: int, step: int) -> dict[str, NDArray[np.int64]]:
            first, second = pairs[stage].batch(step)
            if stage == 0:
                return {"first": first, "second": second}
            partners = Partners(labels, seed + stage)
            targets = [partners.draw(side, step, k) for k, side in enumerate((first, second))]
            targets[1] = np.where(labels[first] == labels[second], *targets)
            return {"first": first, "second": second, "first_target": targets[0],
                    "second_target": targets[1]}  # fmt: skip

        def baseline(done: Mapping[str, nn.Module]) -> Baseline:
            module = Baseline(self, people.num_pids, epoch)
            if self.identify:
                trunk = cast(BaselineModel, done["identify"]).trunk
                module.trained.encoder.load_state_dict(trunk.state_dict())
            return module

        def warmup(done: Mapping[str, nn.Module]) -> Adversarial:
            nets = Nets(self, people.num_pids)
            nets.start_from(cast(FDGANModel, done["baseline"]))
            return Adversarial(self, nets, epoch, joint=False)

        def joint(done: Mapping[str, nn.Module]) -> Adversarial:
            nets = Nets(self, people.num_pids)
            nets.load_state_dict(done["warmup"].state_dict())
            return Adversarial(self, nets, epoch, joint=True)

        builds = {"baseline": baseline, "warmup": warmup, "joint": joint}
        found = [
            Stage(name, max(1, round(length * epoch)), size, lambda step, k=k: plan(k, step), build)  # type: ignore[misc]
            for k, (length, (name, build)) in enumerate(
                zip(self.length, builds.items(), strict=True))
        ]  # fmt: skip
        if not self.identify:
            return found
        first = dataclasses.replace(
            IDENTIFYING, height=self.height, width=self.width, backbone=self.backbone,
            weights=self.weights, stride_on=self.stride_on, length=float(self.identify),
            drops=(0.7 * self.identify,))  # fmt: skip
        return [identification_stage(first, people, seed, "identify"), *found]

    def model(self, classes: int) -> FDGANModel:
        return FDGANModel(dataclasses.replace(self, weights="none"), classes)


class FDGANModel(Model):
    """The encoder, which recognises, the verifier, and the generator, which `repose`s."""

    method: FDGAN
    metric = "euclidean"

    def __init__(self, method: FDGAN, classes: int) -> None:
        super().__init__(method, classes, method.height, method.width, "imagenet")
        self.encoder = backbone(method.backbone, weights=method.weights,
                                stride_on=method.stride_on)  # fmt: skip
        channels = cast(int, self.encoder.channels)
        self.verifier = Verifier(channels, method.verifier_outputs)
        self.generator = Generator(
            channels, self.size, dim=method.generator_dim, pose_dim=method.pose_dim,
            noise_dim=method.noise_dim, fuse=method.fuse, connect=method.connect_layers,
            norm=method.norm, dropout=method.dropout)  # fmt: skip
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def features(self, x: Tensor) -> Tensor:
        """The average of the encoder's last map, as it is: B×2048 (ResNet-50), each ≥ 0."""
        return average(self.encoder(x))

    def pictures(self, features: Tensor, maps: Tensor, noise: Tensor) -> Tensor:
        """What G draws, normalised as the crops are: B×C, B×18×H×W, B×N → B×3×H×W."""
        drawn = full_precision(self.generator(features, maps, noise))
        if self.method.gen_output == "tanh":
            return drawn.tanh()
        return self.normalize(drawn.sigmoid())  # type: ignore[no-any-return]

    @torch.no_grad()
    def verify(self, first: Tensor, second: Tensor) -> Tensor:
        """The probability that two features are of one person: two N×C → N float64, which keeps
        apart what is nearly certain."""
        self.needs("verifier", "verifying")
        with evaluating(self):
            return same_person(self.verifier(first, second).double()).exp()

    @torch.no_grad()
    def repose(self, images: Tensor, joints: Tensor, noise: Tensor | None = None) -> Tensor:
        """Pictures of the people in those poses: B×3×h×w in [0, 1] → B×3×H×W in [0, 1].

        joints: B×18×3, x and y in pixels of the model's size, known or not. noise: B×noise_dim; by
        default the same for every image, so that a picture is a function of person and pose.
        """
        self.needs("generator", "reposing")
        if len(images) != len(joints):
            raise ValueError(f"{len(images)} images, but {len(joints)} poses")
        with evaluating(self):
            x = self.preprocess(images)
            if noise is None:
                seeded = torch.Generator().manual_seed(0)
                one = torch.randn(1, self.method.noise_dim, generator=seeded)
                noise = one.to(x).expand(len(x), -1)
            maps = self.pose_maps(joints).to(x)
            return denormalize(self.pictures(self.features(x), maps, noise), self.normalize.norm)

    def pose_maps(self, joints: Tensor) -> Tensor:
        """The maps of poses as they are: B×18×3 → B×18×H×W in [0, 1]."""
        return augmented_maps(joints, *self.size, "none")


def same_person(logits: Tensor) -> Tensor:
    """log P(same) of the verifier's logits, N×1 or N×2 → N."""
    logits = full_precision(logits)
    return F.logsigmoid(logits[:, 0]) if logits.shape[1] == 1 else logits.log_softmax(1)[:, 1]


def verification(logits: Tensor, same: Tensor) -> Tensor:
    """L_v: the mean cross-entropy of the verifier's logits, N×1 or N×2, against N bool."""
    if logits.shape[1] == 2:
        return cross_entropy(logits, same.long())
    logits = full_precision(logits[:, 0])
    return F.binary_cross_entropy_with_logits(logits, same.to(logits.dtype))


def same_pose(first: Tensor, second: Tensor, positive: Tensor) -> Tensor:
    """L_sp: mean |y₁ − y₂| over the positive pairs of the global batch; 0 where there is none.

    first, second: P×3×H×W; positive: P bool.
    """
    each = (full_precision(first) - full_precision(second)).abs().mean((1, 2, 3))
    count = mean_over_processes(positive.sum().to(each.dtype))
    return (each * positive).sum() / torch.where(count > 0, count, 1)


def soft_targets(smooth: bool) -> tuple[float, float]:
    """A discriminator's targets for real and generated crops at this update."""
    if not smooth:
        return 1.0, 0.0
    a, b, u = torch.rand(3).tolist()
    real, fake = 0.7 + 0.3 * a, 0.3 * b
    return (fake, real) if u < SWAP_ROLES else (real, fake)


def judged(real: Tensor, fake: Tensor, targets: tuple[float, float]) -> Tensor:
    """½ [BCE(real, targets[0]) + BCE(fake, targets[1])] of a discriminator's logits."""
    return (bce(real, targets[0]) + bce(fake, targets[1])) / 2


def interleaved(first: Tensor, second: Tensor) -> Tensor:
    """Both sides of P pairs, pair after pair: rows 2i and 2i + 1. So a process's rows follow each
    other in the global batch, and every draw for them is the same on any number of processes."""
    both = first.new_empty(2 * len(first), *first.shape[1:])
    if both.dim() == 4:
        both = both.to(memory_format=torch.channels_last)
    both[0::2], both[1::2] = first, second
    return both


def draw_flips(images: Tensor, p: float) -> Tensor:
    """Which of this process's images are mirrored: B bool on the CPU, drawn for all processes."""
    total = len(images) * world_size()
    return (torch.rand(total) < p)[my_rows(total)]


def mirrored(images: Tensor, flip: Tensor) -> Tensor:
    """The images, those of `flip` (B bool) from right to left."""
    return torch.where(flip.to(images.device)[:, None, None, None], images.flip(3), images)


class Baseline(StageModule):
    """The stage that trains encoder and verifier to tell pairs apart. Its model can't generate."""

    trained: FDGANModel
    leaves_out = False

    def __init__(self, method: FDGAN, classes: int, epoch: int) -> None:
        super().__init__()
        self.method, self.epoch = method, epoch
        self.trained = FDGANModel(method, classes)
        self.trained.leave_out("generator")
        self.augment = Augment(method.height, method.width, flip=0, pad=0, area=(0.64, 1.0),
                               erase=RandomErasing(**ERASINGS[ERASING[method.erasing]]),
                               erase_first=True)  # fmt: skip

    def iteration(self, batch: dict[str, Any], step: int) -> None:
        """Augment, embed, compare; one descent."""
        net, first, second = self.trained, batch["first"], batch["second"]
        x = self.augment(interleaved(first.images, second.images))
        f = net.features(mirrored(x, draw_flips(x, self.method.flip)))
        loss = verification(net.verifier(f[0::2], f[1::2]), first.labels == second.labels)
        self.descend(loss, {"veri": loss}, *self.raw_optimizers())

    def learning_rate(self, step: int) -> float:
        return float(0.1 ** int(step / self.epoch / self.method.drop_every + 1e-9))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        m, net = self.method, self.trained
        groups = [
            {"params": trainable(part), "lr": lr, "initial_lr": lr}
            for part, lr in ((net.encoder, m.lr_baseline),
                             (net.verifier, m.lr_baseline * m.verifier_lr_factor))
        ]  # fmt: skip
        return torch.optim.SGD(groups, lr=m.lr_baseline, momentum=0.9,
                               weight_decay=m.weight_decay, fused=True)  # fmt: skip


def sgd(module: nn.Module, lr: float, weight_decay: float) -> torch.optim.Optimizer:
    """SGD with momentum 0.9 on what the module trains."""
    groups = [{"params": trainable(module), "initial_lr": lr}]
    return torch.optim.SGD(groups, lr=lr, momentum=0.9, weight_decay=weight_decay, fused=True)


def trainable(module: nn.Module) -> list[nn.Parameter]:
    return [p for p in module.parameters() if p.requires_grad]


class Nets(nn.Module):
    """All four networks, which the warm-up leaves to the joint stage."""

    def __init__(self, method: FDGAN, classes: int) -> None:
        super().__init__()
        method = dataclasses.replace(method, weights="none")
        self.model = FDGANModel(method, classes)
        self.identity: IdentityDiscriminator | None = None
        self.pose: PoseDiscriminator | None = None
        if method.adv_id_weight:
            trunk = self.model.encoder
            if not method.share_encoder:
                trunk = backbone(method.backbone, weights="none", stride_on=method.stride_on)
            self.identity = IdentityDiscriminator(trunk)
        if method.adv_pd_weight:
            self.pose = PoseDiscriminator(method.dis_dim)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def start_from(self, baseline: FDGANModel) -> None:
        """Takes the trained encoder and verifier, also for the identity discriminator."""
        self.model.encoder.load_state_dict(baseline.encoder.state_dict())
        self.model.verifier.load_state_dict(baseline.verifier.state_dict())
        if self.identity is not None:
            self.identity.start_from(baseline.encoder, baseline.verifier)


class Inputs(NamedTuple):
    """What an iteration works on, for P pairs; rows 2i and 2i + 1 belong to pair i."""

    source: Tensor  # x, 2P×3×H×W, normalised
    target: Tensor  # y', 2P×3×H×W, normalised
    maps: Tensor  # p, 2P×18×H×W
    noise: Tensor  # z, 2P×N
    positive: Tensor  # c, P bool


class Adversarial(StageModule):
    """The stages with a generator: the warm-up on a fixed encoder, and the joint stage."""

    def __init__(self, method: FDGAN, nets: Nets, epoch: int, joint: bool) -> None:
        super().__init__()
        self.method, self.nets, self.epoch, self.joint = method, nets, epoch, joint
        known = [nets.model.encoder, nets.model.verifier]
        for part in (*known, *([nets.identity] if nets.identity is not None else [])):
            set_bn_mode(part, "eval_stats")
        for part in known:
            part.requires_grad_(joint)
        self.augment = Augment(method.height, method.width, flip=0, pad=0, random_crop=False,
                               erase=RandomErasing(**ERASINGS[ERASING[method.erasing]]),
                               erase_first=True)  # fmt: skip

    @property
    def trained(self) -> nn.Module:  # type: ignore[override]
        return self.nets.model if self.joint else self.nets

    def inputs(self, batch: Mapping[str, Crops]) -> Inputs:
        """The augmented crops, what is to be made of them, and the noise."""
        m, model = self.method, self.nets.model
        first, second = batch["first"], batch["second"]
        targets = batch["first_target"], batch["second_target"]
        positive = first.labels == second.labels
        source = self.augment(interleaved(first.images, second.images))
        source = mirrored(source, draw_flips(source, m.flip))
        target = interleaved(targets[0].images, targets[1].images)
        joints = interleaved(*(cast(Tensor, side.joints) for side in targets))
        flip = draw_flips(target, m.flip)
        # Both sides of a positive pair have one target: also its flip and its map are one.
        flip[1::2] = torch.where(positive.cpu(), flip[0::2], flip[1::2])
        target = model.normalize(mirrored(target, flip))
        joints = flip_joints(joints, flip, m.width, swap=m.flip_swap_lr)
        maps = augmented_maps(joints, m.height, m.width, m.pose_aug)
        maps = maps.contiguous(memory_format=torch.channels_last)
        row = 2 * positive.nonzero()[:, 0]
        maps[row + 1] = maps[row]
        pairs = len(positive) * world_size()
        noise = torch.randn(pairs, m.noise_dim)[my_rows(pairs)].repeat_interleave(2, 0)
        return Inputs(source, target, maps, noise.to(source.device), positive)

    def iteration(self, batch: dict[str, Any], step: int) -> None:
        targets = {name: soft_targets(self.method.smooth_labels) for name in ("identity", "pose")}
        self.update(self.inputs(batch), targets)

    def update(self, seen: Inputs, targets: Mapping[str, tuple[float, float]]) -> None:
        """One iteration, in order."""
        m, model = self.method, self.nets.model
        identity, pose = self.nets.identity, self.nets.pose
        x, wanted, maps = seen.source, seen.target, seen.maps
        *_, opt_gen = self.raw_optimizers()

        # Encode, draw.
        with torch.set_grad_enabled(self.joint):
            f = model.features(x)
        drawn = model.pictures(f, maps, seen.noise)

        # Discriminators, on detached pictures. One with the encoder's trunk has to wait: its update
        # would change weights that the encoder's gradient still needs.
        if identity is not None and not m.share_encoder:
            self.update_identity(seen, drawn.detach(), targets["identity"])
        if pose is not None:
            loss = judged(pose(maps, wanted), pose(maps, drawn.detach()), targets["pose"])
            self.descend(loss, {"dis_pd": loss}, self.raw_optimizers()[-2])

        # Generator side, judged by the new discriminators, whose weights are constants here.
        weighted: dict[str, tuple[float, Tensor]] = {}
        if m.recon_weight:
            weighted["recon"] = m.recon_weight, l1_distance(drawn, wanted)
        if m.sp_weight:
            term = same_pose(drawn[0::2], drawn[1::2], seen.positive)
            weighted["sp"] = m.sp_weight, term
        if identity is not None:
            with torch.no_grad():
                known = f if m.share_encoder else frozen(identity, x)
            verdict = frozen(identity.head, known.detach(), frozen(identity, drawn))
            weighted["adv_id"] = m.adv_id_weight, bce_generator(verdict)
        if pose is not None:
            weighted["adv_pd"] = m.adv_pd_weight, bce_generator(frozen(pose, maps, drawn))
        if self.joint and m.veri_weight:
            term = verification(model.verifier(f[0::2], f[1::2]), seen.positive)
            weighted["veri"] = m.veri_weight, term
        total = torch.stack([weight * term for weight, term in weighted.values()]).sum()
        self.descend(total, {k: v for k, (_, v) in weighted.items()}, opt_gen)
        if identity is not None and m.share_encoder:
            torch.clear_autocast_cache()  # of the encoder as it was
            self.update_identity(seen, drawn.detach(), targets["identity"])

    def update_identity(self, seen: Inputs, drawn: Tensor, targets: tuple[float, float]) -> None:
        """D_id's step. Its norms use fixed statistics, so that one pass of x serves both pairs."""
        identity = cast(IdentityDiscriminator, self.nets.identity)
        only_head = self.method.share_encoder and self.method.share_mode == "head_only"
        crops = torch.cat([seen.source, seen.target, drawn])
        with torch.set_grad_enabled(not only_head):
            if chunk := self.method.identity_chunk:
                parts = [checkpoint(identity, part, use_reentrant=False)
                         for part in torch.split(crops, chunk)]  # fmt: skip
            else:
                parts = [identity(crops)]
        own, real, fake = torch.cat(parts).chunk(3)
        loss = judged(identity.head(own, real), identity.head(own, fake), targets)
        self.descend(loss, {"dis_id": loss}, self.raw_optimizers()[0])

    def learning_rate(self, step: int) -> float:
        return self.method.fall(step / self.epoch, 1 if self.joint else 0)

    def configure_optimizers(self) -> tuple[torch.optim.Optimizer, ...]:
        """Those of D_id and D_pd where there is one, then the generator side's."""
        m, nets = self.method, self.nets
        lr, lr_id, lr_pose = m.joint_lr if self.joint else m.warmup_lr
        found: list[torch.optim.Optimizer] = []
        if nets.identity is not None:
            only_head = m.share_encoder and m.share_mode == "head_only"
            judge = nets.identity.head if only_head else nets.identity
            found.append(sgd(judge, lr_id, m.dis_weight_decay))
        if nets.pose is not None:
            found.append(sgd(nets.pose, lr_pose, m.dis_weight_decay))
        parts = [nets.model.encoder, nets.model.verifier, nets.model.generator]
        tenth = 0.1 if self.joint and m.lr_mult_effective else 1.0
        groups = [
            {"params": trainable(part), "lr": lr * factor, "initial_lr": lr * factor}
            for part, factor in zip(parts, (tenth, 1.0, tenth), strict=True)
            if trainable(part)
        ]
        return (*found, torch.optim.Adam(groups, lr=lr, betas=(0.5, 0.999), fused=True))

    def begin(self, people: People, pixels: Any) -> None:
        """Keeps two crops of six people, and the pose of the second, for the preview."""
        assert people.poses is not None  # the method needs them
        labels = np.where(people.poses.known > 0, people.labels(), -1)
        posed = np.unique(labels[labels >= 0])
        shown = posed[np.linspace(0, len(posed) - 1, min(SHOWN, len(posed))).astype(int)]
        rows = [np.flatnonzero(labels == person)[[0, -1]] for person in shown]
        sides = list(zip(*rows, strict=True))  # none where nobody has a pose
        self.samples = [pixels(side).float() / 255 for side in sides]
        if sides:
            joints = people.poses.at(self.method.height, self.method.width)
            self.poses = torch.from_numpy(joints[list(sides[1])])

    def preview(self) -> dict[str, SwapGrid | Columns]:
        """Six people as they are, a pose, the picture of them in it, and the crop it is from."""
        if not self.samples:
            return {}
        source, target = (side.to(self.device) for side in self.samples)
        joints, model = self.poses.to(self.device), self.nets.model
        pose = model.pose_maps(joints).amax(1, keepdim=True).expand(-1, 3, -1, -1)
        pictures = (source, pose, model.repose(source, joints), target)
        return {"repose": Columns(("source", "pose", "generated", "target"), pictures)}
