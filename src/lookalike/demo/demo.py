"""The demo: a small world, a baseline and DG-Net trained on it, both tested there and elsewhere.

Every part is a call that a user would make, and is announced by the command that does the same.
"""

from __future__ import annotations

import dataclasses
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from lookalike.data import Benchmark, load
from lookalike.demo.colours import histograms
from lookalike.demo.report import write_demo_report
from lookalike.evaluation.evaluation import Evaluation, evaluate
from lookalike.evaluation.scoring import PLAIN, Row, Stopwatch, score
from lookalike.evaluation.text_tables import results_table
from lookalike.folders import claim, differences
from lookalike.settings import check, setting
from lookalike.training.run import Run, train
from lookalike.training.settings import RunSettings

SETTINGS = "demo.yaml"
PARTS = 5


@dataclass(frozen=True)
class DemoSettings:
    """How large the demo is. Raises UserError where there would be too little to learn from."""

    people: int = setting(100, least=30)
    """Rendered people of the plaza; six in ten are trained on, the others tested."""
    images: int = setting(4, least=2)
    """Images of each of them by each of the six cameras."""
    steps: int = setting(0, least=0)
    """Stop every stage after so many steps, as a rehearsal; 0: the whole length."""
    seed: int = setting(0, least=0)
    """Seed of the people and of the training."""

    def __post_init__(self) -> None:
        check(self)

    @property
    def home(self) -> str:
        """The benchmark that is trained and tested on."""
        size = f"people={self.people}&images={self.images}"
        return f"world:plaza?{size}&test_fraction=0.4&seed={self.seed}"

    @property
    def away(self) -> str:
        """The benchmark that is only tested on."""
        return f"world:night?people=30&images=2&test_fraction=1&seed={self.seed}"


def demo(
    out: str | Path = "runs/demo", settings: DemoSettings | None = None, resume: bool = False
) -> Path:
    """The path of the report, after everything: rendering, training, testing, painting.

    Prints the tables; says on stderr what is being done. resume: go on with the demo in `out`.
    Raises UserError when `out` holds something else, or a demo with other settings.
    """
    out, settings = Path(out), settings or DemoSettings()
    prepare(out, settings, resume)
    on_home, on_away = (f"--data {shlex.quote(data)}" for data in (settings.home, settings.away))
    flags = flags_of(run_settings(settings))

    say(
        1,
        "Render people, unless they are in the cache",
        f"lookalike data info {shlex.quote(settings.home)}",
    )
    home, away = load(settings.home), load(settings.away)

    say(
        2,
        "Train a baseline: tell them apart",
        f"lookalike train ide {on_home} --preset demo {flags} --out {quoted(out / 'ide')}",
    )
    ide = train_or_resume("ide", home, out / "ide", settings)

    say(
        3,
        "Train DG-Net, with the baseline as its teacher: paint them in each other's clothes",
        f"lookalike train dgnet {on_home} --preset demo {flags} "
        f"--teacher_model {quoted(ide.folder)} --out {quoted(out / 'dgnet')}",
    )
    dgnet = train_or_resume("dgnet", home, out / "dgnet", settings, teacher_model=str(ide.folder))

    runs = {"ide": ide, "dgnet": dgnet}
    say(
        4,
        "Test both where neither was trained: at night",
        *(f"lookalike evaluate {quoted(run.folder)} {on_away}" for run in runs.values()),
    )
    elsewhere = {name: evaluate({name: run.model}, away) for name, run in runs.items()}
    home_rows = with_methods({name: run.rows for name, run in runs.items()})
    away_rows = with_methods({name: evaluation.rows for name, evaluation in elsewhere.items()})
    tables = {
        f"{home.source}, other people": [*colour_baseline(home).rows, *home_rows],
        f"{away.source}, never seen": [*colour_baseline(away).rows, *away_rows],
    }

    say(
        5,
        "Paint people who were not trained on, and write the report",
        f"lookalike generate {quoted(dgnet.folder)} swap --images {quoted(home.root / 'query')} "
        "--out grid.png",
    )
    report = write_demo_report(out, home, away, runs, elsewhere, tables)
    for title, rows in tables.items():
        print(f"\n{title}\n{results_table(Evaluation(rows, {}, {}, {}))}")
    print(f"\nreport  {report}")
    return report


def prepare(out: Path, settings: DemoSettings, resume: bool) -> None:
    """Makes the demo's folder, or checks that the one there is the demo to resume."""
    claim(out, SETTINGS, dataclasses.asdict(settings), "demo", resume=resume)


def train_or_resume(
    method: str, bench: Benchmark, out: Path, settings: DemoSettings, **changes: Any
) -> Run:
    """The run in `out`: begun, gone on with, or as it is where it had ended."""
    run, resume = run_settings(settings), (out / "config.yaml").exists()
    return train(method, bench, preset="demo", out=out, resume=resume, settings=run, **changes)


def run_settings(settings: DemoSettings) -> RunSettings:
    """How both methods are trained."""
    return RunSettings(settings.seed, steps=settings.steps, log_every=20, preview_every=100)


def flags_of(run: RunSettings) -> str:
    """The flags with which `lookalike train` trains so."""
    defaults = dataclasses.asdict(RunSettings())
    return " ".join(differences(defaults, dataclasses.asdict(run), "--{name} {new}"))


def quoted(path: Path) -> str:
    return shlex.quote(str(path))


def colour_baseline(bench: Benchmark) -> Evaluation:
    """What needs no learning: the ranking by a colour histogram."""
    q, g = bench.query, bench.gallery
    sides = histograms(q.paths), histograms(g.paths)
    ids = q.pids, g.pids, q.camids, g.camids
    cpu, clock = torch.device("cpu"), Stopwatch()
    scores = score(sides, ids, [bench.protocol], "cosine", PLAIN, cpu, clock)
    about = {"features": "colour histogram", "model": "", "data": str(bench)}
    return Evaluation([{**about, **row} for row in scores.rows], {}, {}, {})


def with_methods(rows_of: Mapping[str, Sequence[Row]]) -> list[Row]:
    """The rows of several methods, each with its method's name in front of its feature's."""
    return [
        row if row["features"] == method else {**row, "features": f"{method} {row['features']}"}
        for method, rows in rows_of.items()
        for row in rows
    ]


def say(part: int, what: str, *commands: str) -> None:
    """Says what is being done, and how it is done without the demo."""
    lines = [f"\n[{part}/{PARTS}] {what}", *(f"      {command}" for command in commands)]
    print("\n".join(lines), file=sys.stderr, flush=True)
