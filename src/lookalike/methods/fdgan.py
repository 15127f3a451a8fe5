"""FD-GAN: redraw people in other poses, so that their features forget the pose.

Paper: Ge, Li, Zhao, Yin, Yi, Wang, Li, *FD-GAN: Pose-guided Feature Distilling GAN for Robust
Person Re-identification*, NeurIPS 2018 (arXiv 1810.02936).

A Siamese encoder E sees pairs of crops x₁, x₂ with the label c = 1 for the same person. A generator
G redraws both people, y_k = G(E(x_k), p_k, z), in the pose p_k of another crop y'_k of the same
person, with one noise z for both. If E(x) told the pose of x, the drawing would show it, and two
judges see to that: D_id says whether two crops are of one person, D_pd whether a picture has a
pose. Both crops of a positive pair are asked for the same picture. All means are over the batch:

    term     loss                                                      weight      paper
    veri     CE(V(E(x₁), E(x₂)), c),  V = linear(BN((f₁ − f₂)²))         10        L_v
    recon    mean |y − y'|                                              100        L_r
    sp       mean |y₁ − y₂| over the positive pairs                      10        L_sp
    adv_id   −log D_id(x, y)                                              1        L_id
    adv_pd   −log D_pd(p, y)                                              1        L_pd
    dis_id   ½ [BCE(D_id(x, y'), a) + BCE(D_id(x, y), b)]                 1        L_id
    dis_pd   ½ [BCE(D_pd(p, y'), a) + BCE(D_pd(p, y), b)]                 1        L_pd

with a in [0.7, 1] and b in [0, 0.3], drawn anew for every loss. Weights and rates are the released
code's; a tenth of the weights is the paper's λ from memory, unverified. Three stages: `baseline`
trains E and V by veri alone (the row "baseline (Siamese)" of table 1), `warmup` trains G, D_id and
D_pd on the fixed E, `joint` trains everything. At test only E runs. "baseline (single)" is taken to
be our `ide`; `ablations` has the other rows.

Where the released code has bugs (a flipped pose keeps its left and right, erasing knows one place,
the output can't reach the targets' range, the last epoch's rate is 0), the default mends them, and
`bugs` "released" has them. It picks its model on people it also trains on; ours is the last one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal, NamedTuple, cast

import torch
from torch import Tensor, nn

from lookalike.data.batches import Crops
from lookalike.data.pair_samplers import RedrawnPairs
from lookalike.data.posemaps import PoseAug, augmented_maps, flip_joints
from lookalike.data.transforms import denormalize, draw_flips, interleaved, mirrored
from lookalike.errors import UserError
from lookalike.layout import channels_last, laid_out
from lookalike.losses import bce_discriminator, bce_generator, l1_distance, same_pose, verification
from lookalike.losses.gan import smooth_targets
from lookalike.losses.precision import full_precision
from lookalike.methods import schedules
from lookalike.methods.ide import IDE, BaselineModel, identification_stage, like
from lookalike.methods.look import Look
from lookalike.methods.method import Changes, Need
from lookalike.methods.model import Images, Model, evaluating
from lookalike.methods.optimizers import adam, sgd
from lookalike.methods.pictures import Columns, PosePairs, SwapGrid
from lookalike.methods.siamese import Siamese, SiameseModel, augmentation, siamese_stage
from lookalike.methods.stage import Done, Given, Stage, StageModule, Terms, Write
from lookalike.nets import backbone, frozen, in_chunks, set_bn_mode
from lookalike.nets.fdgan import Fuse, Generator, IdentityDiscriminator, Norm, PoseDiscriminator
from lookalike.parallel import my_rows, world_size
from lookalike.settings import schedule, setting

SWAP_ROLES = 1 / 10001  # how often a discriminator's update takes real for generated
# The baseline that `identify_steps` trains first
IDENTIFYING = IDE(head="linear", feature="pool", l2norm=False, pad=5, erase=0.3, batch_size=64,
                  epoch="step", lr_trunk=0.01, lr_head=0.1)  # fmt: skip


@dataclass(frozen=True)
class FDGAN(Siamese):
    """Settings of FD-GAN; the defaults are the released commands without their bugs."""

    name: ClassVar[str] = "fdgan"
    title: ClassVar[str] = "FD-GAN: features that forget the pose"
    needs: ClassVar[tuple[Need, ...]] = ("pose",)

    generator_dim: int = setting(64, least=1)
    """Channels of the pose encoder's first layer; the bottleneck has 8 times as many."""
    dis_dim: int = setting(64, least=1)
    """Channels of the pose discriminator's first layer."""
    pose_dim: int = setting(128, least=1)
    """Numbers of a pose code."""
    noise_dim: int = setting(256, least=1)
    """Numbers of the noise."""
    dropout: float = setting(0.2, least=0, below=1)
    """Dropout in the generator's decoder."""
    fuse: Fuse = "cat"
    """How feature, pose code and noise meet: cat, or add after a linear map each."""
    connect_layers: int = setting(0, least=0, most=5)
    """How many of the pose encoder's smallest maps the decoder sees (U-Net)."""
    norm: Norm = "batch"
    """The generator's normalisation: batch or instance."""
    share_encoder: bool = False
    """The identity discriminator judges by the encoder's own trunk with a head of its own (paper:
    the worse choice); then it is updated after the generator."""
    share_mode: Literal["all", "head_only"] = "all"
    """What the update of a discriminator with a shared trunk trains in the joint stage."""
    identity_chunk: int = setting(0, least=0)
    """Crops at a time that the identity discriminator's update computes, a second time for its
    gradient: less memory, the same numbers, a quarter slower; 0: all at once, kept."""
    pose_aug: PoseAug = "gauss_int_shared"
    """The joints' Gaussians, σ in pixels of a height of 256: 4, 5 or 6 for a pose (released), in
    [4, 6] for every joint (paper, by a note), 5 with one joint left out (erase), or 5 (none)."""
    smooth_labels: bool = True
    """Soft targets for the discriminators, and once in 10,001 updates swapped ones."""

    identify_steps: int = schedule(0, least=0)
    """Steps in which the encoder first learns to tell the training people apart by classification,
    as `ide` does; 0: none (paper). Verification alone needs more pairs in a batch than a CPU has
    time for."""
    warmup_epochs: float = schedule(100.0, above=0)
    """Length of the warm-up, epochs."""
    joint_epochs: float = schedule(50.0, above=0)
    """Length of the joint stage, epochs."""
    warmup_flat: float = schedule(50.0, least=0)
    """Epochs that the warm-up keeps its rates, before these fall linearly to its end."""
    joint_flat: float = schedule(25.0, least=0)
    """Epochs that the joint stage keeps its rates, before these fall linearly to its end."""
    fall_every: float = schedule(1.0, above=0)
    """How many epochs the steps of that fall are apart."""

    recon_weight: float = setting(100.0, least=0)
    """Weight of the reconstruction; 0 leaves a term out, 0 of the first four draws nothing."""
    sp_weight: float = setting(10.0, least=0)
    """Weight of the same-pose loss."""
    adv_id_weight: float = setting(1.0, least=0)
    """Weight of the identity discriminator's verdict; 0 builds none."""
    adv_pd_weight: float = setting(1.0, least=0)
    """Weight of the pose discriminator's verdict; 0 builds none."""
    veri_weight: float = setting(10.0, least=0)
    """Weight of the verification loss in the joint stage."""

    lr_warmup: tuple[float, float, float] = setting((1e-4, 1e-5, 1e-3), above=0)
    """Rates of G (Adam, betas (0.5, 0.999)), D_id and D_pd (SGD, momentum 0.9) in the warm-up."""
    lr_joint: tuple[float, float, float] = setting((1e-5, 1e-4, 1e-4), above=0)
    """Rates of E, V and G (Adam, as above), D_id and D_pd in the joint stage."""
    lr_mult_effective: bool = False
    """Give E and G a tenth of that rate, as the released code means to and never does."""
    dis_weight_decay: float = setting(1e-4, least=0)
    """L2 penalty on the discriminators."""

    presets: ClassVar[Mapping[str, Changes]] = {
        "fixed": {},
        # The released commands to the letter
        "code": dict(bugs="released"),
        # The paper where it differs: V by its text, pairs and σ by a note, rates by memory alone
        "paper": dict(batch_size=128, verifier_outputs=1, pose_aug="gauss_uniform_per_joint",
                      lr_warmup=(1e-3, 1e-4, 1e-2), lr_mult_effective=True),
        "dr_gan_siamese": dict(share_encoder=True, sp_weight=0.0),
        # 96×48, a sixteenth of the pairs after some classification, half of the GAN's channels
        # with skips, and 1,150 steps, for two CPU cores; V's rate suits the few pairs
        "quick": dict(height=96, width=48, batch_size=16, generator_dim=32, dis_dim=32,
                      connect_layers=4, identify_steps=350, epoch="step", epochs=200.0,
                      warmup_epochs=350.0, joint_epochs=250.0, drop_every=140.0, warmup_flat=250.0,
                      joint_flat=170.0, fall_every=10.0, lr=2e-3, verifier_lr_factor=0.1,
                      lr_warmup=(1e-3, 1e-4, 1e-3), lr_joint=(5e-5, 1e-4, 1e-4)),
    }  # fmt: skip
    # The encoder trained as long by verification alone, without a picture
    control: ClassVar[Changes | None] = dict(
        recon_weight=0.0, sp_weight=0.0, adv_id_weight=0.0, adv_pd_weight=0.0)  # fmt: skip
    # Table 1 of the paper, without its baselines
    ablations: ClassVar[Mapping[str, Changes]] = {
        "no sp.": dict(sp_weight=0.0),
        "no veri.": dict(veri_weight=0.0),
        "no sp. & veri.": dict(sp_weight=0.0, veri_weight=0.0),
        "no D_pd": dict(adv_pd_weight=0.0),
        "no D_id": dict(adv_id_weight=0.0),
        "no D_id & D_pd": dict(adv_id_weight=0.0, adv_pd_weight=0.0),
        "no pose aug.": dict(pose_aug="none"),
        "share E": dict(share_encoder=True),
        "Siamese DR-GAN": dict(share_encoder=True, sp_weight=0.0),
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        for stage in ("warmup", "joint"):
            lasts, flat = getattr(self, f"{stage}_epochs"), getattr(self, f"{stage}_flat")
            if flat > lasts:
                raise UserError(
                    f"The stage {stage} lasts {lasts:g}, so its rates can't stay flat for "
                    f"{flat:g}: set --{stage}_flat with --{stage}_epochs."
                )
        if not self.draws and not self.veri_weight:
            raise UserError("There is nothing to learn: set one of the weights above 0.")

    @property
    def draws(self) -> bool:
        """Whether there is a generator to train."""
        return any((self.recon_weight, self.sp_weight, self.adv_id_weight, self.adv_pd_weight))

    def stages(self, given: Given) -> list[Stage | Write]:
        people, seed, classes = given.source, given.seed, given.source.num_pids
        epoch, size = self.steps_per_epoch(people), (self.height, self.width)

        def baseline(done: Done) -> FDGANModel:
            model = FDGANModel(self, classes)
            model.leave_out("generator")
            if first := cast(BaselineModel | None, done.get("identify")):
                model.encoder.load_state_dict(first.trunk.state_dict())
            return model

        def adversarial(done: Done, joint: bool) -> Adversarial:
            nets = Networks(self, classes, cast(FDGANModel, done["baseline"]))
            if "warmup" in done:
                nets.load_state_dict(done["warmup"].state_dict())
            return Adversarial(self, nets, epoch, joint)

        stages: list[Stage | Write] = []
        if length := self.identify_steps:
            first = like(IDENTIFYING, self, epochs=float(length), milestones=(0.7 * length,))
            without = "--identify_steps 0"
            stages.append(identification_stage(first, people, seed, "identify", without))
        stages.append(siamese_stage(self, people, seed, baseline))
        lasts = {"warmup": self.warmup_epochs, "joint": self.joint_epochs}
        for k, (name, epochs) in enumerate(lasts.items(), 1):
            if self.draws or name == "joint":
                pairs, steps = self.pairs(people, seed + k), max(1, round(epochs * epoch))
                plan = RedrawnPairs(pairs, seed + k).batch
                build = partial(adversarial, joint=name == "joint")
                stages.append(Stage(name, people, steps, size, plan, build, 0, self.resampling))
        return stages

    @classmethod
    def model_type(cls) -> type[Model]:
        return FDGANModel


class Networks(nn.Module):
    """All four networks, encoder, verifier and identity discriminator as the baseline trained them;
    the warm-up leaves them to the joint stage."""

    def __init__(self, method: FDGAN, classes: int, baseline: FDGANModel) -> None:
        super().__init__()
        self.model = cast(FDGANModel, method.model(classes))
        self.model.encoder.load_state_dict(baseline.encoder.state_dict())
        self.model.verifier.load_state_dict(baseline.verifier.state_dict())
        self.identity: IdentityDiscriminator | None = None
        self.pose: PoseDiscriminator | None = None
        if method.adv_id_weight:
            trunk = self.model.encoder
            if not method.share_encoder:
                trunk = backbone(method.backbone, weights="none", stride_on=method.stride_on)
            self.identity = IdentityDiscriminator(trunk)
            self.identity.start_from(baseline.encoder, baseline.verifier)
        if method.adv_pd_weight:
            self.pose = PoseDiscriminator(method.dis_dim)
        channels_last(self)


class Inputs(NamedTuple):
    """What an iteration works on, for P pairs; rows 2i and 2i + 1 belong to pair i."""

    source: Tensor  # x, 2P×3×H×W, normalised
    positive: Tensor  # c, P bool
    target: Tensor | None = None  # y', 2P×3×H×W, normalised; None: nothing is drawn
    maps: Tensor | None = None  # p, 2P×18×H×W
    noise: Tensor | None = None  # z, 2P×N


class Adversarial(StageModule):
    """The stages with a generator: the warm-up on a fixed encoder, and the joint stage."""

    def __init__(self, method: FDGAN, nets: Networks, epoch: int, joint: bool) -> None:
        super().__init__()
        self.method, self.nets, self.epoch, self.joint = method, nets, epoch, joint
        known = [nets.model.encoder, nets.model.verifier]
        for part in (*known, *([nets.identity] if nets.identity is not None else [])):
            set_bn_mode(part, "eval_stats")
        for part in known:
            part.requires_grad_(joint)
        if not method.draws:
            nets.model.leave_out("generator")
        self.augment = augmentation(method)

    @property
    def trained(self) -> nn.Module:  # type: ignore[override]
        return self.nets.model if self.joint else self.nets

    def inputs(self, batch: Mapping[str, Crops]) -> Inputs:
        """The augmented crops, what is to be drawn of them, and the noise."""
        m, model = self.method, self.nets.model
        first, second = batch["first"], batch["second"]
        positive = first.labels == second.labels
        source = self.augment(interleaved(first.images, second.images))
        source = mirrored(source, draw_flips(len(source), m.flip))
        if not m.draws:
            return Inputs(source, positive)
        targets = batch["first_target"], batch["second_target"]
        target = interleaved(targets[0].images, targets[1].images)
        joints = interleaved(*(cast(Tensor, side.joints) for side in targets))
        flip = draw_flips(len(target), m.flip)
        # Both sides of a positive pair have one target: also its flip and its map are one.
        flip[1::2] = torch.where(positive.cpu(), flip[0::2], flip[1::2])
        target = model.normalize(mirrored(target, flip))
        joints = flip_joints(joints, flip, m.width, swap=m.bugs == "mended")
        maps = augmented_maps(joints, m.height, m.width, m.pose_aug)
        maps = laid_out(maps.contiguous(memory_format=torch.channels_last))
        row = 2 * positive.nonzero()[:, 0]
        maps[row + 1] = maps[row]
        pairs = len(positive) * world_size()
        noise = torch.randn(pairs, m.noise_dim)[my_rows(pairs)].repeat_interleave(2, 0)
        return Inputs(source, positive, target, maps, noise.to(source.device))

    def iteration(self, batch: dict[str, Any], step: int) -> None:
        smooth = self.method.smooth_labels
        targets = {name: smooth_targets(smooth, SWAP_ROLES) for name in ("identity", "pose")}
        self.update(self.inputs(batch), targets)

    def update(self, given: Inputs, targets: Mapping[str, tuple[float, float]]) -> None:
        """One iteration, in order; targets: of the discriminators, for generated and real."""
        m, model, terms = self.method, self.nets.model, Terms()
        identity, pose = self.nets.identity, self.nets.pose
        x, goal, maps = given.source, given.target, given.maps
        *_, opt_gen = self.raw_optimizers()

        # Encode, draw.
        with torch.set_grad_enabled(self.joint):
            f = model.features(x)
        drawn = x
        if maps is not None and goal is not None and given.noise is not None:
            drawn = model.pictures(f, maps, given.noise)

            # Discriminators, on detached pictures. One with the encoder's trunk has to wait: its
            # update would change weights that the encoder's gradient still needs.
            if identity is not None and not m.share_encoder:
                self.update_identity(given, drawn.detach(), targets["identity"])
            if pose is not None:
                self.update_pose(given, drawn.detach(), targets["pose"])

            # Generator side, judged by the new discriminators, whose weights are constants here.
            if m.recon_weight:
                terms.add("recon", m.recon_weight, l1_distance(drawn, goal))
            if m.sp_weight:
                terms.add("sp", m.sp_weight, same_pose(drawn[0::2], drawn[1::2], given.positive))
            if identity is not None:
                with torch.no_grad():
                    known = f if m.share_encoder else frozen(identity, x)
                verdict = frozen(identity.head, known.detach(), frozen(identity, drawn))
                terms.add("adv_id", m.adv_id_weight, bce_generator(verdict))
            if pose is not None:
                verdict = frozen(pose, maps, drawn)
                terms.add("adv_pd", m.adv_pd_weight, bce_generator(verdict))
        if self.joint and m.veri_weight:
            same = model.verifier(f[0::2], f[1::2])
            terms.add("veri", m.veri_weight, verification(same, given.positive))
        self.descend(terms, opt_gen)
        if identity is not None and m.share_encoder:
            torch.clear_autocast_cache()  # of the encoder as it was
            self.update_identity(given, drawn.detach(), targets["identity"])

    def update_identity(self, given: Inputs, drawn: Tensor, targets: tuple[float, float]) -> None:
        """D_id's step. Its norms use fixed statistics, so that one pass of x serves both pairs."""
        identity, terms = cast(IdentityDiscriminator, self.nets.identity), Terms(times=0.5)
        only_head = self.method.share_encoder and self.method.share_mode == "head_only"
        crops = torch.cat([given.source, cast(Tensor, given.target), drawn])
        with torch.set_grad_enabled(not only_head):
            features = in_chunks(identity, crops, self.method.identity_chunk)
        own, real, fake = features.chunk(3)
        judge = identity.head
        terms.add("dis_id", 1.0, bce_discriminator(judge(own, fake), judge(own, real), targets))
        self.descend(terms, self.raw_optimizers()[0])

    def update_pose(self, given: Inputs, drawn: Tensor, targets: tuple[float, float]) -> None:
        """D_pd's step."""
        pose, terms = cast(PoseDiscriminator, self.nets.pose), Terms(times=0.5)
        real, fake = pose(given.maps, given.target), pose(given.maps, drawn)
        terms.add("dis_pd", 1.0, bce_discriminator(fake, real, targets))
        self.descend(terms, self.raw_optimizers()[-2])

    def learning_rate(self, step: int) -> float:
        m, early = self.method, self.method.bugs == "released"
        warmup, joint = (m.warmup_flat, m.warmup_epochs), (m.joint_flat, m.joint_epochs)
        lengths = joint if self.joint else warmup
        return schedules.flat_then_linear(step / self.epoch, *lengths, m.fall_every, early)

    def configure_optimizers(self) -> tuple[torch.optim.Optimizer, ...]:
        """Those of D_id and D_pd where there is one, then the generator side's."""
        m, nets, model = self.method, self.nets, self.nets.model
        lr, lr_id, lr_pose = m.lr_joint if self.joint else m.lr_warmup
        optimizers: list[torch.optim.Optimizer] = []
        if nets.identity is not None:
            only_head = m.share_encoder and m.share_mode == "head_only"
            part = nets.identity.head if only_head else nets.identity
            optimizers.append(sgd((part, lr_id), weight_decay=m.dis_weight_decay))
        if nets.pose is not None:
            optimizers.append(sgd((nets.pose, lr_pose), weight_decay=m.dis_weight_decay))
        slow = lr * (0.1 if self.joint and m.lr_mult_effective else 1.0)
        rates = [(model.encoder, slow), (model.verifier, lr)]
        if m.draws:
            rates.append((model.generator, slow))
        return (*optimizers, adam(*rates))

    def begin(self, look: Look) -> None:
        self.pairs = PosePairs(look, self.nets.model.size)

    def preview(self) -> dict[str, SwapGrid | Columns]:
        """Six people of the training set in a pose of theirs."""
        model = self.nets.model
        if "repose" not in model.generates:
            return {}
        return self.pairs.columns(self.device, lambda x, p: {"generated": model.repose(x, p)})


class FDGANModel(SiameseModel):
    """The encoder, which recognises, the verifier, and the generator, which `repose`s."""

    method: FDGAN
    verbs: ClassVar = {"repose": ("encoder", "generator")}

    def __init__(self, method: FDGAN, classes: int) -> None:
        super().__init__(method, classes)
        m = method
        shape: dict[str, Any] = dict(
            dim=m.generator_dim, pose_dim=m.pose_dim, noise_dim=m.noise_dim, fuse=m.fuse,
            connect=m.connect_layers, norm=m.norm, dropout=m.dropout)  # fmt: skip
        self.generator = Generator(cast(int, self.encoder.channels), self.size, **shape)
        channels_last(self)

    def pictures(self, features: Tensor, maps: Tensor, noise: Tensor) -> Tensor:
        """What G draws, normalised as the crops are: B×C, B×18×H×W, B×N → B×3×H×W."""
        drawn = full_precision(self.generator(features, maps, noise))
        if self.method.bugs == "released":
            return drawn.tanh()
        return self.normalize(drawn.sigmoid())

    @torch.no_grad()
    def repose(self, images: Images, joints: Tensor, noise: Tensor | None = None) -> Tensor:
        """Pictures of the people in those poses: B images → B×3×H×W in [0, 1].

        joints: B×18×3, x and y in pixels of the model's size, known or not. noise: B×noise_dim; by
        default the same for every image, so that a picture is a function of person and pose.
        """
        self.require("generator", "reposing")
        with evaluating(self):
            x = self.preprocess(images)
            if len(x) != len(joints):
                raise ValueError(f"{len(x)} images, but {len(joints)} poses")
            if noise is None:
                seeded = torch.Generator().manual_seed(0)
                one = torch.randn(1, self.method.noise_dim, generator=seeded)
                noise = one.to(x).expand(len(x), -1)
            maps = self.pose_maps(joints).to(x)
            return denormalize(self.pictures(self.features(x), maps, noise), self.normalize.norm)

    def pose_maps(self, joints: Tensor) -> Tensor:
        """The maps of poses as they are: B×18×3 → B×18×H×W in [0, 1]."""
        return augmented_maps(joints, *self.size, "none")
