"""The command: what it hands on, and its refusals."""

from pathlib import Path
from typing import Any

import pytest

from lookalike.cli import VERBS, main
from lookalike.demo import demo as demos
from lookalike.demo.demo import DemoSettings
from lookalike.stopping import Interrupted

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    calls: list[Any] = []
    monkeypatch.setattr(demos, "demo", lambda *given: calls.append(given))
    return calls


def test_it_is_the_first_verb() -> None:
    assert next(iter(VERBS)) == "demo"


def test_without_flags(called: list[Any]) -> None:
    assert main(["demo"]) == 0
    assert called == [("runs/demo", DemoSettings(), False)]


def test_flags_are_handed_on(called: list[Any], tmp_path: Path) -> None:
    flags = "--people 40 --images 3 --steps 7 --seed 5 --resume"
    assert main(["demo", "--out", str(tmp_path), *flags.split()]) == 0
    assert called == [(str(tmp_path), DemoSettings(40, 3, 7, 5), True)]


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ("--people 29", "people is 29, but must be 30 or more."),
        ("--people many", "'many' is not a whole number from 1 up"),
        ("--steps 0", "'0' is not a whole number from 1 up"),
        ("--seed -1", "'-1' is not a whole number from 0 up"),
        ("--poeple 40", "nrecognized arguments: --poeple"),
    ],
)
def test_a_mistake_is_one_sentence(
    flags: str, sentence: str, called: list[Any], capsys: Capture
) -> None:
    assert main(["demo", *flags.split()]) == 2
    out, err = capsys.readouterr()
    assert (out, called) == ("", [])
    assert len(err.splitlines()) == 1
    assert sentence in err


def test_nothing_is_rendered_into_a_folder_in_use(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "mine.txt").touch()
    assert main(["demo", "--out", str(tmp_path)]) == 2
    assert "holds other files; choose another --out." in capsys.readouterr().err


@pytest.mark.parametrize("error", [Interrupted, KeyboardInterrupt])
def test_ctrl_c_says_how_to_go_on(
    error: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def stopped(*_: Any) -> None:
        raise error

    monkeypatch.setattr(demos, "demo", stopped)
    assert main(["demo", "--out", str(tmp_path)]) == 130
    assert "the same command starts it anew." in capsys.readouterr().err
    (tmp_path / demos.SETTINGS).touch()
    assert main(["demo", "--out", str(tmp_path)]) == 130
    assert "the same command with --resume goes on." in capsys.readouterr().err


def test_help_is_narrow(capsys: Capture) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["demo", "--help"])
    assert stopped.value.code == 0
    assert all(len(line) <= 80 for line in capsys.readouterr().out.splitlines())
