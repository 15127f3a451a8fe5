"""The report's thresholds: histograms, the ROC, and a table of the pairs of cameras."""

from __future__ import annotations

from typing import Any

import numpy as np
from markupsafe import Markup

from lookalike.rates import short_rate
from lookalike.report.figures import GRID, INK, LINE, WRONG, draw


def thresholds(calibration: dict[str, Any]) -> dict[str, Any]:
    """What the report shows of calibration.json: its numbers, two drawings, and the cameras.

    points: by falling rate. cameras: a row for each camera of the queries, with a cell for each
    camera of the gallery, None where they have no pairs. taken: the steps that the features
    had, or "".
    """
    steps = zip(calibration.get("steps", []), calibration.get("steps_set", []), strict=True)
    pairs = {(c["query_camera"], c["gallery_camera"]): c for c in calibration["cameras"]}
    queries, galleries = (sorted({key[side] for key in pairs}) for side in (0, 1))
    return {
        **calibration,
        "points": sorted(calibration["points"], key=lambda p: -p["target_fpr"]),
        "histogram": Markup(histogram(calibration)),
        "roc": Markup(roc(calibration)),
        "taken": ", ".join(f"{step} ({seen})" for step, seen in steps),
        "galleries": galleries,
        "cameras": [(q, [pairs.get((q, g)) for g in galleries]) for q in queries],
    }


def histogram(calibration: dict[str, Any]) -> str:
    """Inline SVG of both densities over the distance, with lines at the thresholds.

    Bins are merged where there are few positive pairs: to at most 8 times their cube root.
    """
    edges = np.array(calibration["histogram"]["edges"])
    bins = len(edges) - 1
    most = 8 * calibration["positives"] ** (1 / 3)
    limit = bins // 10
    factor = next((k for k in range(1, limit) if bins % k == 0 and bins / k <= most), limit)
    edges = edges[::factor]
    same, other = (
        np.array(calibration["histogram"][f"{kind}_density"]).reshape(-1, factor).mean(1)
        for kind in ("positive", "negative")
    )
    centres = (edges[:-1] + edges[1:]) / 2
    top = max(same.max(), other.max())
    support = np.flatnonzero(same + other > 1e-3 * top)
    low, high = edges[support[0]], edges[support[-1] + 1]
    lines = [
        (calibration["threshold"], f"FPR {short_rate(calibration['target_fpr'])}"),
        (calibration["eer_threshold"], "EER"),
    ]

    def paint(axes: Any) -> None:
        for density, colour in ((other, WRONG), (same, LINE)):
            axes.fill_between(centres, density, color=colour, alpha=0.2, linewidth=0)
            axes.plot(centres, density, color=colour, linewidth=1.3)
        for i, (at, words) in enumerate(lines):
            height = (1.25 - 0.1 * i) * top
            axes.plot([at, at], [0, height], color=INK, linewidth=1, linestyle=(0, (3, 2)))
            side, away = ("left", 3) if 2 * at < low + high else ("right", -3)
            axes.annotate(
                f"{words}: {at:#.4g}",
                (at, height),
                (away, 0),
                color=INK,
                ha=side,
                va="top",
                textcoords="offset points",
            )
        axes.set_xlim(min(low, calibration["threshold"]), max(high, calibration["threshold"]))
        axes.set_ylim(0, 1.28 * top)
        axes.set_xlabel(f"{calibration['metric']} distance", color=INK)
        axes.set_yticks([])

    return draw(paint, "histogram", (4.6, 2.6))


def roc(calibration: dict[str, Any]) -> str:
    """Inline SVG of the true over the false matches, the latter on a logarithmic axis."""
    fpr, tpr = np.array(calibration["roc"]["fpr"]), np.array(calibration["roc"]["tpr"])
    lowest = 1 / max(calibration["negatives"], 10)  # an axis has two ends

    def paint(axes: Any) -> None:
        axes.plot(np.maximum(fpr, lowest), tpr, color=LINE, linewidth=1.5)
        equal = np.geomspace(lowest, 1, 100)
        axes.plot(equal, 1 - equal, color=GRID, linewidth=1, linestyle=(0, (3, 2)))
        for p in calibration["points"]:
            if p["fpr"] > 0:
                axes.plot(p["fpr"], p["tpr"], color=LINE, marker="o", markersize=3.5)
                side = "left" if p["fpr"] < 10 * lowest else "right"
                axes.annotate(
                    f"{100 * p['tpr']:.1f} %",
                    (p["fpr"], p["tpr"]),
                    (0, 4),
                    textcoords="offset points",
                    color=INK,
                    ha=side,
                )
        axes.plot(
            calibration["eer"], 1 - calibration["eer"], color=WRONG, marker="o", markersize=3.5
        )
        axes.annotate(
            f"EER {100 * calibration['eer']:.1f} %",
            (calibration["eer"], 1 - calibration["eer"]),
            (5, -9),
            textcoords="offset points",
            color=WRONG,
        )
        axes.set_xscale("log")
        axes.set_xlim(lowest, 1)
        axes.set_ylim(0, 1.02)
        axes.set_xlabel("false matches: share of the pairs of different people", color=INK)
        axes.set_ylabel("found: share of the same person's", color=INK)

    return draw(paint, "roc", (4.6, 2.6))
