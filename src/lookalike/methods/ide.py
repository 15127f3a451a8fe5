"""IDE, IDE+ and their relatives: classify the training identities, then rank by the feature.

Papers: Zheng, Yang, Hauptmann, *Person Re-identification: Past, Present and Future*, 2016 (IDE);
Deng et al., CVPR 2018 (IDE+ of SPGAN); Zhong et al., CVPR 2018 (CamStyle's baseline); Luo et al.,
*Bag of Tricks*, CVPRW 2019 (`strong`); Hermans et al., 2017 (the triplet term).

It generates nothing: it is the baseline that generative methods start from and are compared with.

    L = ce_weight · CE_ε(logits, identity) + triplet_weight · triplet(feature, identity)

CE_ε is cross-entropy with label smoothing ε = `smoothing`; the triplet is batch-hard by default.
Five different nets are called "IDE" in the literature; they are the presets `caffe` (A),
`caffe_translated` (B), `pytorch` (C), the method `ide+` (D) and `camstyle` (E).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lookalike.data import People
from lookalike.data.jitter import ColourJitter
from lookalike.data.samplers import IdentityBalanced, Shuffled
from lookalike.data.transforms import ERASINGS, Augment, RandomErasing
from lookalike.errors import UserError
from lookalike.losses import cross_entropy, triplet_loss
from lookalike.methods.base import Method, Model, Stage, StageModule, schedule
from lookalike.nets import BNNeck, BottleneckHead, LinearHead, backbone, weights_stride_on
from lookalike.nets.batchnorm import BatchNorm1d, BNMode
from lookalike.parallel import gather_rows, mean_over_processes, my_rows

Unit = Literal["epochs", "id_passes", "steps"]
Head = Literal[
    "linear", "bneck512", "bneck512_lrelu", "bneck1024_relu", "bnneck", "trinet", "none"
]  # fmt: skip


@dataclass(frozen=True)
class IDE(Method):
    """Settings of the identification baselines; the defaults are the DG-Net authors' baseline."""

    name: ClassVar[str] = "ide"
    title: ClassVar[str] = "IDE: identity classification baseline"

    height: int = 256
    """Height of the network's input, pixels."""
    width: int = 128
    """Width of the network's input, pixels."""
    resize: tuple[int, int] = (0, 0)
    """Height and width that all images are resized to before the crop; 0: the input's size. (The
    authors scale the shorter side to 144: the same for images twice as tall as wide.)"""
    crop_area: float = 0.0
    """Least share of the image that a random-area crop shows (HHL: 0.64); 0: a random crop of
    height × width pixels."""
    pad: int = 10
    """Pixels of border added before the random crop."""
    pad_mode: Literal["edge", "zero"] = "edge"
    """What the border shows."""
    flip: float = 0.5
    """Probability of a mirrored image."""
    jitter: float = 0.0
    """How far saturation, contrast and brightness vary about 1; 0: not at all. For training on one
    benchmark and testing on another."""
    erase: float = 0.0
    """Probability of random erasing."""
    erasing: Literal["dgnet", "hhl"] = "dgnet"
    """Which paper's random erasing."""
    pixel_norm: Literal["imagenet", "half", "caffe_bgr"] = "imagenet"
    """The scale of the input's pixels."""

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
    freeze_stages: int = 0
    """1 freezes the first convolution and stage 1, 2 also stage 2, …"""
    head: Head = "bneck512"
    """What stands on the pooled feature; trinet and none have no classifier."""
    dropout: float = 0.5
    """Of the head's bottleneck."""
    feature: Literal["pool", "bottleneck"] = "bottleneck"
    """What is ranked: the pooled map or the head's embedding."""
    flip_test: bool = True
    """Add the mirrored image's feature at test."""
    l2norm: bool = True
    """L2-normalise the feature that is ranked; false: rank by the Euclidean distance as it is."""

    ce_weight: float = 1.0
    """Weight of the cross-entropy."""
    smoothing: float = 0.0
    """Label smoothing ε."""
    triplet_weight: float = 0.0
    """Weight of the triplet loss."""
    margin: float | Literal["soft", "none"] = 0.3
    """Triplet margin: a distance, soft (log(1 + exp)), or none."""
    mining: Literal["hard", "all", "semi"] = "hard"
    """Which triplets of a batch count."""
    distance: Literal["euclidean", "squared", "cityblock"] = "euclidean"
    """The distance in the triplet loss."""
    normalize_feature: bool = False
    """L2-normalise the feature before the triplet loss."""

    batch: int = 32
    """Images in a global batch; ids_per_batch × images_per_id where those are given."""
    ids_per_batch: int = 0
    """P of a P×K batch; 0: plain shuffling."""
    images_per_id: int = 4
    """K of a P×K batch."""

    unit: Unit = "epochs"
    """What `length`, `drops`, `decay_from` and `warmup` count; an epoch is as many images as there
    are, an id_pass as many P×K batches as show each identity once."""
    length: float = schedule(60.0)
    """How long to train."""
    drops: tuple[float, ...] = schedule((40.0,))
    """When the learning rate is multiplied by 0.1."""
    warmup: float = schedule(0.0)
    """Time over which the learning rate rises linearly from a hundredth."""
    decay: Literal["steps", "cosine", "exponential"] = "steps"
    """The learning rate's way down: the drops, a cosine to 0, or from `decay_from` on exponentially
    to a thousandth."""
    decay_from: float = schedule(0.0)
    """Where the exponential decay begins."""
    optimizer: Literal["sgd", "adam"] = "sgd"
    """SGD has momentum 0.9 (Nesterov by `nesterov`)."""
    nesterov: bool = True
    """Nesterov momentum."""
    lr_trunk: float = 0.005
    """Learning rate of the backbone."""
    lr_head: float = 0.05
    """Learning rate of everything new."""
    classifier_factors: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Factors on the classifier's weight rate, bias rate and weight decay (variant B: 2, 4, 2)."""
    weight_decay: float = 5e-4
    """L2 penalty on all weights."""
    decay_norms: bool = True
    """Whether normalisation layers and biases are decayed too."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {},
        # A: the Caffe IDE for Market
        "caffe": dict(height=224, width=224, pad=0, pixel_norm="caffe_bgr",
                      bn_mode="eval_stats", head="linear", feature="pool", flip_test=False,
                      batch=16, unit="steps", length=50_000.0, drops=(20_000.0, 40_000.0),
                      lr_trunk=1e-3, lr_head=1e-3, nesterov=False),
        # B: the Caffe IDE for Duke and for all translated sets
        "caffe_translated": dict(height=224, width=224, pad=0, pixel_norm="caffe_bgr",
                                 bn_mode="frozen", freeze_stages=1,
                                 head="linear", feature="pool", flip_test=False, batch=16,
                                 unit="steps", length=50_000.0, drops=(20_000.0, 40_000.0),
                                 lr_trunk=1e-3, lr_head=1e-3, nesterov=False,
                                 classifier_factors=(2.0, 4.0, 2.0)),
        # C: the PyTorch IDE of SPGAN's author
        "pytorch": dict(resize=(288, 144), pad=0, bn_mode="eval_stats", head="linear",
                        feature="pool", batch=16, lr_trunk=1e-3, lr_head=1e-2),
        # E: CamStyle's and HHL's baseline
        "camstyle": dict(pad=0, crop_area=0.64, erasing="hhl", head="bneck1024_relu",
                         feature="pool", flip_test=False, batch=128, length=50.0, lr_trunk=1e-2,
                         lr_head=1e-1),
        # Bag of Tricks: BNNeck, smoothing, batch-hard triplet, warm-up, erasing, last stride 1
        "strong": dict(pad_mode="zero", erase=0.5, last_stride=1, head="bnneck", smoothing=0.1,
                       triplet_weight=1.0, ids_per_batch=16, images_per_id=4, length=120.0,
                       drops=(40.0, 70.0), warmup=10.0, optimizer="adam", lr_trunk=3.5e-4,
                       lr_head=3.5e-4),
        # The same at 128×64 and a tenth of the length, for two CPU cores
        "quick": dict(height=128, width=64, pad=5, pad_mode="zero", erase=0.5, last_stride=1,
                      head="bnneck", smoothing=0.1, triplet_weight=1.0, ids_per_batch=16,
                      images_per_id=4, length=12.0, warmup=1.0, decay="cosine",
                      optimizer="adam", lr_trunk=3.5e-4, lr_head=3.5e-4),
        # From random weights in two minutes on two cores, for some dozens of people; a teacher that
        # DG-Net can start from
        "demo": dict(height=96, width=48, pad=4, backbone="resnet18", weights="none", erase=0.3,
                     dropout=0.2, smoothing=0.1, triplet_weight=1.0, margin="soft",
                     ids_per_batch=16, images_per_id=4, unit="steps", length=440.0, warmup=30.0,
                     decay="cosine", optimizer="adam", lr_trunk=1e-3, lr_head=1e-3),
    }  # fmt: skip

    def __post_init__(self) -> None:
        if self.ids_per_batch:
            object.__setattr__(self, "batch", self.ids_per_batch * self.images_per_id)
        if self.triplet_weight and not self.ids_per_batch:
            raise UserError("A triplet loss needs P×K batches: set ids_per_batch.")
        if self.ce_weight and self.head in ("trinet", "none"):
            raise UserError(f"The head '{self.head}' has no classifier: set ce_weight to 0.")
        if not 0 <= self.jitter <= 1:
            raise UserError(f"jitter is {self.jitter}, but must be within 0 and 1.")
        if not self.ce_weight and not self.triplet_weight:
            raise UserError("There is nothing to learn: set ce_weight or triplet_weight.")
        if self.freeze_stages not in range(5) or (
            self.freeze_stages and self.backbone.startswith("timm:")
        ):
            raise UserError("freeze_stages is 0 to 4, and for the resnets only.")
        if self.decay == "exponential" and self.decay_from >= self.length:
            raise UserError("An exponential decay needs decay_from before the end, length.")

    def resolved(self) -> IDE:
        if self.stride_on != "auto" or self.backbone.startswith("timm:"):
            return self
        return dataclasses.replace(
            self, stride_on=weights_stride_on(self.backbone, self.weights))  # fmt: skip

    def stages(self, people: People, seed: int) -> list[Stage]:
        return [identification_stage(self, people, seed, "learn")]

    def model(self, classes: int) -> BaselineModel:
        return BaselineModel(dataclasses.replace(self, weights="none"), classes)


@dataclass(frozen=True)
class IDEPlus(IDE):
    """Variant D, IDE+: a 512-d bottleneck on a trunk with fixed batch statistics."""

    name: ClassVar[str] = "ide+"
    title: ClassVar[str] = "IDE+: bottleneck on a trunk with fixed BN statistics"

    resize: tuple[int, int] = (288, 144)
    pad: int = 0
    bn_mode: BNMode = "eval_stats"
    head: Head = "bneck512_lrelu"
    feature: Literal["pool", "bottleneck"] = "pool"
    batch: int = 16
    lr_trunk: float = 1e-3
    lr_head: float = 1e-2

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {},
        "quick": dict(height=128, width=64, resize=(144, 72), length=6.0, drops=(4.0,)),
    }


class TrinetHead(nn.Module):
    """TriNet's embedding: linear 1024 without bias, batch norm, ReLU, linear 128."""

    def __init__(self, in_features: int) -> None:
        super().__init__()
        self.feat = nn.Linear(in_features, 1024, bias=False)
        self.bn = BatchNorm1d(1024)
        self.out = nn.Linear(1024, 128)
        nn.init.xavier_uniform_(self.feat.weight)
        nn.init.orthogonal_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def embed(self, x: Tensor) -> Tensor:
        return self.out(F.relu(self.bn(self.feat(x))))  # type: ignore[no-any-return]


