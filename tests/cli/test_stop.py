"""Every verb that takes long is stopped in one way: a line, exit code 130, nothing half written.

`lookalike train` has more to save: tests/training/test_stop.py.
"""

import pkgutil
import signal
from pathlib import Path
from typing import Any

import pytest

from lookalike.cli import VERBS, main
from lookalike.stopping import SIGNALS

pytestmark = pytest.mark.usefixtures("signal_handlers")

Capture = pytest.CaptureFixture[str]
MODEL, MARKET, OUT = "MODEL", "MARKET", "OUT"
BENCHMARK = f"--data market1501:{MARKET}"
QUICK = {"methods"}  # verbs that there is no time to stop

# Each with the function in which it is stopped, and with how it goes on
JOBS = {
    f"demo --out {OUT}": ("lookalike.demo.demo.train", "; the same command with --resume goes on"),
    f"demo --out {OUT}/demo": ("lookalike.demo.demo.prepare", "; the same command starts it anew"),
    f"evaluate {MODEL} {BENCHMARK}": ("lookalike.evaluation.evaluation.extract", ""),
    f"quality {MODEL} {BENCHMARK} --weights none --masks none --save {OUT}": (
        "lookalike.evaluation.pictures.of_model.picture_quality",
        "",
    ),
    f"calibrate {MODEL} {BENCHMARK} --out {OUT}/it.json": (
        "lookalike.evaluation.calibration.calibrate",
        "",
    ),
    f"embed {MODEL} {MARKET}/query --out {OUT}/it.npz": (
        "lookalike.evaluation.features.save_features",
        "",
    ),
    f"generate {MODEL} swap --images {MARKET}/query --out {OUT}/it.png": (
        "lookalike.cli.generate_pictures.save_picture",
        "",
    ),
    f"generate {MODEL} swap --mode folder --images {MARKET}/query --out {OUT}": (
        "lookalike.generation.folder.save_picture",
        "; the same command goes on",
    ),
    f"import dgnet {MARKET} --out {OUT}/it.safetensors": ("lookalike.importing.import_model", ""),
    f"world render {OUT} --people 2": (
        "lookalike.world.writer.render.render",
        "; the same command goes on",
    ),
    f"world show plaza --out {OUT}/it.png": ("lookalike.world.writer.render.render", ""),
    f"world structures {MARKET}": (
        "lookalike.world.writer.structure_views.write_structures",
        "; the same command goes on",
    ),
    f"data poses {MARKET} --out {OUT}/it.csv --force": (
        "lookalike.data.poses.estimate.estimate_folder",
        "; the same command without --force goes on",
    ),
    f"data check market1501:{MARKET}": ("lookalike.data.check.check", ""),
}


def asks(patch: pytest.MonkeyPatch, place: str, number: int) -> None:
    """Has the function at `place` begin with that signal."""
    function = pkgutil.resolve_name(place)

    def stopped(*args: Any, **kwargs: Any) -> Any:
        signal.raise_signal(number)
        return function(*args, **kwargs)

    owner, name = place.rsplit(".", 1)
    patch.setattr(pkgutil.resolve_name(owner), name, stopped)


@pytest.mark.parametrize("job", JOBS)
def test_a_verb_is_stopped(
    job: str,
    dgnet_file: Path,
    market: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
) -> None:
    (place, how), number = JOBS[job], SIGNALS[list(JOBS).index(job) % len(SIGNALS)]
    command = job
    for name, path in {MODEL: dgnet_file, MARKET: market, OUT: tmp_path}.items():
        command = command.replace(name, str(path))
    monkeypatch.setattr("lookalike.demo.demo.load", lambda _: None)
    asks(monkeypatch, place, number)
    assert main(command.split()) == 130
    assert capsys.readouterr().err.splitlines()[-1] == f"lookalike: stopped{how}."
    assert not list(tmp_path.rglob("it.*"))


def test_every_verb_is_tried() -> None:
    assert {job.split()[0] for job in JOBS} | QUICK | {"train"} == set(VERBS)
