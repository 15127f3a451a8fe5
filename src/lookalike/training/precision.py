"""Which precision and memory layout are fast here, by a measurement of a tenth of a second.

A processor that names bfloat16 may compute it faster than float32 (with matrix tiles, five times),
as fast, or at half the speed: its name doesn't tell.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import nn

from lookalike.layout import Layout
from lookalike.training.settings import RunSettings, resolve_device

Precision = Literal["bf16", "fp32"]
REPEATS = 3  # of each candidate, the fastest counts: other work on the machine only slows
GAIN = 0.9  # bfloat16, or another layout, must take less than this share of the time
CHANNELS, SIZE, BATCH = 64, (32, 16), 4


@dataclass(frozen=True)
class Choice:
    """What a run computes in, and why, in words."""

    precision: Precision
    layout: Layout
    reason: str


def decided(settings: RunSettings, before: Mapping[str, Any]) -> tuple[RunSettings, str]:
    """The settings without "auto" in precision and layout, and a sentence that says why.

    before: what a run to go on with, or the main process of this one, has decided, by the same
    names: it stays.
    """
    known = {name: before[name] for name in ("precision", "layout") if name in before}
    open_ones = [name for name in ("precision", "layout") if getattr(settings, name) == "auto"]
    if not open_ones:
        return settings, ""
    if all(name in known for name in open_ones):
        return replace(settings, **{name: known[name] for name in open_ones}), ""
    choice = fastest(resolve_device(settings))
    changes: dict[str, Any] = {name: getattr(choice, name) for name in open_ones}
    words = ", ".join(f"{name} {value}" for name, value in changes.items())
    return replace(settings, **changes), f"{words}: {choice.reason}"


def fastest(device: str) -> Choice:
    """The precision and layout in which a convolution's forward and backward pass are fastest.

    device: "cpu" or "cuda". A GPU that has bfloat16 takes it, channels last, without a measurement.
    """
    if device == "cuda":
        if torch.cuda.is_bf16_supported():
            return Choice("bf16", "channels_last", "the GPU computes in bfloat16")
        return Choice("fp32", "channels_last", "the GPU has no bfloat16")
    with torch.random.fork_rng():
        times = {
            (precision, layout): seconds(precision, layout)
            for layout in ("channels_last", "contiguous")
            for precision in ("fp32", "bf16")
        }
    layout: Layout = "channels_last"
    best = {where: min(times["fp32", where], times["bf16", where]) for where in
            ("channels_last", "contiguous")}  # fmt: skip
    if best["contiguous"] < GAIN * best["channels_last"]:
        layout = "contiguous"
    plain, half = times["fp32", layout], times["bf16", layout]
    precision: Precision = "bf16" if half < GAIN * plain else "fp32"
    reason = f"a convolution takes {1e3 * half:.2g} ms in bf16, {1e3 * plain:.2g} ms in fp32"
    return Choice(precision, layout, reason)


def seconds(precision: str, layout: str) -> float:
    """The fastest of a few forward and backward passes of a convolution on the CPU."""
    convolution, x = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1), torch.rand(BATCH, CHANNELS, *SIZE)
    if layout == "channels_last":
        convolution.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        x = x.to(memory_format=torch.channels_last)
    x.requires_grad_()
    times = []
    for _ in range(REPEATS + 1):  # the first one prepares its kernels
        start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            y = convolution(x)
        y.float().square().mean().backward()
        times.append(time.perf_counter() - start)
    return min(times[1:])
