"""The nearest gallery images of every query, for pictures of ranked lists."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from lookalike.metrics.distances import ranking_keys
from lookalike.metrics.inputs import Array, device_of, matrix
from lookalike.metrics.matches import group, mark
from lookalike.metrics.neighbours import nearest


class Order(NamedTuple):
    """The nearest valid gallery images of Q queries, nearest first.

    indices: Q×top int64 into the gallery, −1 where a query's valid gallery ended before. right:
    Q×top bool, whether it is the query's person.
    """

    indices: NDArray[np.int64]
    right: NDArray[np.bool_]


def order(
    query_feats: Array,
    gallery_feats: Array,
    query_pids: Array,
    gallery_pids: Array,
    query_camids: Array,
    gallery_camids: Array,
    metric: str = "cosine",
    top: int = 10,
    chunk: int | None = None,
    device: torch.device | str | None = None,
) -> Order:
    """The `Order` of the `top` nearest valid gallery images (at most G) of every query.

    Arguments, junk, ties and errors as in `rank`, except that queries need no match.
    """
    if top < 1:
        raise ValueError(f"top must be at least 1 image, got {top}.")
    device = device_of(query_feats, device)
    query = matrix(query_feats, "Query features", device)
    gallery = matrix(gallery_feats, "Gallery features", device)
    shape = (len(query), len(gallery))
    labels = group(query_pids, gallery_pids, query_camids, gallery_camids, shape, device)
    keys = ranking_keys(query, gallery, labels.kept, metric)
    indices = np.full((len(query), min(top, len(gallery))), -1)
    right = np.zeros(indices.shape, bool)
    width = min(top, len(labels.kept))
    for rows in labels.chunks(chunk):
        columns, same, junk = labels.own(rows)
        dist = mark(keys(rows), columns, junk, torch.inf)
        near = nearest(dist, width)
        valid = dist.gather(1, near).isfinite()
        indices[rows, :width] = torch.where(valid, labels.kept[near], -1).cpu().numpy()
        is_right = mark(torch.zeros_like(dist, dtype=torch.bool), columns, same, True)
        right[rows, :width] = is_right.gather(1, near).cpu().numpy()
    return Order(indices, right)
