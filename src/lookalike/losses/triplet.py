"""Triplet losses over P identities × K images (Hermans et al. 2017, arXiv 1703.07737)."""

from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from lookalike.errors import unknown
from lookalike.losses.precision import full_precision

Distance = Literal["euclidean", "squared", "cityblock"]
Mining = Literal["hard", "all", "semi"]
Margin = float | Literal["soft", "none"]


def pairwise_distance(a: Tensor, b: Tensor, distance: Distance = "euclidean") -> Tensor:
    """The distances of every row of `a` to every row of `b`: N×D, M×D → N×M, float32 or better.

    euclidean: sqrt(max(‖a−b‖², 1e-12)), whose slope stays finite; squared: ‖a−b‖²;
    cityblock: ‖a−b‖₁. By differences, not by a² + b² − 2ab, which loses close pairs.
    """
    if distance not in get_args(Distance):
        raise unknown("distance", distance, get_args(Distance))
    with torch.autocast(a.device.type, enabled=False):
        a, b = full_precision(a), full_precision(b)
        if distance == "cityblock":
            return torch.cdist(a, b, p=1)
        d = torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")
        return d.square() if distance == "squared" else d.clamp_min(1e-6)


def triplet_loss(
    anchors: Tensor,
    labels: Tensor,
    *,
    margin: Margin = 0.3,
    mining: Mining = "hard",
    distance: Distance = "euclidean",
    all_embeddings: Tensor | None = None,
    all_labels: Tensor | None = None,
    first_row: int = 0,
) -> tuple[Tensor, dict[str, Tensor]]:
    """The mean loss over the mined triplets (a scalar) and what to watch (detached scalars).

    anchors: B×D embeddings; labels: B identities. Positives and negatives come from
    all_embeddings (N×D, by default the anchors), of which the anchors are the rows from first_row.

    mining "hard": the farthest positive and the nearest negative of every anchor; "all": every
    triplet; "semi": for every positive pair the nearest negative that is farther than the
    positive, or the farthest negative where none is (FaceNet, arXiv 1503.03832).
    margin m: max(0, ap − an + m); "soft": log(1 + exp(ap − an)); "none": ap − an.
    An anchor is never its own positive; one without a positive or a negative forms no triplet, and
    without any triplet the loss is 0.

    Stats: ap, an (mean distances), active (fraction of triplets with ap − an + m > 0), norm (mean
    length of the embeddings) and std (their mean spread per dimension; → 0 means a collapse).
    """
    embeddings = anchors if all_embeddings is None else all_embeddings
    identities = labels if all_labels is None else all_labels
    d = pairwise_distance(anchors, embeddings, distance)
    same = labels[:, None] == identities[None, :]
    rows = torch.arange(len(anchors), device=d.device) + first_row
    positive = same & (rows[:, None] != torch.arange(len(embeddings), device=d.device))
    ap, an = _mine(d, positive, ~same, mining)
    slack = 0.0 if isinstance(margin, str) else margin
    if margin == "soft":
        losses = F.softplus(ap - an)
    elif margin == "none":
        losses = ap - an
    elif isinstance(margin, str):
        raise unknown("margin", margin, ("soft", "none", "a number"))
    else:
        losses = F.relu(ap - an + slack)
    count = max(len(losses), 1)
    with torch.no_grad():
        spread = full_precision(embeddings)
        stats = {
            "ap": ap.sum() / count,
            "an": an.sum() / count,
            "active": (ap - an + slack > 0).to(d.dtype).sum() / count,
            "norm": spread.norm(dim=1).mean(),
            "std": spread.std(0, correction=0).mean(),
        }
    return losses.sum() / count, stats


def _mine(d: Tensor, positive: Tensor, negative: Tensor, mining: Mining) -> tuple[Tensor, Tensor]:
    """The distances to the positive and to the negative of every mined triplet: T, T."""
    inf = float("inf")
    if mining == "hard":
        valid = positive.any(1) & negative.any(1)
        ap = d.masked_fill(~positive, -inf).amax(1)
        an = d.masked_fill(~negative, inf).amin(1)
        return ap[valid], an[valid]
    if mining == "all":
        row, pos, neg = (positive[:, :, None] & negative[:, None, :]).nonzero(as_tuple=True)
        return d[row, pos], d[row, neg]
    if mining == "semi":
        row, pos = (positive & negative.any(1, keepdim=True)).nonzero(as_tuple=True)
        ap, to_others, others = d[row, pos], d[row], negative[row]
        farther = others & (to_others > ap[:, None])
        nearest = to_others.masked_fill(~farther, inf).amin(1)
        farthest = to_others.masked_fill(~others, -inf).amax(1)
        return ap, torch.where(farther.any(1), nearest, farthest)
    raise unknown("mining", mining, get_args(Mining))