class NoHead(nn.Module):
    """The pooled feature itself."""

    def embed(self, x: Tensor) -> Tensor:
        return x


def make_head(name: Head, channels: int, classes: int, dropout: float) -> nn.Module:
    """The head of that name on B×channels features."""
    heads: dict[Head, Callable[[], nn.Module]] = {
        "linear": lambda: LinearHead(channels, classes),
        "bneck512": lambda: BottleneckHead(channels, 512, classes, None, dropout),
        "bneck512_lrelu": lambda: BottleneckHead(channels, 512, classes, "lrelu", dropout, 0.02),
        "bneck1024_relu": lambda: BottleneckHead(channels, 1024, classes, "relu", dropout),
        "bnneck": lambda: BNNeck(channels, classes),
        "trinet": lambda: TrinetHead(channels),
        "none": NoHead,
    }
    return heads[name]()


class BaselineModel(Model):
    """A backbone, average pooling and a head."""

    method: IDE

    def __init__(self, method: IDE, classes: int) -> None:
        super().__init__(method, classes, method.height, method.width, method.pixel_norm)
        self.metric = "cosine" if method.l2norm else "euclidean"
        self.trunk = backbone(
            method.backbone, weights=method.weights, bn_mode=method.bn_mode,
            stride_on=method.stride_on, last_stride=method.last_stride)  # fmt: skip
        channels = cast(int, self.trunk.channels)
        self.head = make_head(method.head, channels, classes, method.dropout)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def pooled(self, x: Tensor) -> Tensor:
        """Preprocessed images → the average of the last map: B×C."""
        return self.trunk(x).mean((2, 3))  # type: ignore[no-any-return]

    def logits(self, x: Tensor) -> Tensor:
        """Preprocessed images → B×classes."""
        return self.head.classify(self.head.embed(self.pooled(x)))  # type: ignore[operator,no-any-return]

    def features(self, x: Tensor) -> Tensor:
        """The retrieval feature, the mirrored image's added where the paper does."""
        views = (x, x.flip(3)) if self.method.flip_test else (x,)
        pooled = [self.pooled(v) for v in views]
        if self.method.feature == "bottleneck":
            pooled = [self.head.embed(p) for p in pooled]  # type: ignore[operator]
        feature = torch.stack(pooled).sum(0)
        return F.normalize(feature) if self.method.l2norm else feature


