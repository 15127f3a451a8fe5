"""The nearest neighbours of every feature among all features, exactly."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from lookalike.errors import UserError
from lookalike.metrics.distances import distance_rows, square_lengths
from lookalike.metrics.products import chunks

SPARE = 8  # candidates beyond the k-th
ROUNDING = 1e-5  # of |x|² + max |y|²: more than a float32 distance of theirs is wrong by
SEARCHES = ("torch", "faiss")


class Neighbours(NamedTuple):
    """The k nearest of N features, each feature itself first.

    indices: N×k int64 on the CPU, by distance and then by index. farthest: N, the squared Euclidean
    distance to the farthest of all features.
    """

    indices: Tensor
    farthest: Tensor


def centred(feats: Tensor) -> Tensor:
    """The N×D features in float64, moved so that their mean is near 0; distances stay as they are.

    |x|² + |y|² − 2 x·y loses the digits that features have in common. They move by a multiple of
    about a thousandth of the largest number, which adds few digits, so that sums that were exact
    (of small whole numbers) still are, and tie. Numbers must be finite, and of safe magnitudes.
    """
    x = feats.double()
    grid = 2.0 ** (np.frexp(float(torch.linalg.vector_norm(x, torch.inf)))[1] - 10)
    moved: Tensor = x - (x.mean(0) / grid).round() * grid
    return moved


def neighbours(feats: Tensor, k: int) -> Neighbours:
    """The `Neighbours` (at most N) of every row of `feats` (N×D) by Euclidean distance.

    feats: float64, `centred`. A float32 search finds candidates, and float64 distances order those
    of every row where float32 can't tell two apart: which one is the k-th decides about a whole
    encoding, so it mustn't hang on a last bit. Computed where `feats` is. A feature is its own
    first neighbour even beside equal ones.
    """
    count, k = len(feats), min(k, len(feats))
    whole = torch.arange(count, device=feats.device)
    rough = feats.float()
    distances, square = distance_rows(rough, rough, whole, "euclidean"), square_lengths(rough)
    width = min(k + SPARE, count)
    candidates, level, doubtful, farthest = [], [], [], []
    for rows in chunks(count, count, feats.device):
        dist = distances(rows)
        farthest.append((dist.amax(1) + square[rows]).clamp_(min=0))
        dist.scatter_(1, whole[rows, None], -torch.inf)
        values, columns = dist.topk(width, dim=1, largest=False)
        candidates.append(columns)
        doubt = ROUNDING * (square[rows] + square.max())
        level.append((values[:, 1 : k + 1].diff(dim=1) <= doubt[:, None]).any(1))
        # Whoever isn't a candidate is at least as far as the last one.
        doubtful.append((values[:, -1] - values[:, k - 1] <= doubt) & (width < count))
    nearest_first, rest = torch.cat(candidates), torch.cat(doubtful)
    indices = nearest_first[:, :k].contiguous()
    close = (torch.cat(level) & ~rest).nonzero()[:, 0]
    indices[close] = _nearest_candidates(feats, close, nearest_first[close], k)
    indices[rest] = _nearest_of_all(feats, rest.nonzero()[:, 0], k)
    return Neighbours(indices.cpu(), torch.cat(farthest))


def _nearest_candidates(feats: Tensor, rows: Tensor, candidates: Tensor, k: int) -> Tensor:
    """The k nearest of the R×W candidates of R ascending rows, the feature itself first: R×k."""
    candidates = candidates.sort(dim=1).values
    lengths = torch.zeros(len(feats) + 1, dtype=torch.int64, device=feats.device)
    lengths[rows + 1] = candidates.shape[1]
    dist = pair_squares(feats, lengths.cumsum(0), candidates.flatten()).view(candidates.shape)
    dist[candidates == rows[:, None]] = -torch.inf
    return candidates.gather(1, dist.sort(dim=1, stable=True).indices[:, :k])


def _nearest_of_all(feats: Tensor, rows: Tensor, k: int) -> Tensor:
    """The k nearest of all N features to R rows, the feature itself first: R×k."""
    square = square_lengths(feats)
    indices = torch.empty(len(rows), k, dtype=torch.int64, device=feats.device)
    for some in chunks(len(rows), 2 * len(feats), feats.device):
        part = rows[some]
        dist = torch.addmm(square, feats[part], feats.T, alpha=-2)
        dist.scatter_(1, part[:, None], -torch.inf)
        indices[some] = nearest(dist, k)
    return indices


def faiss_neighbours(feats: Tensor, k: int) -> Neighbours:
    """As `neighbours`, found by faiss: without `farthest`, and equal distances in any order."""
    try:
        import faiss
    except ImportError:
        raise UserError("The search 'faiss' needs faiss: pip install faiss-cpu.") from None
    x = feats.cpu().float().numpy()
    _, index = faiss.knn(x, x, min(k, len(x)))
    own = index == np.arange(len(x))[:, None]
    lost = ~own.any(1)
    index[lost, -1], own[lost, -1] = np.flatnonzero(lost), True
    index = np.take_along_axis(index, np.argsort(~own, kind="stable"), 1)
    return Neighbours(torch.from_numpy(index), torch.empty(0))


def nearest(dist: Tensor, top: int) -> Tensor:
    """The columns of the `top` smallest entries of every row in stable order: C×G → C×top."""
    values, columns = dist.topk(min(top + 1, dist.shape[1]), dim=1, largest=False)
    columns = columns[:, :top].sort(dim=1).values
    by_value = dist.gather(1, columns).sort(dim=1, stable=True).indices
    columns = columns.gather(1, by_value)
    if values.shape[1] > top:
        # topk takes any of those that are level with the last.
        level = values[:, top] == values[:, top - 1]
        columns[level] = dist[level].sort(dim=1, stable=True).indices[:, :top]
    return columns


def pair_squares(feats: Tensor, starts: Tensor, columns: Tensor) -> Tensor:
    """The squared Euclidean distances of some pairs of the N×D features, as the columns are.

    starts: N + 1, where each row's columns begin; columns: int64, of any number.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support")
        zeros = torch.zeros(len(columns), dtype=feats.dtype, device=feats.device)
        pairs = torch.sparse_csr_tensor(
            starts, columns, zeros, (len(feats), len(feats)), check_invariants=False
        )
        inner = torch.sparse.sampled_addmm(pairs, feats, feats.T).values()
    square = square_lengths(feats)
    row = torch.repeat_interleave(square, starts.diff())
    return row.add_(square[columns]).sub_(inner, alpha=2).clamp_(min=0)
