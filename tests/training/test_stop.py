"""A run that is stopped at any moment says how to go on, and ends as if it hadn't been stopped."""

import os
import pkgutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.processes import Command, assert_no_orphans
from helpers.runs import assert_same_run

from lookalike.cli import main
from lookalike.stopping import SIGNALS

pytestmark = pytest.mark.usefixtures("signal_handlers")

Tiny = Callable[..., list[str]]
Start = Callable[..., Command]
Capture = pytest.CaptureFixture[str]

# Moments of a run, each the place of a function that is called then
MOMENTS = {
    "the data are read": "lookalike.data.load._read",
    "the run is prepared": "lookalike.training.run.prepare",
    "crops are decoded": "lookalike.data.image_table.ImageTable.__init__",
    "the trainer is made": "lookalike.training.fit.make_trainer",
    "training begins": "lookalike.training.callback.RunCallback.on_fit_start",
    "a step": "lookalike.methods.stage.StageModule.training_step",
    "a checkpoint": "lookalike.training.callback.save_checkpoint",
    "a line is logged": "lookalike.training.run_folder.Metrics.write",
    "the model is written": "lookalike.training.run.save_model",
    "the test": "lookalike.training.report_run.evaluate",
    "the report": "lookalike.training.report_run.write_report",
}
FLAGS = "--steps 3 --checkpoint_every 1"


@pytest.fixture(scope="module")
def whole(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that isn't stopped. Not to be changed."""
    run = tmp_path_factory.mktemp("runs") / "whole"
    assert main(tiny("ide", run, FLAGS)) == 0
    return run


def ends_stopped(run: Path, out: str, err: str) -> bool:
    """Whether the command says how to go on, once and last; whether with --resume."""
    assert "Traceback" not in err
    assert err.count("lookalike: ") == 1, err
    goes_on = (run / "config.yaml").exists()
    words = "with --resume goes on." if goes_on else "starts it anew."
    assert err.splitlines()[-1] == f"lookalike: stopped; the same command {words}"
    return goes_on


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_run_is_stopped_and_goes_on(
    tiny: Tiny, tmp_path: Path, whole: Path, capsys: Capture, moment: str
) -> None:
    argv, place = tiny("ide", tmp_path, FLAGS), MOMENTS[moment]
    owner, name = place.rsplit(".", 1)
    with pytest.MonkeyPatch.context() as patch:
        function = pkgutil.resolve_name(place)

        def stopped(*args: Any, **kwargs: Any) -> Any:
            signal.raise_signal(signal.SIGTERM)
            return function(*args, **kwargs)

        patch.setattr(pkgutil.resolve_name(owner), name, stopped)
        assert main(argv) == 130
    resume = ["--resume"] if ends_stopped(tmp_path, *capsys.readouterr()) else []
    assert not list(tmp_path.rglob("*.part"))
    assert main([*argv, *resume]) == 0
    assert_same_run(whole, tmp_path)


def at(place: str) -> str:
    """The code for a process whose main process says "here" at that moment, and waits a second."""
    return (
        "import importlib, os, pkgutil, time\n"
        "os.setpgid(0, os.getppid() if os.environ.get('LOCAL_RANK') else 0)\n"
        f"owner, name = {place!r}.rsplit('.', 1)\n"
        "owner = pkgutil.resolve_name(owner)\n"
        "original = getattr(owner, name)\n"
        "def slow(*args, **kwargs):\n"
        "    if not os.environ.get('LOCAL_RANK') or os.environ['LOCAL_RANK'] == '0':\n"
        "        print('here', flush=True)\n"
        "    time.sleep(0.5)\n"
        "    return original(*args, **kwargs)\n"
        "setattr(owner, name, slow)\n"
    )


@pytest.fixture(scope="module")
def whole_shared(server: None, tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `whole`, by two processes, which add up in another order. Not to be changed."""
    folder = tmp_path_factory.mktemp("runs")
    run = Command(tiny("ide", folder / "run", f"{FLAGS} --devices 2"), folder, processes=2)
    assert run.wait() == 0, run.stderr
    run.end()
    return folder / "run"


GRID = [(p, w, m) for m in MOMENTS for p in (1, 2) for w in (0, 2)]
QUICK = [(1, 2, "a step"), (2, 2, "a step"), (2, 0, "the test")]


@pytest.mark.parametrize(
    ("processes", "workers", "moment", "number"),
    [
        pytest.param(*each, SIGNALS[k % 3], marks=() if each in QUICK else pytest.mark.slow)
        for k, each in enumerate(GRID)
    ],
)
def test_a_signal_to_all_processes_of_a_run(
    tiny: Tiny,
    command: Start,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    processes: int,
    workers: int,
    moment: str,
    number: signal.Signals,
) -> None:
    whole = request.getfixturevalue("whole_shared" if processes == 2 else "whole")
    flags = f"{FLAGS} --devices {processes} --workers {workers}"
    argv = tiny("ide", tmp_path / "run", flags)
    run = command(argv, at(MOMENTS[moment]), processes=processes)
    run.until("here")
    os.killpg(run.process.pid, number)
    os.killpg(run.process.pid, number)  # as `timeout` does
    assert run.wait(60) == 130, run.stderr
    resume = ["--resume"] if ends_stopped(tmp_path / "run", run.stdout, run.stderr) else []
    assert_no_orphans(tmp_path)
    again = command([*argv, *resume], processes=processes)
    assert again.wait() == 0, again.stderr
    assert_same_run(whole, tmp_path / "run")


def test_a_signal_while_a_helper_starts(tiny: Tiny, command: Start, tmp_path: Path) -> None:
    # If it heard the signal and ended, the main process would wait for it in C code.
    code = at("lookalike.training.fit.make_trainer")
    code += "if os.environ.get('LOCAL_RANK') == '1': time.sleep(3)\n"
    run = command(tiny("ide", tmp_path / "run", f"{FLAGS} --devices 2"), code, processes=2)
    run.until("here")
    run.process.join(2)
    os.killpg(run.process.pid, signal.SIGTERM)
    assert run.wait(60) == 130, run.stderr
    assert ends_stopped(tmp_path / "run", run.stdout, run.stderr)
    assert_no_orphans(tmp_path)


def test_a_second_ctrl_c_to_all_processes(tiny: Tiny, command: Start, tmp_path: Path) -> None:
    argv = tiny("ide", tmp_path / "run", "--steps 500 --workers 2")
    code = at(MOMENTS["a step"]).replace("sleep(0.5)", "sleep(30)")
    run = command(argv, code)
    run.until("here")
    for _ in range(2):
        os.killpg(run.process.pid, signal.SIGINT)
        run.process.join(0.5)
    assert run.wait(10) == 130
    assert "Traceback" not in run.stderr
    assert run.stderr.splitlines()[-1].startswith("lookalike: stopped; the same command with")
    assert_no_orphans(tmp_path)


def test_a_closed_terminal_does_not_keep_a_run_from_saving(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lookalike.training.callback import RunCallback

    def closed(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    def step(self: RunCallback, *args: Any) -> None:
        signal.raise_signal(signal.SIGHUP)
        original(self, *args)

    original = RunCallback.on_train_batch_end
    monkeypatch.setattr("lookalike.training.callback.tqdm.write", closed)
    monkeypatch.setattr(RunCallback, "on_train_batch_end", step)
    assert main(tiny("ide", tmp_path, "--steps 50")) == 130
    assert (tmp_path / "stages/1-learn/last.ckpt").exists()
