"""Distances between queries and a gallery, as a function that gives some rows at a time."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np
import torch
from torch import Tensor

from lookalike.errors import unknown
from lookalike.metrics.inputs import refuse_rows
from lookalike.metrics.products import products

# Queries → C×G distances, the caller's own to change. Small is near.
DistanceRows: TypeAlias = Callable[[slice], Tensor]

METRICS = ("cosine", "euclidean")
COMMON = 0.9  # of the mean squared length: an offset that costs digits, three bits and more
SAMPLE = 1024  # rows of the gallery that tell it
TAME = 2.0**40  # features of magnitudes between 1 / TAME and TAME have squares within range


def distance_rows(query: Tensor, gallery: Tensor, subset: Tensor, metric: str) -> DistanceRows:
    """Rows of numbers that rank the `subset` of a gallery (rows of G×D) for the queries (Q×D).

    cosine: −q·g / (|q||g|); an all-zero feature is at right angles to everything. euclidean:
    |g|² − 2 q·g. Both rank as the distances themselves do, but keep digits that 1 − cos or |q|² + …
    would round away. float32, or float64 if a side is. The gallery isn't copied unless its numbers
    are so large or small that their squares would overflow or vanish. Raises ValueError on shapes,
    `UserError` on NaN, infinity or an unknown metric.
    """
    query, gallery, _ = safe_features(query, gallery, metric)
    if metric == "euclidean":
        query, gallery = without_offset(query, gallery)
    return _rows(query, gallery, subset, metric)


def pair_distances(query: Tensor, gallery: Tensor, subset: Tensor, metric: str) -> DistanceRows:
    """As `distance_rows`, but the distances themselves: 1 − cos in [0, 2], or Euclidean."""
    query, gallery, scale = safe_features(query, gallery, metric)
    if metric == "cosine":
        negative_cosines = _rows(query, gallery, subset, metric)
        return lambda rows: negative_cosines(rows).add_(1).clamp_(0, 2)
    squares = squared_distances(query, gallery, subset)
    return lambda rows: squares(rows).sqrt_().mul_(1 / scale)


def squared_distances(query: Tensor, gallery: Tensor, subset: Tensor) -> DistanceRows:
    """As `distance_rows`, but |q − g|² of features that `safe_features` gave."""
    parts, square = _rows(query, gallery, subset, "euclidean"), square_lengths(query)[:, None]
    return lambda rows: parts(rows).add_(square[rows]).clamp_(min=0)


def without_offset(query: Tensor, gallery: Tensor) -> tuple[Tensor, Tensor]:
    """Both sides moved by what nearly all of the gallery's length is, if anything is. gallery: G×D,
    G ≥ 1.

    In float32 |g|² − 2 q·g would lose the digits that tell them apart. They move by multiples of
    about a thousandth of the largest number, so that sums that were exact still are. Other features
    come back as they are.
    """
    if gallery.dtype != torch.float32:
        return query, gallery
    some = gallery[:: -(-len(gallery) // SAMPLE)].double()
    mean = some.mean(0)
    if mean.square().sum() <= COMMON * some.square().sum(1).mean():
        return query, gallery
    grid = 2.0 ** (np.frexp(float(torch.linalg.vector_norm(gallery, torch.inf)))[1] - 10)
    offset = ((mean / grid).round() * grid).to(gallery.dtype)
    return query - offset, gallery - offset


class SafeFeatures(NamedTuple):
    """Two sides of features in one precision, both multiplied by `scale`, a power of two."""

    query: Tensor
    gallery: Tensor
    scale: float


def safe_features(query: Tensor, gallery: Tensor, metric: str) -> SafeFeatures:
    """The features with magnitudes whose squares stay in range; for cosine, the queries (a copy)
    have length 1. Errors as in `distance_rows`."""
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
        return SafeFeatures(unit(query, sizes[0]), unit(gallery, sizes[1]) if wild else gallery, 1)
    scale = safe_scale(torch.cat(sizes))
    if scale != 1:
        query, gallery = query * scale, gallery * scale
    return SafeFeatures(query, gallery, scale)


def _rows(query: Tensor, gallery: Tensor, subset: Tensor, metric: str) -> DistanceRows:
    if metric == "cosine":
        length = gallery.norm(dim=1)
        factor = torch.where(length > 0, -1 / length, 0)[subset]
    else:
        query = query * -2
        square = square_lengths(gallery)[subset]

    def rows_of(rows: slice) -> Tensor:
        inner = products(query[rows], gallery)
        if len(subset) < len(gallery):
            inner = inner.index_select(1, subset)
        return inner.mul_(factor) if metric == "cosine" else inner.add_(square)

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
