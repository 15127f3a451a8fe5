"""IDE, IDE+ and their relatives: classify the training identities, then rank by the feature.

Papers: Zheng et al., *Person Re-identification in the Wild*, CVPR 2017 (arXiv 1604.02531: IDE);
Zheng, Yang, Hauptmann, *Past, Present and Future*, 2016 (its survey); Deng et al., CVPR 2018 (IDE+
of SPGAN, LMP's learner); Zhong et al., CVPR 2018 (CamStyle's baseline); Luo et al., *Bag of
Tricks*, CVPRW 2019 (`strong`); Hermans et al., 2017 (the triplet term).

It generates nothing: it is the baseline that generative methods start from and are compared with.
For crops of identities y_i, with logits z_i and features f_i, and every mean over the global batch:

    term             loss                                         weight            paper
    ce               mean CE_ε(z_i, y_i)                          1 (ce_weight)     L_ID, Luo et al.
    triplet          mean m(ap_i − an_i)                          0; 1 in `strong`, L_BH, eq. 5,
                                                                  `quick`, `micro`  Hermans et al.
                                                                  and `demo`
    beside a triplet loss, for the log alone
    triplet_ap       mean ap_i, the largest d(f_i, f_j) of a j with y_j = y_i
    triplet_an       mean an_i, the smallest d(f_i, f_k) of a k with y_k ≠ y_i
    triplet_active   share of the triplets that break the margin
    triplet_norm     mean length of f_i
    triplet_std      mean deviation of f_i in a dimension: near 0, all features are one

CE_ε is cross-entropy with label smoothing ε = `smoothing`. m(x) is max(0, x + `margin`) or, soft,
log(1 + exp(x)); d is `distance`. That is the batch-hard loss; `mining` may choose other triplets.
Five different nets are called "IDE" in the literature; they are the presets `caffe` (A),
`caffe_translated` (B), `pytorch` (C), the method `ide+` (D) and `camstyle` (E). `bottleneck` has
D's layers on a trunk that trains its batch statistics; `lmp` trains B as LMP's learner is said to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lookalike.data import People
from lookalike.data.jitter import ColourJitter
from lookalike.data.samplers import IdentityBalanced, Shuffled
from lookalike.data.transforms import ERASINGS, Augment, RandomErasing
from lookalike.errors import UserError
from lookalike.layout import channels_last
from lookalike.losses import cross_entropy, triplet_loss
from lookalike.methods import schedules
from lookalike.methods.averaging import average_into, average_of
from lookalike.methods.decay import Decay, fall
from lookalike.methods.method import Changes, Method, set_by
from lookalike.methods.model import Model
from lookalike.methods.optimizers import groups_by_name
from lookalike.methods.stage import Given, Stage, StageModule, Terms, Write
from lookalike.nets import HeadName, backbone, expected_pixels, freeze_stages, make_head
from lookalike.nets.batchnorm import BNMode
from lookalike.nets.weights import load_part
from lookalike.parallel import gather_rows, mean_over_processes, my_rows
from lookalike.settings import schedule, setting

# B: the Caffe IDE for Duke and for all translated sets, without a schedule
TRANSLATED: Changes = dict(height=224, width=224, pad=0, pixel_norm="auto", bn_mode="frozen",
                           freeze_stages=1, head="linear", feature="pool", flip_test=False,
                           batch_size=16, lr_trunk=1e-3, lr_head=1e-3, nesterov=False,
                           classifier_factors=(2.0, 4.0, 2.0))  # fmt: skip
# Bag of Tricks: BNNeck, smoothing, batch-hard triplet, erasing, last stride 1; its warm-up is apart
TRICKS: Changes = dict(pad_mode="zero", erase=0.5, last_stride=1, head="bnneck", smoothing=0.1,
                       triplet_weight=1.0, ids_per_batch=16, images_per_id=4, optimizer="adam",
                       lr_trunk=3.5e-4, lr_head=3.5e-4)  # fmt: skip


@dataclass(frozen=True)
class IDE(Method):
    """Settings of the identification baselines; the defaults are those of the DG-Net
    authors' repository of baselines, of which DG-Net's teacher is one."""

    name: ClassVar[str] = "ide"
    title: ClassVar[str] = "IDE: identity classification baseline"

    height: int = setting(256, least=16)
    """Height of the network's input, pixels."""
    width: int = setting(128, least=16)
    """Width of the network's input, pixels."""
    resize: tuple[int, int] = setting((0, 0), least=0)
    """Height and width that all images are resized to before the crop; 0: the input's size. (The
    authors scale the shorter side to 144: the same for images twice as tall as wide.)"""
    crop_area: float = setting(0.0, least=0, most=1)
    """Least share of the image that a random-area crop shows (HHL: 0.64); 0: a random crop of
    height × width pixels."""
    pad: int = setting(10, least=0)
    """Pixels of border added before the random crop."""
    pad_mode: Literal["edge", "zero"] = "edge"
    """What the border shows."""
    flip: float = setting(0.5, least=0, most=1)
    """Probability of a mirrored image."""
    jitter: float = setting(0.0, least=0, most=1)
    """How far saturation, contrast and brightness vary about 1; 0: not at all. For training on one
    benchmark and testing on another."""
    erase: float = setting(0.0, least=0, most=1)
    """Probability of random erasing."""
    erasing: Literal["dgnet", "hhl"] = "dgnet"
    """Which paper's random erasing."""
    pixel_norm: Literal["auto", "imagenet", "half", "caffe_bgr"] = "imagenet"
    """The scale of the input's pixels: imagenet (RGB of mean 0 and deviation 1), half (RGB from −1
    to 1), caffe_bgr (BGR from 0 to 255 less a mean), or auto, which the weights were trained with.
    """

    backbone: str = "resnet50"
    """resnet18, 34, 50, 101, or timm:NAME."""
    weights: str = "imagenet"
    """Weights to start from: imagenet (downloaded once), none, or a file."""
    stride_on: Literal["auto", "3x3", "1x1"] = "auto"
    """Which convolution of a bottleneck strides; auto: as the weights were trained."""
    last_stride: Literal[1, 2] = 2
    """Stride of the last stage; 1 doubles the last map."""
    bn_mode: BNMode = "train"
    """Batch norm of the trunk: train, eval_stats (fixed statistics) or frozen."""
    freeze_stages: int = setting(0, least=0, most=4)
    """1 freezes the first convolution and stage 1, 2 also stage 2, …"""
    head: HeadName = "bneck512"
    """What stands on the pooled feature; trinet and none have no classifier."""
    dropout: float = setting(0.5, least=0, below=1)
    """Dropout of the head's bottleneck."""
    feature: Literal["pool", "bottleneck"] = "bottleneck"
    """What is ranked: the pooled map or the head's embedding."""
    flip_test: bool = True
    """Add the mirrored image's feature at test."""
    l2norm: bool = True
    """L2-normalise the feature that is ranked; false: rank by the Euclidean distance as it is."""

    ce_weight: float = setting(1.0, least=0)
    """Weight of the cross-entropy."""
    smoothing: float = setting(0.0, least=0, below=1)
    """Label smoothing ε."""
    triplet_weight: float = setting(0.0, least=0)
    """Weight of the triplet loss."""
    margin: float | Literal["soft", "none"] = setting(0.3, least=0)
    """Triplet margin: a distance, soft (log(1 + exp)), or none."""
    mining: Literal["hard", "all", "semi"] = "hard"
    """Which triplets of a batch count."""
    distance: Literal["euclidean", "squared", "cityblock"] = "euclidean"
    """The distance in the triplet loss."""
    normalize_feature: bool = False
    """L2-normalise the feature before the triplet loss."""

    batch_size: int = setting(32, least=1)
    """Images in a global batch; ids_per_batch × images_per_id where those are given."""
    ids_per_batch: int = setting(0, least=0)
    """P of a P×K batch; 0: plain shuffling."""
    images_per_id: int = setting(4, least=1)
    """K of a P×K batch."""
    repeats: Literal["random", "even"] = "random"
    """How an identity with fewer than K images fills its places: each image drawn anew, or from
    all of its images repeated equally often (TriNet)."""

    epoch: Literal["images", "identities", "step"] = "images"
    """What an epoch is: as many images as there are, as many P×K batches as show each identity
    once, or a single step, for papers that count steps."""
    epochs: float = schedule(60.0, above=0)
    """How long to train, epochs."""
    milestones: tuple[float, ...] = schedule((40.0,), least=0)
    """When the learning rate is multiplied by 0.1, epochs."""
    warmup: float = schedule(0.0, least=0)
    """Epochs over which the learning rate rises linearly from a hundredth."""
    decay: Decay = "auto"
    """The learning rate's way down: the milestones, a cosine to 0, or from `decay_from` on
    exponentially to a thousandth; auto: the milestones, or a cosine in a run that --schedule_scale
    shortens."""
    decay_from: float = schedule(0.0, least=0)
    """Where the exponential decay begins, epochs."""
    optimizer: Literal["sgd", "adam"] = "sgd"
    """SGD has momentum 0.9 (Nesterov by `nesterov`)."""
    nesterov: bool = True
    """Whether SGD's momentum is Nesterov's."""
    lr_trunk: float = setting(0.005, above=0)
    """Learning rate of the backbone."""
    lr_head: float = setting(0.05, above=0)
    """Learning rate of everything new."""
    classifier_factors: tuple[float, float, float] = setting((1.0, 1.0, 1.0), least=0)
    """Factors on the classifier's weight rate, bias rate and weight decay (variant B: 2, 4, 2)."""
    weight_decay: float = setting(5e-4, least=0)
    """L2 penalty on all weights."""
    decay_norms: bool = True
    """Whether normalisation layers and biases are decayed too."""
    ema: float = setting(0.0, least=0, below=1)
    """How much of itself an average of the weights keeps at every step (0.999: it reaches back some
    1,000 steps); the average is then what is tested and saved. 0: none, the weights themselves."""

    presets: ClassVar[Mapping[str, Changes]] = {
        "paper": {},
        # A: the Caffe IDE for Market; Caffe's weights want caffe_bgr, others their own scale
        "caffe": dict(height=224, width=224, pad=0, pixel_norm="auto",
                      bn_mode="eval_stats", head="linear", feature="pool", flip_test=False,
                      batch_size=16, epoch="step", epochs=50_000.0, milestones=(20_000.0, 40_000.0),
                      lr_trunk=1e-3, lr_head=1e-3, nesterov=False),
        "caffe_translated": dict(TRANSLATED, epoch="step", epochs=50_000.0,
                                 milestones=(20_000.0, 40_000.0)),
        "lmp": dict(TRANSLATED, epochs=50.0, milestones=(40.0,)),
        # C: the PyTorch IDE of SPGAN's author
        "pytorch": dict(resize=(288, 144), pad=0, bn_mode="eval_stats", head="linear",
                        feature="pool", batch_size=16, lr_trunk=1e-3, lr_head=1e-2),
        # The layers of IDE+ on a trunk in train mode: the later script of the same author
        "bottleneck": dict(resize=(288, 144), pad=0, head="bneck512_lrelu", feature="pool",
                           lr_trunk=1e-2, lr_head=1e-1),
        # E: CamStyle's and HHL's baseline
        "camstyle": dict(pad=0, crop_area=0.64, erasing="hhl", head="bneck1024_relu",
                         feature="pool", flip_test=False, batch_size=128, epochs=50.0,
                         lr_trunk=1e-2, lr_head=1e-1),
        "strong": dict(TRICKS, epochs=120.0, milestones=(40.0, 70.0), warmup=10.0),
        # The same at 128×64 and a tenth of the length, for two CPU cores
        "quick": dict(TRICKS, height=128, width=64, pad=5, epochs=12.0, warmup=1.0, decay="cosine"),
        # For comparisons over seeds: from random weights, ten minutes of one CPU core
        "micro": dict(TRICKS, height=96, width=48, pad=4, backbone="resnet18", weights="none",
                      epoch="step", epochs=800.0, warmup=60.0, decay="cosine", lr_trunk=1e-3,
                      lr_head=1e-3),
        # From random weights in two minutes on two cores, for some dozens of people; a teacher that
        # DG-Net can start from
        "demo": dict(height=96, width=48, pad=4, backbone="resnet18", weights="none", erase=0.3,
                     dropout=0.2, smoothing=0.1, triplet_weight=1.0, margin="soft",
                     ids_per_batch=16, images_per_id=4, epoch="step", epochs=360.0, warmup=30.0,
                     decay="cosine", optimizer="adam", lr_trunk=1e-3, lr_head=1e-3),
    }  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.ids_per_batch:
            object.__setattr__(self, "batch_size", self.ids_per_batch * self.images_per_id)
        if self.triplet_weight and not self.ids_per_batch:
            raise UserError("A triplet loss needs P×K batches: set ids_per_batch.")
        if self.triplet_weight and min(self.ids_per_batch, self.images_per_id) < 2:
            raise UserError(
                "Triplets need two images each of two identities in a batch: set ids_per_batch and "
                "images_per_id to 2 or more."
            )
        if self.batch_size < 2 and self.head not in ("linear", "none"):
            raise UserError(
                f"The head '{self.head}' normalises over the batch, so a batch needs two images: "
                "set batch_size to 2 or more, or head to linear."
            )
        if self.ce_weight and self.head in ("trinet", "none"):
            raise UserError(f"The head '{self.head}' has no classifier: set ce_weight to 0.")
        if not self.ce_weight and not self.triplet_weight:
            raise UserError("There is nothing to learn: set ce_weight or triplet_weight.")
        if self.freeze_stages and self.backbone.startswith("timm:"):
            raise UserError("freeze_stages is for the resnets only.")
        if self.decay == "exponential" and self.decay_from >= self.epochs:
            raise UserError("An exponential decay needs decay_from before the end, epochs.")

    def stages(self, given: Given) -> list[Stage | Write]:
        return [identification_stage(self, given.source, given.seed, "learn")]

    @classmethod
    def model_type(cls) -> type[Model]:
        return BaselineModel


