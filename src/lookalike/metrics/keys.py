"""The numbers a ranking is made from: from features, a function that gives rows of distances."""

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor

from lookalike.errors import unknown
from lookalike.metrics.inputs import refuse_rows

Keys: TypeAlias = Callable[[slice], Tensor]  # queries → C×G of one's own to change; small is near

METRICS = ("cosine", "euclidean")


def ranking_keys(query: Tensor, gallery: Tensor, kept: Tensor, metric: str) -> Keys:
    """Gives rows of distances between queries (Q×D) and the `kept` rows of the gallery (G×D).

    cosine: −q·g / (|q||g|); an all-zero feature is at right angles to everything. euclidean:
    |g|² − 2 q·g. Both rank as the distances themselves do, but keep digits that 1 − cos or |q|² + …
    would round away. float32, or float64 if a side is; features are scaled so that nothing
    overflows. Raises ValueError on shapes, `UserError` on NaN, infinity or an unknown metric.
    """
    if metric not in METRICS:
        raise unknown("metric", metric, METRICS)
    if query.shape[1] != gallery.shape[1]:
        raise ValueError(
            f"Query and gallery features must have the same length, "
            f"got {query.shape[1]} and {gallery.shape[1]}."
        )
    dtype = torch.promote_types(query.dtype, gallery.dtype)
    query, gallery = query.to(dtype), gallery.to(dtype)
    largest = [torch.linalg.vector_norm(x, torch.inf, dim=1) for x in (query, gallery)]
    refuse_rows(~largest[0].isfinite(), "Query features", "NaN or infinity")
    refuse_rows(~largest[1].isfinite(), "Gallery features", "NaN or infinity")
    if len(kept) < len(gallery):
        gallery, largest[1] = gallery[kept], largest[1][kept]
    if metric == "cosine":
        query, gallery = _unit(query, largest[0]), _unit(gallery, largest[1])
        return lambda rows: -query[rows] @ gallery.T
    # A power of two shared by all rows changes no digit and no order.
    exponent = torch.cat(largest).amax().frexp().exponent
    scale = 2.0 ** -float(exponent.clamp(-126, 126))
    query, gallery = query * scale, gallery * scale
    square = gallery.square().sum(1)
    return lambda rows: torch.addmm(square, query[rows], gallery.T, alpha=-2)


def _unit(x: Tensor, largest: Tensor) -> Tensor:
    """Rows of length 1, all-zero rows left as they are; dividing by each row's `largest` magnitude
    first keeps the squares of very large and very small features within range."""
    x = x / torch.where(largest > 0, largest, 1)[:, None]
    return x.div_(x.norm(dim=1, keepdim=True).clamp_min_(0.5))
