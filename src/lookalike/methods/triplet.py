"""Triplet embedding: the same person near, everybody else farther, mined inside a P×K batch.

Paper: Hermans, Beyer, Leibe, *In Defense of the Triplet Loss for Person Re-Identification*, 2017
(arXiv 1703.07737). It generates nothing; it is a baseline like `ide`, without a classifier.

    batch-hard (eq. 5):  L = mean_i  margin( max_{same j} d(i, j) − min_{other k} d(i, k) )
    margin(x) = max(0, x + m)  or, soft,  log(1 + exp(x))

The networks and the stage are those of `ide`; only the terms' weights and the recipe differ.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from lookalike.methods.base import schedule
from lookalike.methods.ide import IDE, Head, Unit


@dataclass(frozen=True)
class Triplet(IDE):
    """Settings of the triplet baselines; the defaults are TriNet's."""

    name: ClassVar[str] = "triplet"
    title: ClassVar[str] = "Triplet: batch-hard embedding baseline"

    resize: tuple[int, int] = (288, 144)
    pad: int = 0
    head: Head = "trinet"
    feature: Literal["pool", "bottleneck"] = "bottleneck"
    l2norm: bool = False
    ce_weight: float = 0.0
    triplet_weight: float = 1.0
    margin: float | Literal["soft", "none"] = "soft"
    ids_per_batch: int = 18
    images_per_id: int = 4
    unit: Unit = "steps"
    length: float = schedule(25_000.0)
    decay: Literal["steps", "cosine", "exponential"] = "exponential"
    decay_from: float = schedule(15_000.0)
    optimizer: Literal["sgd", "adam"] = "adam"
    lr_trunk: float = 3e-4
    lr_head: float = 3e-4
    weight_decay: float = 0.0

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {},
        # The strong triplet baseline: pooled feature, flips only, margin 0.3, P = 32
        "pooled": dict(resize=(0, 0), head="none", feature="pool", flip_test=False, l2norm=True,
                       margin=0.3, ids_per_batch=32, unit="id_passes", length=300.0,
                       decay_from=150.0, lr_trunk=2e-4, lr_head=2e-4, weight_decay=5e-4),
        "quick": dict(height=128, width=64, resize=(144, 72), unit="epochs", length=8.0,
                      decay_from=4.0),
    }  # fmt: skip
