"""The report of a run: one HTML file, made from what lies in the run folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from lookalike.report.figures import curve
from lookalike.report.files import RunFiles, read_run
from lookalike.report.page import write_page
from lookalike.report.pictures import pictures, thumbnail
from lookalike.report.thresholds import thresholds

# What a run measures of pictures, and whether more (↑) or less (↓) is better.
MEASURES = {"SSIM": "↑", "mask-SSIM": "↑", "PSNR": "↑", "L1": "↓", "DSSIM": "↓"}
LISTS = {"worst": "Queries it does worst on", "random": "Queries drawn at random"}


def write_report(run: str | Path) -> Path:
    """The path of `report.html`, written into the run folder from what lies there.

    A part whose file is missing or broken is named in the report and left out. The page holds its
    pictures, curves and styles itself, so it can be sent to somebody. Raises UserError when there
    is no such folder.
    """
    files = read_run(Path(run))
    config = files.config
    limits = thresholds_of(files)
    return write_page(
        files.folder / "report.html",
        "template.html.jinja",
        method=config.get("method", files.folder.resolve().name),
        data=data_text(config),
        config=config,
        notes=files.notes,
        rows=files.evaluation.get("rows") or [],
        pictures=pictures(files.images, files.stages),
        measured=measures_table(files.pictures.get("rows") or []),
        unmeasured=files.pictures.get("notes") or [],
        generates=files.generates,
        embeds=files.embeds,
        features=files.ranked.get("features"),
        ranked=ranked_lists(files.ranked.get("lists") or []),
        thresholds=limits,
        stages=[stage(files, name) for name in files.stages],
        settings={name: settings(config, name) for name in ("settings", "run")},
        environment=files.environment,
    )


def data_text(config: dict[str, Any]) -> str:
    """What the run was trained on, and for, and from which model: "market1501:/a + dukemtmc:/b →
    msmt17:/c, started from runs/world"."""
    data = config.get("data") or []
    text = " + ".join(map(str, data if isinstance(data, list) else [data]))
    text += f" → {config['target']}" if config.get("target") else ""
    start = config.get("start")
    return f"{text}, started from {start.get('model')}" if isinstance(start, dict) else text


def measures_table(rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The table of the pictures' measures: heads with an arrow to the better, and cells."""
    names = [name for name in MEASURES if any(row.get(name) is not None for row in rows)]
    if not names:
        return None
    return {
        "heads": [f"{name} {MEASURES[name]}" for name in names],
        "rows": [(row.get("pictures", ""), [row.get(name) for name in names]) for row in rows],
        "pairs": rows[0].get("pairs"),
        "data": rows[0].get("data"),
    }


def thresholds_of(files: RunFiles) -> dict[str, Any] | None:
    """What the page shows of calibration.json; None, with a note, if another version wrote it, or
    if it is of weights that were trained on since."""
    if not files.calibration:
        return None
    weights = [about.get("model") for about in (files.calibration, files.environment)]
    if all(weights) and weights[0] != weights[1]:
        files.notes.append(
            "calibration.json is of another model than is here now: run `lookalike calibrate` "
            "again."
        )
        return None
    try:
        return thresholds(files.calibration)
    except (KeyError, TypeError, ValueError):
        files.notes.append(
            "calibration.json is not what this version writes: run `lookalike calibrate` again."
        )
        return None


def ranked_lists(lists: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The ranked lists by kind; every crop gets its `picture`: a data URI, None if unreadable."""
    kinds = {entry["kind"]: LISTS.get(entry["kind"], entry["kind"]) for entry in lists}
    return [
        {
            "title": title,
            "lists": [
                {
                    "ap": entry.get("ap"),
                    "query": _crop(entry["query"]),
                    "results": [_crop(result) for result in entry["results"]],
                }
                for entry in lists
                if entry["kind"] == kind
            ],
        }
        for kind, title in kinds.items()
    ]


def _crop(entry: dict[str, Any]) -> dict[str, Any]:
    path = str(entry["path"])
    picture, _ = thumbnail(Path(path), (192, 384)) or (None, 0)
    return {**entry, "name": Path(path).name, "picture": picture}


def stage(files: RunFiles, name: str, prefix: str = "") -> dict[str, Any]:
    """What is known of a stage: last step, median time per step, duration, and its curves.

    prefix: of the curves' ids, where several runs share a page.
    """
    steps = files.steps.get(name, [])
    times = _column(steps, steps, "step_seconds")[1]
    duration = (files.environment.get("stage_seconds") or {}).get(name)
    logged = _column(steps, steps, "seconds")[1]
    return {
        "name": name,
        "last_step": steps[-1]["step"] if steps else None,
        "step_seconds": float(np.median(times)) if len(times) else None,
        "seconds": float(logged[-1]) if duration is None and len(logged) else duration,
        "finished": duration is not None,
        "curves": list(curves(f"{prefix}{files.stages.index(name)}", steps)),
    }


def curves(label: str, steps: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """A small chart for each loss term, then the ramped weights, the numbers about the clusters,
    the rate, the time per step."""
    losses = [entry.get("losses") or {} for entry in steps]
    weights = [entry.get("weights") or {} for entry in steps]
    ramps = [t for t in _keys(weights) if len({w[t] for w in weights if t in w}) > 1]
    charts = [(term, losses, term, True) for term in _keys(losses)]
    charts += [(f"weight of {term}", weights, term, False) for term in ramps]
    clusters = [entry.get("clusters") or {} for entry in steps]
    charts += [(name, clusters, name, False) for name in _keys(clusters)]
    charts += [
        ("learning rate", steps, "lr", False),
        ("seconds per step", steps, "step_seconds", True),
    ]
    for i, (title, entries, key, smoothed) in enumerate(charts):
        x, y = _column(steps, entries, key)
        finite = y[np.isfinite(y)]
        if len(y):
            svg = curve(x, y, f"{label}-{i}", smoothed) if len(finite) else None
            yield {
                "title": title,
                "last": float(y[-1]),
                "weight": next((w[title] for w in reversed(weights) if title in w), None),
                "lost": len(y) - len(finite),
                "svg": Markup(svg) if svg else None,
            }


def _keys(entries: list[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(key for entry in entries for key in entry))


def _column(
    steps: list[dict[str, Any]], entries: list[dict[str, Any]], key: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The steps that logged the key, and its values there, both float64."""
    rows = [i for i, entry in enumerate(entries) if entry.get(key) is not None]
    x = np.array([steps[i]["step"] for i in rows], dtype=float)
    return x, np.array([entries[i][key] for i in rows], dtype=float)


def settings(config: dict[str, Any], section: str) -> list[tuple[str, Any, bool]]:
    """The section's settings by dotted name, with their value and whether they were changed."""
    changes = set(config.get("changed") or [])
    return [
        (name, value, name in changes or f"{section}.{name}" in changes)
        for name, value in _flat(config.get(section) or {})
    ]


def _flat(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
