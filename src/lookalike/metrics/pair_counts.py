"""Counts over all pairs of a query and a gallery image, a chunk of queries at a time.

The positive pairs are few: all their distances stay. Of the negatives only counts stay, and the
nearest ones.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor

from lookalike.errors import UserError
from lookalike.metrics.distances import pair_distances, safe_features, square_lengths
from lookalike.metrics.inputs import Array, Ints, prepared, rankable
from lookalike.metrics.matches import Matches, fill, find_matches

BINS = 200


@dataclass(frozen=True, eq=False)
class PairCounts:
    """How the distances of P positive and N negative pairs lie to each other; on the CPU.

    Distances are float64, but as coarse as the features' own precision makes them. positives: P,
    ascending. values: the U distinct ones; above: the next number after each in that precision.
    below, upto: U int64, how many negatives are nearer than each value, and how many are as near or
    nearer. nearest: the smallest negatives, ascending. under: how many negatives are nearer than
    the given threshold. edges: BINS + 1. positive_bins, negative_bins: BINS int64, how many
    distances lie from an edge to before the next one; the last bin has its upper edge too. matches:
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
    matches: Matches


def place(fpr: float, negatives: int) -> int:
    """⌊fpr · negatives⌋, of the FPR as its decimals say: 0.29 of 100 is 29."""
    return math.floor(Fraction(str(float(fpr))) * negatives)


def share_under(ascending: Tensor, threshold: float) -> float:
    """The share of ascending distances that lie strictly below the threshold."""
    return int(torch.searchsorted(ascending, threshold)) / len(ascending)


def count_pairs(
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
    twins: Ints | None = None,
) -> PairCounts:
    """The `PairCounts` of all pairs, with the ⌊fpr · N⌋ + 1 nearest negatives.

    Arguments, pairs and errors as in `verify`, except that P and N may be 0.
    Everything is compared as `safe_features` scales it, where no distance overflows; only the
    answer is scaled back, exactly.
    """
    query, gallery, ids = prepared(
        query_feats, gallery_feats, query_pids, gallery_pids, query_camids, gallery_camids, device
    )
    matches = find_matches(ids, query.device, twins)
    query, gallery, scale = safe_features(query, gallery, metric)
    distances = pair_distances(query, gallery, matches.valid, metric)
    positives = _ascending(_positives(query, gallery, matches, metric, chunk))
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

    persons = torch.from_numpy(rankable(ids.query_pids)).to(query.device)
    negatives = int(((len(matches.valid) - matches.size) * persons).sum())
    enough = place(fpr, negatives) + 1
    below = torch.zeros_like(marks, dtype=torch.int64)
    upto = torch.zeros_like(values, dtype=torch.int64)
    nearest, bound, size = [values[:0]], math.inf, 0
    for rows in matches.chunks(chunk):
        columns, right, same_camera = matches.of_queries(rows)
        wide, part = _two_at_least(rows)
        dist = fill(distances(wide)[part], columns, right | same_camera, torch.inf)
        for some in _ascending_parts(dist[persons[rows]]):
            below += torch.searchsorted(some, marks)
            upto += torch.searchsorted(some, values, right=True)
            near = some[: min(enough, int(torch.searchsorted(some, bound)))]
            nearest.append(near.clone())  # a view would keep the whole part
            size += len(near)
            if size > 2 * enough:
                nearest = [_ascending(torch.cat(nearest))[:enough].clone()]
                bound, size = float(nearest[0][-1]), enough
    counts = below[len(values) : -1]
    above = values.nextafter(values.new_tensor(torch.inf))
    return PairCounts(
        positives=positives.cpu().double() / scale,
        negatives=negatives,
        values=values.cpu().double() / scale,
        above=above.cpu().double() / scale,
        below=below[: len(values)].cpu(),
        upto=upto.cpu(),
        nearest=_ascending(torch.cat(nearest))[:enough].cpu().double() / scale,
        under=int(below[-1]),
        edges=edges / scale,
        positive_bins=_bin_counts(torch.searchsorted(positives, inner), len(positives)),
        negative_bins=_bin_counts(counts, negatives),
        matches=matches,
    )


def _positives(
    query: Tensor, gallery: Tensor, matches: Matches, metric: str, chunk: int | None
) -> Tensor:
    """The distances of all positive pairs, computed with the gallery's few images of the queries'
    own identities, so that they are known before all pairs are gone through.

    In float32 on a CPU they are the very numbers that the whole gallery gives.
    """
    parts = [query[:0, 0]]
    for rows in matches.chunks(chunk):
        columns, right, _ = matches.of_queries(rows)
        positions, at = columns.unique(return_inverse=True)  # type: ignore[no-untyped-call]
        own = gallery[matches.valid[torch.cat([positions, positions[:1]])]]  # two at least, too
        wide, part = _two_at_least(rows)
        whole = torch.arange(len(own), device=own.device)
        dist = pair_distances(query[wide], own, whole, metric)(slice(None))[part]
        parts.append(dist.gather(1, at)[right])
    return torch.cat(parts)


def _two_at_least(rows: slice) -> tuple[slice, slice]:
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


def _bin_counts(below: Tensor, total: int) -> Tensor:
    """How many lie between consecutive edges, of `total`, by how many lie below each inner edge."""
    return torch.diff(below.cpu(), prepend=below.new_zeros(1).cpu(), append=torch.tensor([total]))


def _ascending_parts(dist: Tensor) -> list[Tensor]:
    """All finite distances, each in one of a few ascending vectors; may reuse `dist`'s memory."""
    parts = dist.flatten().chunk(torch.get_num_threads() if dist.device.type == "cpu" else 1)
    with ThreadPoolExecutor(len(parts)) as pool:
        parts = tuple(pool.map(_ascending, parts))
    return [part[: int(torch.searchsorted(part, torch.inf))] for part in parts]


def _ascending(x: Tensor) -> Tensor:
    """`x` sorted; on a CPU in place."""
    if x.device.type != "cpu":
        return x.sort().values
    x.numpy().sort()  # numpy sorts values with SIMD, 15 times as fast as torch's sort
    return x
