"""`lookalike train METHOD --data DATA`: one flag a setting, from the settings' own definitions."""

from __future__ import annotations

import dataclasses
import sys
from typing import Any

from jsonargparse import ArgumentError, ArgumentParser, set_parsing_settings

from lookalike.data import parse_data
from lookalike.engine import RunSettings, train
from lookalike.engine.fit import Interrupted
from lookalike.errors import UserError, unknown
from lookalike.methods import METHODS, Method

HELP = """usage: lookalike train METHOD --data NAME:PATH [--preset NAME] [--out RUN] [--resume]
       lookalike train METHOD --help lists all settings of a method

Methods: {methods}."""


def main(argv: list[str]) -> int:
    """Trains; a run that Ctrl-C stopped exits with 130 after saying how to go on."""
    if not argv or argv[0] in ("-h", "--help"):
        print(HELP.format(methods=", ".join(METHODS)))
        return 0
    if argv[0] not in METHODS:
        raise unknown("method", argv[0], METHODS)
    kind, rest = METHODS[argv[0]], [underscored(a) for a in argv[1:]]
    parser = build_parser(kind, preset_in(rest))
    try:
        found = parser.parse_args(rest)
    except ArgumentError as error:
        raise UserError(" ".join(str(error.message).split())) from error
    given = parser.instantiate_classes(found)
    fields = [f.name for f in dataclasses.fields(kind)]
    method = kind(**{name: given[name] for name in fields})
    settings = RunSettings(**{f.name: given[f.name] for f in dataclasses.fields(RunSettings)})
    try:
        train(method, parse_data(given.data), preset=given.preset, out=given.out,
              resume=given.resume, settings=settings)  # fmt: skip
    except Interrupted:
        again = "" if given.resume else " --resume"
        print(f"lookalike: stopped; the same command with{again or ' --resume'} goes on.",
              file=sys.stderr)  # fmt: skip
        return 130
    return 0


def underscored(argument: str) -> str:
    """--schedule-scale → --schedule_scale: flags may be written either way."""
    if not argument.startswith("--"):
        return argument
    name, equals, value = argument.partition("=")
    return "--" + name[2:].replace("-", "_") + equals + value


def preset_in(arguments: list[str]) -> str | None:
    """The preset, which must be known before the other flags: it gives their defaults."""
    for i, argument in enumerate(arguments):
        if argument.startswith("--preset="):
            return argument.partition("=")[2]
        if argument == "--preset" and i + 1 < len(arguments):
            return arguments[i + 1]
    return None


def build_parser(kind: type[Method], preset: str | None) -> ArgumentParser:
    """A parser with every field of the method and of the run as a flag, the preset as defaults."""
    set_parsing_settings(docstring_parse_attribute_docstrings=True)
    presets = ", ".join(kind.presets)
    parser = ArgumentParser(
        prog=f"lookalike train {kind.name}", description=kind.title, exit_on_error=False,
        default_env=False)  # fmt: skip
    parser.add_argument("--config", action="config", help="a YAML file with settings")
    parser.add_argument("--data", required=True, help="NAME:PATH, such as market1501:/data/market")
    parser.add_argument("--preset", type=str | None, help=f"named settings: {presets}")
    parser.add_argument("--out", type=str | None, help=f"the run folder [runs/{kind.name}]")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out")
    parser.add_class_arguments(RunSettings)
    parser.add_class_arguments(kind)
    defaults: dict[str, Any] = dataclasses.asdict(kind.preset(preset))
    parser.set_defaults(defaults)
    return parser
