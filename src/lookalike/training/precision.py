"""Which precision and memory layout are fast here, by a measurement of a tenth of a second.

A processor that names bfloat16 may compute it faster than float32 (with matrix tiles, several
times), as fast, or at half the speed: its name doesn't tell. What was measured is kept in
$LOOKALIKE_CACHE/hardware, so that the next run on this machine computes as this one did.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import nn

from lookalike.errors import UserError
from lookalike.files import cache, write_json
from lookalike.layout import Layout
from lookalike.reading import read_settings
from lookalike.training.processes import processor
from lookalike.training.settings import RunSettings, resolve_device

Precision = Literal["bf16", "fp32"]
LAYOUTS = ("channels_last", "contiguous")
REPEATS = 4  # of each candidate, the fastest counts: other work on the machine only slows
NARROW = 32  # pixels of a crop that five halvings leave one of
GAIN, LAYOUT_GAIN = 0.9, 0.7  # what bfloat16, and what another layout, must take less than
CHANNELS, SIZE, BATCH = 64, (32, 16), 4


@dataclass(frozen=True)
class Choice:
    """What a run computes in, and why, in words."""

    precision: Precision
    layout: Layout
    reason: str


def decide(
    settings: RunSettings, before: Mapping[str, Any], size: tuple[int, int] = (256, 128)
) -> tuple[RunSettings, str]:
    """The settings without "auto" in precision and layout, and a sentence that says why.

    What the settings say stays, and what they leave open is chosen for it.
    before: what a run to go on with, or the main process of this one, has decided, by the same
    names: it stays too. size: the method's crops, H×W.
    """
    names = [name for name in ("precision", "layout") if getattr(settings, name) == "auto"]
    settings = replace(settings, **{name: before[name] for name in names if name in before})
    names = [name for name in names if name not in before]
    if not names:
        return settings, ""
    device = resolve_device(settings)
    choice = fastest(device, settings.precision, settings.layout)
    changes: dict[str, Any] = {name: getattr(choice, name) for name in names}
    narrow = device == "cpu" and min(size) <= NARROW
    if narrow and changes.get("precision") == "bf16" and wrong_in_bf16():
        changes["precision"] = "fp32"
        wrong = f"with crops of {size[0]}×{size[1]}, bf16 gives wrong results on this processor"
        choice = replace(choice, reason=wrong)
    words = ", ".join(f"{name} {value}" for name, value in changes.items())
    return replace(settings, **changes), f"{words}: {choice.reason}"


def fastest(
    device: str,
    precision: Precision | Literal["auto"] = "auto",
    layout: Layout | Literal["auto"] = "auto",
) -> Choice:
    """The precision and layout in which a convolution's forward and backward pass are fastest.

    device: "cpu" or "cuda". precision, layout: what is given stays, and decides with which times
    the other is chosen. A GPU that has bfloat16 takes it, channels last, without a measurement.
    """
    if device == "cuda":
        if layout == "auto":
            layout = "channels_last"
        if precision != "auto":
            return Choice(precision, layout, "on a GPU nothing is measured")
        if torch.cuda.is_bf16_supported():
            return Choice("bf16", layout, "the GPU computes in bfloat16")
        return Choice("fp32", layout, "the GPU has no bfloat16")
    times = convolution_times()
    precisions = ("fp32", "bf16") if precision == "auto" else (precision,)
    best = {where: min(times[f"{p} {where}"] for p in precisions) for where in LAYOUTS}
    if layout == "auto":
        faster = best["contiguous"] < LAYOUT_GAIN * best["channels_last"]
        layout = "contiguous" if faster else "channels_last"
    if precision != "auto":
        took = ", ".join(f"{1e3 * best[where]:.2g} ms in {where}" for where in LAYOUTS)
        return Choice(precision, layout, f"a convolution in {precision} takes {took}")
    plain, half = times[f"fp32 {layout}"], times[f"bf16 {layout}"]
    reason = f"a convolution takes {1e3 * half:.2g} ms in bf16, {1e3 * plain:.2g} ms in fp32"
    return Choice("bf16" if half < GAIN * plain else "fp32", layout, reason)


def convolution_times() -> dict[str, float]:
    """Seconds of every "PRECISION LAYOUT": those of this machine's first measurement, or new ones.

    A machine is its processor, torch's version and the number of threads.
    """
    machine = f"{processor()}, {torch.get_num_threads()} threads, torch {torch.__version__}"
    file = cache("hardware") / f"{hashlib.sha256(machine.encode()).hexdigest()[:16]}.json"
    names = [f"{precision} {layout}" for layout in LAYOUTS for precision in ("fp32", "bf16")]
    with suppress(UserError):
        times = read_settings(file, "", *names)
        return {name: float(times[name]) for name in names}
    with torch.random.fork_rng():
        # In turns: what else goes on then slows all of them.
        rounds = [{name: seconds(*name.split()) for name in names} for _ in range(REPEATS)]
    times = {name: min(turn[name] for turn in rounds) for name in names}
    with suppress(UserError):  # a cache that can't be written costs the next run a measurement
        write_json(file, {"machine": machine, **times})
    return times


def seconds(precision: str, layout: str) -> float:
    """The faster of two forward and backward passes of a convolution on the CPU, once warm."""
    convolution, x = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1), torch.rand(BATCH, CHANNELS, *SIZE)
    if layout == "channels_last":
        convolution.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        x = x.to(memory_format=torch.channels_last)
    x.requires_grad_()
    times = []
    for _ in range(3):
        start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            y = convolution(x)
        y.float().square().mean().backward()
        times.append(time.perf_counter() - start)
    return min(times[1:])


@torch.no_grad()
def wrong_in_bf16() -> bool:
    """Whether this CPU's bfloat16 convolutions to maps one pixel wide are wrong.

    On processors with matrix tiles (AMX), oneDNN's of torch 2.13 reads memory that nobody wrote: a
    3×3 convolution of stride 2 from 4×2 to 2×1 pixels gives numbers of any size, or NaN.
    """
    with torch.random.fork_rng():
        torch.manual_seed(0)
        convolution = nn.Conv2d(256, 256, 3, 2, 1, bias=False)
        convolution.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        x = torch.rand(8, 256, 4, 2).to(memory_format=torch.channels_last)
    expected = convolution(x)
    for _ in range(REPEATS):
        with torch.autocast("cpu", torch.bfloat16):
            error = (convolution(x).float() - expected).abs().max()
        if not error <= 0.05 * expected.abs().max():  # NaN is no number below it
            return True
    return False
