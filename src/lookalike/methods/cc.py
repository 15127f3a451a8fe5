"""Cluster Contrast: cluster everybody, pull each to its cluster and from the others, cluster anew.

Paper: Dai, Wang, Yuan, Liu, Zhu, Tan, *Cluster Contrast for Unsupervised Person Re-Identification*,
ACCV 2022 (arXiv 2103.11568). It generates nothing and reads no label: it is the baseline that
label-free generative methods are measured by.

Rounds, networks, batches and most settings stand in `clustering`. The memory C has a vector for
every cluster, the mean of its features when the round begins. For features f_i of length 1 in the
clusters y_i:

    term             loss                                         weight            paper
    contrast         mean −log softmax(f_i·C / τ) at y_i          1                 eq. 2
    proxies          mean −log of f_i's likeness to what other    0 (proxy_weight)  ICE, eq. 6
                     cameras see of y_i (`CameraProxies`)

After each step the vectors follow their clusters' images in the batch (`losses.ClusterMemory`).
The switches `cameras` and `single_camera`, against clusters that are a camera, not a person, are of
Camera-debiased pseudo-labels (arXiv 2502.10195); `quick` and `micro` have them on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from lookalike.data import People
from lookalike.data.links import Links
from lookalike.losses import ClusterMemory, MemoryUpdate
from lookalike.methods.clustering import Clustering, ClusteringStage
from lookalike.methods.method import Changes
from lookalike.metrics import cluster_means


@dataclass(frozen=True)
class ClusterContrast(Clustering):
    """Settings of Cluster Contrast; the defaults are the released code's for Market-1501, but for
    batch norm over a quarter of the batch, as on four GPUs, which its preset `code` has."""

    name: ClassVar[str] = "cc"
    title: ClassVar[str] = "Cluster Contrast: clusters with a memory, without labels"

    memory: MemoryUpdate = "sequential"
    """What of a batch moves the memory: each image in its turn (released), the one least like it
    (hard), or their mean, once."""
    outliers: Literal["left_out", "negatives"] = "left_out"
    """What images in no cluster are: left out of the round, or negatives that stand in the memory
    as they were when it began."""

    presets: ClassVar[Mapping[str, Changes]] = {
        "paper": dict(pooling="avg", bn_group=64),
        "code": dict(bn_group=64),
        # With average pooling, as the models that a run starts from have it
        "quick": dict(height=128, width=64, pad=5, pooling="avg", eps=0.4, eps_last=0.55,
                      cameras="deviation", single_camera="drop", proxy_weight=0.5, batch_size=64,
                      images_per_cluster=4, momentum=0.2, rounds=16, round_steps=200,
                      decay="cosine", warmup=50, flip_test=True),
        "micro": dict(height=96, width=48, pad=4, backbone="resnet18", eps=0.5,
                      cameras="deviation", single_camera="drop", batch_size=64,
                      images_per_cluster=4, momentum=0.2, rounds=10, round_steps=60,
                      decay="cosine", warmup=30, flip_test=True),
        # From random weights or --start, a minute or two on two cores, for some dozens of people
        "demo": dict(height=96, width=48, pad=4, backbone="resnet18", weights="none", eps=0.5,
                     k1=20, cameras="deviation", single_camera="drop", batch_size=64,
                     images_per_cluster=4, momentum=0.2, rounds=6, round_steps=30, decay="cosine",
                     warmup=20, flip_test=True),
    }  # fmt: skip

    def stage_module(
        self, people: People, seed: int, links: Links | None = None
    ) -> ClusteringStage:
        return ClusterContrastStage(self, people, seed, links)


class ClusterContrastStage(ClusteringStage):
    """Contrast with a memory of clusters."""

    method: ClusterContrast
    memory: ClusterMemory

    def new_memory(self) -> ClusterMemory:
        return ClusterMemory(self.method.momentum, self.method.memory)

    def fill_memory(self, features: Tensor) -> None:
        rows = cluster_means(features, self.labels.cpu().numpy())
        if self.method.outliers == "negatives":  # behind the clusters, where no label points
            rows = torch.cat([rows, features[self.labels < 0]])
        self.memory.fill(rows)