@dataclass(frozen=True)
class IDEPlus(IDE):
    """Variant D, IDE+: a 512-d bottleneck on a trunk with fixed batch statistics."""

    name: ClassVar[str] = "ide+"
    title: ClassVar[str] = "IDE+: bottleneck on a trunk with fixed BN statistics"

    resize: tuple[int, int] = setting((288, 144), least=0)
    pad: int = setting(0, least=0)
    bn_mode: BNMode = "eval_stats"
    head: HeadName = "bneck512_lrelu"
    feature: Literal["pool", "bottleneck"] = "pool"
    batch_size: int = setting(16, least=1)
    lr_trunk: float = setting(1e-3, above=0)
    lr_head: float = setting(1e-2, above=0)

    presets: ClassVar[Mapping[str, Changes]] = {
        "paper": {},
        "quick": dict(height=128, width=64, resize=(144, 72), epochs=6.0, milestones=(4.0,)),
        "micro": dict(height=96, width=48, resize=(108, 54), backbone="resnet18", weights="none",
                      bn_mode="train", batch_size=64, epoch="step", epochs=800.0, warmup=60.0,
                      decay="cosine", lr_trunk=0.05, lr_head=0.05),
    }  # fmt: skip


class Identification(StageModule):
    """The stage that trains a `BaselineModel`."""

    trained: BaselineModel

    def __init__(self, method: IDE, classes: int, steps_per_epoch: int) -> None:
        super().__init__()
        self.method, self.steps_per_epoch = method, steps_per_epoch
        self.leaves_out = not method.ce_weight and method.head not in ("trinet", "none")
        self.trained = BaselineModel(method, classes)
        freeze_stages(self.trained.trunk, method.freeze_stages)
        if method.ema:
            self.raw, self.trained = self.trained, average_of(self.trained)
        erasing = {**ERASINGS[method.erasing], "p": method.erase}
        self.augment = Augment(
            method.height,
            method.width,
            flip=method.flip,
            pad=method.pad,
            pad_mode=method.pad_mode,
            area=(method.crop_area, 1.0) if method.crop_area else None,
            jitter=ColourJitter(method.jitter) if method.jitter else None,
            erase=RandomErasing(**erasing) if method.erase else None,
            norm=self.trained.normalize.norm,
        )

    @property
    def learner(self) -> BaselineModel:
        """The model that descends: the trained one, unless that is its average."""
        return self.raw if self.method.ema else self.trained

    def iteration(self, batch: dict[str, Any], step: int) -> None:
        """Augment, embed, classify; triplets over the global batch; one descent; the average."""
        m, net, terms = self.method, self.learner, Terms()
        crops = batch["crops"]
        pooled = net.pooled(self.augment(crops.images))
        feature = net.head.embed(pooled) if m.head == "trinet" else pooled
        statistics: dict[str, Tensor] = {}
        if m.ce_weight:
            terms.add("ce", m.ce_weight, cross_entropy(net.head(pooled), crops.labels, m.smoothing))
        if m.triplet_weight:
            feature = F.normalize(feature) if m.normalize_feature else feature
            everybody = gather_rows(feature)
            triplet, statistics = triplet_loss(
                feature,
                crops.labels,
                margin=m.margin,
                mining=m.mining,
                distance=m.distance,
                all_embeddings=everybody,
                all_labels=gather_rows(crops.labels),
                first_row=my_rows(len(everybody)).start,
            )
            terms.add("triplet", m.triplet_weight, triplet)
        self.descend(terms, *self.raw_optimizers())
        if m.ema:
            average_into(self.trained, net, m.ema, step)
        if statistics:  # the signs of a collapse: no gap, and a spread that goes to 0
            values = mean_over_processes(torch.stack(list(statistics.values()))).tolist()
            self.losses.update((f"triplet_{k}", v) for k, v in zip(statistics, values, strict=True))

    def learning_rate(self, step: int) -> float:
        m, t = self.method, (step + 0.5) / self.steps_per_epoch
        rise = schedules.warmup(t, m.warmup)
        return rise * fall(m.decay, t, m.epochs, m.warmup, m.milestones, m.decay_from)

    def rates(self, name: str, p: nn.Parameter) -> tuple[float, float]:
        """Learning rate and weight decay of the learner's parameter of that name."""
        m = self.method
        weight_factor, bias_factor, decay_factor = m.classifier_factors
        lr = m.lr_trunk if name.startswith("trunk.") else m.lr_head
        decay = m.weight_decay if m.decay_norms or p.dim() > 1 else 0.0
        if name.startswith("head.classifier."):
            lr *= weight_factor if name.endswith("weight") else bias_factor
            decay *= decay_factor
        return lr, decay

    def configure_optimizers(self) -> torch.optim.Optimizer:
        m, parameters = self.method, groups_by_name(self.learner, self.rates)
        if m.optimizer == "adam":
            return torch.optim.Adam(parameters, fused=True)
        return torch.optim.SGD(parameters, momentum=0.9, nesterov=m.nesterov, fused=True)


