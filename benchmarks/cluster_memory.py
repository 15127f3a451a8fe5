"""The memories of Cluster Contrast and SpCL beside the public code's, as parts of a training step.

    python benchmarks/cluster_memory.py [--steps 5] [--scale 1] [--height 128 --width 64]

A step is that of the methods: ResNet-50, 64 images of 16 clusters, 2,048 numbers each. A memory's
part is its loss, the gradient of that for the features, and the update: of 751 clusters, and of
12,936 images in 751 classes. The peer is the public code's algorithm: a loop over the batch's
images, and for images the likenesses of all of them, added up by class. Both get the same features
and rows. Prints medians. Time it on an idle machine. Exits with 1 if a memory of ours takes more
than 3 % of its step, or a loss or a row differs from the peer's by 1e-4.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from people_features import print_machine, verdict
from torch import Tensor

from lookalike.data import UNKNOWN, People
from lookalike.data.batches import Crops
from lookalike.losses import ClusterMemory, InstanceMemory
from lookalike.methods.cc import ClusterContrast
from lookalike.methods.clustering import Clustering, ClusteringStage
from lookalike.methods.spcl import SpCL
from lookalike.training.memory import keep_freed_memory

CLUSTERS, IMAGES, LENGTH, BATCH, EACH = 751, 12936, 2048, 64, 4
MOMENTUM, TEMPERATURE, NOISE = 0.2, 0.05, 2.5
BAR, TOLERANCE = 0.03, 1e-4  # of the step; of losses and rows
Part = Callable[[Tensor, Tensor], Tensor]  # features, places → loss; the memory follows


class PublicClusters:
    """alibaba/cluster-contrast-reid, `ClusterMemory` with its function `CM`."""

    def __init__(self, rows: Tensor) -> None:
        self.rows = rows.clone()

    def __call__(self, features: Tensor, labels: Tensor) -> Tensor:
        loss = F.cross_entropy(features @ self.rows.clone().t() / TEMPERATURE, labels)
        loss.backward()
        follow(self.rows, features.detach(), labels)
        return loss.detach()


class PublicImages:
    """yxgeee/SpCL, `HybridMemory` with its function `HM`."""

    def __init__(self, rows: Tensor, classes: Tensor) -> None:
        self.rows, self.classes = rows.clone(), classes

    def __call__(self, features: Tensor, index: Tensor) -> Tensor:
        inputs = features @ self.rows.clone().t() / TEMPERATURE
        count = int(self.classes.max()) + 1
        sims = inputs.new_zeros(count, len(features)).index_add(0, self.classes, inputs.t())
        ones = torch.ones(len(self.classes), 1)
        numbers = torch.zeros(count, 1).index_add_(0, self.classes, ones)
        powers = (sims / numbers).t().exp()
        shares = powers / (powers.sum(1, keepdim=True) + 1e-6)
        loss = F.nll_loss(torch.log(shares + 1e-6), self.classes[index])
        loss.backward()
        follow(self.rows, features.detach(), index)
        return loss.detach()


def follow(rows: Tensor, features: Tensor, places: Tensor) -> None:
    """The update of both: image by image."""
    for x, y in zip(features, places, strict=True):
        rows[y] = MOMENTUM * rows[y] + (1 - MOMENTUM) * x
        rows[y] /= rows[y].norm()


class Ours:
    """The same with a memory of ours."""

    def __init__(self, memory: ClusterMemory | InstanceMemory) -> None:
        self.memory = memory

    @property
    def rows(self) -> Tensor:
        return self.memory.rows

    def __call__(self, features: Tensor, places: Tensor) -> Tensor:
        loss = self.memory.loss(features, places, TEMPERATURE)
        loss.backward()  # type: ignore[no-untyped-call]
        self.memory.update(features, places)
        return loss.detach()


def filled(memory: Any, rows: Tensor, classes: Tensor | None = None) -> Any:
    memory.fill(rows)
    if classes is not None:
        memory.divide(classes)
    return memory


def seconds(part: Part, batches: list[tuple[Tensor, Tensor]]) -> tuple[float, list[float]]:
    """The median time of a call, after a first one, and the losses."""
    times, losses = [], []
    for features, places in batches:
        given = features.clone().requires_grad_()
        start = time.perf_counter()
        loss = part(given, places)
        times.append(time.perf_counter() - start)
        losses.append(float(loss))
    return statistics.median(times[1:]), losses


def step_seconds(method: Clustering, labels: np.ndarray[Any, Any], steps: int) -> float:
    """The median time of the method's training step, after a first one."""
    people = People(
        [str(i) for i in range(len(labels))], np.full(len(labels), UNKNOWN), np.arange(len(labels))
    )
    module: ClusteringStage = method.stage_module(people, 0).train()
    module.stage, module.labels = "cluster", torch.from_numpy(labels)
    draw = torch.Generator().manual_seed(0)
    module.fill_memory(F.normalize(torch.randn(len(labels), LENGTH, generator=draw)))
    times = []
    for step in range(steps + 1):
        rows = torch.from_numpy(module.plan(step)["crops"])
        images = torch.randint(
            256, (len(rows), 3, method.height, method.width), generator=draw, dtype=torch.uint8
        ).contiguous(memory_format=torch.channels_last)
        crops = Crops(images, torch.full_like(rows, -1), rows, rows)
        start = time.perf_counter()
        module.training_step({"step": step, "crops": crops})
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def main() -> int:
    parser = argparse.ArgumentParser(description="Time memories beside the training step.")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1, help="of the number of images, clusters")
    parser.add_argument("--height", type=int, default=128)
    parser.add_argument("--width", type=int, default=64)
    args = parser.parse_args()
    keep_freed_memory()
    clusters, images = round(CLUSTERS * args.scale), round(IMAGES * args.scale)
    labels = np.arange(images) % clusters
    torch.manual_seed(0)
    centres = F.normalize(torch.randn(clusters, LENGTH))
    noise = NOISE * F.normalize(torch.randn(images, LENGTH))
    rows, classes = F.normalize(centres[labels] + noise), torch.from_numpy(labels)

    common: dict[str, Any] = dict(
        weights="none", height=args.height, width=args.width, pad=5, batch_size=BATCH,
        images_per_cluster=EACH, momentum=MOMENTUM,
    )  # fmt: skip
    problems: dict[str, tuple[Clustering, Any, Any, bool]] = {
        "cc": (ClusterContrast(**common).resolved(), PublicClusters(centres),
               filled(ClusterMemory(MOMENTUM), centres), False),
        "spcl": (SpCL(**common).resolved(), PublicImages(rows, classes),
                 filled(InstanceMemory(MOMENTUM), rows, classes), True),
    }  # fmt: skip
    batches = []
    for _ in range(args.steps + 1):
        chosen = torch.randperm(clusters)[: BATCH // EACH].repeat_interleave(EACH)
        index = chosen + clusters * torch.randint(images // clusters, (BATCH,))
        features = F.normalize(centres[chosen] + NOISE * F.normalize(torch.randn(BATCH, LENGTH)))
        batches.append((features, chosen, index))

    print_machine(f"{clusters} clusters, {images} images, {args.height}×{args.width}")
    print(f"{'':8}{'step s':>10}{'ours ms':>10}{'share':>10}{'public ms':>11}{'ratio':>8}")
    bars = {}
    for name, (method, public, memory, instances) in problems.items():
        ours = Ours(memory)
        inputs = [(features, index if instances else own) for features, own, index in batches]
        theirs, their_losses = seconds(public, inputs)
        own, losses = seconds(ours, inputs)
        step = step_seconds(method, labels, args.steps)
        print(f"{name:8}{step:10.3f}{own * 1e3:10.2f}{own / step:10.2%}"
              f"{theirs * 1e3:11.2f}{theirs / own:8.1f}")  # fmt: skip
        bars[f"{name}, the memory's share of the step"] = (own / step, BAR)
        difference = np.abs(np.subtract(losses, their_losses)).max()
        bars[f"{name}, largest difference of a loss"] = (float(difference), TOLERANCE)
        difference = (ours.rows - public.rows).abs().max()
        bars[f"{name}, largest difference of a row"] = (float(difference), TOLERANCE)
    return verdict(bars)


if __name__ == "__main__":
    sys.exit(main())
