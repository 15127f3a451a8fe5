"""The comparison of two checkouts: what each is asked for, and what it says where there is one."""

from pathlib import Path

import pytest
import same_numbers


def test_without_a_checkout_it_says_what_to_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["same_numbers.py"])
    assert same_numbers.main() == 0
    assert capsys.readouterr().out.startswith("Left out: name the checkout to compare with")


@pytest.mark.parametrize("differing", [0, 3])
def test_only_the_new_runs_are_told_the_layout(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    differing: int,
) -> None:
    calls: list[tuple[Path, list[str]]] = []

    def run(checkout: Path, out: Path, method: str, preset: str, flags: list[str]) -> Path:
        calls.append((checkout, flags))
        return out

    monkeypatch.setattr(same_numbers, "run", run)
    monkeypatch.setattr(same_numbers, "compare", lambda old, new: {"tensors": differing})
    monkeypatch.setattr("sys.argv", ["same_numbers.py", str(tmp_path), "--only", "pg2-code"])
    assert same_numbers.main() == bool(differing)
    here = Path(same_numbers.__file__).parents[1]
    new = ["--batch_size", "4", "--layout", "channels_last"]
    assert calls == [(tmp_path, ["--batch", "4"]), (here, new)]
    assert ("3 tensors" if differing else "same") in capsys.readouterr().out
