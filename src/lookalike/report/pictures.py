"""A run's pictures as the report shows them: data URIs, and in the order of training."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from lookalike.data.images import read_image
from lookalike.data.people import evenly
from lookalike.errors import UserError
from lookalike.reading import from_json, read_bytes

EARLIER = 8  # pictures of a progression that are shown; the others stay in images/


def thumbnail(path: Path, largest: tuple[int, int]) -> tuple[str, int] | None:
    """The image as a JPEG data URI, shrunk to fit in `largest` (width, height), and its width.

    None when the file is missing or is no image.
    """
    try:
        image = read_image(path)
    except UserError:
        return None
    image.thumbnail(largest)
    out = BytesIO()
    # Full colour resolution: half of it would smear the captions and the thin frames.
    image.save(out, "JPEG", quality=85, subsampling=0)
    data = base64.b64encode(out.getvalue()).decode()
    return f"data:image/jpeg;base64,{data}", image.width


def pictures(paths: Sequence[Path], stages: Sequence[str]) -> list[dict[str, Any]]:
    """The pictures by kind: title, caption, the final or newest one, and up to 8 earlier ones.

    paths: `<stage>-<step>-<kind>.png` or `final-<kind>.png`. The earlier ones come newest first,
    evenly thinned; `left_out` counts the others.
    """
    kinds: dict[str, list[tuple[tuple[int, int], str, Path]]] = {}
    for path in paths:
        kind, when, label = _parse(path, stages)
        kinds.setdefault(kind, []).append((when, label, path))
    groups = []
    for kind, entries in kinds.items():
        (_, label, newest), *earlier = sorted(entries, key=lambda f: f[0], reverse=True)
        shown = evenly(earlier, EARLIER)
        about = _about(newest)
        words = kind.replace("-", " ").replace("_", " ").capitalize()
        groups.append(
            {
                "title": about.get("title") or words,
                "caption": about.get("caption"),
                "newest": _entry(newest, label, 2200),
                "earlier": [_entry(path, label, 700) for _, label, path in shown],
                "left_out": len(earlier) - len(shown),
            }
        )
    return groups


def _parse(path: Path, stages: Sequence[str]) -> tuple[str, tuple[int, int], str]:
    """The picture's kind, its place in the training as (stage, step), and that in words."""
    if match := re.fullmatch(r"final-(.+)", path.stem):
        return match[1], (len(stages), 0), "final"
    if match := re.fullmatch(r"(.+?)-(\d+)-(.+)", path.stem):
        place = stages.index(match[1]) if match[1] in stages else -1
        return match[3], (place, int(match[2])), f"{match[1]}, step {int(match[2]):,}"
    return path.stem, (-1, 0), ""


def _entry(path: Path, label: str, width: int) -> dict[str, Any]:
    uri, shown_width = thumbnail(path, (width, 4 * width)) or (None, 0)
    return {"name": path.name, "label": label, "uri": uri, "width": shown_width}


def _about(path: Path) -> dict[str, Any]:
    """The title and caption beside a picture, where there are any."""
    try:
        about = from_json(read_bytes(path.with_suffix(".json")))
    except (UserError, ValueError):
        return {}
    return about if isinstance(about, dict) else {}
