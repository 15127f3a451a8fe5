"""The nearest gallery images of every query, for pictures of ranked lists."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lookalike.metrics.inputs import Array, device_of, matrix
from lookalike.metrics.keys import ranking_keys
from lookalike.metrics.labels import group, mark


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
        near = _nearest(dist, width)
        valid = dist.gather(1, near).isfinite()
        indices[rows, :width] = torch.where(valid, labels.kept[near], -1).cpu().numpy()
        is_right = mark(torch.zeros_like(dist, dtype=torch.bool), columns, same, True)
        right[rows, :width] = is_right.gather(1, near).cpu().numpy()
    return Order(indices, right)


def _nearest(dist: Tensor, top: int) -> Tensor:
    """The columns of the `top` smallest entries of every row in stable order: C×G → C×top."""
    values, columns = dist.topk(top, dim=1, largest=False)
    columns = columns.sort(dim=1).values
    by_value = dist.gather(1, columns).sort(dim=1, stable=True).indices
    columns = columns.gather(1, by_value)
    # topk takes any of those that are level with the last.
    level = (dist <= values[:, -1:]).sum(1) > top
    columns[level] = dist[level].sort(dim=1, stable=True).indices[:, :top]
    return columns
