"""Broken and malicious files: each is read or refused with one sentence, soon, in little room."""

import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from hostile.doors import DOORS, kind_of
from hostile.every import every, fuzz, whole_cases
from hostile.outcomes import READ, REFUSED, Outcome, faults, histogram, tried

# Kind of door → bad inputs that are refused there, at least. (What is left to read is no fault.)
LEAST = {
    "picture": 350,
    "pairs": 30,
    "links": 25,
    "check": 0,  # which says what it finds
    "embed": 20,
    "world": 150,
    "run": 130,
    "images": 5,
    "poses": 200,
    "pickle": 70,
    "features": 50,
    "model": 600,
    "weights": 90,
    "import": 350,
    "data": 400,
}
FEW, MANY = 300, 2000  # inputs of chance
PROGRAM = "a-program-ran"  # the file that the programs in the files would leave behind


@pytest.fixture(autouse=True)
def _quiet() -> None:
    warnings.simplefilter("ignore")


def check(outcomes: list[Outcome], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Prints what came of them, and fails where it's neither reading nor a sentence."""
    with capsys.disabled():
        print(f"\n{histogram(outcomes)}")
    examples = faults(outcomes).items()
    assert not examples, "\n".join(f"{fault}\n    {example!r}" for fault, example in examples)
    assert not (folder / PROGRAM).exists()


@pytest.mark.parametrize("kind", LEAST)
def test_every_bad_input_is_read_or_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    cases = [case for case in every() if kind_of(case.door) == kind]
    outcomes = tried(cases, tmp_path)
    assert len(outcomes) == len(cases)
    assert {each.door for each in outcomes} == {door for door in DOORS if kind_of(door) == kind}
    check(outcomes, tmp_path, capsys)
    assert sum(each.kind == REFUSED for each in outcomes) >= LEAST[kind]


def test_what_is_whole_is_read(tmp_path: Path) -> None:
    """Otherwise the spoilt would be refused for another reason."""
    outcomes = tried(whole_cases(), tmp_path)
    refused = {(each.door, each.name, each.message) for each in outcomes if each.kind != READ}
    assert not {each for each in refused if not each[0].startswith("import ")}


def test_no_door_is_forgotten() -> None:
    assert {kind_of(door) for door in DOORS} == set(LEAST)


def test_chance_finds_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outcomes = tried(fuzz(0, FEW), tmp_path)
    assert len(outcomes) == FEW
    assert {READ, REFUSED} <= {each.kind for each in outcomes}
    check(outcomes, tmp_path, capsys)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 11))
def test_chance_finds_nothing_else_in_many(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], seed: int
) -> None:
    check(tried(fuzz(seed, MANY), tmp_path), tmp_path, capsys)


@pytest.mark.parametrize(
    ("door", "fault"),
    [
        (lambda path: bytearray(2 << 30) and None, "GiB"),
        (lambda path: {}["x"], "KeyError in the test"),
    ],
)
def test_a_fault_is_found(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    door: Callable[[Path], object],
    fault: str,
) -> None:
    monkeypatch.setitem(DOORS, "picture", door)
    case = next(case for case in every() if case.door == "picture")
    (found,) = faults(tried([case], tmp_path))
    assert fault in found
