"""One page about several runs: who was seen, how well each ranks where, and what it paints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lookalike.report.files import read_run
from lookalike.report.html import ranked_lists, stage
from lookalike.report.page import write_page
from lookalike.report.pictures import thumbnail

Row = Mapping[str, Any]
WIDEST = 2200  # pixels of a picture on the page


@dataclass(frozen=True)
class Figure:
    """A picture file with its title and what is to be seen on it."""

    title: str
    caption: str
    path: Path


@dataclass(frozen=True)
class Overview:
    """What the page shows, from top to bottom. Texts are plain.

    lead: sentences below the title. facts: name → value. tables: a benchmark's title → the lines of
    its results, as in evaluation.json, the names of what was tested in their `features`; all
    benchmarks have the same ones. ranked: a title → what a run's ranked.json holds. runs: a title →
    the run's folder. commands: what could come next, and the command that does it.
    """

    title: str
    lead: Sequence[str]
    facts: Mapping[str, str]
    tables: Mapping[str, Sequence[Row]]
    people: Sequence[Figure] = ()
    pictures: Sequence[Figure] = ()
    ranked: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    runs: Mapping[str, Path] = field(default_factory=dict)
    commands: Sequence[tuple[str, str]] = ()


def write_overview(path: Path, about: Overview) -> Path:
    """Writes the page, which holds its pictures, curves and styles itself, to `path`.

    Raises UserError when a run's folder isn't there.
    """
    return write_page(
        path,
        "overview.html.jinja",
        about=about,
        lines=beside(about.tables),
        people=[figure_entry(figure) for figure in about.people],
        pictures=[figure_entry(figure) for figure in about.pictures],
        ranked=[
            {
                "title": title,
                "features": lists.get("features"),
                "groups": ranked_lists(lists.get("lists") or []),
            }
            for title, lists in about.ranked.items()
        ],
        runs=[run(title, folder, path.parent) for title, folder in about.runs.items()],
    )


def beside(tables: Mapping[str, Sequence[Row]]) -> list[tuple[str, list[Row]]]:
    """The lines of all tables by name, those of one name side by side."""
    names = dict.fromkeys(str(row["features"]) for rows in tables.values() for row in rows)
    return [
        (name, [next(r for r in rows if r["features"] == name) for rows in tables.values()])
        for name in names
    ]


def figure_entry(figure: Figure) -> dict[str, Any]:
    """The figure with its picture as the page holds it."""
    uri, width = thumbnail(figure.path, (WIDEST, 4 * WIDEST)) or (None, 0)
    return {
        "title": figure.title,
        "caption": figure.caption,
        "label": "",
        "uri": uri,
        "name": figure.path.name,
        "width": width,
    }


def run(title: str, folder: Path, root: Path) -> dict[str, Any]:
    """A run's stages with their curves, and where its own report lies, as seen from `root`."""
    files = read_run(folder)
    report = folder / "report.html"
    inside = report.is_relative_to(root)
    return {
        "title": title,
        "report": str(report.relative_to(root) if inside else report),
        "stages": [stage(files, name, f"{folder.name}-") for name in files.stages],
        "environment": files.environment,
    }
