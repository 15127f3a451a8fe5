"""The timed comparisons of docs/, at a size that takes seconds: they run, and both sides agree."""

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"
SMALL = {
    "cluster_memory": "--scale 0.03 --steps 1 --height 32 --width 48",
    "steps": "--scale 0.02",
    "jaccard": "--scale 0.02",
    "trunk_step": "--steps 1 --batch 4 --height 64 --width 32",
}


@pytest.mark.parametrize("name", SMALL)
def test_both_sides_of_a_comparison_agree(name: str, tmp_path: Path) -> None:
    command = [sys.executable, str(FOLDER / f"{name}.py"), *SMALL[name].split()]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    bars = [line for line in done.stdout.splitlines() if ", bar " in line]
    agreeing = [line for line in bars if "differ" in line]
    assert agreeing, done.stderr
    # Bars of time and memory are for the whole size, on an idle machine.
    assert all(line.endswith(": met") for line in agreeing), done.stdout
