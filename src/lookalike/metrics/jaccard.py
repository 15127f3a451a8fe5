"""The Jaccard distance that unsupervised re-ID clusters by, as a sparse matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix
from torch import Tensor

from lookalike.errors import unknown
from lookalike.metrics.distances import magnitudes, safe_scale, unit
from lookalike.metrics.inputs import Array, device_of, matrix
from lookalike.metrics.near_pairs import near_pairs
from lookalike.metrics.neighbours import SEARCHES, centred, faiss_neighbours, neighbours
from lookalike.metrics.reciprocal import encodings, expanded_sets, overlaps

ROUNDING = 1e-6  # of a distance, by weights in float32
PRUNED = 0.8  # below it a bound on the distance spares most pairs


@dataclass(frozen=True)
class Recipe:
    """What the field's codes do differently.

    metric: "cosine" compares features of length 1, "euclidean" as they are. beside: whether k1
    counts the neighbours beside the image, or the image too. scaled: whether a squared distance is
    divided by its row's largest before it becomes a weight.
    """

    metric: Literal["cosine", "euclidean"]
    beside: bool
    scaled: bool


RECIPES = {
    # SpCL, and what shares its function: Cluster Contrast, GCL, ICE, OpenUnReID. Their faiss search
    # returns k1 columns, so the published k1 + 1 silently became k1.
    "spcl": Recipe("cosine", beside=False, scaled=False),
    # The Jaccard distance of re-ranking (Zhong et al., CVPR 2017), as MMT and JVTC cluster by.
    "zhong2017": Recipe("euclidean", beside=True, scaled=True),
}


def jaccard_distance(
    feats: Array,
    k1: int = 30,
    k2: int = 6,
    recipe: str = "spcl",
    search: Literal["torch", "faiss"] = "torch",
    device: torch.device | str | None = None,
) -> Any:
    """The k-reciprocal Jaccard distances of N×D features: N×N `scipy.sparse.csr_matrix` of float32.

    It holds those below 1, zeros among them explicitly, as on the diagonal; what is absent is 1.
    J = 1 − s / (2 − s) with s = Σ_m min(V_im, V_jm) and V the encoded neighbours (Zhong et al.,
    CVPR 2017, eq. 10), at k1 and k2 and by a name in `RECIPES`. search: "torch" is exact on any
    `device` (a CPU or CUDA), equal distances by index; "faiss" runs on the CPU.

    Memory grows with N·k1 and with the entries held: noisy features overlap with thousands of
    others, slightly. `pseudo_labels` holds those that count only. Raises ValueError on shapes and
    numbers out of range, `UserError` on unknown names and empty or not finite features.
    """
    return distances_below(1.0, feats, k1, k2, recipe, search, device)


def distances_below(
    below: float,
    feats: Array,
    k1: int,
    k2: int,
    recipe: str,
    search: str,
    device: torch.device | str | None,
) -> Any:
    """As `jaccard_distance`, but only the distances under `below`, in (0, 1]."""
    if k1 < 1 or k2 < 1:
        raise ValueError(f"Need k1 and k2 ≥ 1, got {k1} and {k2}.")
    if recipe not in RECIPES:
        raise unknown("recipe", recipe, RECIPES)
    if search not in SEARCHES:
        raise unknown("search", search, SEARCHES)
    rules = RECIPES[recipe]
    if search == "faiss" and rules.scaled:
        raise ValueError(
            f"Recipe '{recipe}' needs the largest distances, which faiss doesn't give."
        )
    x = matrix(feats, "Features", device_of(feats, device))
    near, half = k1 + rules.beside, round(k1 / 2) + 1
    return _below(_encodings(x, near, half, k2, rules, search), below)


def _encodings(x: Tensor, near: int, half: int, k2: int, rules: Recipe, search: str) -> Any:
    """The encoded neighbours of N×D features, N×N csr."""
    sizes = magnitudes(x, "Features")
    x = centred(unit(x.double(), sizes) if rules.metric == "cosine" else x * safe_scale(sizes))
    search_in = faiss_neighbours if search == "faiss" else neighbours
    # A search for k1 images ends there, also where k2 is larger.
    nearest = search_in(x, max(near, half, k2) if rules.beside else near)
    sets = expanded_sets(nearest.indices, near, half)
    largest = nearest.farthest.cpu().numpy() if rules.scaled else None
    return encodings(x, nearest.indices, sets, k2, largest)


def _below(weights: Any, below: float) -> Any:
    """The Jaccard distances under `below` of the encoded neighbours, N×N csr."""
    least = (1 - below) * 2 / (2 - below)  # of s, for J < below
    if below > PRUNED:
        return _all_below(weights, least)
    parts = list(near_pairs(weights, least))
    i, j = (np.concatenate([part[k] for part in parts]).astype(np.int32) for k in (0, 1))
    distance = _distances(np.concatenate([part.shared for part in parts]))
    others = i < j
    i, j = np.concatenate([i, j[others]]), np.concatenate([j, i[others]])
    distance = np.concatenate([distance, distance[others]])
    answer = coo_matrix((distance, (i, j)), weights.shape).tocsr()
    answer.sort_indices()
    return answer


def _distances(shared: NDArray[np.float64]) -> NDArray[np.float32]:
    overlap = shared.astype(np.float32)
    distance = 1 - overlap / (2 - overlap)
    distance[distance < ROUNDING] = 0  # equal rows
    return distance


def _all_below(weights: Any, least: float) -> Any:
    """As `_below`, by the overlap of every pair."""
    count = weights.shape[0]
    starts = np.zeros(count + 1, np.int64)
    columns, values = np.empty(count, np.int32), np.empty(count, np.float32)
    for rows, shared in overlaps(weights, 0, count):
        close = shared > least
        each = np.count_nonzero(close, axis=1)
        begin = starts[rows.start]
        starts[rows.start + 1 : rows.stop + 1] = begin + each.cumsum()
        total = starts[rows.stop]
        for array in (columns, values):
            if total > len(array):
                # Grows in place: the answer may be most of the memory there is.
                array.resize(total + (total >> 5), refcheck=False)
        at = np.flatnonzero(close)
        columns[begin:total] = at - np.repeat(np.arange(len(each)) * count, each)
        values[begin:total] = _distances(shared.take(at))
    for array in (columns, values):
        array.resize(starts[-1], refcheck=False)
    return csr_matrix((values, columns, starts), (count, count))
