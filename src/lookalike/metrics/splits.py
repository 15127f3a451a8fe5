"""Random halves of the identities, each ranked on its own, as VIPeR is."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lookalike.metrics.inputs import Ints
from lookalike.metrics.matches import Matches
from lookalike.metrics.protocols import Protocol, half
from lookalike.metrics.ranks import Floats, right_ranks, scores


class Splits(NamedTuple):
    """Who takes part in each of R splits. queries: R×Q bool. gallery: R×G' bool."""

    queries: NDArray[np.bool_]
    gallery: Tensor


def draw(count: int, matches: Matches) -> Splits:
    """The `Splits` of the identities that queries and gallery share, always the same.

    Split i takes the last half, rounded down, of `RandomState(i).permutation` of the identities in
    ascending order, which are those that the reader of VIPeR tests on in its split i. The gallery
    loses the other half and nobody else: who is in no query stays in every split, as PRID 2011's
    549 further persons do (Hirzer et al. 2011), and so do distractors, unless a query has pid 0.
    """
    q_pids, g_pids = matches.query_pids.cpu().numpy(), matches.gallery_pids.cpu().numpy()
    shared = np.intersect1d(q_pids, g_pids)
    halves = drawn(shared, count, half(len(shared)))
    others = [np.setdiff1d(shared, tested) for tested in halves]
    queries = np.stack([np.isin(q_pids, pids) for pids in halves])
    gallery = np.stack([~np.isin(g_pids, pids) for pids in others])
    return Splits(queries, torch.from_numpy(gallery).to(matches.gallery_pids.device))


def drawn(identities: Ints, count: int, size: int) -> list[Ints]:
    """Those of each of `count` splits, `size` each: the last ones of a permutation."""
    orders = [np.random.RandomState(i).permutation(len(identities)) for i in range(count)]
    return [identities[order[len(identities) - size :]] for order in orders]


def split_scores(
    dist: Tensor, columns: Tensor, right: Tensor, splits: Splits, rows: slice, rules: Protocol
) -> tuple[Floats, Floats, Ints]:
    """AP and INP of the queries `rows`, means over the splits that have them, and their first hits.

    dist, columns, right: as in `right_ranks`. C floats, NaN where no split has a right entry,
    and C×R first hits: 0 where that split has none, −1 where the query isn't in it.
    """
    in_split = splits.queries[:, rows]
    first = np.full(in_split.T.shape, -1)
    total = np.zeros((2, len(first)))
    for i in np.flatnonzero(in_split.any(1)):
        mine, entrants = np.flatnonzero(in_split[i]), splits.gallery[i]
        at = torch.from_numpy(mine).to(dist.device)
        # A padded column may be one that is left out; any place will do, for it isn't right.
        place = (entrants.cumsum(0) - 1).clamp_min_(0)
        ranks = right_ranks(dist[at][:, entrants], place[columns[at]], right[at])
        ap, inp, first[mine, i] = scores(ranks.cpu().numpy(), rules)
        total[:, mine] += np.nan_to_num([ap, inp])
    hits = (first > 0).sum(1)
    ap, inp = np.where(hits > 0, total / np.maximum(hits, 1), np.nan)
    return ap, inp, first
