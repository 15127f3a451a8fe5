"""Which distance means the same person: a threshold for a model, and what it gives where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch

from lookalike.data import Benchmark
from lookalike.errors import UserError, unknown
from lookalike.evaluation.features import Features, extract, same_images
from lookalike.evaluation.scoring import copies
from lookalike.evaluation.steps import NO_STEPS, Steps, StepsRecord
from lookalike.evaluation.text_tables import folded
from lookalike.methods.model import Model
from lookalike.methods.model_file import fingerprint
from lookalike.metrics.cameras import CameraPair, verify_cameras
from lookalike.metrics.distances import METRICS
from lookalike.metrics.verification import Verification, verify
from lookalike.rates import decimal, short_rate

RATES = (1e-2, 1e-3, 1e-4)  # FPRs of every calibration, after the first point's
VERTICES = 300  # of the ROC in a record
LISTED = 6  # camera pairs of each kind in a table


@dataclass(frozen=True, eq=False)
class Calibration:
    """about: method, its weights' fingerprint, features, data.

    verification: its first point has the threshold to use. cameras: every pair of cameras at that
    threshold. copies: how many gallery images are queries too, as of another camera; they make no
    pairs with themselves. steps: what was done to the features before, without which the threshold
    means nothing; None for nothing.
    """

    about: dict[str, str]
    verification: Verification
    cameras: list[CameraPair]
    copies: int = 0
    steps: StepsRecord | None = None

    @property
    def rule(self) -> str:
        """When two images show the same person."""
        rule = "the same person where distance < threshold"
        return f"{rule}, between features after these steps only" if self.steps else rule

    def record(self) -> dict[str, Any]:
        """All of it for JSON, without a date: equal calibrations have equal records.

        The ROC is thinned: of its vertices, the highest at or before each of VERTICES rates.
        """
        v, point = self.verification, self.verification.points[0]
        rates = np.geomspace(1 / v.negatives, 1, VERTICES)
        vertices = np.unique(np.append(0, np.searchsorted(v.fpr, rates, "right") - 1))
        return {
            **self.about,
            "metric": v.metric,
            "rule": self.rule,
            **({**self.steps.row(), "steps_note": self.steps.note} if self.steps else {}),
            "target_fpr": point.target_fpr,
            "threshold": point.threshold,
            "fpr": point.fpr,
            "tpr": point.tpr,
            "fnr": 1 - point.tpr,
            "measurable": point.measurable,
            "eer": v.eer,
            "eer_threshold": v.eer_threshold,
            "positives": v.positives,
            "negatives": v.negatives,
            "copies": self.copies,
            "points": [asdict(p) for p in v.points],
            "cameras": [asdict(pair) for pair in self.cameras],
            "histogram": {
                "edges": v.edges.tolist(),
                "positive_density": v.positive_density.tolist(),
                "negative_density": v.negative_density.tolist(),
            },
            "roc": {"fpr": v.fpr[vertices].tolist(), "tpr": v.tpr[vertices].tolist()},
        }


def calibrate(
    model: Model,
    bench: Benchmark,
    fpr: float = 1e-3,
    metric: str | None = None,
    batch: int = 64,
    steps: Steps = NO_STEPS,
) -> Calibration:
    """The `Calibration` of a model's whole feature on the queries and the gallery of `bench`.

    fpr: the FPR that the threshold is for, in [0, 1). metric: "cosine" or "euclidean"; the model's
    own by default. batch: images embedded at a time. steps: what is done to the features before.
    Raises UserError when a split is empty, for an unknown metric, without pairs of both kinds, and
    for the step `adabn`.
    """
    for split in ("query", "gallery"):
        if not len(getattr(bench, split)):
            raise UserError(f"{bench} has no {split} images to calibrate on.")
    if metric not in (None, *METRICS):
        raise unknown("metric", str(metric), METRICS)
    q, g = bench.query, bench.gallery
    sides = [extract(model, people.paths, batch).numpy() for people in (q, g)]
    twins = same_images(q.paths, g.paths)
    features = Features(sides[0], sides[1], q.pids, g.pids, q.camids, g.camids, twins)
    name = model.method.name
    about = {
        "method": name,
        "model": fingerprint(model),
        "features": " + ".join(model.parts) or name,
        "data": str(bench),
    }
    device = next(model.parameters()).device
    return calibrate_features(features, about, fpr, metric or model.metric, device, steps)


def calibrate_features(
    features: Features,
    about: dict[str, str],
    fpr: float = 1e-3,
    metric: str = "cosine",
    device: torch.device | str | None = None,
    steps: Steps = NO_STEPS,
) -> Calibration:
    """The `Calibration` of anybody's features; errors as in `verify` and `Steps.apply`.

    about: method, features and data, as the record tells them. steps: as in `calibrate`.
    """
    f = features
    if f.distances is not None:
        raise UserError("A threshold is measured on features, and these are distances.")
    if steps.adabn:
        raise UserError("The step adabn makes another model: calibrate that, without the step.")
    record = None
    if steps:
        camids = f.query_camids, f.gallery_camids
        moved, record = steps.apply((f.query, f.gallery), camids, device, f.twins)
        query, gallery = (side.cpu().numpy() for side in moved)
        f = replace(f, query=query, gallery=gallery)
    sides = f.query, f.gallery, f.query_pids, f.gallery_pids, f.query_camids, f.gallery_camids
    targets = (fpr, *(rate for rate in RATES if rate != fpr))
    verification = verify(*sides, fpr=targets, metric=metric, device=device, twins=f.twins)
    threshold = verification.points[0].threshold
    cameras = verify_cameras(*sides, threshold, fpr, metric=metric, device=device, twins=f.twins)
    return Calibration(about, verification, cameras, copies(f.ids, f.twins), record)


def calibration_table(calibration: Calibration) -> str:
    """The calibration as text of at most 80 columns."""
    v, point = calibration.verification, calibration.verification.points[0]
    lines = [
        f"{v.positives:,} pairs of one person, {v.negatives:,} of two; {v.metric} distance",
        "",
        f"the same person where distance < {point.threshold:#.6g}",
        *step_lines(calibration.steps),
        "",
        f"{'false matches':<16}{'threshold':>12}{'found':>10}{'missed':>10}",
    ]
    rows = [
        (f"{decimal(p.target_fpr)}{'' if p.measurable else ' *'}", p.threshold, p.tpr)
        for p in sorted(v.points, key=lambda p: -p.target_fpr)
    ]
    rows.append((f"{100 * v.eer:.2f} % (EER)", v.eer_threshold, 1 - v.eer))
    lines += [
        f"{name:<16}{threshold:>#12.6g}{100 * tpr:8.2f} %{100 - 100 * tpr:8.2f} %"
        for name, threshold, tpr in rows
    ]
    lines += ["", *_camera_lines(calibration.cameras)]
    if "*" in "".join(lines):
        lines.append("* fewer pairs of two people than that rate needs: the nearest one's distance")
    if calibration.copies:
        are = "image is a query" if calibration.copies == 1 else "images are queries"
        lines.append(f"{calibration.copies:,} gallery {are} too: no pair is of one image")
    return "\n".join(lines)


def step_lines(steps: StepsRecord | None) -> list[str]:
    """Which steps the threshold goes with, in lines of at most 80 columns."""
    if steps is None:
        return []
    text = f"between features after these steps only: {', '.join(steps.texts())}"
    return [line for part in (text, steps.note) if part for line in folded(part)]


def _camera_lines(cameras: Sequence[CameraPair]) -> list[str]:
    """The camera pairs that miss most, then those of the others that confuse most."""
    imperfect = [c for c in cameras if c.tpr is not None and c.tpr < 1]
    missing = sorted(imperfect, key=lambda c: c.tpr or 0.0)[:LISTED]
    rest = [c for c in cameras if c.fpr and c not in missing]
    confusing = sorted(rest, key=lambda c: -(c.fpr or 0.0))[:LISTED]
    own = f"{'own threshold':>15}{'found':>10}{'EER':>10}"
    lines = []
    for title, pairs in (("miss most", missing), ("confuse most", confusing)):
        if pairs:
            lines.append(f"{'cameras that ' + title:<25}{'found':>10}{'false':>9}{own}")
            lines += [_camera_line(pair) for pair in pairs]
    others = len(cameras) - len(missing) - len(confusing)
    if others:
        text = f"… and {others} more" if lines else f"nothing missed or confused between {others}"
        lines.append(f"{text} pairs of cameras")
    return lines


def _camera_line(pair: CameraPair) -> str:
    def percent(x: float | None) -> str:
        return "–" if x is None else f"{100 * x:.2f} %"

    own = "–" if pair.own_threshold is None else f"{pair.own_threshold:#.6g}"
    mark = "" if pair.measurable else "*"
    cameras = f"{pair.query_camera:>3} → {pair.gallery_camera}"
    return (
        f"{cameras:<25}{percent(pair.tpr):>10}{short_rate(pair.fpr):>9}"
        f"{own + mark:>15}{percent(pair.own_tpr):>10}{percent(pair.eer):>10}"
    )
