"""config.yaml: what a run was started with, and whether it may go on with what it is given now."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shlex
import shutil
import sys
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

from lookalike.data import Benchmark
from lookalike.errors import UserError
from lookalike.files import ADVICE, write_yaml
from lookalike.folders import ARROW, claim, differences
from lookalike.methods.method import Method
from lookalike.methods.model_file import FORMAT
from lookalike.reading import read_bytes, read_settings
from lookalike.training.settings import COMFORT, RunSettings
from lookalike.version import __version__

CONFIG = "config.yaml"
START = "start.safetensors"  # what the run took of the model that it starts from
# What a run's beginning and its steps leave behind
GROWING = ("metrics.jsonl", "stages", "images", "tensorboard", START)
# What of it a resumed run must have too, beside the run settings that are no comfort
IDENTITY = ("seed", "precision", "layout", "settings", "links")


def config(
    method: Method,
    preset: str | None,
    benches: Sequence[Benchmark],
    target: Benchmark | None,
    settings: RunSettings,
    changes: list[str],
    start: Mapping[str, Any],
) -> dict[str, Any]:
    """What config.yaml says. changes: the settings that differ from the preset's. start: what it
    says of the model that the run starts from; empty where there is none."""
    run = dataclasses.asdict(settings)
    seed, precision, layout = (run.pop(name) for name in ("seed", "precision", "layout"))
    command = shlex.join(["lookalike", *sys.argv[1:]]) if len(sys.argv) > 1 else ""
    data = [str(bench) for bench in benches]
    people = [summary_of_people(bench, target=False) for bench in benches]
    links = getattr(method, "links", "")
    return {
        "format": FORMAT,
        "method": method.name,
        "preset": preset,
        "data": data[0] if len(data) == 1 else data,
        **({"target": str(target)} if target else {}),
        **({"start": dict(start)} if start else {}),
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
        "people": people[0] if len(people) == 1 else people,
        **({"target_people": summary_of_people(target, target=True)} if target else {}),
        **({"links": hashlib.sha256(read_bytes(links)).hexdigest()[:16]} if links else {}),
    }


def summary_of_people(bench: Benchmark, target: bool) -> str:
    """The people that a run learns from in words, with a digest of their crops' names, identities,
    cameras and joints; where the crops lie, and who a target's people are, isn't in it."""
    people = bench.train.unlabelled() if target else bench.train
    digest = hashlib.sha256()
    for path, *numbers in zip(people.paths, people.pids, people.camids, strict=True):
        place = Path(path)
        name = place.relative_to(bench.root) if place.is_relative_to(bench.root) else place.name
        digest.update(f"{name}\t{numbers[0]}\t{numbers[1]}\n".encode(errors="surrogateescape"))
    if people.poses is not None:
        digest.update(np.ascontiguousarray(people.poses.joints).tobytes())
    who = f"{people.num_pids} people" if people.num_pids else "unknown people"
    return f"{bench.name}: {len(people)} crops of {who}, {digest.hexdigest()[:16]}"


def config_of(run: Path) -> dict[str, Any]:
    """What the run in that folder was started with; nothing where there is none."""
    file = run / CONFIG
    return read_settings(file, ADVICE) if file.exists() else {}


def prepare(
    run: Path, new: dict[str, Any], resume: bool, lengths: Collection[str] = ()
) -> list[str]:
    """Makes the run folder, or checks that the one there may be resumed with these settings.

    A run that failed before its first checkpoint needs no resuming: it begins again. lengths: names
    of settings that may have grown; those that have are given back, as texts.
    """
    file = run / CONFIG
    if file.exists():
        old = read_settings(file, ADVICE, "method")
        if not resume and nothing_learned(run):
            for name in GROWING:  # another method's lines would stay among the new ones
                path = run / name
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            write_yaml(file, new)
            return []
        if resume and old.get("format") != FORMAT:
            later = isinstance(old.get("format"), int) and old["format"] > FORMAT
            raise UserError(
                f"{run} holds a run of {'a later' if later else 'an earlier'} Lookalike, which "
                "that version alone can resume: its models can be used as they are; train in "
                "another --out."
            )
        if old["method"] != new["method"]:
            raise UserError(
                f"{run} holds a run of {old['method']}, not of {new['method']}; {ADVICE}."
            )
    longer: list[str] = []

    def changes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
        people = bool(old.get("people"))  # which older runs don't tell from where they lie
        a, b = identity(old, people), identity(new, people)
        for name in [*(n for n in b if n.removeprefix("settings.") in lengths), "schedule_scale"]:
            before, now = a.get(name), b.get(name)
            if before != now and at_least(now, before):
                a[name] = now
                if name != "schedule_scale":  # the lengths that it multiplies tell
                    word = name.removeprefix("settings.")
                    longer.append(ARROW.format(name=word, old=before, new=now))
        return differences(a, b)

    claim(run, CONFIG, new, "run", resume=resume, changes=changes)
    return longer


def nothing_learned(run: Path) -> bool:
    """Whether the folder has neither a checkpoint nor a model."""
    models = [file for file in run.glob("*.safetensors") if file.name != START]
    return not models and not any(run.glob("stages/*/last.ckpt"))


def lengthen(run: Path, new: Mapping[str, Any]) -> None:
    """Notes the settings with which the run was trained to its end."""
    old = read_settings(run / CONFIG)
    write_yaml(run / CONFIG, {**old, "settings": new["settings"], "run": new["run"]})


def identity(config: Mapping[str, Any], people: bool) -> dict[str, Any]:
    """What of config.yaml decides about a run's numbers, by flat names; people: by the digest of
    its people, not by where they lie."""
    run = config.get("run")
    values = {k: v for k, v in flat(run if isinstance(run, Mapping) else {}).items()
              if k not in COMFORT}  # fmt: skip
    data = ("people", "target_people") if people else ("data", "target")
    start = config.get("start")
    if isinstance(start, Mapping):  # which model it is, not where it lies
        start = f"{start.get('method')} {start.get('fingerprint')}"
    decisive = flat({k: config.get(k) for k in (*data, *IDENTITY)})
    decisive.pop("settings.links", None)  # what is in that file, not where it lies
    return {**decisive, **values, "start": start}


def length_settings(method: Method, prefix: str = "") -> set[str]:
    """The names of the settings that say how long the method trains and when its rates change."""
    names: set[str] = set()
    for f in dataclasses.fields(method):
        value = getattr(method, f.name)
        if isinstance(value, Method):
            names |= length_settings(value, f"{prefix}{f.name}.")
        elif f.metadata.get("schedule"):
            names.add(prefix + f.name)
    return names


def at_least(new: Any, old: Any) -> bool:
    """Whether no number of `new` is less than that of `old`."""
    values = [v if isinstance(v, list) else [v] for v in (new, old)]
    return len(values[0]) == len(values[1]) and all(
        isinstance(a, int | float) and isinstance(b, int | float) and a >= b
        for a, b in zip(*values, strict=True)
    )


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings with names such as "teacher.epochs"."""
    values: dict[str, Any] = {}
    for name, value in settings.items():
        nested = isinstance(value, Mapping)
        values |= flat(value, f"{prefix}{name}.") if nested else {prefix + name: value}
    return values
