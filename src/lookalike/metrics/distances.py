"""The numbers a ranking is made from: from features, a function that gives rows of distances."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np
import torch
from torch import Tensor

from lookalike.errors import unknown
from lookalike.metrics.inputs import refuse_rows
from lookalike.metrics.products import products

Keys: TypeAlias = Callable[[slice], Tensor]  # queries → C×G of one's own to change; small is near

METRICS = ("cosine", "euclidean")
TAME = 2.0**40  # features of magnitudes between 1 / TAME and TAME have squares within range


def ranking_keys(query: Tensor, gallery: Tensor, kept: Tensor, metric: str) -> Keys:
    """Gives rows of distances between queries (Q×D) and the `kept` rows of the gallery (G×D).

    cosine: −q·g / (|q||g|); an all-zero feature is at right angles to everything. euclidean:
    |g|² − 2 q·g. Both rank as the distances themselves do, but keep digits that 1 − cos or |q|² + …
    would round away. float32, or float64 if a side is. The gallery isn't copied unless its numbers
    are so large or small that their squares would overflow or vanish. Raises ValueError on shapes,
    `UserError` on NaN, infinity or an unknown metric.
    """
    query, gallery, _ = checked(query, gallery, metric)
    return _keys(query, gallery, kept, metric)


def pair_distances(query: Tensor, gallery: Tensor, kept: Tensor, metric: str) -> Keys:
    """As `ranking_keys`, but the distances themselves: 1 − cos in [0, 2], or Euclidean."""
    query, gallery, scale = checked(query, gallery, metric)
    if metric == "cosine":
        keys = _keys(query, gallery, kept, metric)
        return lambda rows: keys(rows).add_(1).clamp_(0, 2)
    squares = squared_distances(query, gallery, kept)
    return lambda rows: squares(rows).sqrt_().mul_(1 / scale)


def squared_distances(query: Tensor, gallery: Tensor, kept: Tensor) -> Keys:
    """As `ranking_keys`, but |q − g|² of features that `checked` gave."""
    keys, square = _keys(query, gallery, kept, "euclidean"), square_lengths(query)[:, None]
    return lambda rows: keys(rows).add_(square[rows]).clamp_(min=0)


class Checked(NamedTuple):
    """Two sides of features in one precision, both multiplied by `scale`, a power of two."""

    query: Tensor
    gallery: Tensor
    scale: float


def checked(query: Tensor, gallery: Tensor, metric: str) -> Checked:
    """The features with safe magnitudes; for cosine, the queries (a copy) have length 1."""
    if metric not in METRICS:
        raise unknown("metric", metric, METRICS)
    if query.shape[1] != gallery.shape[1]:
        raise ValueError(
            f"Query and gallery features must have the same length, "
            f"got {query.shape[1]} and {gallery.shape[1]}."
        )
    dtype = torch.promote_types(query.dtype, gallery.dtype)
    query, gallery = query.to(dtype), gallery.to(dtype)
    sizes = magnitudes(query, "Query features"), magnitudes(gallery, "Gallery features")
    if metric == "cosine":
        wild = ((sizes[1] > TAME) | (sizes[1] < 1 / TAME) & (sizes[1] > 0)).any()
        return Checked(unit(query, sizes[0]), unit(gallery, sizes[1]) if wild else gallery, 1)
    scale = safe_scale(torch.cat(sizes))
    if scale != 1:
        query, gallery = query * scale, gallery * scale
    return Checked(query, gallery, scale)


def _keys(query: Tensor, gallery: Tensor, kept: Tensor, metric: str) -> Keys:
    if metric == "cosine":
        length = gallery.norm(dim=1)
        factor = torch.where(length > 0, -1 / length, 0)[kept]
    else:
        query = query * -2
        square = square_lengths(gallery)[kept]

    def rows_of(rows: slice) -> Tensor:
        found = products(query[rows], gallery)
        if len(kept) < len(gallery):
            found = found.index_select(1, kept)
        return found.mul_(factor) if metric == "cosine" else found.add_(square)

    return rows_of


def square_lengths(x: Tensor) -> Tensor:
    """|x|² of every row, N, without a copy of all of them."""
    return torch.cat([x[i : i + 4096].square().sum(1) for i in range(0, len(x), 4096)])


def magnitudes(x: Tensor, name: str) -> Tensor:
    """The largest magnitude in every row, N; raises `UserError` where that isn't finite."""
    sizes: Tensor = torch.linalg.vector_norm(x, torch.inf, dim=1)
    refuse_rows(~sizes.isfinite(), name, "NaN or infinity")
    return sizes


def safe_scale(sizes: Tensor) -> float:
    """The power of two that brings the largest of these magnitudes near 1; 1 if squares of them
    neither overflow nor vanish. Shared by all rows it changes no digit and no order."""
    top, largest = float(sizes.amax()), 1022 if sizes.dtype == torch.float64 else 126
    if 1 / TAME <= top <= TAME:
        return 1.0
    return float(2.0 ** -np.clip(np.frexp(top)[1], -largest, largest))


def unit(x: Tensor, largest: Tensor) -> Tensor:
    """Rows of length 1, all-zero rows left as they are; dividing by each row's `largest` magnitude
    first keeps the squares of very large and very small features within range."""
    x = x / torch.where(largest > 0, largest, 1)[:, None]
    return x.div_(x.norm(dim=1, keepdim=True).clamp_min_(0.5))
