"""How a run runs: what changes its numbers, and what only changes its comfort."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch

from lookalike.errors import UserError

# Fields that a resumed run may set anew: they don't change what is computed.
COMFORT = {
    "accelerator", "devices", "steps", "workers", "cache", "log_every", "preview_every",
    "checkpoint_every",
}  # fmt: skip


@dataclass(frozen=True)
class RunSettings:
    """The settings of a run that belong to no method."""

    seed: int = 0
    """Seed of every draw: weights, batches, augmentation."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """Precision of the networks: fp32, or bf16 (bfloat16 autocast; statistics, losses and weights
    stay float32); auto: bf16 where the hardware has it."""
    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    """Where to train; auto: on the GPU if there is one."""
    devices: int = 1
    """Processes that share a global batch, one a device."""
    schedule_scale: float = 1.0
    """Multiplies every length, milestone and ramp of the method's schedule."""
    steps: int = 0
    """Stop every stage after so many steps, the schedule unchanged; 0: the whole length."""
    workers: int = 0
    """Processes that prepare batches; cached images rarely need one."""
    cache: Literal["auto", "memory", "disk", "none"] = "auto"
    """Where decoded crops are kept; auto: in memory if they fit, else on disk."""
    log_every: int = 10
    """Steps between logged losses."""
    preview_every: int = 500
    """Steps between pictures."""
    checkpoint_every: int = 200
    """Steps between checkpoints."""

    def __post_init__(self) -> None:
        least = {"devices": 1, "log_every": 1, "preview_every": 1, "checkpoint_every": 1}
        least |= {"steps": 0, "workers": 0}
        for name, minimum in least.items():
            if getattr(self, name) < minimum:
                raise UserError(f"{name} is {getattr(self, name)}, but must be {minimum} or more.")
        if not 0 < self.schedule_scale < math.inf:
            raise UserError(f"schedule_scale is {self.schedule_scale}, but must be above 0.")


def resolve_device(settings: RunSettings) -> Literal["cpu", "cuda"]:
    """Where this machine evaluates a run with these settings."""
    return "cuda" if settings.accelerator != "cpu" and torch.cuda.is_available() else "cpu"


def resolve_precision(settings: RunSettings) -> Literal["bf16", "fp32"]:
    """The precision that "auto" means on this machine."""
    if settings.precision != "auto":
        return settings.precision
    if resolve_device(settings) == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    fast = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)  # not in every version
    return "bf16" if fast() else "fp32"
