"""A run: the stages of a method on a benchmark, its evaluation, its folder and its report."""

from __future__ import annotations

import dataclasses
import json
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timezone
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from lookalike import parallel
from lookalike.data import DISTRACTOR, UNKNOWN, Benchmark, People, parse_data
from lookalike.data.poses.with_poses import with_poses
from lookalike.errors import UserError, unknown
from lookalike.files import (
    ADVICE,
    claim,
    differences,
    held,
    read_settings,
    remove_stale,
    write_yaml,
)
from lookalike.layout import use_layout
from lookalike.methods import METHODS
from lookalike.methods.method import Method
from lookalike.methods.model import Model
from lookalike.methods.model_file import FORMAT, save_model
from lookalike.methods.stage import Given, Stage, Write
from lookalike.training.fit import check_shares, fit_stage
from lookalike.training.memory import keep_freed_memory
from lookalike.training.precision import decide
from lookalike.training.processes import end_with_parent, first_error_only, is_main_process
from lookalike.training.report_run import report_run
from lookalike.training.run_folder import stage_folder
from lookalike.training.settings import COMFORT, RunSettings
from lookalike.training.write import write_pictures
from lookalike.version import __version__

GENERATED = "generated"  # in the run folder: what stages write for later ones
Data = str | Benchmark

CONFIG = "config.yaml"  # what a run was started with
GROWING = ("metrics.jsonl", "stages", "images", "tensorboard")  # what its steps leave behind
# What of it a resumed run must have too, beside the run settings that are no comfort
IDENTITY = ("data", "target", "seed", "precision", "layout", "settings")


@dataclass(frozen=True)
class Run:
    """A finished run. rows: its results table (fractions); none in helper processes."""

    folder: Path
    model: Model
    rows: list[dict[str, Any]] = field(default_factory=list)

    @property
    def report(self) -> Path:
        """The page to open in a browser."""
        return self.folder / "report.html"

    @property
    def metrics(self) -> dict[str, Any]:
        """The first line of the results table: "mAP", "rank1" and the like, as fractions. Of a
        method that only draws, its pictures' measures: "SSIM", "L1". Empty where nothing was
        tested."""
        name = self.model.method.name
        return next((row for row in self.rows if row.get("pictures", name) == name), {})


def train(
    method: str | Method,
    data: Data | Sequence[Data],
    *,
    target: Data | None = None,
    preset: str | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    settings: RunSettings | None = None,
    **changes: Any,
) -> Run:
    """Trains `method` on `data` through all its stages, evaluates it, and writes its report.

    method: a name in METHODS, with a preset and changed fields, or the settings themselves.
    data: a `Benchmark` or "name:path", or several, whose training people are then one table.
    target: a second domain, whose training people a method may look at without their identities,
    and on which the run is then judged. out: the run folder, by default runs/<method>.
    resume: go on with the run in `out`. settings, changes: how it runs; a field of `RunSettings` or
    of the method may be given by its name: train("ide", data, seed=1, epochs=20.0).
    Raises UserError on bad input, when `out` already has a run, also one that is being trained,
    and when a resumed run has other settings; TypeError for a preset or changed fields of settings
    that are given themselves.
    """
    names = {f.name for f in dataclasses.fields(RunSettings)}
    run_changes = {name: changes.pop(name) for name in names & changes.keys()}
    settings = dataclasses.replace(settings or RunSettings(), **run_changes)
    if isinstance(method, str):
        if method not in METHODS:
            raise unknown("method", method, METHODS)
        method = METHODS[method].preset(preset, **changes)
    elif changes or preset:
        raise TypeError("train takes a preset and changed fields only with a method's name")
    return train_method(
        method, data, target=target, preset=preset, out=out, resume=resume, settings=settings
    )


