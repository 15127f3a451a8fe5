"""SpCL: every image has its place in a memory, and a cluster counts only if it is reliable.

Paper: Ge, Zhu, Chen, Zhao, Li, *Self-paced Contrastive Learning with Hybrid Memory for Domain
Adaptive Object Re-ID*, NeurIPS 2020 (arXiv 2006.02713), without a source domain. It generates
nothing and reads no label.

Rounds, networks, batches and most settings stand in `clustering`. The memory has a vector v for
every image. From the second round on these vectors are clustered, not features anew, at eps and at
two distances beside it: a cluster that falls apart at the smaller one or grows at the larger one
isn't reliable, and its images stand alone (`metrics.reliability`). Classes are the clusters, and
every image that stands alone; with v̄ the mean of a class's vectors and y_i the class of image i:

    term             loss                                         weight            paper
    contrast         mean −log softmax(f_i·v̄ / τ) at y_i          1                 eq. 1

After each step the vectors of the batch's images follow their features (eq. 4).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from lookalike.data import People
from lookalike.data.links import Links
from lookalike.errors import UserError
from lookalike.losses import InstanceMemory
from lookalike.methods.clustering import Clustering, ClusteringStage
from lookalike.methods.look import Look
from lookalike.methods.method import Changes
from lookalike.methods.pseudo_identities import PseudoIdentities, reliable_identities
from lookalike.nets import PoolingName
from lookalike.settings import setting


@dataclass(frozen=True)
class SpCL(Clustering):
    """Settings of SpCL; the defaults are the released code's for Market-1501 without a source, but
    for batch norm over a quarter of the batch, as on four GPUs, which its preset `paper` has."""

    name: ClassVar[str] = "spcl"
    title: ClassVar[str] = "SpCL: reliable clusters with a memory of images, without labels"

    pooling: PoolingName = "avg"
    momentum: float = setting(0.2, least=0, below=1)
    batch_size: int = setting(64, least=2)
    images_per_cluster: int = setting(4, least=2)
    round_steps: int = setting(400, least=1)

    clustered: Literal["memory", "features"] = "memory"
    """What is clustered from the second round on: the vectors of the memory (released), or the
    features of everybody anew, which then fill it."""
    reliable: bool = True
    """Whether only reliable clusters count."""
    eps_margin: float = setting(0.02, above=0, below=0.5)
    """How far the two other distances, at which a reliable cluster holds, are from eps."""
    outliers: Literal["classes", "left_out"] = "classes"
    """Whether images that stand alone are drawn as classes of one image, or only stand in the
    memory as what others are pushed from."""

    presets: ClassVar[Mapping[str, Changes]] = {
        "paper": dict(bn_group=16),
        "quick": dict(height=128, width=64, pad=5, eps=0.5, cameras="deviation",
                      single_camera="drop", rounds=16, round_steps=200, decay="cosine", warmup=50,
                      flip_test=True),
        "micro": dict(height=96, width=48, pad=4, backbone="resnet18", eps=0.5,
                      cameras="deviation", single_camera="drop", rounds=10, round_steps=60,
                      decay="cosine", warmup=30, flip_test=True),
        # From random weights or --start, a minute or two on two cores, for some dozens of people
        "demo": dict(height=96, width=48, pad=4, backbone="resnet18", weights="none", eps=0.5,
                     k1=20, cameras="deviation", single_camera="drop", rounds=6, round_steps=30,
                     decay="cosine", warmup=20, flip_test=True),
    }  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.reliable and self.rho:
            raise UserError("Reliability compares clusters at given distances: leave rho out.")
        values = {"eps": self.eps, **({"eps_last": self.eps_last} if self.eps_last else {})}
        for name, eps in values.items():
            if self.reliable and not self.eps_margin < eps < 1 - self.eps_margin:
                raise UserError(
                    f"Reliability needs {self.eps_margin:g} of room on both sides of {name} "
                    f"{eps:g}, between 0 and 1: choose another {name} or eps_margin, or "
                    "reliable=false."
                )

    def stage_module(
        self, people: People, seed: int, links: Links | None = None
    ) -> ClusteringStage:
        return SpCLStage(self, people, seed, links)


class SpCLStage(ClusteringStage):
    """Contrast with a memory of images."""

    method: SpCL
    memory: InstanceMemory
    threshold: Tensor

    def __init__(self, method: SpCL, people: People, seed: int, links: Links | None = None) -> None:
        super().__init__(method, people, seed, links)
        # How little independent a reliable cluster may be: the first round says.
        self.register_buffer("threshold", torch.tensor(float("nan"), dtype=torch.float64))

    def new_memory(self) -> InstanceMemory:
        return InstanceMemory(self.method.momentum)

    def embed_all(self, look: Look) -> Tensor:
        if self.method.clustered == "memory" and len(self.memory.rows):
            return F.normalize(self.memory.rows)
        return super().embed_all(look)

    def identities(self, features: Tensor) -> PseudoIdentities:
        m, first = self.method, None if self.threshold.isnan() else float(self.threshold)
        if not m.reliable:
            return super().identities(features)
        people, threshold = reliable_identities(
            features, self.camids, m, self.eps(), m.eps_margin, first, self.must, self.cannot
        )
        self.threshold.fill_(threshold)
        return people

    def fill_memory(self, features: Tensor) -> None:
        self.memory.fill(features)
        self.memory.divide(self.labels)

    def classes(self) -> Tensor:
        return self.memory.classes if self.method.outliers == "classes" else self.labels

    def places(self, rows: Tensor) -> Tensor:
        return rows
