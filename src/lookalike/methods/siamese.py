"""The Siamese baseline: an encoder and a verifier that learn to tell pairs of crops apart.

FD-GAN's first stage, and the row "baseline (Siamese)" of its table (Ge et al., NeurIPS 2018). It
generates nothing. For pairs of crops x₁, x₂ with the label c = 1 for the same person:

    term     loss                                                      weight    paper
    veri     mean CE(V(E(x₁), E(x₂)), c),  V = linear(BN((f₁ − f₂)²))    1       L_v
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, cast

import torch
from torch import Tensor

from lookalike.data.images import Resampling
from lookalike.data.pair_samplers import VerificationPairs
from lookalike.data.people import People
from lookalike.data.transforms import (
    ERASINGS,
    Augment,
    RandomErasing,
    draw_flips,
    interleaved,
    mirrored,
)
from lookalike.layout import channels_last
from lookalike.losses import verification
from lookalike.methods import schedules
from lookalike.methods.method import Changes, Method, set_by
from lookalike.methods.model import Model, evaluating
from lookalike.methods.optimizers import sgd
from lookalike.methods.stage import Done, Given, Stage, StageModule, Terms, Write
from lookalike.nets import backbone
from lookalike.nets.fdgan import Verifier, average
from lookalike.settings import schedule, setting

ERASING = {"mended": "fdgan", "released": "fdgan_released"}
AREA = (0.64, 1.0)  # the share of an image that a crop shows


@dataclass(frozen=True)
class Siamese(Method):
    """Settings of the Siamese baseline; the defaults are FD-GAN's released command, mended."""

    name: ClassVar[str] = "siamese"
    title: ClassVar[str] = "Siamese: pairs of crops told apart, FD-GAN's baseline"

    height: int = setting(256, least=32)
    """Height of crops and pictures, pixels."""
    width: int = setting(128, least=32)
    """Width of crops and pictures, pixels."""
    backbone: str = "resnet50"
    """The trunk of the encoder: resnet18, 34, 50, 101, or timm:NAME."""
    weights: str = "imagenet"
    """Weights the encoder starts from: imagenet (downloaded once), none, or a file."""
    stride_on: Literal["auto", "3x3", "1x1"] = "auto"
    """Which convolution of a bottleneck strides; auto: as the weights were trained."""
    verifier_outputs: Literal[1, 2] = 2
    """Logits of V: different and same (released), or one with a sigmoid (paper)."""

    batch_size: int = setting(256, least=2)
    """Pairs in a global batch (released commands: 256; the paper, as a note tells it: 128). Below
    64 the statistics of batch norm get too noisy at these learning rates."""
    negatives: int = setting(3, least=1)
    """Pairs of different people for every pair of the same."""
    resampling: Resampling = "bilinear"
    """How images are resized, in training and in use: bilinear (released code) or bicubic."""
    flip: float = setting(0.5, least=0, most=1)
    """Probability of a mirrored image."""
    bugs: Literal["mended", "released"] = "mended"
    """Whether the released code's mistakes are mended. Released: the erased rectangle lies where
    its size says; and in fdgan a mirrored pose keeps its left and right joints, pictures are a tanh
    that stands for normalised pixels, which reach from −2.1 to 2.6, not a sigmoid, and the rates'
    fall begins a step early and ends at 0."""

    epoch: Literal["pairs", "step"] = "pairs"
    """What an epoch is: every crop with 1 positive and its negatives, or a single step."""
    epochs: float = schedule(100.0, above=0)
    """How long encoder and verifier train alone, epochs."""
    drop_every: float = schedule(40.0, above=0)
    """When their learning rate is multiplied by 0.1, again and again, epochs."""
    lr: float = setting(0.01, above=0)
    """SGD's rate for E and V; momentum 0.9."""
    verifier_lr_factor: float = setting(1.0, above=0)
    """V's share of E's rate (first release: 10, a mistake); few pairs want less, or V follows every
    batch."""
    weight_decay: float = setting(5e-4, least=0)
    """L2 penalty on E and V."""

    presets: ClassVar[Mapping[str, Changes]] = {
        "fixed": {},
        "code": dict(bugs="released"),
        "paper": dict(batch_size=128, verifier_outputs=1),
        # 96×48 and a sixteenth of the pairs, for two CPU cores; V's rate suits the few pairs
        "quick": dict(height=96, width=48, batch_size=16, epoch="step", epochs=800.0,
                      drop_every=500.0, lr=2e-3, verifier_lr_factor=0.1),
    }  # fmt: skip

    def pairs(self, people: People, seed: int) -> VerificationPairs:
        """Where the pairs of a stage come from."""
        with set_by("--batch_size"):
            return VerificationPairs(people.labels(), self.batch_size, self.negatives, seed)

    def steps_per_epoch(self, people: People) -> int:
        """How many steps an epoch has."""
        return self.pairs(people, 0).steps_per_epoch if self.epoch == "pairs" else 1

    def stages(self, given: Given) -> list[Stage | Write]:
        people = given.source

        def build(_: Done) -> SiameseModel:
            model = SiameseModel(self, people.num_pids)
            channels_last(model)
            return model

        return [siamese_stage(self, people, given.seed, build)]

    @classmethod
    def model_type(cls) -> type[Model]:
        return SiameseModel


