"""A run: the stages of a method on a benchmark, its evaluation, its folder and its report."""

from __future__ import annotations

import dataclasses
import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import yaml
from torch import nn

import lookalike
from lookalike import parallel
from lookalike.data import DISTRACTOR, Benchmark, parse_data
from lookalike.data.poses.with_poses import with_poses
from lookalike.errors import UserError, unknown
from lookalike.methods import METHODS, Method, Model, Stage
from lookalike.methods.model_file import save_model
from lookalike.training.fit import checkpoint_of, fit_stage
from lookalike.training.memory import keep_freed_memory
from lookalike.training.processes import end_with_parent, is_main_process, one_voice
from lookalike.training.report_run import finish
from lookalike.training.run_folder import differences, write_yaml
from lookalike.training.settings import COMFORT, RunSettings, resolve_precision


@dataclass(frozen=True)
class Run:
    """A finished run. rows: its results table (fractions); none in helper processes."""

    folder: Path
    model: Model
    rows: list[dict[str, Any]] = field(default_factory=list)

    @property
    def report(self) -> Path:
        return self.folder / "report.html"


def train(
    method: str | Method,
    data: str | Benchmark,
    *,
    preset: str | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    settings: RunSettings | None = None,
    **changes: Any,
) -> Run:
    """Trains `method` on `data` through all its stages, evaluates it, and writes its report.

    method: a name in METHODS, with a preset and changed fields, or the settings themselves.
    data: a `Benchmark` or "name:path". out: the run folder, by default runs/<method>.
    resume: go on with the run in `out`. Raises UserError on bad input, when `out` already has a
    run, and when a resumed run has other settings.
    """
    settings = settings or RunSettings()
    if isinstance(method, str):
        if method not in METHODS:
            raise unknown("method", method, METHODS)
        method = METHODS[method].preset(preset, **changes)
    elif changes:
        raise TypeError("train takes changed fields only with a method's name")
    bench = parse_data(data) if isinstance(data, str) else data
    base, given = type(method).preset(preset), method
    bench = dataclasses.replace(bench, train=bench.train[bench.train.pids > DISTRACTOR])
    if not len(bench.train):
        raise UserError(f"{bench} has no training images.")
    if "pose" in method.needs:
        bench = with_poses(bench, say=is_main_process())
    method = method.resolved().scaled(settings.schedule_scale)
    stages = method.stages(bench.train, settings.seed)
    check_shares(stages, settings.devices)
    run = Path(out or f"runs/{method.name}")
    if is_main_process():
        changed = differences(dataclasses.asdict(base), dataclasses.asdict(given))
        facts = config(method, preset, bench, settings, [c.split(":")[0] for c in changed])
        prepare(run, facts, resume)
    elif settings.devices > 1:
        end_with_parent()
    if settings.accelerator != "gpu":
        keep_freed_memory()

    done: dict[str, nn.Module] = {}
    seconds: dict[str, float] = {}
    with one_voice():
        for number, stage in enumerate(stages, 1):
            later = [checkpoint_of(run, n, s) for n, s in enumerate(stages, 1) if n > number]
            ended = resume and any(file.exists() for file in later)
            done[stage.name], seconds[stage.name] = fit_stage(
                stage, number, bench.train, done, run, settings, resume, ended)  # fmt: skip
    parallel.part()
    models = {name: m for name, m in done.items() if isinstance(m, Model)}
    for trained in models.values():
        trained.pids = bench.train.classes.tolist()
    model = models[stages[-1].name]
    if not is_main_process():
        return Run(run, model)
    save_model(model, run / "model.safetensors", str(bench))
    for name in list(models)[:-1]:
        save_model(models[name], run / f"{name}.safetensors", str(bench))
    models[method.name] = models.pop(stages[-1].name)
    rows = finish(run, models, bench, seconds, settings)
    return Run(run, model, rows)


def check_shares(stages: Sequence[Stage], devices: int) -> None:
    """Raises UserError when a global batch can't be shared equally among the processes."""
    for stage in stages:
        for batch in stage.plan(0).values():
            if len(batch) % devices:
                raise UserError(
                    f"Stage '{stage.name}' has batches of {len(batch)} images, which {devices} "
                    f"devices can't share equally: choose a multiple of {devices}."
                )


def config(
    method: Method,
    preset: str | None,
    bench: Benchmark,
    settings: RunSettings,
    changed: list[str],
) -> dict[str, Any]:
    """What config.yaml says; changed: the settings that differ from the preset's."""
    run = dataclasses.asdict(settings)
    seed, _ = run.pop("seed"), run.pop("precision")
    command = shlex.join(["lookalike", *sys.argv[1:]]) if len(sys.argv) > 1 else ""
    return {
        "method": method.name,
        "preset": preset,
        "data": str(bench),
        "seed": seed,
        "precision": resolve_precision(settings),
        "version": lookalike.__version__,
        "command": command,
        "started": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "settings": json.loads(json.dumps(dataclasses.asdict(method))),
        "changed": changed,
        "generates": list(method.generates),
        "embeds": method.embeds,
        "run": run,
    }


def prepare(run: Path, new: dict[str, Any], resume: bool) -> None:
    """Makes the run folder, or checks that the one there may be resumed with these settings.

    A run that failed before its first checkpoint needs no resuming: it begins again.
    """
    file = run / "config.yaml"
    if not file.exists():
        if resume:
            raise UserError(f"There is no run to resume in {run}; leave out --resume to start one.")
        if run.exists() and (not run.is_dir() or any(run.iterdir())):
            raise UserError(f"{run} holds other files; choose another --out.")
        write_yaml(file, new)
        return
    try:
        old = yaml.safe_load(file.read_text())
        kind = old["method"]
    except (OSError, ValueError, TypeError, KeyError, yaml.YAMLError) as error:
        raise UserError(f"{file} can't be read: choose another --out.") from error
    if not resume:
        if any(run.glob("stages/*/last.ckpt")):
            raise UserError(
                f"{run} already holds a run; add --resume to go on, or choose another --out."
            )
        write_yaml(file, new)
        return
    if kind != new["method"]:
        raise UserError(
            f"{run} holds a run of {kind}, not of {new['method']}; choose another --out."
        )

    def numbers(c: dict[str, Any]) -> dict[str, Any]:
        kept = {k: v for k, v in c["run"].items() if k not in COMFORT}
        return {**{k: c[k] for k in ("data", "seed", "precision", "settings")}, **kept}

    changed = differences(numbers(old), numbers(new))
    if changed:
        raise UserError(
            f"{run} was started with other settings ({'; '.join(changed)}): resume it with the "
            "same ones, or choose another --out."
        )