def train_method(
    method: Method,
    data: Data | Sequence[Data],
    *,
    target: Data | None,
    preset: str | None,
    out: str | Path | None,
    resume: bool,
    settings: RunSettings,
) -> Run:
    """As `train`, with all settings made; preset: the one that `method` is a change of, for
    config.yaml, which names what differs from it."""
    original = method
    sources = [data] if isinstance(data, str | Benchmark) else list(data)
    benches = [parse_data(d) if isinstance(d, str) else d for d in sources]
    aim = parse_data(target) if isinstance(target, str) else target
    if "target" in method.needs and aim is None:
        raise UserError(
            f"{method.name} learns from one domain for another: say which, --target NAME:PATH."
        )
    if "pose" in method.needs:
        benches = [with_poses(bench, say=is_main_process()) for bench in benches]
        aim = None if aim is None else with_poses(aim, say=is_main_process())
    method = method.resolved().scaled(settings.schedule_scale)
    run = Path(out or f"runs/{method.name}")
    before = decisions(run) if resume or not is_main_process() else {}
    size = getattr(method, "height", 256), getattr(method, "width", 128)
    settings, reason = decide(settings, before, size)
    use_layout("contiguous" if settings.layout == "contiguous" else "channels_last")
    people = plan_people(method, benches, aim, settings.seed, run / GENERATED)
    stages = method.stages(people)
    for stage in stages:
        if isinstance(stage, Stage) and stage.plan is not None:
            check_shares(stage.name, stage.plan(0), settings.devices)
    persons = true_identities([*benches, *([aim] if aim else [])])
    with held(run, "run", resume) if is_main_process() else nullcontext():
        if is_main_process():
            base = type(method).preset(preset)
            lines = differences(dataclasses.asdict(base), dataclasses.asdict(original))
            setting_names = [line.split(":")[0] for line in lines]
            prepare(run, config(method, preset, benches, aim, settings, setting_names), resume)
            remove_stale(run, 0)  # nobody else is at work here
            if reason:
                print(f"lookalike: {reason}", file=sys.stderr)
            if method.reads_target_labels:
                print(
                    f"These settings of {method.name} are given the identities of the target: an "
                    "oracle, not a label-free result.",
                    file=sys.stderr,
                )
        elif settings.devices > 1:
            end_with_parent()
        if settings.accelerator != "gpu":
            keep_freed_memory()
        done, seconds = train_stages(method, stages, run, settings, resume, persons)
        models = {name: m for name, m in done.items() if isinstance(m, Model)}
        for m in models.values():
            m.pids = people.source.classes.tolist()
        last = list(models)[-1]
        model = models[last]
        if not is_main_process():
            return Run(run, model)
        trained_on = " + ".join(map(str, benches))
        for name, m in models.items():
            file = "model" if name == last else name
            save_model(m, run / f"{file}.safetensors", trained_on)
        models[method.name] = models.pop(last)
        rows = report_run(run, models, [aim] if aim else benches, seconds, settings)
        return Run(run, model, rows)


def train_stages(
    method: Method,
    stages: Sequence[Stage | Write],
    run: Path,
    settings: RunSettings,
    resume: bool,
    persons: Mapping[str, int],
) -> tuple[dict[str, nn.Module], dict[str, float]]:
    """What every stage leaves behind and the seconds it took, by its name.

    persons: a number for the person in every training crop, for the log.
    """
    done: dict[str, nn.Module] = {}
    seconds: dict[str, float] = {}
    with first_error_only():
        for number, stage in enumerate(stages, 1):
            if isinstance(stage, Write):
                write_pictures(stage, done, settings, method)
                continue
            later = [stage_folder(run, n, s) for n, s in enumerate(stages, 1) if n > number]
            ended = resume and any((folder / "last.ckpt").exists() for folder in later)
            truth = np.array([persons.get(path, UNKNOWN) for path in stage.people.paths])
            done[stage.name], seconds[stage.name] = fit_stage(
                stage, number, done, run, settings, resume, ended, truth
            )
    parallel.leave()
    return done, seconds


def decisions(run: Path) -> dict[str, Any]:
    """What the run in that folder was started with; nothing where there is none."""
    file = run / CONFIG
    return read_settings(file, ADVICE) if file.exists() else {}


