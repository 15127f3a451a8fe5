"""mAP, CMC and mINP of a gallery, a chunk of queries at a time.

The scores of a query depend only on the ranks of its few right entries; `ranks` counts those.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lookalike.errors import UserError
from lookalike.metrics.distances import DistanceRows, distance_rows
from lookalike.metrics.inputs import (
    Array,
    Ids,
    Ints,
    checked_ids,
    device_of,
    ids,
    matrix,
    prepared,
    refuse_rows,
)
from lookalike.metrics.matches import Matches, fill, find_matches, no_valid_match
from lookalike.metrics.multi_query import Pools, pools_of
from lookalike.metrics.parts import Part, cameras_apart, in_parts, mean_of_splits, of_part
from lookalike.metrics.protocols import Protocol, protocol_named
from lookalike.metrics.ranking_scores import Ranking
from lookalike.metrics.ranks import identity_ranks, right_ranks, scores, single_shot_ranks
from lookalike.metrics.splits import draw, split_scores

LONGEST_CMC = 50
WHOLE, SINGLE_SHOT = "market1501", "cuhk03-single-shot"  # what parts are ranked under


def rank(
    query_feats: Array,
    gallery_feats: Array,
    query_pids: Array,
    gallery_pids: Array,
    query_camids: Array,
    gallery_camids: Array,
    protocol: str = "market1501",
    metric: str = "cosine",
    chunk: int | None = None,
    device: torch.device | str | None = None,
    twins: Array | None = None,
    clothes: tuple[Array, Array] | None = None,
    splits: Sequence[Array] = (),
) -> Ranking:
    """The `Ranking` of a gallery (G×D features) by its distances to the queries (Q×D).

    Features are numpy arrays or tensors; pids and camids are Q and G whole numbers; `metric` is
    "cosine" or "euclidean"; `protocol` is a name in `PROTOCOLS`, where the tie rule is too.
    Junk (pid −1) and unknown persons (pid −2) of the gallery are left out. twins: G whole numbers,
    the query that is the same image, which doesn't find itself then, or −1. clothes: of Q and G
    images whole numbers, for the protocols that ask for them. splits: the identities of each split
    of a benchmark that has its own, for the protocol of as many; otherwise they are drawn.
    Memory is a few times chunk × G floats, `chunk` being queries at a time. `device` defaults to
    the queries'. Raises ValueError on shapes, `UserError` on unknown names, empty or not finite
    features, queries of unknown persons, and where no query has a valid match.
    """
    rules = protocol_named(protocol)
    query, gallery, people = prepared(
        query_feats, gallery_feats, query_pids, gallery_pids, query_camids, gallery_camids, device
    )
    if in_parts(rules):

        def ranked(part: Part, name: str = SINGLE_SHOT) -> Ranking:
            q, g = (torch.from_numpy(rows).to(query.device) for rows in part)
            who, own, worn = of_part(part, people, twins, clothes)
            return rank(query[q], gallery[g], *who, name, metric, chunk, None, own, worn)

        return _of_parts(ranked, people, protocol, rules, splits)
    pools = pools_of(people.query_pids, people.query_camids, rules.multi_query)
    if pools:
        query = pools.mean_features(query, metric)
    matches, queries = _matches(people, pools, rules, query.device, twins, clothes)
    distances = distance_rows(query, gallery, matches.valid, metric)
    return _rank(distances, matches, queries, len(people.query_pids), chunk, protocol, metric)


def rank_distances(
    distances: Array,
    query_pids: Array,
    gallery_pids: Array,
    query_camids: Array,
    gallery_camids: Array,
    protocol: str = "market1501",
    chunk: int | None = None,
    device: torch.device | str | None = None,
    left_out: Array | None = None,
    twins: Array | None = None,
    clothes: tuple[Array, Array] | None = None,
    splits: Sequence[Array] = (),
) -> Ranking:
    """The `Ranking` of a given matrix of distances, Q×G, small is near (see `rank`).

    left_out: Q×G truths; where one is set, or where the distance is infinite, the image isn't in
    that query's gallery, be it right or wrong. Where one image of each identity is drawn, an
    identity whose image is left out isn't there in that draw.

    Under "market1501-multi-query" the rows of one identity and camera are averaged. That ranks as
    the mean features do where distances are cosine (1 − cos) or squared Euclidean ones.
    There an image is left out for all of them if it is for one.
    Raises `UserError` too where the matrix holds NaN, ValueError for a mask of another shape.
    """
    rules = protocol_named(protocol)
    device = device_of(distances, device)
    # The matrix stays where it is; only a chunk at a time moves to `device`.
    whole = matrix(distances, "Distances", device_of(distances, None))
    low, high = whole.amin(1), whole.amax(1)
    refuse_rows(low.isnan() | high.isnan(), "Distances", "NaN")
    shape = (len(whole), whole.shape[1])
    people = checked_ids(query_pids, gallery_pids, query_camids, gallery_camids, shape)
    mask = _mask(left_out, shape, whole.device)
    if (low.isinf() | high.isinf()).any():
        mask = whole.isinf() if mask is None else mask | whole.isinf()
    if mask is not None:
        whole = whole.masked_fill(mask, torch.inf)
    if in_parts(rules):

        def ranked(part: Part, name: str = SINGLE_SHOT) -> Ranking:
            q, g = (torch.from_numpy(rows).to(whole.device) for rows in part)
            who, own, worn = of_part(part, people, twins, clothes)
            return rank_distances(whole[q][:, g], *who, name, chunk, device, None, own, worn)

        return _of_parts(ranked, people, protocol, rules, splits)
    pools = pools_of(people.query_pids, people.query_camids, rules.multi_query)
    matches, queries = _matches(people, pools, rules, device, twins, clothes)
    valid = matches.valid.to(whole.device)

    def rows_of(rows: slice) -> Tensor:
        part = pools.mean_rows(whole, rows) if pools else whole[rows]
        return (part if len(valid) == shape[1] else part[:, valid]).to(device, copy=True)

    some = mask is not None
    return _rank(rows_of, matches, queries, shape[0], chunk, protocol, "", some)


def _of_parts(
    ranked: Callable[..., Ranking],
    people: Ids,
    protocol: str,
    rules: Protocol,
    splits: Sequence[Array],
) -> Ranking:
    """What `ranked` gives of a `Part` under a protocol, put together as the rules say."""
    if rules.cameras_apart:
        everybody = Part(np.arange(len(people.query_pids)), np.arange(len(people.gallery_pids)))
        return cameras_apart(ranked, ranked(everybody, WHOLE), people, protocol)
    own = [ids(split, "The identities of a split", len(split)) for split in splits]
    return mean_of_splits(ranked, people, protocol, rules, own)


def _mask(left_out: Array | None, shape: tuple[int, int], device: torch.device) -> Tensor | None:
    if left_out is None:
        return None
    mask = left_out if isinstance(left_out, Tensor) else torch.from_numpy(np.array(left_out))
    if tuple(mask.shape) != shape or mask.dtype != torch.bool:
        raise ValueError(
            f"left_out must be truths of shape {shape}, got {mask.dtype} of {tuple(mask.shape)}."
        )
    return mask.to(device)


def _matches(
    people: Ids,
    pools: Pools | None,
    rules: Protocol,
    device: torch.device,
    twins: Array | None,
    clothes: tuple[Array, Array] | None,
) -> tuple[Matches, Ints]:
    """The `Matches` of those who ask, and which of the queries they are; what is left out because
    of `twins` and `clothes` in the terms of these."""
    queries = pools.first if pools else np.arange(len(people.query_pids))
    own = None if twins is None else ids(twins, "twins", len(people.gallery_pids))
    if own is not None and pools:
        own = np.where(own < 0, -1, pools.of_query[np.maximum(own, 0)])
    worn = None
    if clothes is not None and rules.without_clothes:
        worn = (
            ids(clothes[0], "The queries' clothes", len(people.query_pids))[queries],
            ids(clothes[1], "The gallery's clothes", len(people.gallery_pids)),
        )
    asking = people.of_queries(queries)
    return find_matches(asking, device, own, worn, rules.without_clothes), queries


def _rank(
    distances: DistanceRows,
    matches: Matches,
    queries: NDArray[np.int64],
    count: int,
    chunk: int | None,
    protocol: str,
    metric: str,
    infinite: bool = False,
) -> Ranking:
    """Counts chunk by chunk, then averages as the protocol's rules say.

    distances and matches have a row for each of the `queries`, which are rows of all `count`.
    infinite: whether some distances are, which are left out.
    """
    rules, longest = protocol_named(protocol), min(LONGEST_CMC, matches.shape[1])
    ap, inp = np.full(count, np.nan), np.full(count, np.nan)
    first = np.zeros(count, np.int64)
    cmc_ranks = np.full((count, max(1, rules.draws, rules.splits)), -1)
    splits = draw(rules.splits, matches) if rules.splits else None
    random = np.random.default_rng(0)
    for rows in matches.chunks(chunk, rules.draws * len(matches.sizes)):
        columns, right, junk = matches.of_queries(rows)
        dist = fill(distances(rows), columns, junk, torch.inf)
        for query, gallery in rules.camera_pairs:
            apart = (matches.query_camids[rows] == query)[:, None]
            dist.masked_fill_(apart & (matches.gallery_camids == gallery), torch.inf)
        if infinite or rules.camera_pairs:
            right = right & dist.gather(1, columns).isfinite()
        ranks = right_ranks(dist, columns, right).cpu().numpy()
        at = queries[rows]
        ap[at], inp[at], first[at] = scores(ranks, rules)
        if rules.draws:
            draws = random.random((len(ranks), rules.draws, len(matches.sizes)))
            shots = single_shot_ranks(dist, columns, right, draws, matches, rows)
            cmc_ranks[at] = shots.cpu().numpy()
        elif splits:
            ap[at], inp[at], cmc_ranks[at] = split_scores(dist, columns, right, splits, rows, rules)
        elif rules.identity_cmc:
            cmc_ranks[at, 0] = identity_ranks(dist, columns, right, matches).cpu().numpy()
        else:
            cmc_ranks[at, 0] = first[at]
    hit = cmc_ranks > 0
    if not first.any():
        raise no_valid_match(matches)
    if not hit.any():
        raise UserError(
            f"None of the {rules.splits} splits of {protocol} has a query with a right entry in "
            "another camera: there are too few identities, so choose another protocol."
        )
    first[~hit.any(1)] = 0
    lists = int((cmc_ranks >= 0 if rules.count_skipped else hit).sum())
    by_rank = np.bincount(np.minimum(cmc_ranks[hit], longest + 1), minlength=longest + 2)
    share, over = hit.mean(1), lists / cmc_ranks.shape[1]
    return Ranking(
        mAP=float(np.nansum(share * ap) / over),
        cmc=by_rank[1 : longest + 1].cumsum() / lists,
        mINP=float(np.nansum(share * inp) / over),
        num_valid=int(hit.any(1).sum()),
        ap=ap,
        inp=inp,
        first_hit=first,
        cmc_ranks=cmc_ranks,
        weights=np.ones(cmc_ranks.shape),
        protocol=protocol,
        metric=metric,
    )
