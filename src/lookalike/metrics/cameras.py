"""What one threshold does between each pair of cameras: which of them it fails."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from lookalike.metrics.distances import safe_features
from lookalike.metrics.inputs import Array, prepared, rankable
from lookalike.metrics.inputs import ids as whole_numbers
from lookalike.metrics.matches import twins_among
from lookalike.metrics.pair_counts import count_pairs, place, share_under
from lookalike.metrics.verification import equal_error, roc


@dataclass(frozen=True)
class CameraPair:
    """The pairs of one camera's queries with one camera's gallery images.

    positives, negatives: how many. fpr, tpr: what the common threshold gives here. own_threshold:
    this camera pair's own, for the target FPR; measurable: whether it has enough negatives for
    that (see `Point`); own_tpr: the TPR there. eer: as in `Verification`. What the pairs don't tell
    is None: within one camera there are no positives.
    """

    query_camera: int
    gallery_camera: int
    positives: int
    negatives: int
    fpr: float | None
    tpr: float | None
    own_threshold: float | None
    measurable: bool
    own_tpr: float | None
    eer: float | None


def verify_cameras(
    query_feats: Array,
    gallery_feats: Array,
    query_pids: Array,
    gallery_pids: Array,
    query_camids: Array,
    gallery_camids: Array,
    threshold: float,
    fpr: float = 1e-3,
    metric: str = "cosine",
    chunk: int | None = None,
    device: torch.device | str | None = None,
    twins: Array | None = None,
) -> list[CameraPair]:
    """A `CameraPair` for every camera of the queries and every camera of the gallery, ascending.

    threshold: the common one; fpr: the target FPR of the own ones. Other arguments, pairs and
    errors as in `verify`, but a camera pair without positives or negatives is no error; one
    with neither is left out.
    """
    if not 0 <= fpr < 1:
        raise ValueError(f"fpr must be a rate in [0, 1), got {fpr}.")
    query, gallery, ids = prepared(
        query_feats, gallery_feats, query_pids, gallery_pids, query_camids, gallery_camids, device
    )
    safe_features(query, gallery, metric)  # here, because only here rows have the user's numbers
    q_pids, g_pids, q_cams, g_cams = ids
    valid = rankable(g_pids)
    copies = None if twins is None else whole_numbers(twins, "twins", len(g_pids))
    pairs = []
    for a in np.unique(q_cams):
        q = np.flatnonzero(q_cams == a)
        for b in np.unique(g_cams[valid]):
            g = np.flatnonzero((g_cams == b) & valid)
            sides = query[q], gallery[g], q_pids[q], g_pids[g], q_cams[q], g_cams[g]
            part = None if copies is None else twins_among(q, copies[g], len(q_pids))
            counts = count_pairs(*sides, fpr, threshold, metric, chunk, twins=part)
            p, n = len(counts.positives), counts.negatives
            if not p + n:
                continue
            own = float(counts.nearest[place(fpr, n)]) if n else None
            pair = CameraPair(
                query_camera=int(a),
                gallery_camera=int(b),
                positives=p,
                negatives=n,
                fpr=counts.under / n if n else None,
                tpr=share_under(counts.positives, threshold) if p else None,
                own_threshold=own,
                measurable=place(fpr, n) >= 1,
                own_tpr=share_under(counts.positives, own) if p and own is not None else None,
                eer=equal_error(*roc(counts))[0] if p and n else None,
            )
            pairs.append(pair)
    return pairs
