"""What follows the training: the models are judged, and the run folder gets its report."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lookalike.data import Benchmark
from lookalike.errors import UserError
from lookalike.evaluation.evaluation import evaluate
from lookalike.evaluation.pictures import picture_quality, picture_table
from lookalike.evaluation.text_tables import results_table
from lookalike.files import write_csv, write_json
from lookalike.generation.pictures import read_images, save_picture
from lookalike.generation.repose import Repose
from lookalike.generation.target_poses import known_pairs
from lookalike.methods import Model
from lookalike.methods.model_file import fingerprint
from lookalike.report import write_report
from lookalike.training.processes import processor
from lookalike.training.settings import RunSettings, resolve_device
from lookalike.version import __version__

PAIRS = 400  # held-out pairs that a run's pictures are judged on; `lookalike quality` takes more
SHOWN = 8  # held-out people in the picture at the end


def report_run(
    run: Path,
    models: Mapping[str, Model],
    benches: Sequence[Benchmark],
    seconds: Mapping[str, float],
    settings: RunSettings,
) -> list[dict[str, Any]]:
    """Judges the models and writes everything that follows the training: the results' rows.

    Models that recognise are ranked on every one of `benches` that has tested people; the last one,
    if it puts people into other poses, makes pictures of those of the first.
    """
    *_, model = models.values()
    write_json(run / "environment.json", environment(model, seconds, settings))
    device = resolve_device(settings)
    for m in models.values():  # Lightning leaves them on the CPU
        m.to(device)
    rows: list[dict[str, Any]] = []
    queries: list[dict[str, Any]] = []
    ranked: dict[str, Any] = {}
    test_benches = [bench for bench in benches if len(bench.query) and len(bench.gallery)]
    recognising = {name: m for name, m in models.items() if m.embeds}
    for bench in test_benches if recognising else ():
        evaluation = evaluate(recognising, bench)
        if len(test_benches) > 1:
            print(bench)
        print(results_table(evaluation))
        rows += evaluation.rows
        queries += evaluation.queries
        ranked = ranked or evaluation.ranked
    if rows:
        write_json(run / "evaluation.json", {"rows": rows})
        write_csv(run / "queries.csv", queries)
        write_json(run / "ranked.json", ranked)
    elif recognising:
        print("nobody was tested: the data have no query and gallery images")
    if test_benches and "repose" in model.generates:
        rows += judge_pictures(run, model, test_benches[0])
    for m in models.values():
        m.cpu()
    write_report(run)
    print(f"model   {run / 'model.safetensors'}\nreport  {run / 'report.html'}")
    return rows


def judge_pictures(run: Path, model: Model, bench: Benchmark) -> list[dict[str, Any]]:
    """Measures and shows the model's pictures of held-out people: their rows.

    None, and a line that says why, where no pair of them has a pose.
    """
    try:
        quality = picture_quality(model, bench, count=PAIRS)
    except UserError as error:  # the trained model counts for more than its pictures
        write_json(run / "pictures.json", {"rows": [], "notes": [str(error)]})
        print(f"no pictures of tested people: {error}")
        return []
    try:
        images, targets = known_pairs(bench, SHOWN, seed=0)
    except UserError as error:
        quality.notes.append(str(error))
    else:
        pairs = Repose().pairs(model, read_images(model, images), targets, SHOWN)
        save_picture(pairs, run / "images" / "final-held_out_people.png")
    write_json(run / "pictures.json", {"rows": quality.rows, "notes": quality.notes})
    print(picture_table(quality))
    return quality.rows


def environment(
    model: nn.Module, seconds: Mapping[str, float], settings: RunSettings
) -> dict[str, Any]:
    """What ran this, for the report."""
    gpu = resolve_device(settings) == "cuda"
    cpu = processor()
    return {
        "hardware": torch.cuda.get_device_name() if gpu else f"{cpu}, {os.cpu_count()} cores",
        "cpu": cpu,
        "threads": torch.get_num_threads(),
        "spin": os.environ.get("GOMP_SPINCOUNT", ""),
        "devices": settings.devices,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "lookalike": __version__,
        "model": fingerprint(model),
        "parameters": {"total": sum(p.numel() for p in model.parameters())},
        "stage_seconds": {k: round(v, 1) for k, v in seconds.items()},
    }
