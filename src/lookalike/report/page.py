"""A page that holds everything itself: the templates, their filters, and the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from lookalike.files import replacing
from lookalike.rates import short_rate

HEADLINES = {
    "mAP": "mAP",
    "rank1": "Rank-1",
    "rank5": "Rank-5",
    "rank10": "Rank-10",
    "rank20": "Rank-20",
    "mINP": "mINP",
}


def write_page(path: Path, template: str, **parts: Any) -> Path:
    """Writes the template, filled with the parts, to `path`, complete or not at all."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters.update(percent=percent, duration=duration, number=number, rate=short_rate)
    page = environment.get_template(template).render(headlines=HEADLINES, **parts)
    with replacing(path) as part:
        # A file name may hold bytes that aren't UTF-8: they must not stop the report.
        part.write_text(page, encoding="utf-8", errors="xmlcharrefreplace")
    return path


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
