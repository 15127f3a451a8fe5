"""How a run runs: what changes its numbers, and what only changes its comfort."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

import torch

# Fields that a resumed run may set anew: they don't change what is computed.
COMFORT = {"steps", "workers", "cache", "log_every", "preview_every", "checkpoint_every"}


@dataclass(frozen=True)
class RunSettings:
    """The settings of a run that belong to no method."""

    seed: int = 0
    """Of every draw: weights, batches, augmentation."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """bf16: bfloat16 autocast, with norms, losses and weights in float32; auto: bf16 where the
    hardware has it."""
    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    """Where to train."""
    devices: int = 1
    """Processes that share a global batch, one a device."""
    schedule_scale: float = 1.0
    """Multiplies every length, milestone and ramp of the method's schedule."""
    steps: int = 0
    """Stop every stage after so many steps, the schedule unchanged; 0: the whole length."""
    workers: int = 0
    """Processes that prepare batches; cached images rarely need one."""
    cache: Literal["auto", "memory", "disk", "none"] = "auto"
    """Where decoded crops are kept."""
    log_every: int = 10
    """Steps between logged losses."""
    preview_every: int = 500
    """Steps between pictures."""
    checkpoint_every: int = 200
    """Steps between checkpoints."""


def resolve_precision(settings: RunSettings) -> Literal["bf16", "fp32"]:
    """The precision that "auto" means on this machine."""
    if settings.precision != "auto":
        return settings.precision
    if settings.accelerator != "cpu" and torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    return "bf16" if torch.cpu._is_avx512_bf16_supported() else "fp32"


def is_main_process() -> bool:
    """Whether this process writes the run folder: true but for the helpers of a distributed run."""
    return int(os.environ.get("LOCAL_RANK", 0)) == 0 and int(os.environ.get("NODE_RANK", 0)) == 0
