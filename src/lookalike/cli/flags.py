"""The flags of `lookalike train`: one a setting, from the settings' own definitions."""

from __future__ import annotations

import dataclasses
import re
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import yaml
from jsonargparse import ArgumentParser, set_parsing_settings

from lookalike.errors import UserError
from lookalike.methods import Method
from lookalike.training import RunSettings


def underscored(argument: str) -> str:
    """--schedule-scale → --schedule_scale: flags may be written either way."""
    if not argument.startswith("--"):
        return argument
    name, equals, value = argument.partition("=")
    return "--" + name[2:].replace("-", "_") + equals + value


def preset_in(arguments: list[str]) -> str | None:
    """The preset, which must be known before the other flags: it gives their defaults."""
    preset = value_of("--preset", arguments)
    config = value_of("--config", arguments)
    if preset is None and config is not None and Path(config).is_file():
        try:
            found = yaml.safe_load(Path(config).read_text())
        except (ValueError, yaml.YAMLError) as error:
            raise UserError(f"{config} is not a YAML file.") from error
        preset = found.get("preset") if isinstance(found, dict) else None
    return preset


def value_of(flag: str, arguments: list[str]) -> str | None:
    """What follows `flag`, as "--flag value" or "--flag=value"; the last one counts."""
    value = None
    for i, argument in enumerate(arguments):
        if argument.startswith(flag + "="):
            value = argument.partition("=")[2]
        elif argument == flag and i + 1 < len(arguments):
            value = arguments[i + 1]
    return value


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


def sentence(message: str, kind: type[Method]) -> str:
    """What jsonargparse complains of, as one sentence that says what to do."""
    message = " ".join(message.split())
    if "arguments are required: data" in message:
        return "Say what to train on: --data NAME:PATH, such as market1501:/data/Market-1501."
    if "File does not exist" in message:
        return f"There is no file {message.partition('exist: ')[2]}: give --config a YAML file."
    if found := re.match(r"argument (\S+): expected one argument", message):
        return f"{found[1]} needs a value."
    if found := re.search(r"nrecognized arguments: (\S+)|Option '(\S+)' is not accepted", message):
        return unknown_flag(found[1] or found[2], kind)
    if found := re.match(r'Parser key "([\w.]+)":.* [Vv]alue: (.*)', message):
        return f"--{found[1]} should be {in_words(setting_type(kind, found[1]))}, not '{found[2]}'."
    return message.rstrip(".") + "."


def unknown_flag(flag: str, kind: type[Method]) -> str:
    name = flag.lstrip("-").partition("=")[0]
    known = [f.name for k in (kind, RunSettings) for f in dataclasses.fields(k)]
    near = get_close_matches(
        name, [*known, "data", "preset", "out", "resume", "config"], n=1, cutoff=0.7
    )
    hint = f"did you mean --{near[0]}? " if near else ""
    return f"'{flag}' is no setting of {kind.name}; {hint}`lookalike train {kind.name} --help` " \
           "lists them."  # fmt: skip


def setting_type(kind: type[Any], key: str) -> Any:
    """The type of the setting `key` of a method or of the run; "teacher.batch" is nested."""
    first, _, rest = key.partition(".")
    hint = {**get_type_hints(RunSettings), **get_type_hints(kind)}.get(first, str)
    return setting_type(hint, rest) if rest else hint


def in_words(hint: Any) -> str:
    """A type as somebody who writes no Python would say it."""
    parts = [a for a in get_args(hint) if a is not Ellipsis]
    if get_origin(hint) is Literal:
        return ("one of " if len(parts) > 1 else "") + ", ".join(map(str, parts))
    if get_origin(hint) in (Union, UnionType):
        return " or ".join(map(in_words, parts))
    if get_origin(hint) is tuple:
        count = "" if Ellipsis in get_args(hint) else f"{len(parts)} "
        return f"a list of {count}numbers, such as [{', '.join('12' for _ in parts)}]"
    return {int: "a whole number", float: "a number", bool: "true or false"}.get(hint, "a text")
