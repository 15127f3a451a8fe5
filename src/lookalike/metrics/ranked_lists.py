"""The nearest gallery images of every query, for pictures of ranked lists."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from lookalike.metrics.distances import distance_rows
from lookalike.metrics.inputs import Array, prepared
from lookalike.metrics.inputs import ids as whole_numbers
from lookalike.metrics.matches import fill, find_matches
from lookalike.metrics.neighbours import nearest


class RankedLists(NamedTuple):
    """The nearest valid gallery images of Q queries, nearest first.

    indices: Q×top int64 into the gallery, −1 where a query's valid gallery ended before. right:
    Q×top bool, whether it is the query's person.
    """

    indices: NDArray[np.int64]
    right: NDArray[np.bool_]


def nearest_matches(
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
    twins: Array | None = None,
) -> RankedLists:
    """The `RankedLists` of the `top` nearest valid gallery images (at most G) of every query.

    Arguments, junk, ties and errors as in `rank`, except that queries need no match.
    """
    if top < 1:
        raise ValueError(f"top must be at least 1 image, got {top}.")
    query, gallery, ids = prepared(
        query_feats, gallery_feats, query_pids, gallery_pids, query_camids, gallery_camids, device
    )
    own = None if twins is None else whole_numbers(twins, "twins", len(gallery))
    matches = find_matches(ids, query.device, own)
    distances = distance_rows(query, gallery, matches.valid, metric)
    indices = np.full((len(query), min(top, len(gallery))), -1)
    right = np.zeros(indices.shape, bool)
    width = min(top, len(matches.valid))
    for rows in matches.chunks(chunk):
        columns, same, junk = matches.of_queries(rows)
        dist = fill(distances(rows), columns, junk, torch.inf)
        near = nearest(dist, width)
        finite = dist.gather(1, near).isfinite()
        indices[rows, :width] = torch.where(finite, matches.valid[near], -1).cpu().numpy()
        is_right = fill(torch.zeros_like(dist, dtype=torch.bool), columns, same, True)
        right[rows, :width] = is_right.gather(1, near).cpu().numpy()
    return RankedLists(indices, right)
