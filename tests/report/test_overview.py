"""The page about several runs: its table, and what it does with what isn't there."""

import json
import re
from pathlib import Path

import pytest
from PIL import Image

from lookalike.errors import UserError
from lookalike.report.overview import Figure, Overview, beside, write_overview


def row(features: str, score: float) -> dict[str, object]:
    return {"features": features, "mAP": score, "rank1": 0.5, "rank5": 0.5, "mINP": 0.25,
            "queries": 1200, "gallery": 3, "protocol": "market1501", "metric": "cosine",
            "data": "world:here"}  # fmt: skip


TABLES = {
    "here": [row("a", 0.123), row("b & c", 0.5)],
    "there": [row("b & c", 0.9), row("a", 0.8)],
}


def run_folder(path: Path) -> Path:
    path.mkdir()
    line = {"stage": "learn", "step": 1, "losses": {"ce": 2.0}, "lr": 0.1}
    (path / "metrics.jsonl").write_text(json.dumps(line))
    return path


def test_lines_of_one_name_stand_side_by_side() -> None:
    assert [(name, [r["mAP"] for r in rows]) for name, rows in beside(TABLES)] == [
        ("a", [0.123, 0.8]),
        ("b & c", [0.5, 0.9]),
    ]


def test_the_page(tmp_path: Path) -> None:
    Image.new("RGB", (20, 10), "red").save(tmp_path / "red.png")
    figures = [Figure("Red", "It is red.", tmp_path / "red.png"),
               Figure("Gone", "It was there.", tmp_path / "gone.png")]  # fmt: skip
    runs = {name: run_folder(tmp_path / name) for name in ("one", "two")}
    about = Overview("A title", ["A < b."], {"hardware": "this"}, TABLES, figures,
                     ranked={"one here": {"features": "a", "lists": []}}, runs=runs,
                     commands=[("Then:", "lookalike methods")])  # fmt: skip
    page = write_overview(tmp_path / "page.html", about).read_text()
    assert page.count("data:image/jpeg;base64,") == 1
    assert "gone.png is no readable image" in page
    assert "A &lt; b." in page
    assert "b &amp; c" in page
    assert "12.3" in page
    assert "1,200 queries" in page
    assert '<a href="one/report.html">' in page
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))  # those of the runs' curves too
    assert "<pre>lookalike methods</pre>" in page
    assert not list(tmp_path.glob("*.partial"))


def test_a_run_that_is_not_there(tmp_path: Path) -> None:
    about = Overview("A title", [], {}, TABLES, runs={"one": tmp_path / "none"})
    with pytest.raises(UserError, match="No run at"):
        write_overview(tmp_path / "page.html", about)
