"""How a run runs: what changes its numbers, and what only changes its comfort."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch

from lookalike.settings import check, setting

# Fields that a resumed run may set anew: they don't change what is computed.
COMFORT = {
    "accelerator", "devices", "steps", "workers", "cache", "log_every", "preview_every",
    "checkpoint_every",
}  # fmt: skip


@dataclass(frozen=True)
class RunSettings:
    """The settings of a run that belong to no method."""

    seed: int = setting(0, least=0)
    """Seed of every draw: weights, batches, augmentation."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """Precision of the networks: fp32, or bf16 (bfloat16 autocast; statistics, losses and weights
    stay float32); auto: what a short measurement finds faster."""
    layout: Literal["auto", "channels_last", "contiguous"] = "auto"
    """How maps lie in memory; auto: what the same measurement finds faster."""
    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    """Where to train; auto: on the GPU if there is one."""
    devices: int = setting(1, least=1)
    """Processes that share a global batch, one a device."""
    schedule_scale: float = setting(1.0, above=0)
    """Factor on every length, milestone and ramp of the method's schedule."""
    steps: int = setting(0, least=0)
    """Stop every stage after so many steps, the schedule unchanged; 0: the whole length."""
    workers: int = setting(0, least=0)
    """Processes that prepare batches; cached images rarely need one."""
    cache: Literal["auto", "memory", "disk", "none"] = "auto"
    """Where decoded crops are kept; auto: in memory if they fit, else on disk."""
    log_every: int = setting(10, least=1)
    """Steps between logged losses."""
    preview_every: int = setting(500, least=1)
    """Steps between pictures."""
    checkpoint_every: int = setting(200, least=1)
    """Steps between checkpoints."""

    def __post_init__(self) -> None:
        check(self)


def resolve_device(settings: RunSettings) -> Literal["cpu", "cuda"]:
    """Where this machine evaluates a run with these settings."""
    return "cuda" if settings.accelerator != "cpu" and torch.cuda.is_available() else "cpu"
