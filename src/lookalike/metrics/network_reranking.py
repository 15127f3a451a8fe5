"""Re-scoring of every query's nearest gallery images by a network that compares pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lookalike.errors import UserError
from lookalike.metrics.distances import safe_features, squared_distances
from lookalike.metrics.inputs import Array, device_of, matrix
from lookalike.metrics.neighbours import nearest
from lookalike.metrics.products import chunks

Verifier = Callable[[Tensor, Tensor], Tensor]  # f1 and f2, N×D → N probabilities of one person


def verifier_rerank(
    query_feats: Array,
    gallery_feats: Array,
    verify: Verifier,
    k: int = 100,
    device: torch.device | str | None = None,
) -> NDArray[np.float32]:
    """The distances of Q×D queries to a G×D gallery with the k nearest re-scored: Q×G float32, for
    `rank_distances`.

    The distance to one of the k nearest (by Euclidean distance, ties by index) is 1 − `verify`, the
    probability that the two are different people. The others keep their squared Euclidean distance
    plus max(0, m + 1 − d), m the largest of the k new distances and d the smallest of the others:
    they stay behind the k, in their order (Ge et al. 2018, FD-GAN, as its authors evaluate it).
    The k are taken of the whole gallery, as there: also images of the query's own identity and
    camera, which a protocol removes afterwards, are among them; junk shouldn't be in the gallery.

    Distances and `verify` run on `device`, by default the queries'; beside the answer and the
    features, memory is bounded. Features above 2⁴⁰, or all below 2⁻⁴⁰, have their distances in
    another unit, which ranks alike. Raises ValueError on shapes, k < 1 and what is no probability,
    `UserError` on empty or not finite features and where `verify` gives NaN.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1 gallery image, got {k}.")
    device = device_of(query_feats, device)
    query = matrix(query_feats, "Query features", device)
    gallery = matrix(gallery_feats, "Gallery features", device)
    safe_query, safe_gallery, _ = safe_features(query, gallery, "euclidean")
    square = squared_distances(safe_query, safe_gallery, torch.arange(len(gallery), device=device))
    k = min(k, len(gallery))
    answer = np.empty((len(query), len(gallery)), np.float32)
    for rows in chunks(len(query), len(gallery), device):
        dist = square(rows)
        top = nearest(dist, k)
        dist.scatter_(1, top, torch.inf)
        first = dist.amin(1)
        different = torch.cat(list(_different(query, gallery, verify, rows, top)))
        different = different.view(top.shape).to(dist.dtype)
        shift = (different.amax(1) + 1 - first).clamp_(min=0)
        dist.add_(shift[:, None]).scatter_(1, top, different)
        answer[rows] = dist.cpu().numpy()
    return answer


def _different(
    query: Tensor, gallery: Tensor, verify: Verifier, rows: slice, top: Tensor
) -> Iterator[Tensor]:
    """The probabilities that the queries `rows` and their `top` (C×k) are different people, in
    pieces of C·k."""
    width = top.shape[1]
    queries = torch.arange(rows.start, rows.stop, device=top.device).repeat_interleave(width)
    neighbours = top.flatten()
    for part in chunks(len(neighbours), query.shape[1], top.device):
        with torch.no_grad():
            same = verify(query[queries[part]], gallery[neighbours[part]])
        if same.shape != neighbours[part].shape:
            raise ValueError(
                f"verify must give {len(neighbours[part])} probabilities, one a pair, got shape "
                f"{tuple(same.shape)}."
            )
        if not same.isfinite().all():
            raise UserError("The verifier gives NaN or infinity: check the model's weights.")
        if (same < 0).any() or (same > 1).any():
            raise ValueError("verify must give probabilities, got numbers outside [0, 1].")
        yield 1 - same
