"""What the command line can name, known before anything heavy is imported: `catalogue.json`.

Methods with their presets and settings, benchmarks, protocols and the like: `make catalogue` writes
the file from the code, and a test keeps the two equal.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("catalogue.json")


@dataclass(frozen=True)
class Setting:
    """A field of a method or of `RunSettings`.

    help: its docstring. words: its type, such as "a whole number". metavar: the same in a usage.
    choices: the values of a Literal. limits: what else it must be, such as "1 or more". method: the
    one whose settings are nested here. default: as JSON; of nested settings those that differ from
    their method's.
    """

    name: str
    help: str
    words: str
    metavar: str
    default: Any
    choices: Sequence[Any] = ()
    limits: str = ""
    method: str = ""


@dataclass(frozen=True)
class MethodEntry:
    """A method: what `lookalike methods` and the help of `lookalike train` say of it.

    about: the settings' docstring. presets: name → the settings that differ from the defaults.
    ablations: the same of the rows of the paper's ablation. control: the settings of the learner
    without the method's contribution; None: there is none.
    labels: whether it reads who the people of its data are.
    """

    name: str
    title: str
    about: str
    presets: Mapping[str, Mapping[str, Any]]
    settings: Sequence[Setting]
    generates: Sequence[str] = ()
    needs: Sequence[str] = ()
    embeds: bool = True
    labels: bool = True
    ablations: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    control: Mapping[str, Any] | None = None

    def defaults(self, preset: str | None) -> dict[str, Any]:
        """Every setting's value in that preset."""
        values = {setting.name: setting.default for setting in self.settings}
        return values | dict(self.presets[preset] if preset else {})


@dataclass(frozen=True)
class Catalogue:
    """All that `catalogue.json` holds; run: the settings of a run that belong to no method."""

    methods: Mapping[str, MethodEntry]
    run: Sequence[Setting]
    benchmarks: Sequence[str]
    importers: Sequence[str]
    metrics: Sequence[str]
    protocols: Sequence[str]
    ssim: Sequence[str]
    numbers: Mapping[str, float] = field(default_factory=dict)


def catalogue_of(values: Mapping[str, Any]) -> Catalogue:
    """The catalogue that JSON holds as `values`."""
    methods = {name: method_entry(entry) for name, entry in values["methods"].items()}
    run = [Setting(**setting) for setting in values["run"]]
    return Catalogue(**{**values, "methods": methods, "run": run})


def method_entry(values: Mapping[str, Any]) -> MethodEntry:
    """The method that JSON holds as `values`."""
    return MethodEntry(**{**values, "settings": [Setting(**s) for s in values["settings"]]})


@cache
def catalogue() -> Catalogue:
    """The packaged catalogue."""
    return catalogue_of(json.loads(FILE.read_text(encoding="utf-8")))


def method_named(name: str) -> MethodEntry:
    """The method of that name in METHODS; of one that was added at run time, from its class."""
    methods = catalogue().methods
    if name in methods:
        return methods[name]
    from lookalike.cli.describe import method_values
    from lookalike.methods import METHODS

    return method_entry(method_values(METHODS[name]))
