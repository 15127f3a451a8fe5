"""What one threshold does between each pair of cameras: which of them it fails."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from lookalike.metrics.distances import checked
from lookalike.metrics.inputs import Array, device_of, ids, matrix
from lookalike.metrics.matches import JUNK
from lookalike.metrics.pair_counts import place, share_under, tally
from lookalike.metrics.verification import equal_error, roc


@dataclass(frozen=True)
class CameraPair:
    """The pairs of one camera's queries with one camera's gallery images.

    positives, negatives: how many. fpr, tpr: what the common threshold gives here. own_threshold:
    this camera pair's own, for the FPR asked for; measurable: whether it has enough negatives for
    that (see `Point`); own_tpr: what it finds. eer: as in `Verification`. What the pairs don't tell
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
) -> list[CameraPair]:
    """A `CameraPair` for every camera of the queries and every camera of the gallery, ascending.

    threshold: the common one; fpr: the FPR asked for of the own ones. Other arguments, pairs and
    errors as in `verify`, but a camera pair without positives or negatives is no error; one
    with neither is left out.
    """
    if not 0 <= fpr < 1:
        raise ValueError(f"fpr must be a rate in [0, 1), got {fpr}.")
    device = device_of(query_feats, device)
    query = matrix(query_feats, "Query features", device)
    gallery = matrix(gallery_feats, "Gallery features", device)
    checked(query, gallery, metric)  # here, because only here rows have the user's numbers
    q_pids, q_cams = (ids(x, "query ids", len(query)) for x in (query_pids, query_camids))
    g_pids, g_cams = (ids(x, "gallery ids", len(gallery)) for x in (gallery_pids, gallery_camids))
    found = []
    for a in np.unique(q_cams):
        q = np.flatnonzero(q_cams == a)
        for b in np.unique(g_cams[g_pids != JUNK]):
            g = np.flatnonzero((g_cams == b) & (g_pids != JUNK))
            of = tally(query[q], gallery[g], q_pids[q], g_pids[g], q_cams[q], g_cams[g],
                       fpr, threshold, metric, chunk, device)  # fmt: skip
            p, n = len(of.positives), of.negatives
            if not p + n:
                continue
            own = float(of.nearest[place(fpr, n)]) if n else None
            found.append(CameraPair(
                query_camera=int(a),
                gallery_camera=int(b),
                positives=p,
                negatives=n,
                fpr=of.under / n if n else None,
                tpr=share_under(of.positives, threshold) if p else None,
                own_threshold=own,
                measurable=place(fpr, n) >= 1,
                own_tpr=share_under(of.positives, own) if p and own is not None else None,
                eer=equal_error(*roc(of))[0] if p and n else None,
            ))  # fmt: skip
    return found
