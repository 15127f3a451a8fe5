"""What follows the training: the models are judged, and the run folder gets its report."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

import lookalike
from lookalike.data import Benchmark
from lookalike.engine.evaluation import evaluate
from lookalike.engine.folder import write_json
from lookalike.engine.picture_quality import picture_quality
from lookalike.engine.picture_table import picture_table
from lookalike.engine.settings import RunSettings, resolve_device
from lookalike.engine.tables import table
from lookalike.methods import Model
from lookalike.report import write_report

PAIRS = 400  # held-out pairs that a run's pictures are judged on; `lookalike evaluate` takes more


def finish(
    run: Path,
    models: Mapping[str, Model],
    bench: Benchmark,
    seconds: Mapping[str, float],
    settings: RunSettings,
) -> list[dict[str, Any]]:
    """Judges the models and writes everything that follows the training: the results' rows.

    Models that recognise are ranked; the last one, if it puts people into other poses, makes
    pictures of held-out people.
    """
    *_, model = models.values()
    write_json(run / "environment.json", environment(model, seconds, settings))
    device = resolve_device(settings)
    for trained in models.values():  # Lightning leaves them on the CPU
        trained.to(device)
    rows: list[dict[str, Any]] = []
    if len(bench.query) and len(bench.gallery):
        recognising = {name: m for name, m in models.items() if m.method.embeds}
        if recognising:
            evaluation = evaluate(recognising, bench)
            write_json(run / "evaluation.json", {"rows": evaluation.rows})
            write_json(run / "ranked.json", evaluation.ranked)
            print(table(evaluation))
            rows += evaluation.rows
        if "repose" in model.method.generates:
            pictures = picture_quality(model, bench, count=PAIRS)
            write_json(run / "pictures.json", {"rows": pictures.rows, "notes": pictures.notes})
            print(picture_table(pictures))
            rows += pictures.rows
    for trained in models.values():
        trained.cpu()
    write_report(run)
    print(f"model   {run / 'model.safetensors'}\nreport  {run / 'report.html'}")
    return rows


def environment(
    model: nn.Module, seconds: Mapping[str, float], settings: RunSettings
) -> dict[str, Any]:
    """What ran this, for the report."""
    gpu = resolve_device(settings) == "cuda"
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [x for x in info.read_text().splitlines() if x.startswith("model name")]
        cpu = names[0].split(":", 1)[1].strip() if names else cpu
    return {
        "hardware": torch.cuda.get_device_name() if gpu else f"{cpu}, {os.cpu_count()} cores",
        "cpu": cpu,
        "threads": torch.get_num_threads(),
        "devices": settings.devices,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "lookalike": lookalike.__version__,
        "parameters": {"total": sum(p.numel() for p in model.parameters())},
        "stage_seconds": {k: round(v, 1) for k, v in seconds.items()},
    }
