"""What users hand to a metric, checked once and turned into tensors."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lookalike.errors import UserError

Array: TypeAlias = Tensor | NDArray[Any]
Ints: TypeAlias = NDArray[np.int64]

JUNK = -1  # a crop that shows nobody or too little of somebody: it is in no ranking
UNKNOWN = -2  # who it is isn't known: right or wrong for a query can't be said, so it isn't ranked


class Ids(NamedTuple):
    """Who is on Q query and G gallery images, and which camera saw them: int64 on the CPU."""

    query_pids: Ints
    gallery_pids: Ints
    query_camids: Ints
    gallery_camids: Ints

    def of_queries(self, rows: Ints) -> Ids:
        """The same gallery, with some of the queries."""
        return self._replace(query_pids=self.query_pids[rows], query_camids=self.query_camids[rows])


class Inputs(NamedTuple):
    """Query (Q×D) and gallery (G×D) features as tensors on one device, and whose they are."""

    query: Tensor
    gallery: Tensor
    ids: Ids


def prepared(
    query_feats: Array,
    gallery_feats: Array,
    query_pids: Array,
    gallery_pids: Array,
    query_camids: Array,
    gallery_camids: Array,
    device: torch.device | str | None,
) -> Inputs:
    """The six arrays that a ranking starts from, checked, the features on `device`.

    By default that is the queries' device. Raises as `matrix` and `checked_ids` do.
    """
    device = device_of(query_feats, device)
    query = matrix(query_feats, "Query features", device)
    gallery = matrix(gallery_feats, "Gallery features", device)
    shape = (len(query), len(gallery))
    arrays = query_pids, gallery_pids, query_camids, gallery_camids
    return Inputs(query, gallery, checked_ids(*arrays, shape))


def checked_ids(
    query_pids: Array,
    gallery_pids: Array,
    query_camids: Array,
    gallery_camids: Array,
    shape: tuple[int, int],
) -> Ids:
    """The `Ids` of Q queries and G gallery images; `shape` is (Q, G).

    Raises as `ids` and `ids_of_queries` do.
    """
    return Ids(
        query_pids=ids_of_queries(query_pids, shape[0]),
        gallery_pids=ids(gallery_pids, "gallery_pids", shape[1]),
        query_camids=ids(query_camids, "query_camids", shape[0]),
        gallery_camids=ids(gallery_camids, "gallery_camids", shape[1]),
    )


def device_of(x: Array, device: torch.device | str | None) -> torch.device:
    """Where to compute: `device` if given, else where `x` is."""
    if device is not None:
        return torch.device(device)
    return x.device if isinstance(x, Tensor) else torch.device("cpu")


def matrix(x: Array, name: str, device: torch.device) -> Tensor:
    """`x` as a 2-D tensor on `device`: float64 if it is float64 or integers, else float32.

    Copied only where its kind or its layout isn't that already. Raises ValueError unless `x` has
    two dimensions of real numbers, `UserError` if it has no rows or columns.
    """
    if not isinstance(x, Tensor):
        x = _tensor(np.asarray(x), name)
    if x.ndim != 2:
        raise ValueError(f"{name} must have 2 dimensions, got shape {tuple(x.shape)}.")
    if x.is_complex():
        raise ValueError(f"{name} must be real numbers, got {x.dtype}.")
    if 0 in x.shape:
        raise UserError(f"{name} of shape {tuple(x.shape)} are empty: there is nothing to rank.")
    double = x.dtype == torch.float64 or not x.is_floating_point()
    # Products of rows that don't lie one after the other would lay them out again every time.
    return x.detach().to(device, torch.float64 if double else torch.float32).contiguous()


def _tensor(a: NDArray[Any], name: str) -> Tensor:
    """The array as a tensor: of its own memory if it can be, which is only read."""
    if a.dtype.kind not in "fiub":
        raise ValueError(f"{name} must be real numbers, got {a.dtype}.")
    if a.dtype.itemsize > 8:
        a = a.astype(np.float64)
    a = np.ascontiguousarray(a, a.dtype.newbyteorder("="))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.from_numpy(a)


def ids(x: Array, name: str, length: int) -> Ints:
    """`x` as `length` int64 on the CPU; raises ValueError on another shape or kind of number."""
    a = x.detach().cpu().numpy() if isinstance(x, Tensor) else np.asarray(x)
    if a.shape != (length,):
        raise ValueError(f"{name} must have shape ({length},), one per image, got {a.shape}.")
    if a.dtype.kind not in "iu":
        raise ValueError(f"{name} must be whole numbers, got {a.dtype}.")
    if a.dtype == np.uint64 and (a > np.iinfo(np.int64).max).any():
        raise ValueError(f"{name} must be below 2⁶³.")
    return a.astype(np.int64)


def ids_of_queries(query_pids: Array, length: int) -> Ints:
    """The pids of `length` queries as `ids` gives them; raises `UserError` if one is UNKNOWN."""
    pids = ids(query_pids, "query_pids", length)
    rows = np.flatnonzero(pids == UNKNOWN).tolist()
    if rows:
        raise UserError(
            f"The person of {len(rows)} of {length} queries isn't known (pid −2, rows "
            f"{_listed(rows)}): leave them out of the queries, or give their identities."
        )
    return pids


def rankable(pids: Ints) -> NDArray[np.bool_]:
    """Which images a gallery ranks: those that are neither junk nor of an unknown person."""
    return ~np.isin(pids, (JUNK, UNKNOWN))


def refuse_rows(bad: Tensor, name: str, what: str) -> None:
    """Raises `UserError` that names the rows where the mask `bad` (N) is set, if there are any."""
    rows = bad.nonzero().flatten().tolist()
    if rows:
        raise UserError(
            f"{name} hold {what} in {len(rows)} of {len(bad)} rows ({_listed(rows)}): "
            "check the model or the images that they come from."
        )


def _listed(rows: list[int]) -> str:
    """The first five of them in words."""
    return ", ".join(map(str, rows[:5])) + (", …" if len(rows) > 5 else "")
