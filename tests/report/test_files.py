"""What a report finds in a run folder that another program wrote to."""

from pathlib import Path

import pytest

from lookalike.report.files import read_run

GOOD = '{"stage": "a", "step": 1, "losses": {"ce": 0.5}, "lr": null}\n'


@pytest.mark.parametrize(
    "line",
    [
        "[" * 100_000,
        '{"stage": "a", "step": "x"}',
        '{"stage": "a", "step": 1, "losses": 3}',
        '{"stage": "a", "step": 1, "losses": {"ce": "x"}}',
        '{"stage": "a", "step": 1, "lr": [1]}',
        '{"stage": "a", "step": ' + "9" * 400 + "}",
    ],
)
def test_lines_that_no_run_logs_are_left_out(tmp_path: Path, line: str) -> None:
    (tmp_path / "metrics.jsonl").write_text(GOOD + line)
    run = read_run(tmp_path)
    assert [entry["losses"] for entry in run.steps["a"]] == [{"ce": 0.5}]
    assert "1 line of metrics.jsonl cannot be read: left out." in run.notes


@pytest.mark.parametrize("text", ["settings: 3", "run: [1]", "- 1", "a: &a\n  b: *a", "[" * 2000])
def test_settings_that_are_none_are_noted(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.yaml").write_text(text)
    run = read_run(tmp_path)
    assert run.config == {}
    assert any(note.startswith("config.yaml ") for note in run.notes)
