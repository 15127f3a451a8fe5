"""DG-Net by the command, with every term that its two steps in test_every_method leave out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.processes import Command
from helpers.runs import GENTLE, losses, metrics

from lookalike.cli import main

FLAGS = (
    f"{GENTLE['dgnet']} --preset paper --ramp_from 0 --ramp 1 --steps 3 --cycle_weight 1 "
    "--positive_id_weight 1 --fine_on_real true --seed 3"
)


def test_the_printed_system_is_the_same_in_two_processes(
    tiny: Callable[..., list[str]], command: Callable[..., Command], tmp_path: Path
) -> None:
    assert main(tiny("dgnet", tmp_path / "one", FLAGS)) == 0
    run = command(tiny("dgnet", tmp_path / "two", f"{FLAGS} --devices 2"), processes=2)
    assert run.wait() == 0, run.stderr
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), rel=1e-4, abs=1e-6)
    assert set(metrics(tmp_path / "one")[-1]["losses"]) == {
        "dis", "r1", "adv", "recon", "positive", "appearance_code", "structure_code", "cycle",
        "generated_id", "id", "positive_id", "id_fine", "primary", "fine",
    }  # fmt: skip