class Identification(StageModule):
    """The stage that trains a `BaselineModel`."""

    trained: BaselineModel

    def __init__(self, method: IDE, classes: int, steps_per_unit: int) -> None:
        super().__init__()
        self.method, self.steps_per_unit = method, steps_per_unit
        self.leaves_out = not method.ce_weight
        self.trained = BaselineModel(method, classes)
        freeze_stages(self.trained.trunk, method.freeze_stages)
        erase = None
        if method.erase:
            erase = RandomErasing(**{**ERASINGS[method.erasing], "p": method.erase})
        self.augment = Augment(
            method.height, method.width, flip=method.flip, pad=method.pad,
            pad_mode=method.pad_mode, area=(method.crop_area, 1.0) if method.crop_area else None,
            jitter=ColourJitter(method.jitter) if method.jitter else None,
            erase=erase, norm=method.pixel_norm)  # fmt: skip

    def iteration(self, batch: dict[str, Any], step: int) -> None:
        """Augment, embed, classify; triplets over the global batch; one descent."""
        m, net = self.method, self.trained
        crops = batch["crops"]
        pooled = net.pooled(self.augment(crops.images))
        terms: dict[str, Tensor] = {}
        stats: dict[str, Tensor] = {}
        if m.head == "trinet":
            pooled = net.head.embed(pooled)  # type: ignore[operator]
        if m.ce_weight:
            logits = net.head.classify(net.head.embed(pooled))  # type: ignore[operator]
            terms["ce"] = cross_entropy(logits, crops.labels, m.smoothing)
        if m.triplet_weight:
            feature = F.normalize(pooled) if m.normalize_feature else pooled
            everyone = gather_rows(feature)
            terms["triplet"], stats = triplet_loss(
                feature, crops.labels, margin=m.margin, mining=m.mining, distance=m.distance,
                all_embeddings=everyone, all_labels=gather_rows(crops.labels),
                first_row=my_rows(len(everyone)).start)  # fmt: skip
        total = sum(
            (w * terms[k] for k, w in (("ce", m.ce_weight), ("triplet", m.triplet_weight)) if w),
            start=pooled.new_zeros(()),
        )
        self.descend(total, terms, *self.raw_optimizers())
        if stats:  # the signs of a collapse: no gap, and a spread that goes to 0
            values = mean_over_processes(torch.stack(list(stats.values())))
            self.losses.update(zip((f"triplet_{k}" for k in stats), values.tolist(), strict=True))

    def learning_rate(self, step: int) -> float:
        m, t = self.method, (step + 0.5) / self.steps_per_unit
        rise = min(1.0, 0.01 + 0.99 * t / m.warmup) if m.warmup else 1.0
        if m.decay == "cosine":
            span = max(m.length - m.warmup, 1e-9)
            return rise * 0.5 * (1 + math.cos(math.pi * min(max(t - m.warmup, 0) / span, 1)))
        if m.decay == "exponential":
            late = max(0.0, (t - m.decay_from) / (m.length - m.decay_from))
            return float(rise * 0.001**late)
        return rise * float(0.1 ** sum(t >= d for d in m.drops))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        m, net = self.method, self.trained
        weight_factor, bias_factor, decay_factor = m.classifier_factors
        groups: dict[tuple[float, float], list[nn.Parameter]] = {}
        for name, p in net.named_parameters():
            if not p.requires_grad:
                continue
            lr = m.lr_trunk if name.startswith("trunk.") else m.lr_head
            decay = m.weight_decay if m.decay_norms or p.dim() > 1 else 0.0
            if name.startswith("head.classifier."):
                lr *= weight_factor if name.endswith("weight") else bias_factor
                decay *= decay_factor
            groups.setdefault((lr, decay), []).append(p)
        parameters = [
            {"params": ps, "lr": lr, "initial_lr": lr, "weight_decay": decay}
            for (lr, decay), ps in groups.items()
        ]
        if m.optimizer == "adam":
            return torch.optim.Adam(parameters, fused=True)
        return torch.optim.SGD(parameters, lr=m.lr_trunk, momentum=0.9, nesterov=m.nesterov,
                               fused=True)  # fmt: skip


