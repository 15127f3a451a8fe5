"""The lines of a results table before and after steps without training."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from lookalike.evaluation.scoring import (
    EvaluationOptions,
    FeaturePair,
    Ids,
    Row,
    Scores,
    Stopwatch,
    score,
)
from lookalike.evaluation.steps import StepsRecord, density
from lookalike.metrics.inputs import Array

NONE = StepsRecord([], [])


def score_steps(
    features: FeaturePair,
    adapted: FeaturePair,
    ids: Ids,
    protocols: list[str],
    metric: str,
    options: EvaluationOptions,
    device: torch.device,
    clock: Stopwatch,
    twins: Array | None = None,
    **about: Any,
) -> Scores:
    """The rows of `features` as they are, then all rows of those after the steps.

    adapted: what the steps are done to: `features`, or those of an adapted model. The first rows
    have no re-ranking and no expansion; rates and intervals all have. A row has besides the keys
    steps, steps_set (as `StepsRecord`, empty in the first rows) and ID2, the `identity_density` of
    queries and gallery together, None where nobody has a pid above 0. What steps couldn't do joins
    the notes. Other arguments, errors, and what is returned beside rows and notes, are those of
    `score` for the features as they are.
    """
    if not options.steps:
        return score(features, ids, protocols, metric, options, device, clock, twins, **about)
    plain = replace(options, rerank=None, expand=0)
    before = score(features, ids, protocols, metric, plain, device, clock, twins, **about)
    camids = [np.asarray(side) for side in ids[2:]]
    own = None if twins is None else np.asarray(twins)
    with clock("steps"):
        sides, record = options.steps.apply(adapted, camids, device, own)
    stepped = (sides[0], sides[1])
    after = score(stepped, ids, protocols, metric, options, device, clock, twins, **about)
    rows: list[Row] = []
    for scores, seen, taken in ((before, features, NONE), (after, stepped, record)):
        id2 = density(seen, [np.asarray(side) for side in ids[:2]], own)
        rows += [{**row, **taken.row(), "ID2": id2} for row in scores.rows]
    notes = before.notes
    if record.note:
        notes = {name: " ".join(filter(None, [notes.get(name), record.note])) for name in protocols}
    return before._replace(rows=rows, notes=notes)