def plan_people(
    method: Method, benches: Sequence[Benchmark], target: Benchmark | None, seed: int, folder: Path
) -> Given:
    """The people that a method plans with: those of all `benches` as one table, and the target's.

    Domains of one name that are different data get different names. Raises UserError where there
    is nobody to train on.
    """
    tables: list[People] = []
    names: dict[str, str] = {}  # domain → the data that has it
    for number, bench in enumerate([*benches, *([target] if target else [])], 1):
        people = bench.train
        if method.labels if number <= len(benches) else method.reads_target_labels:
            people = people[people.pids > DISTRACTOR]
        else:
            people = people.unlabelled()
        if not len(people):
            raise UserError(f"{bench} has no training images.")
        for domain in people.domains:
            if names.setdefault(domain, str(bench)) != str(bench):
                fresh = (f"{domain}-{k}" for k in count(number))
                name = next(n for n in fresh if names.setdefault(n, str(bench)) == str(bench))
                people = people.named(name)
        tables.append(people)
    source = tables[0]
    for people in tables[1 : len(benches)]:
        source = source + people
    return Given(source, tables[-1] if target else None, seed, folder)


def true_identities(benches: Sequence[Benchmark]) -> dict[str, int]:
    """A number for the person in every training crop: for the log of methods that mustn't know."""
    persons: dict[tuple[int, int], int] = {}
    identities = {}
    for number, bench in enumerate(benches):
        for path, pid in zip(bench.train.paths, bench.train.pids.tolist(), strict=True):
            if pid > DISTRACTOR:
                identities[path] = persons.setdefault((number, pid), len(persons) + 1)
    return identities


def config(
    method: Method,
    preset: str | None,
    benches: Sequence[Benchmark],
    target: Benchmark | None,
    settings: RunSettings,
    changes: list[str],
) -> dict[str, Any]:
    """What config.yaml says; changes: the settings that differ from the preset's."""
    run = dataclasses.asdict(settings)
    seed, precision, layout = (run.pop(name) for name in ("seed", "precision", "layout"))
    command = shlex.join(["lookalike", *sys.argv[1:]]) if len(sys.argv) > 1 else ""
    data = [str(bench) for bench in benches]
    return {
        "format": FORMAT,
        "method": method.name,
        "preset": preset,
        "data": data[0] if len(data) == 1 else data,
        **({"target": str(target)} if target else {}),
        "seed": seed,
        "precision": precision,
        "layout": layout,
        "version": __version__,
        "command": command,
        "started": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "settings": json.loads(json.dumps(dataclasses.asdict(method))),
        "changed": changes,
        "generates": list(method.model_type().verbs),
        "embeds": bool(method.model_type().features_of),
        "run": run,
    }


def prepare(run: Path, new: dict[str, Any], resume: bool) -> None:
    """Makes the run folder, or checks that the one there may be resumed with these settings.

    A run that failed before its first checkpoint needs no resuming: it begins again.
    """
    file = run / CONFIG
    if file.exists():
        old = read_settings(file, ADVICE, "method")
        kind = old["method"]
        if (
            not resume
            and not any(run.glob("stages/*/last.ckpt"))
            and not any(run.glob("*.safetensors"))
        ):
            for name in GROWING:  # another method's lines would stay among the new ones
                path = run / name
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            write_yaml(file, new)
            return
        if resume and "format" not in old:
            raise UserError(
                f"{run} holds a run of an earlier Lookalike, which that version alone can resume: "
                "its models can be used as they are; train in another --out."
            )
        if resume and kind != new["method"]:
            raise UserError(f"{run} holds a run of {kind}, not of {new['method']}; {ADVICE}.")

    def numbers(settings: dict[str, Any]) -> dict[str, Any]:
        run = {k: v for k, v in settings.get("run", {}).items() if k not in COMFORT}
        return {**{k: settings.get(k) for k in IDENTITY}, **run}

    claim(
        run,
        CONFIG,
        new,
        "run",
        resume=resume,
        changes=lambda old, new: differences(numbers(old), numbers(new)),
    )
