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

from lookalike.errors import UserError
from lookalike.metrics.distances import checked, pair_distances, square_lengths
from lookalike.metrics.inputs import Array, device_of, ids, matrix
from lookalike.metrics.matches import JUNK, Labels, group, mark

BINS = 200


@dataclass(frozen=True, eq=False)
class Tally:
    """How the distances of P positive and N negative pairs lie to each other; on the CPU.

    Distances are float64, but as coarse as the features' own precision makes them. positives: P,
    ascending. values: the U distinct ones; above: the next number after each in that precision.
    below, upto: U int64, how many negatives are nearer than each value, and how many are as near or
    nearer. nearest: the smallest negatives, ascending. under: how many negatives are nearer than
    the threshold asked for. edges: BINS + 1. positive_bins, negative_bins: BINS int64, how many
    distances lie from an edge to before the next one; the last bin has its upper edge too. labels:
    who is who.
    """

    positives: Tensor
    negatives: int
    values: Tensor
    above: Tensor
    below: Tensor
    upto: Tensor
    nearest: Tensor
    under: int
    edges: Tensor
    positive_bins: Tensor
    negative_bins: Tensor
    labels: Labels


def place(fpr: float, negatives: int) -> int:
    """⌊fpr · negatives⌋, of the FPR as its decimals say: 0.29 of 100 is 29."""
    return math.floor(Fraction(str(float(fpr))) * negatives)


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
    fpr: float,
    threshold: float = 0.0,
    metric: str = "cosine",
    chunk: int | None = None,
    device: torch.device | str | None = None,
) -> Tally:
    """The `Tally` of all pairs, with the ⌊fpr · N⌋ + 1 nearest negatives.

    Arguments, pairs and errors as in `verify`, except that P and N may be 0.
    Everything is compared as `checked` scales it, where no distance overflows; only the answer is
    scaled back, exactly.
    """
    device = device_of(query_feats, device)
    query = matrix(query_feats, "Query features", device)
    gallery = matrix(gallery_feats, "Gallery features", device)
    q_pids = ids(query_pids, "query_pids", len(query))
    shape = (len(query), len(gallery))
    labels = group(q_pids, gallery_pids, query_camids, gallery_camids, shape, device)
    query, gallery, scale = checked(query, gallery, metric)
    keys = pair_distances(query, gallery, labels.kept, metric)
    positives = _ascending(_positives(query, gallery, labels, metric, chunk))
    values = positives.unique_consecutive()  # type: ignore[no-untyped-call]
    high = 2.0 if metric == "cosine" else _longest(query) + _longest(gallery)
    if not all(math.isfinite(x) for x in (high / scale, BINS * scale / (high or 1.0))):
        raise UserError(
            "The features are so large or small that float64 can't hold their Euclidean distances: "
            "multiply all of them by one number, or use the metric 'cosine'."
        )
    top = _at_least(torch.tensor([high or 1.0], dtype=torch.float64), values)  # as sums are rounded
    edges = torch.linspace(0, float(top), BINS + 1, dtype=torch.float64)
    inner = _at_least(edges[1:-1], values)
    marks = torch.cat([values, inner, _at_least(edges.new_tensor([threshold * scale]), values)])

    known = torch.from_numpy(q_pids != JUNK).to(device)
    negatives = int(((len(labels.kept) - labels.size) * known).sum())
    wanted = place(fpr, negatives) + 1
    below = torch.zeros_like(marks, dtype=torch.int64)
    upto = torch.zeros_like(values, dtype=torch.int64)
    nearest, bound, kept = [values[:0]], math.inf, 0
    for rows in labels.chunks(chunk):
        columns, right, same = labels.own(rows)
        wide, part = _two(rows)
        dist = mark(keys(wide)[part], columns, right | same, torch.inf)
        for some in _sorted_parts(dist[known[rows]]):
            below += torch.searchsorted(some, marks)
            upto += torch.searchsorted(some, values, right=True)
            near = some[: min(wanted, int(torch.searchsorted(some, bound)))]
            nearest.append(near.clone())  # a view would keep the whole part
            kept += len(near)
            if kept > 2 * wanted:
                nearest = [_ascending(torch.cat(nearest))[:wanted].clone()]
                bound, kept = float(nearest[0][-1]), wanted
    counts = below[len(values) : -1]
    above = values.nextafter(values.new_tensor(torch.inf))
    return Tally(
        positives=positives.cpu().double() / scale,
        negatives=negatives,
        values=values.cpu().double() / scale,
        above=above.cpu().double() / scale,
        below=below[: len(values)].cpu(),
        upto=upto.cpu(),
        nearest=_ascending(torch.cat(nearest))[:wanted].cpu().double() / scale,
        under=int(below[-1]),
        edges=edges / scale,
        positive_bins=_between(torch.searchsorted(positives, inner), len(positives)),
        negative_bins=_between(counts, negatives),
        labels=labels,
    )


def _positives(
    query: Tensor, gallery: Tensor, labels: Labels, metric: str, chunk: int | None
) -> Tensor:
    """The distances of all positive pairs, computed with the gallery's few images of the queries'
    own identities, so that they are known before all pairs are gone through.

    In float32 on a CPU they are the very numbers that the whole gallery gives.
    """
    found = [query[:0, 0]]
    for rows in labels.chunks(chunk):
        columns, right, _ = labels.own(rows)
        near, at = columns.unique(return_inverse=True)  # type: ignore[no-untyped-call]
        own = gallery[labels.kept[torch.cat([near, near[:1]])]]  # two at least, too
        wide, part = _two(rows)
        everyone = torch.arange(len(own), device=own.device)
        dist = pair_distances(query[wide], own, everyone, metric)(slice(None))[part]
        found.append(dist.gather(1, at)[right])
    return torch.cat(found)


def _two(rows: slice) -> tuple[slice, slice]:
    """Two rows at least, where there are, and where in them `rows` are.

    The product of one row with a matrix adds up in another order than the product of several, which
    gives equal pairs equal numbers, whatever other rows and columns there are.
    """
    start = max(rows.start - 1, 0)
    return slice(start, max(rows.stop, 2)), slice(rows.start - start, rows.stop - start)


def _at_least(x: Tensor, like: Tensor) -> Tensor:
    """The least numbers of the kind of `like` that aren't below `x` (float64).

    A number of that kind is below the one just where it is below the other.
    """
    near = x.to(like.dtype)
    up = near.nextafter(near.new_tensor(torch.inf))
    return torch.where(near.double() < x, up, near).to(like.device)


def _longest(x: Tensor) -> float:
    """The length of the longest row."""
    return math.sqrt(float(square_lengths(x).amax()))


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
