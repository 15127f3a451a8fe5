"""What the learning rate's way down is where a run is shortened, and where it isn't."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from lookalike.methods import schedules
from lookalike.methods.decay import decay_text, decays, fall, with_decay
from lookalike.methods.dgnet import DGNet
from lookalike.methods.ide import IDE, IDEPlus
from lookalike.methods.triplet import Triplet


def test_auto_is_a_cosine_in_a_shortened_run_alone() -> None:
    strong = IDE.preset("strong")
    assert with_decay(strong, 0.999).decay == "cosine"
    assert with_decay(strong, 1.0) == with_decay(strong, 2.0) == replace(strong, decay="milestones")


@pytest.mark.parametrize("scale", [0.1, 1.0, 3.0])
@pytest.mark.parametrize("decay", ["milestones", "cosine", "exponential"])
def test_what_was_asked_for_stays(decay: Any, scale: float) -> None:
    asked = IDE.preset("strong", decay=decay)
    assert with_decay(asked, scale) == asked
    assert decay_text(asked, with_decay(asked, scale), scale) == ""


@pytest.mark.parametrize("kind", [IDE, IDEPlus, Triplet, DGNet])
def test_presets_keep_all_but_an_auto_decay(kind: Any) -> None:
    for preset in kind.presets:
        method = kind.preset(preset)
        for scale in (0.5, 1.0):
            names = decays(method)
            chosen = "cosine" if scale < 1 else "milestones"
            expected = {n: chosen if v == "auto" else v for n, v in names.items()}
            assert decays(with_decay(method, scale)) == expected
    assert with_decay(Triplet(), 0.5).decay == "exponential"


def test_a_teacher_is_shortened_with_the_method_that_it_teaches() -> None:
    asked = DGNet()
    shorter = with_decay(asked, 0.1)
    assert shorter == replace(asked, teacher=replace(asked.teacher, decay="cosine"))
    assert "--teacher.decay milestones keeps" in decay_text(asked, shorter, 0.1)
    given = DGNet(teacher_model="ide.safetensors")
    assert with_decay(given, 0.1) == given
    assert decay_text(given, given, 0.1) == ""


def test_a_run_that_goes_on_keeps_its_way_down() -> None:
    for scale, before in ((0.5, "milestones"), (1.0, "cosine")):
        assert with_decay(IDE(), scale, {"decay": before}).decay == before
        known = {"teacher": {"decay": before}}
        assert with_decay(DGNet(), scale, known).teacher.decay == before
    assert with_decay(IDE(decay="exponential"), 0.5, {"decay": "cosine"}).decay == "exponential"
    for odd in ("text", None, {"teacher": 3}):
        assert with_decay(DGNet(), 0.5, odd).teacher.decay == "cosine"
    for odd in ("steps", ["cosine"], "auto"):  # a file of before, a strange one
        assert with_decay(IDE(), 0.5, {"decay": odd}).decay == "cosine"


def test_it_is_told_with_the_flag_that_keeps_the_milestones() -> None:
    method = IDE.preset("strong")
    text = decay_text(method, with_decay(method, 0.15).scaled(0.15), 0.15)
    assert text == (
        "--schedule_scale 0.15 shortens the run, so learning rates fall along a cosine: "
        "decay=cosine. --decay milestones keeps to the scaled milestones."
    )
    assert decay_text(method, with_decay(method, 1), 1) == ""


def test_each_way_down() -> None:
    for t in (0.0, 1.9, 2.0, 5.0, 7.5, 11.0, 12.0):
        arguments = t, 12.0, 2.0, (4.0, 8.0), 6.0
        literal = (1 + math.cos(math.pi * max(0.0, (t - 2) / 10))) / 2
        assert fall("cosine", *arguments) == pytest.approx(literal)
        assert fall("exponential", *arguments) == schedules.exponential(t, 6.0, 12.0)
        rate = 1.0 if t < 4 else 0.1 if t < 8 else 0.01
        assert fall("milestones", *arguments) == pytest.approx(rate)
        assert fall("auto", *arguments) == pytest.approx(rate)
    assert fall("cosine", 3.0, 3.0, 3.0, (), 0.0) == 1.0  # all of it a warm-up
