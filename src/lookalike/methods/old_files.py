"""Files that Lookalike wrote before its settings had their present names (format 1), or before it
had a setting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

IDE = {"batch": "batch_size", "drops": "milestones", "length": "epochs", "unit": "epoch"}
WORDS = {
    "epoch": {"epochs": "images", "id_passes": "identities", "steps": "step"},
    "decay": {"steps": "milestones"},
}
RENAMED: dict[str, dict[str, str]] = {
    "ide": IDE,
    "ide+": IDE,
    "triplet": IDE,
    "dgnet": {
        "batch": "batch_size",
        "length": "joint_steps",
        "drops": "milestones",
        "residuals": "residual_blocks",
    },
    "pg2": {"batch": "batch_size", "disc_mode": "dis_mode"},
    "fdgan": {
        "batch": "batch_size",
        "identify": "identify_steps",
        "unit": "epoch",
        "lr_baseline": "lr",
        "warmup_lr": "lr_warmup",
        "joint_lr": "lr_joint",
    },
}


def present_settings(method: str, old: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of format 1 under their present names and with their present values."""
    settings = {RENAMED.get(method, {}).get(name, name): value for name, value in old.items()}
    if method in ("ide", "ide+", "triplet"):
        for name, words in WORDS.items():
            settings[name] = words.get(settings[name], settings[name])
    if method == "dgnet":
        settings["teacher"] = present_settings("ide", settings["teacher"])
    if method == "fdgan":
        settings = _fdgan(settings)
    return settings


def with_later_settings(method: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings, and those that came later, with the values that stood for them before."""
    earlier: dict[str, Any] = {}
    if method in ("siamese", "fdgan"):
        earlier["resampling"] = "bicubic"
    if method == "triplet":
        earlier["repeats"] = "random"
    return {**earlier, **settings}


def _fdgan(settings: dict[str, Any]) -> dict[str, Any]:
    epochs, flat = settings.pop("length"), settings.pop("flat")
    settings |= dict(zip(("epochs", "warmup_epochs", "joint_epochs"), epochs, strict=True))
    settings |= dict(zip(("warmup_flat", "joint_flat"), flat, strict=True))
    settings["epoch"] = "step" if settings["epoch"] == "steps" else "pairs"
    for name in ("flip_swap_lr", "erasing", "decay_off_by_one"):  # of training alone
        settings.pop(name)
    released = settings.pop("gen_output") == "tanh"
    return {**settings, "bugs": "released" if released else "mended"}
