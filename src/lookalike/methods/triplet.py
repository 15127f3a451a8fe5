"""Triplet embedding: the same person near, everybody else farther, mined inside a P×K batch.

Paper: Hermans, Beyer, Leibe, *In Defense of the Triplet Loss for Person Re-Identification*, 2017
(arXiv 1703.07737). It generates nothing; it is a baseline like `ide`, without a classifier. For
embeddings f_i of identities y_i, with every mean over the anchors i of the global batch:

    term             loss                                                weight   paper
    triplet          mean m(ap_i − an_i)                                 1        L_BH, eq. 5
    for the log alone
    triplet_ap       mean ap_i, the largest d(f_i, f_j) of a j with y_j = y_i
    triplet_an       mean an_i, the smallest d(f_i, f_k) of a k with y_k ≠ y_i
    triplet_active   share of the triplets that break the margin
    triplet_norm     mean length of f_i
    triplet_std      mean deviation of f_i in a dimension: near 0, all embeddings are one

m(x) is, soft, log(1 + exp(x)), or max(0, x + `margin`); d is `distance`, the Euclidean one. With
`mining` "all" every triplet of the batch counts, not the hardest of each anchor (L_BA).

The networks and the stage are those of `ide`; only the terms' weights and the recipe differ.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from lookalike.methods.decay import Decay
from lookalike.methods.ide import IDE
from lookalike.methods.method import Changes
from lookalike.nets import HeadName
from lookalike.settings import schedule, setting


@dataclass(frozen=True)
class Triplet(IDE):
    """Settings of the triplet baselines; the defaults are TriNet's."""

    name: ClassVar[str] = "triplet"
    title: ClassVar[str] = "Triplet: batch-hard embedding baseline"

    resize: tuple[int, int] = setting((288, 144), least=0)
    pad: int = setting(0, least=0)
    head: HeadName = "trinet"
    feature: Literal["pool", "bottleneck"] = "bottleneck"
    l2norm: bool = False
    ce_weight: float = setting(0.0, least=0)
    triplet_weight: float = setting(1.0, least=0)
    margin: float | Literal["soft", "none"] = setting("soft", least=0)
    ids_per_batch: int = setting(18, least=0)
    images_per_id: int = setting(4, least=1)
    repeats: Literal["random", "even"] = "even"
    epoch: Literal["images", "identities", "step"] = "step"
    epochs: float = schedule(25_000.0, above=0)
    decay: Decay = "exponential"
    decay_from: float = schedule(15_000.0, least=0)
    optimizer: Literal["sgd", "adam"] = "adam"
    lr_trunk: float = setting(3e-4, above=0)
    lr_head: float = setting(3e-4, above=0)
    weight_decay: float = setting(0.0, least=0)

    presets: ClassVar[Mapping[str, Changes]] = {
        "paper": {},
        # The strong triplet baseline: pooled feature, flips only, margin 0.3, P = 32
        "pooled": dict(resize=(0, 0), head="none", feature="pool", flip_test=False, l2norm=True,
                       margin=0.3, ids_per_batch=32, repeats="random", epoch="identities",
                       epochs=300.0, decay_from=150.0, lr_trunk=2e-4, lr_head=2e-4,
                       weight_decay=5e-4),
        "quick": dict(height=128, width=64, resize=(144, 72), epoch="images", epochs=8.0,
                      decay_from=4.0),
    }  # fmt: skip
