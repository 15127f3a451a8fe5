"""Counts over all pairs of a query and a gallery image, a chunk of queries at a time.

The positive pairs are few and all kept. Of the negatives only counts stay, and the nearest ones.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor

from lookalike.metrics.inputs import Array, device_of, ids, matrix
from lookalike.metrics.keys import pair_distances
from lookalike.metrics.labels import JUNK, Labels, group, mark

BINS = 200


@dataclass(frozen=True, eq=False)
class Tally:
    """How the distances of P positive and N negative pairs lie to each other; on the CPU.

    positives: P, ascending. values: the U distinct ones. below, upto: U int64, how many negatives
    are nearer than each value, and how many are as near or nearer. nearest: the smallest negatives,
    ascending. under: how many negatives are nearer than the threshold asked for. edges: BINS + 1.
    positive_bins, negative_bins: BINS int64, how many distances lie from an edge to before the next
    one; the last bin has its upper edge too. labels: who is who.
    """

    positives: Tensor
    negatives: int
    values: Tensor
    below: Tensor
    upto: Tensor
    nearest: Tensor
    under: int
    edges: Tensor
    positive_bins: Tensor
    negative_bins: Tensor
    labels: Labels


def place(rate: float, negatives: int) -> int:
    """⌊rate · negatives⌋, of the rate as its decimals say: 0.29 of 100 is 29."""
    return math.floor(Fraction(str(float(rate))) * negatives)


def share_under(ordered: Tensor, threshold: float) -> float:
    """The share of ascending distances that lie strictly below the threshold."""
    return int(torch.searchsorted(ordered, threshold)) / len(ordered)


def tally(
    query_feats: Array,
    gallery_feats: Array,
    query_pids: Array,
    gallery_pids: Array,
    query_camids: Array,
    gallery_camids: Array,
    rate: float,
    threshold: float = 0.0,
    metric: str = "cosine",
    chunk: int | None = None,
    device: torch.device | str | None = None,
) -> Tally:
    """The `Tally` of all pairs, with the ⌊rate · N⌋ + 1 nearest negatives.

    Arguments, pairs and errors as in `verify`, except that P and N may be 0.
    """
    device = device_of(query_feats, device)
    query = matrix(query_feats, "Query features", device)
    gallery = matrix(gallery_feats, "Gallery features", device)
    q_pids = ids(query_pids, "query_pids", len(query))
    shape = (len(query), len(gallery))
    labels = group(q_pids, gallery_pids, query_camids, gallery_camids, shape, device)
    keys = pair_distances(query, gallery, labels.kept, metric)
    positives = _ascending(_positives(query, gallery, labels, metric, chunk))
    values = positives.unique_consecutive()  # type: ignore[no-untyped-call]
    high = 2.0 if metric == "cosine" else _longest(query) + _longest(gallery)
    edges = torch.linspace(0, high or 1.0, BINS + 1, dtype=values.dtype, device=device)
    marks = torch.cat([values, edges[1:-1], edges.new_tensor([threshold])])

    known = torch.from_numpy(q_pids != JUNK).to(device)
    negatives = int(((len(labels.kept) - labels.size) * known).sum())
    wanted = place(rate, negatives) + 1
    below = torch.zeros_like(marks, dtype=torch.int64)
    upto = torch.zeros_like(values, dtype=torch.int64)
    nearest, bound, kept = [values[:0]], math.inf, 0
    for rows in labels.chunks(chunk):
        columns, right, same = labels.own(rows)
        dist = mark(keys(rows), columns, right | same, torch.inf)
        for part in _sorted_parts(dist[known[rows]]):
            below += torch.searchsorted(part, marks)
            upto += torch.searchsorted(part, values, right=True)
            near = part[: min(wanted, int(torch.searchsorted(part, bound)))]
            nearest.append(near.clone())  # a view would keep the whole part
            kept += len(near)
            if kept > 2 * wanted:
                nearest = [_ascending(torch.cat(nearest))[:wanted].clone()]
                bound, kept = float(nearest[0][-1]), wanted
    counts = below[len(values) : -1]
    return Tally(
        positives=positives.cpu(),
        negatives=negatives,
        values=values.cpu(),
        below=below[: len(values)].cpu(),
        upto=upto.cpu(),
        nearest=_ascending(torch.cat(nearest))[:wanted].cpu(),
        under=int(below[-1]),
        edges=edges.cpu(),
        positive_bins=_between(torch.searchsorted(positives, edges[1:-1]), len(positives)),
        negative_bins=_between(counts, negatives),
        labels=labels,
    )


def _positives(
    query: Tensor, gallery: Tensor, labels: Labels, metric: str, chunk: int | None
) -> Tensor:
    """The distances of all positive pairs, computed with the gallery's few images of the queries'
    own identities, so that they are known before all pairs are gone through."""
    found = [query[:0, 0]]
    for rows in labels.chunks(chunk):
        columns, right, _ = labels.own(rows)
        near, at = columns.unique(return_inverse=True)  # type: ignore[no-untyped-call]
        own = gallery[labels.kept[near]]
        dist = pair_distances(query[rows], own, torch.arange(len(own), device=own.device), metric)
        found.append(dist(slice(None)).gather(1, at)[right])
    return torch.cat(found)


def _longest(x: Tensor) -> float:
    """The length of the longest row, of any magnitude."""
    return float(torch.linalg.vector_norm(x, dim=1, dtype=torch.float64).amax())


def _between(below: Tensor, total: int) -> Tensor:
    """How many lie between consecutive edges, of `total`, by how many lie below each inner edge."""
    return torch.diff(below.cpu(), prepend=below.new_zeros(1).cpu(), append=torch.tensor([total]))


def _sorted_parts(dist: Tensor) -> list[Tensor]:
    """All finite distances, each in one of a few ascending vectors; may reuse `dist`'s memory."""
    parts = dist.flatten().chunk(torch.get_num_threads() if dist.device.type == "cpu" else 1)
    with ThreadPoolExecutor(len(parts)) as pool:
        ordered = list(pool.map(_ascending, parts))
    return [part[: int(torch.searchsorted(part, torch.inf))] for part in ordered]


def _ascending(x: Tensor) -> Tensor:
    """`x` sorted; on a CPU in place."""
    if x.device.type != "cpu":
        return x.sort().values
    x.numpy().sort()  # numpy sorts values with SIMD, 15 times as fast as torch's sort
    return x