def siamese_stage(
    method: Siamese, people: People, seed: int, build: Callable[[Done], SiameseModel]
) -> Stage:
    """The stage "baseline" that trains the model that `build` gives."""
    pairs, epoch = method.pairs(people, seed), method.steps_per_epoch(people)
    return Stage(
        "baseline",
        people,
        max(1, round(method.epochs * epoch)),
        (method.height, method.width),
        lambda step: dict(zip(("first", "second"), pairs.batch(step), strict=True)),
        lambda done: Baseline(method, build(done), epoch),
        resampling=method.resampling,
        area=AREA,
    )


def augmentation(method: Siamese) -> Augment:
    """FD-GAN's of a crop as it comes: erased before it is normalised."""
    erase = RandomErasing(**ERASINGS[ERASING[method.bugs]])
    size = method.height, method.width
    return Augment(*size, flip=0, pad=0, random_crop=False, erase=erase, erase_first=True)


class SiameseModel(Model):
    """The encoder, which recognises, and the verifier, which says whether two are one person."""

    method: Siamese
    metric = "euclidean"
    features_of = ("encoder",)
    start_parts: ClassVar[Mapping[str, str]] = {"trunk": "encoder"}

    def __init__(self, method: Siamese, classes: int) -> None:
        super().__init__(method, classes, method.height, method.width, "imagenet")
        self.resampling = method.resampling
        weights, stride_on = method.weights, method.stride_on
        self.encoder = backbone(method.backbone, weights=weights, stride_on=stride_on)
        self.verifier = Verifier(cast(int, self.encoder.channels), method.verifier_outputs)

    def features(self, x: Tensor) -> Tensor:
        """The average of the encoder's last map, as it is: B×2048 (ResNet-50), each ≥ 0."""
        return average(self.encoder(x))

    @torch.no_grad()
    def verify(self, first: Tensor, second: Tensor) -> Tensor:
        """The probability that two features are of one person: two N×C → N float64, which keeps
        apart what is nearly certain."""
        self.require("verifier", "verifying")
        with evaluating(self):
            return self.verifier.same(self.verifier(first, second).double()).exp()


class Baseline(StageModule):
    """The stage that trains encoder and verifier of `model`."""

    trained: SiameseModel
    leaves_out = False

    def __init__(self, method: Siamese, model: SiameseModel, epoch: int) -> None:
        super().__init__()
        self.method, self.epoch = method, epoch
        self.trained = model
        self.augment = augmentation(method)

    def iteration(self, batch: dict[str, Any], step: int) -> None:
        """Augment what the loader has cut from the images, embed, compare; one descent."""
        net, first, second, terms = self.trained, batch["first"], batch["second"], Terms()
        x = self.augment(interleaved(first.images, second.images))
        f = net.features(mirrored(x, draw_flips(len(x), self.method.flip)))
        logits = net.verifier(f[0::2], f[1::2])
        terms.add("veri", 1.0, verification(logits, first.labels == second.labels))
        self.descend(terms, *self.raw_optimizers())

    def learning_rate(self, step: int) -> float:
        return schedules.stepped(step / self.epoch, self.method.drop_every)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        m, net = self.method, self.trained
        rates = (net.encoder, m.lr), (net.verifier, m.lr * m.verifier_lr_factor)
        return sgd(*rates, weight_decay=m.weight_decay)
