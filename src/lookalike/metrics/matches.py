"""Who is right, who is wrong and who is left out, for every query of a ranking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lookalike.errors import UserError
from lookalike.metrics.inputs import Ids, Ints, rankable
from lookalike.metrics.products import chunks


@dataclass(frozen=True, eq=False)
class Matches:
    """The gallery without its junk and its unknown persons, grouped by identity.

    shape: (Q, G), G with the junk. valid: the G' gallery indices that are left, ascending;
    everything below counts in positions of `valid`. by_pid: G' positions, sorted by identity and
    then by position. first, size: for every query, where its identity's group starts in `by_pid`
    and how many positions it has (0 if none). starts, sizes: the same for all identities of the
    gallery. query_pids, query_camids: Q. gallery_pids, gallery_camids: G'. twins: G', the query
    that is the same image, or −1; None: nobody is. query_clothes, gallery_clothes: Q and G', or
    None; clothes: which of the query's person are left out, in the "same" clothes or in "other".
    """

    shape: tuple[int, int]
    valid: Tensor
    by_pid: Tensor
    first: Tensor
    size: Tensor
    starts: Tensor
    sizes: Tensor
    query_pids: Tensor
    query_camids: Tensor
    gallery_pids: Tensor
    gallery_camids: Tensor
    twins: Tensor | None = None
    query_clothes: Tensor | None = None
    gallery_clothes: Tensor | None = None
    clothes: Literal["", "same", "other"] = ""

    def chunks(self, chunk: int | None, width: int = 0) -> list[slice]:
        """Consecutive slices of the queries, `chunk` at a time.

        By default as many as keep a chunk's distances, or its `width` numbers a query where they
        are more, within `products.CHUNK_ENTRIES`. Raises ValueError if `chunk` isn't positive.
        """
        rows, columns = self.shape
        if chunk is None:
            return chunks(rows, max(width, columns), self.valid.device)
        if chunk < 1:
            raise ValueError(f"chunk must be at least 1 query, got {chunk}.")
        return [slice(i, min(i + chunk, rows)) for i in range(0, rows, chunk)]

    def of_queries(self, rows: slice) -> tuple[Tensor, Tensor, Tensor]:
        """The positions of the identity of each query in `rows`: C×S, S ≥ 1 the largest group.

        Also two masks C×S: right, and left out (the query's camera, its own image, or clothes that
        the protocol doesn't ask for); both are false where a query's group is shorter than S, and
        the position there is 0.
        """
        slot = torch.arange(max(1, int(self.size[rows].max())), device=self.valid.device)
        inside = slot < self.size[rows][:, None]
        at = torch.where(inside, self.first[rows][:, None] + slot, 0)
        columns = torch.where(inside, self.by_pid[at], 0)
        out = self.gallery_camids[columns] == self.query_camids[rows][:, None]
        if self.twins is not None:
            queries = torch.arange(self.shape[0], device=out.device)[rows]
            out = out | (self.twins[columns] == queries[:, None])
        if self.query_clothes is not None and self.gallery_clothes is not None and self.clothes:
            same = self.gallery_clothes[columns] == self.query_clothes[rows][:, None]
            out = out | (same if self.clothes == "same" else ~same)
        return columns, inside & ~out, inside & out


def fill(target: Tensor, columns: Tensor, where: Tensor, value: float | bool) -> Tensor:
    """`target` (C×G') with `value` written in place at those `columns` (C×S) that `where` marks."""
    row, slot = where.nonzero(as_tuple=True)
    target[row, columns[row, slot]] = value
    return target


def find_matches(
    ids: Ids,
    device: torch.device,
    twins: Ints | None = None,
    clothes: tuple[Ints, Ints] | None = None,
    without: Literal["", "same", "other"] = "",
) -> Matches:
    """The `Matches` of Q queries in a gallery of G images; its tensors are on `device`.

    twins: of each gallery image the query that is the same image, or −1: G. clothes: of Q and G
    images. without: the clothes that are left out, as in `Matches`.
    Raises `UserError` if nobody in the gallery can be ranked.
    """
    valid = np.flatnonzero(rankable(ids.gallery_pids))
    if not len(valid):
        raise UserError(
            "Every gallery image is junk (pid −1) or of an unknown person (pid −2): there is "
            "nothing to rank."
        )
    pids = ids.gallery_pids[valid]
    by_pid = np.argsort(pids, kind="stable")
    in_order = pids[by_pid]
    first = np.searchsorted(in_order, ids.query_pids, "left")
    size = np.searchsorted(in_order, ids.query_pids, "right") - first
    _, starts, sizes = np.unique(in_order, return_index=True, return_counts=True)

    def on_device(a: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(a)).to(device)

    return Matches(
        shape=(len(ids.query_pids), len(ids.gallery_pids)),
        valid=on_device(valid),
        by_pid=on_device(by_pid),
        first=on_device(first),
        size=on_device(size),
        starts=on_device(starts),
        sizes=on_device(sizes),
        query_pids=on_device(ids.query_pids),
        query_camids=on_device(ids.query_camids),
        gallery_pids=on_device(pids),
        gallery_camids=on_device(ids.gallery_camids[valid]),
        twins=None if twins is None else on_device(twins[valid]),
        query_clothes=None if clothes is None else on_device(clothes[0]),
        gallery_clothes=None if clothes is None else on_device(clothes[1][valid]),
        clothes=without,
    )


def twins_among(queries: Ints, twins: Ints, count: int) -> Ints:
    """The `twins` of gallery images in the numbers of some `queries`, rows of all `count`: −1 too
    where the query that is the same image isn't among them."""
    number = np.full(count + 1, -1)  # a twin of −1 takes the last place, which stays nobody's
    number[queries] = np.arange(len(queries))
    among: Ints = number[twins]
    return among


class NoMatchError(UserError):
    """That no query of a ranking can be answered."""


def no_valid_match(matches: Matches) -> NoMatchError:
    """The error for a ranking in which no query can be answered, with the likely reason."""
    shared = int((matches.size > 0).sum())
    reason = (
        f"{shared} of {len(matches.size)} queries have images there, but only from their own "
        "camera or otherwise left out"
        if shared
        else "no identity number occurs on both sides"
    )
    return NoMatchError(
        f"All query identities do not appear in gallery ({reason}): an identity needs gallery "
        "images from another camera than its query's, so check pids and camids."
    )