def like(baseline: IDE, method: Any, **changes: Any) -> IDE:
    """The baseline with the trunk, its weights and the size of another method."""
    for name in ("height", "width", "backbone", "weights", "stride_on"):
        changes[name] = getattr(method, name)
    return replace(baseline, **changes)


def identification_stage(
    method: IDE, people: People, seed: int, name: str, without: str = ""
) -> Stage:
    """The one stage of a baseline, which DG-Net's teacher is too.

    without: the flag that leaves it out, where none sets its batches.
    """
    if without and len(people) < method.batch_size:
        raise UserError(
            f"The stage '{name}' has batches of {method.batch_size} images, but the data has only "
            f"{len(people)}: leave it out with {without}."
        )
    sampler: IdentityBalanced | Shuffled
    prefix = "--teacher." if name == "teacher" else "--"
    if method.ids_per_batch:
        with set_by(f"{prefix}ids_per_batch"):
            sampler = IdentityBalanced(
                people.labels(), method.ids_per_batch, method.images_per_id, seed, method.repeats
            )
    else:
        with set_by(f"{prefix}batch_size"):
            sampler = Shuffled(len(people), method.batch_size, seed)
    per_epoch = {
        "images": max(1, len(people) // method.batch_size),
        "identities": sampler.steps_per_epoch,
        "step": 1,
    }[method.epoch]
    return Stage(
        name,
        people,
        max(1, round(method.epochs * per_epoch)),
        method.resize if all(method.resize) else (method.height, method.width),
        lambda step: {"crops": sampler.batch(step)},
        lambda _: Identification(method, people.num_pids, per_epoch),
    )


class BaselineModel(Model):
    """A backbone, average pooling and a head."""

    method: IDE
    features_of = ("trunk",)
    start_parts: ClassVar[Mapping[str, str]] = {"trunk": "trunk", "neck": "head.neck"}

    def __init__(self, method: IDE, classes: int) -> None:
        if method.pixel_norm == "auto":
            norm = expected_pixels(method.backbone, method.weights)
            method = replace(method, pixel_norm=norm)
        super().__init__(method, classes, method.height, method.width, method.pixel_norm)
        self.metric = "cosine" if method.l2norm else "euclidean"
        self.trunk = backbone(
            method.backbone,
            weights=method.weights,
            bn_mode=method.bn_mode,
            stride_on=method.stride_on,
            last_stride=method.last_stride,
        )
        channels = cast(int, self.trunk.channels)
        self.head = make_head(method.head, channels, classes, method.dropout)
        load_part(getattr(self.head, "neck", None), method.weights, "neck")
        channels_last(self)

    def pooled(self, x: Tensor) -> Tensor:
        """Preprocessed images → the average of the last map: B×C."""
        return self.trunk(x).mean((2, 3))

    def logits(self, x: Tensor) -> Tensor:
        """Preprocessed images → B×classes."""
        return self.head(self.pooled(x))

    def features(self, x: Tensor) -> Tensor:
        """The retrieval feature, the mirrored image's added where the paper does: B×D."""
        views = (x, x.flip(3)) if self.method.flip_test else (x,)
        features = [self.pooled(v) for v in views]
        if self.method.feature == "bottleneck":
            features = [self.head.embed(f) for f in features]
        feature = torch.stack(features).sum(0)
        return F.normalize(feature) if self.method.l2norm else feature
