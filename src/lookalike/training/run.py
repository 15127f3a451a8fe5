"""A run: the stages of a method on a benchmark, its evaluation, its folder and its report."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from lookalike import parallel
from lookalike.data import UNKNOWN, Benchmark, parse_data
from lookalike.data.poses.with_poses import require_training_poses, with_poses
from lookalike.errors import NotWritten, UserError, unknown
from lookalike.files import remove_stale
from lookalike.folders import differences, held
from lookalike.layout import use_layout
from lookalike.methods import METHODS
from lookalike.methods.decay import decay_text, with_decay
from lookalike.methods.method import Method
from lookalike.methods.model import Model
from lookalike.methods.model_file import save_model
from lookalike.methods.stage import Stage, Write
from lookalike.stopping import end_with_parent, is_main_process
from lookalike.training.fit import fit_stage
from lookalike.training.given import plan_people, true_identities
from lookalike.training.memory import keep_freed_memory
from lookalike.training.precision import decide
from lookalike.training.processes import first_error_only
from lookalike.training.report_run import report_run
from lookalike.training.rounds import check_shares
from lookalike.training.run_config import (
    CONFIG,
    config,
    config_of,
    length_settings,
    lengthen,
    prepare,
)
from lookalike.training.run_folder import stage_folder
from lookalike.training.settings import RunSettings
from lookalike.training.start import by_name, start_of
from lookalike.training.write import write_pictures

GENERATED = "generated"  # in the run folder: what stages write for later ones
Data = str | Benchmark


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
    start: str | Path | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    settings: RunSettings | None = None,
    **changes: Any,
) -> Run:
    """Trains `method` on `data` through all its stages, evaluates it, and writes its report.

    method: a name in METHODS, with a preset and changed fields, or the settings themselves.
    data: a `Benchmark` or "name:path", or several, whose training people are then one table.
    target: a second domain, whose training people a method may look at without their identities,
    and on which the run is then judged. start: a trained model, a run folder or a file, whose trunk
    the method's starts from. out: the run folder, by default runs/<method>.
    resume: go on with the run in `out`. settings, changes: how it runs; a field of `RunSettings` or
    of the method may be given by its name: train("ide", data, seed=1, epochs=20.0).
    Raises UserError on bad input, when `out` already has a run, also one that is being trained,
    when a resumed run has other settings, and where `start` is no model or has another trunk than
    the method, or the method none; TypeError for a preset or changed fields of settings
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
        method,
        data,
        target=target,
        preset=preset,
        start=start,
        out=out,
        resume=resume,
        settings=settings,
    )


def train_method(
    method: Method,
    data: Data | Sequence[Data],
    *,
    target: Data | None,
    preset: str | None,
    start: str | Path | None = None,
    out: str | Path | None,
    resume: bool,
    settings: RunSettings,
) -> Run:
    """As `train`, with all settings made; preset: the one that `method` is a change of, for
    config.yaml, which names what differs from it."""
    if settings.devices > 1 and not is_main_process():
        end_with_parent()
    original = method
    run = Path(out or f"runs/{method.name}")
    before = config_of(run) if resume or not is_main_process() else {}
    begin = start_of(method, start, run, before, is_main_process())
    benches, aim = domains(method, [data] if isinstance(data, Data) else data, target)
    scale = settings.schedule_scale
    method = with_decay(begin.method.resolved(), scale, before.get("settings")).scaled(scale)
    noted = by_name(method, run)
    size = getattr(method, "height", 256), getattr(method, "width", 128)
    settings, reason = decide(settings, before, size)
    use_layout("contiguous" if settings.layout == "contiguous" else "channels_last")
    people = plan_people(method, benches, aim, settings.seed, run / GENERATED)
    stages = method.stages(people)
    for stage in stages:
        if isinstance(stage, Stage) and stage.plan is not None:
            check_shares(stage.name, stage.plan(0), settings.devices)
    persons = true_identities([*benches, *([aim] if aim else [])])
    longer: list[str] = []
    owner = held(run, "run", resume) if is_main_process() else nullcontext()
    with owner, refusals_of_the_disk(run):
        if is_main_process():
            changes = changed_settings(original, preset)
            new = config(noted, preset, benches, aim, settings, changes, begin.about)
            longer = prepare(run, new, resume, length_settings(method))
            remove_stale(run, 0)  # nobody else is at work here
            taken = begin.write(run)
            tell(*(f"goes on longer, {line}" for line in longer), taken, reason)
            tell(method.pixel_warning(), "" if before else decay_text(original, method, scale))
            if method.reads_target_labels:
                tell(
                    f"these settings of {method.name} are given the identities of the target: an "
                    "oracle, not a label-free result."
                )
        if settings.accelerator != "gpu":
            keep_freed_memory()
        done, seconds = train_stages(noted, stages, run, settings, resume, persons)
        if is_main_process() and longer:
            lengthen(run, new)
        models = {name: m for name, m in done.items() if isinstance(m, Model)}
        for m in models.values():
            m.pids = people.source.classes.tolist()
        *earlier, last = models
        model = models[last]
        if not is_main_process():
            return Run(run, model)
        trained_on = " + ".join(map(str, benches))
        for name in earlier:
            save_model(models[name], run / f"{name}.safetensors", trained_on)
        save_model(model, run / "model.safetensors", trained_on)
        models[method.name] = models.pop(last)
        rows = report_run(run, models, [aim] if aim else benches, seconds, settings)
        return Run(run, model, rows)


def domains(
    method: Method, data: Sequence[Data], target: Data | None
) -> tuple[list[Benchmark], Benchmark | None]:
    """The data to train on and the target, with poses where the method needs them.

    Raises UserError where there are none, or no target that the method needs.
    """
    benches = [read(d) for d in data]
    aim = None if target is None else read(target)
    if "target" in method.needs and aim is None:
        raise UserError(
            f"{method.name} learns from one domain for another: say which, --target NAME:PATH."
        )
    if "pose" in method.needs:
        benches = [with_poses(bench, say=is_main_process()) for bench in benches]
        for bench in benches:
            require_training_poses(bench)
        aim = None if aim is None else with_poses(aim, say=is_main_process())
    return benches, aim


def read(data: Data) -> Benchmark:
    return parse_data(data) if isinstance(data, str) else data


def changed_settings(method: Method, preset: str | None) -> list[str]:
    """The names of the settings that differ from the preset's."""
    base = type(method).preset(preset)
    return differences(dataclasses.asdict(base), dataclasses.asdict(method), "{name}")


def tell(*texts: str | None) -> None:
    """Says on stderr what there is to say of the run that begins."""
    for text in filter(None, texts):
        print(f"lookalike: {text}", file=sys.stderr)


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
            left, seconds[stage.name] = fit_stage(
                stage, number, done, run, settings, resume, ended, truth
            )
            if isinstance(left, Model):
                left.method = by_name(left.method, run)
            done[stage.name] = left
    parallel.leave()
    return done, seconds


@contextmanager
def refusals_of_the_disk(run: Path) -> Iterator[None]:
    """Inside, what the disk refuses is a UserError that says how the run goes on."""
    try:
        yield
    except BrokenPipeError:  # of whoever reads what we print
        raise
    except (OSError, NotWritten) as error:
        what = f"The run in {run} could not go on ({error}); what was saved is kept"
        if isinstance(error, NotWritten):
            what = str(error).rstrip(".")
        how = "; mend that, and the same command with --resume goes on"
        raise UserError(f"{what}{how if (run / CONFIG).exists() else ''}.") from error
