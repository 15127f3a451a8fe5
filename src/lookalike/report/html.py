"""The report of a run: one HTML file, made from what lies in the run folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from numpy.typing import NDArray

from lookalike.report.figures import curve
from lookalike.report.files import RunFiles, read_run
from lookalike.report.pictures import pictures, thumbnail
from lookalike.report.thresholds import rate, thresholds

HEADLINES = {
    "mAP": "mAP",
    "rank1": "Rank-1",
    "rank5": "Rank-5",
    "rank10": "Rank-10",
    "mINP": "mINP",
}
LISTS = {"worst": "Queries it does worst on", "random": "Queries drawn at random"}


def write_report(run: str | Path) -> Path:
    """The path of `report.html`, written into the run folder from what lies there.

    A part whose file is missing or broken is named in the report and left out. The page holds its
    pictures, curves and styles itself, so it can be sent to somebody. Raises UserError when there
    is no such folder.
    """
    files = read_run(Path(run))
    config = files.config
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters.update(percent=percent, duration=duration, number=number, rate=rate)
    limits = drawn_thresholds(files)
    page = environment.get_template("template.html.jinja").render(
        method=config.get("method", files.folder.resolve().name),
        config=config,
        notes=files.notes,
        headlines=HEADLINES,
        rows=files.evaluation.get("rows") or [],
        pictures=pictures(files.images, files.stages),
        generates=files.generates,
        features=files.ranked.get("features"),
        ranked=ranked_lists(files.ranked.get("lists") or []),
        thresholds=limits,
        stages=[stage(files, name) for name in files.stages],
        settings={name: settings(config, name) for name in ("settings", "run")},
        environment=files.environment,
    )
    path = files.folder / "report.html"
    partial = files.folder / "report.html.partial"
    # A file name may hold bytes that aren't UTF-8: they must not stop the report.
    partial.write_text(page, encoding="utf-8", errors="xmlcharrefreplace")
    os.replace(partial, path)
    return path


def drawn_thresholds(files: RunFiles) -> dict[str, Any] | None:
    """What the page shows of calibration.json; None, with a note, if another version wrote it."""
    if not files.calibration:
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


def stage(files: RunFiles, name: str) -> dict[str, Any]:
    """What is known of a stage: last step, median time per step, duration, and its curves."""
    steps = files.steps.get(name, [])
    times = _column(steps, steps, "step_seconds")[1]
    took = (files.environment.get("stage_seconds") or {}).get(name)
    return {
        "name": name,
        "last_step": steps[-1]["step"] if steps else None,
        "step_seconds": float(np.median(times)) if len(times) else None,
        "seconds": steps[-1].get("seconds") if took is None and steps else took,
        "finished": took is not None,
        "curves": list(curves(files.stages.index(name), steps)),
    }


def curves(stage_number: int, steps: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """A small chart for each loss term, then the ramped weights, the rate, the time per step."""
    losses = [entry.get("losses") or {} for entry in steps]
    weights = [entry.get("weights") or {} for entry in steps]
    ramped = [t for t in _keys(weights) if len({w[t] for w in weights if t in w}) > 1]
    charts = [(term, losses, term, True) for term in _keys(losses)]
    charts += [(f"weight of {term}", weights, term, False) for term in ramped]
    charts += [
        ("learning rate", steps, "lr", False),
        ("seconds per step", steps, "step_seconds", True),
    ]
    for i, (title, entries, key, smoothed) in enumerate(charts):
        x, y = _column(steps, entries, key)
        finite = y[np.isfinite(y)]
        if len(y):
            svg = curve(x, y, f"{stage_number}-{i}", smoothed) if len(finite) else None
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
    there = [i for i, entry in enumerate(entries) if entry.get(key) is not None]
    x = np.array([steps[i]["step"] for i in there], dtype=float)
    return x, np.array([entries[i][key] for i in there], dtype=float)


def settings(config: dict[str, Any], section: str) -> list[tuple[str, Any, bool]]:
    """The section's settings by dotted name, with their value and whether they were changed."""
    changed = set(config.get("changed") or [])
    return [
        (name, value, name in changed or f"{section}.{name}" in changed)
        for name, value in _flat(config.get(section) or {})
    ]


def _flat(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def percent(fraction: float | None) -> str:
    """A fraction in per cent with one decimal; a dash for None."""
    return "–" if fraction is None else f"{100 * fraction:.1f}"


def number(value: float | None) -> str:
    """Three significant digits, whole numbers from 1000 to a million; a dash for None."""
    if value is None:
        return "–"
    if 1000 <= abs(value) < 1e6:
        return f"{value:,.0f}"
    return f"{value:.3g}".replace("e-0", "e-").replace("e+0", "e+").replace("nan", "NaN")


def duration(seconds: float | None) -> str:
    """A time as people read it: 1 h 02 min, 3 min 20 s, 12 s, 0.41 s; a dash for None."""
    if seconds is None:
        return "–"
    if seconds < 10:
        return f"{seconds:.2g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