def freeze_stages(trunk: nn.Module, stages: int) -> None:
    """Takes the gradients of the stem and of the first `stages` stages of a ResNet."""
    for k in range(stages + 1 if stages else 0):
        part = [trunk.conv1, trunk.bn1] if k == 0 else [getattr(trunk, f"layer{k}")]
        for module in part:
            cast(nn.Module, module).requires_grad_(False)


def identification_stage(method: IDE, people: People, seed: int, name: str) -> Stage:
    """The one stage of a baseline, which DG-Net's teacher is too."""
    sampler: IdentityBalanced | Shuffled
    if method.ids_per_batch:
        sampler = IdentityBalanced(
            people.labels(), method.ids_per_batch, method.images_per_id, seed
        )
    else:
        sampler = Shuffled(len(people), method.batch, seed)
    per_unit = {
        "epochs": max(1, len(people) // method.batch),
        "id_passes": sampler.steps_per_epoch,
        "steps": 1,
    }[method.unit]
    size = method.resize if all(method.resize) else (method.height, method.width)

    def build(_: Mapping[str, nn.Module]) -> Identification:
        return Identification(method, people.num_pids, per_unit)

    return Stage(name, max(1, round(method.length * per_unit)), size,
                 lambda step: {"crops": sampler.batch(step)}, build)  # fmt: skip
