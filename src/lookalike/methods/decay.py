"""The learning rate's way down: the kinds that a setting `decay` may name, and what "auto" is."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, TypeVar

from lookalike.methods import schedules
from lookalike.methods.method import Method

Decay = Literal["auto", "milestones", "cosine", "exponential"]
DECIDED = ("milestones", "cosine")  # what "auto" may be

M = TypeVar("M", bound=Method)


def fall(
    decay: Decay, t: float, end: float, warmup: float, milestones: Sequence[float], start: float
) -> float:
    """The factor on the learning rates at time t, from 1 down: the cosine from `warmup` to `end`,
    the exponential from `start` to `end`; the milestones where nothing has decided "auto"."""
    if decay == "cosine":
        return schedules.cosine(t - warmup, max(end - warmup, 1e-9))
    if decay == "exponential":
        return schedules.exponential(t, start, end)
    return schedules.multistep(t, milestones)


def with_decay(method: M, scale: float, before: object = None) -> M:
    """The settings with "auto" decided in every `decay`, also of the methods inside.

    It is a cosine where `scale`, the factor on the lengths, is below 1: milestones are those of a
    long run, and of a short one they leave too few steps at rates that still learn much. before:
    the settings of a run that goes on, whose way down stays.
    """
    known: Mapping[str, Any] = before if isinstance(before, Mapping) else {}
    changes: dict[str, Any] = {
        name: with_decay(inner, scale, known.get(name)) for name, inner in trained_inside(method)
    }
    if getattr(method, "decay", "") == "auto":
        was = known.get("decay")  # an odd one is a difference, of which resuming tells
        changes["decay"] = was if was in DECIDED else "cosine" if scale < 1 else "milestones"
    return dataclasses.replace(method, **changes) if changes else method


def decay_text(asked: Method, method: Method, scale: float) -> str:
    """What to say where the settings that were `asked` for have a cosine for "auto": a sentence, or
    nothing."""
    now = decays(method)
    names = [name for name, v in decays(asked).items() if v == "auto" and now[name] == "cosine"]
    if not names:
        return ""
    flags = " ".join(f"--{name} milestones" for name in names)
    return (
        f"--schedule_scale {scale:g} shortens the run, so learning rates fall along a cosine: "
        f"{', '.join(f'{name}=cosine' for name in names)}. {flags} keeps to the scaled milestones."
    )


def decays(method: Method, prefix: str = "") -> dict[str, str]:
    """Every `decay` of the settings and of the methods inside, by its flag."""
    values = {prefix + "decay": method.decay} if hasattr(method, "decay") else {}
    for name, inner in trained_inside(method):
        values |= decays(inner, f"{prefix}{name}.")
    return values


def trained_inside(method: Method) -> Iterator[tuple[str, Method]]:
    """The methods inside of one, by their names, but such as `teacher` where `teacher_model` gives
    a trained one."""
    for f in dataclasses.fields(method):
        inner = getattr(method, f.name)
        if isinstance(inner, Method) and not getattr(method, f"{f.name}_model", ""):
            yield f.name, inner
