"""Who is right, who is wrong and who is left out, for every query of a ranking."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lookalike.errors import UserError
from lookalike.metrics.inputs import Array, ids
from lookalike.metrics.products import chunks

JUNK = -1


@dataclass(frozen=True, eq=False)
class Labels:
    """The gallery without its junk, grouped by identity.

    shape: (Q, G), G with the junk. kept: G' gallery indices, ascending; everything below counts in
    positions of `kept`. by_pid: G' positions, sorted by identity and then by position. first, size:
    for every query, where its identity's group starts in `by_pid` and how many positions it has (0
    if none). starts, sizes: the same for all identities of the gallery. query_pids, query_camids:
    Q. gallery_pids, gallery_camids: G'.
    """

    shape: tuple[int, int]
    kept: Tensor
    by_pid: Tensor
    first: Tensor
    size: Tensor
    starts: Tensor
    sizes: Tensor
    query_pids: Tensor
    query_camids: Tensor
    gallery_pids: Tensor
    gallery_camids: Tensor

    def chunks(self, chunk: int | None, width: int = 0) -> list[slice]:
        """Consecutive slices of the queries, `chunk` at a time.

        By default as many as keep a chunk's distances, or its `width` numbers a query where they
        are more, within `products.CHUNK_ENTRIES`. Raises ValueError if `chunk` isn't positive.
        """
        rows, columns = self.shape
        if chunk is None:
            return chunks(rows, max(width, columns), self.kept.device)
        if chunk < 1:
            raise ValueError(f"chunk must be at least 1 query, got {chunk}.")
        return [slice(i, min(i + chunk, rows)) for i in range(0, rows, chunk)]

    def own(self, rows: slice) -> tuple[Tensor, Tensor, Tensor]:
        """The positions of each query's identity, C×S, S ≥ 1 the largest group.

        Also two masks C×S: right (another camera) and junk (the same camera); both are false where
        a query's group is shorter than S, and the position there is 0.
        """
        slot = torch.arange(max(1, int(self.size[rows].max())), device=self.kept.device)
        there = slot < self.size[rows][:, None]
        at = torch.where(there, self.first[rows][:, None] + slot, 0)
        columns = torch.where(there, self.by_pid[at], 0)
        same = self.gallery_camids[columns] == self.query_camids[rows][:, None]
        return columns, there & ~same, there & same


def mark(target: Tensor, columns: Tensor, where: Tensor, value: float | bool) -> Tensor:
    """`target` (C×G') with `value` written in place at the `columns` (C×S) that `where` marks."""
    row, slot = where.nonzero(as_tuple=True)
    target[row, columns[row, slot]] = value
    return target


def group(
    query_pids: Array,
    gallery_pids: Array,
    query_camids: Array,
    gallery_camids: Array,
    shape: tuple[int, int],
    device: torch.device,
) -> Labels:
    """The `Labels` of Q queries and G gallery images; `shape` is (Q, G).

    Raises ValueError on shapes, `UserError` if the whole gallery is junk.
    """
    q_pids = ids(query_pids, "query_pids", shape[0])
    q_cams = ids(query_camids, "query_camids", shape[0])
    g_pids = ids(gallery_pids, "gallery_pids", shape[1])
    g_cams = ids(gallery_camids, "gallery_camids", shape[1])
    kept = np.flatnonzero(g_pids != JUNK)
    if not len(kept):
        raise UserError("Every gallery image is junk (pid −1): there is nothing to rank.")
    g_pids, g_cams = g_pids[kept], g_cams[kept]
    by_pid = np.argsort(g_pids, kind="stable")
    ordered = g_pids[by_pid]
    first = np.searchsorted(ordered, q_pids, "left")
    size = np.searchsorted(ordered, q_pids, "right") - first
    _, starts, sizes = np.unique(ordered, return_index=True, return_counts=True)

    def on_device(a: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(a)).to(device)

    return Labels(
        shape=shape,
        kept=on_device(kept),
        by_pid=on_device(by_pid),
        first=on_device(first),
        size=on_device(size),
        starts=on_device(starts),
        sizes=on_device(sizes),
        query_pids=on_device(q_pids),
        query_camids=on_device(q_cams),
        gallery_pids=on_device(g_pids),
        gallery_camids=on_device(g_cams),
    )


def no_valid_match(labels: Labels) -> UserError:
    """The error for a ranking in which no query can be answered, with the likely reason."""
    shared = int((labels.size > 0).sum())
    reason = (
        f"{shared} of {len(labels.size)} queries have images there, but only from their own camera"
        if shared
        else "no identity number occurs on both sides"
    )
    return UserError(
        f"All query identities do not appear in gallery ({reason}): an identity needs gallery "
        "images from another camera than its query's, so check pids and camids."
    )
