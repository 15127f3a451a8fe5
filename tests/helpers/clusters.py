"""Stages that cluster, without a run: who is on the crops is their colour."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from lookalike.data import People
from lookalike.data.batches import Crops
from lookalike.methods.clustering import Clustering, ClusteringStage
from lookalike.methods.look import Look
from lookalike.methods.pseudo_identities import PseudoIdentities
from lookalike.methods.stage import Given, Stage

PLAIN: dict[str, Any] = dict(  # crops go in as they are
    backbone="resnet10", weights="none", height=64, width=32, pad=0, flip=0.0, erase=0.0,
    batch_size=8, images_per_cluster=2, rounds=4, round_steps=10, milestones=(2.0, 3.0), eps=0.7,
    min_samples=2, k1=5, k2=2,
)  # fmt: skip


class Coloured(NamedTuple):
    """people: of unknown identity. pids: who they are. pixels: N×3×64×32 uint8."""

    people: People
    pids: np.ndarray[Any, Any]
    pixels: Tensor

    @property
    def look(self) -> Look:
        return Look(self.people, lambda rows: self.pixels[rows], torch.device("cpu"))


def coloured(persons: int = 5, images: int = 6) -> Coloured:
    """Crops of people in two colours each, by three cameras that take turns."""
    draw = torch.Generator().manual_seed(0)
    pids = np.arange(1, persons + 1).repeat(images)
    colours = torch.rand(persons, 3, 2, generator=draw)[pids - 1]
    halves = colours[:, :, :, None, None].expand(-1, -1, -1, 32, 32).reshape(-1, 3, 64, 32)
    noisy = halves + 0.05 * torch.randn(halves.shape, generator=draw)
    pixels = (noisy.clamp(0, 1) * 255).to(torch.uint8).contiguous(memory_format=torch.channels_last)
    names = [f"/crops/{row:03d}.png" for row in range(len(pids))]
    people = People(names, pids, np.arange(len(pids)) % 3, "coloured")
    return Coloured(people.unlabelled(), pids, pixels)


def stage_of(method: Clustering, crops: Coloured, seed: int = 0) -> ClusteringStage:
    """The module of the method's only stage, which descends without a trainer."""
    (stage,) = method.stages(Given(crops.people, seed=seed))
    assert isinstance(stage, Stage)
    torch.manual_seed(seed)
    module = stage.build({})
    assert isinstance(module, ClusteringStage)
    module.stage, module.seed = stage.name, seed
    module.train()
    return module


def renewed(module: ClusteringStage, crops: Coloured, labels: Any) -> None:
    """Begins a round with these clusters, −1 for none."""
    people = PseudoIdentities(np.asarray(labels, np.int64), 0.5, [])
    module.identities = lambda features: people  # type: ignore[method-assign]
    module.renew(crops.look)


def batch_of(module: ClusteringStage, crops: Coloured, step: int) -> dict[str, Any]:
    """The batch of that step, as a run's loader gives it."""
    rows = module.plan(step)["crops"]
    labels = torch.from_numpy(crops.people.labels()[rows])
    camids = torch.from_numpy(crops.people.camids[rows])
    return {"step": step, "crops": Crops(crops.pixels[rows], labels, camids, torch.tensor(rows))}


def literal_features(net: Any, images: Tensor) -> Tensor:
    """What the network makes of uint8 images: B×D of length 1, its parts one after the other."""
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x = (images.float() / 255 - mean[:, None, None]) / std[:, None, None]
    maps = net.trunk(x.contiguous(memory_format=torch.channels_last))
    output = net.neck(net.pool(maps))
    return torch.stack([row / row.square().sum().sqrt() for row in output])


def literal_loss(logits: list[Tensor], own: int) -> Tensor:
    """−log of the softmax of one image's logits at its class."""
    return torch.stack([torch.exp(z - logits[own]) for z in logits]).sum().log()


def assert_adam_step(
    before: dict[str, Tensor], module: ClusteringStage, lr: float, decay: float
) -> None:
    """That the weights are those of before after Adam's first step down their gradients: each by
    lr·g / (|g| + ε), with g the gradient and its L2 penalty."""
    for name, p in module.learner.named_parameters():
        if not p.requires_grad:
            assert torch.equal(p, before[name]), name
            continue
        assert p.grad is not None, name
        g = p.grad + decay * before[name]
        expected = before[name] - lr * g / (g.abs() + 1e-8)
        torch.testing.assert_close(p.detach(), expected, atol=1e-7, rtol=1e-5, msg=name)
