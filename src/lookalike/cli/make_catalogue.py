"""Writes `catalogue.json` from the code: `make catalogue`, or `python -m` this module."""

from __future__ import annotations

import json
from typing import Any

from lookalike.cli.catalogue import FILE
from lookalike.cli.describe import method_values, setting_values
from lookalike.data import READERS
from lookalike.data.poses.estimate.pose import THRESHOLD
from lookalike.evaluation.pictures.of_model import COUNT
from lookalike.importing import IMPORTERS
from lookalike.methods import METHODS
from lookalike.metrics import PROTOCOLS
from lookalike.metrics.distances import METRICS
from lookalike.metrics.images import VARIANTS
from lookalike.training import RunSettings


def catalogue_values() -> dict[str, Any]:
    """All of the catalogue, as JSON has it."""
    values = {
        "methods": {name: method_values(kind) for name, kind in METHODS.items()},
        "run": setting_values(RunSettings),
        "benchmarks": list(READERS),
        "importers": list(IMPORTERS),
        "metrics": list(METRICS),
        "protocols": list(PROTOCOLS),
        "ssim": list(VARIANTS),
        "numbers": {"picture_pairs": COUNT, "pose_threshold": THRESHOLD},
    }
    return json.loads(json.dumps(values))


def as_text(value: Any, margin: str = "") -> str:
    """JSON with a line a setting: whatever holds no mapping is one line."""
    inner = list(value.values()) if isinstance(value, dict) else value
    if not isinstance(inner, list) or not any(isinstance(v, dict) for v in inner):
        return json.dumps(value, ensure_ascii=False)
    deeper = margin + " "
    rows = [as_text(v, deeper) for v in inner]
    if isinstance(value, dict):
        rows = [f"{json.dumps(name)}: {row}" for name, row in zip(value, rows, strict=True)]
    first, last = "{}" if isinstance(value, dict) else "[]"
    return f"{first}\n{deeper}" + f",\n{deeper}".join(rows) + f"\n{margin}{last}"


def main() -> None:
    FILE.write_text(as_text(catalogue_values()) + "\n", encoding="utf-8")
    print(FILE)


if __name__ == "__main__":
    main()
