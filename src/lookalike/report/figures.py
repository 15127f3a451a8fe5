"""Curves as inline SVG that takes its colours from the page, light or dark."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import StringIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Stand-ins that no default of matplotlib uses; they leave as the page's CSS variables.
INK, GRID, LINE, WRONG = "#010203", "#010204", "#010205", "#010206"
_VARIABLES = {
    INK: "var(--muted)",
    GRID: "var(--line)",
    LINE: "var(--accent)",
    WRONG: "var(--wrong)",
}


def thin(steps: Floats, values: Floats, limit: int = 500) -> tuple[Floats, Floats]:
    """At most `limit` of the N points: the lowest and highest of each of limit/2 − 1 equal parts.

    So a spike stays in sight. The first and the last point are always kept.
    """
    if len(values) <= limit:
        return steps, values
    parts = np.array_split(np.arange(len(values)), limit // 2 - 1)
    ends = [0, len(values) - 1]
    low = [part[values[part].argmin()] for part in parts]
    high = [part[values[part].argmax()] for part in parts]
    keep = np.unique([*ends, *low, *high])
    return steps[keep], values[keep]


def smooth(steps: Floats, values: Floats, points: int = 250) -> tuple[Floats, Floats]:
    """The means of at most `points` equal parts, under a Gaussian a sixtieth of the curve wide.

    At the ends the Gaussian is cut off and weighted anew, so a constant stays the constant.
    """
    parts = min(points, len(values))
    x = np.array([part.mean() for part in np.array_split(steps, parts)])
    y = np.array([part.mean() for part in np.array_split(values, parts)])
    order = np.arange(parts)
    weights = np.exp(-0.5 * ((order[:, None] - order) / max(parts / 60, 1e-3)) ** 2)
    return x, (weights @ y) / weights.sum(1)


def spans_decades(values: Floats) -> bool:
    """Whether a logarithmic axis suits the values: all positive, over two decades or more."""
    if len(values) == 0 or values.min() <= 0:
        return False
    low, high = np.percentile(values, [1, 99])
    return bool(high >= 100 * low)


def curve(steps: Floats, values: Floats, label: str, smoothed: bool = True) -> str:
    """Inline SVG of values over steps: a faint raw line, and over it the smoothed one.

    label: one word for the SVG's ids, unique on the page. Values that aren't finite are left out;
    raises ValueError when none is left. The axis is logarithmic when the values span decades,
    and the smoothing is then of the logarithm.
    """
    finite = np.isfinite(values)
    steps, values = steps[finite], values[finite]
    if len(values) == 0:
        raise ValueError("A curve needs at least one finite value")
    log = spans_decades(values)
    faint = smoothed and len(values) > 20

    def paint(axes: Any) -> None:
        from matplotlib.ticker import MaxNLocator

        axes.plot(
            *thin(steps, values),
            color=LINE,
            alpha=0.3 if faint else 1.0,
            linewidth=0.7 if faint else 1.3,
            marker="o" if len(values) == 1 else None,
            markersize=3,
        )
        if faint:
            x, y = smooth(steps, np.log(values) if log else values)
            axes.plot(x, np.exp(y) if log else y, color=LINE, linewidth=1.5)
        if log:
            axes.set_yscale("log")
        else:
            axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.margins(x=0.01)

    return draw(paint, label)


def draw(paint: Callable[[Any], None], label: str, size: tuple[float, float] = (3.5, 1.9)) -> str:
    """Inline SVG of what `paint` puts on matplotlib's axes, with the report's grid and ticks.

    label: as in `curve`. size: width and height in inches, which only set the proportions and how
    large the text is beside them.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.fonttype": "none", "svg.hashsalt": label, "font.size": 8}):
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.add_subplot()
        paint(axes)
        axes.grid(axis="y", color=GRID, linewidth=0.6)
        axes.tick_params(which="both", colors=INK, length=0)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.spines["bottom"].set_color(GRID)
        out = StringIO()
        figure.savefig(out, format="svg", transparent=True)
    return _inline(out.getvalue())


def _inline(svg: str) -> str:
    """The SVG as HTML takes it: no prologue, metadata, namespaces, style sheet or sizes of its own.

    Only ids that are referred to stay (matplotlib hashes them with `label`): the rest repeat.
    """
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<(metadata|style)\b.*?</\1>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' xmlns(:\w+)?="[^"]*"', "", svg)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r' id="[\w.]+_\d+"', "", svg)
    svg = re.sub(r" font-family: [^;]*;", "", svg)
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, variable)
    return re.sub(r"\s*\n\s*", "\n", svg)
