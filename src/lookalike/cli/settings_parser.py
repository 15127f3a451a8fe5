"""The settings that the flags of `lookalike train` give, typed by the settings' own definitions."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Sequence
from itertools import islice
from typing import Any

from jsonargparse import ArgumentError, ArgumentParser, Namespace

from lookalike.cli.flags import not_a_value, sentence, unknown_flag, values_of, words_of
from lookalike.errors import UserError
from lookalike.methods import Method
from lookalike.methods.model_file import settings_from
from lookalike.training import RunSettings


def parse_settings(
    kind: type[Method], preset: str | None, arguments: Sequence[str]
) -> tuple[Method, RunSettings, Namespace]:
    """The settings of the method and of the run, and all values: flags before --config before
    preset. Raises UserError for a value of another type than the setting's."""
    arguments = configs_first(arguments)
    data = values_of("--data", arguments)
    if len(data) > 1:  # as one list, which a YAML file may have too; the last one counts
        arguments = [*arguments, f"--data={json.dumps(data)}"]
    try:
        namespace = settings_parser(kind, preset).parse_args(arguments)
    except ArgumentError as error:
        raise mistake(" ".join(str(error.message).split()), kind.name) from error
    except OverflowError as error:  # 10**400 for a number, which the parser doesn't expect
        raise UserError("A setting has too many digits: look at the flags and --config.") from error
    values = namespace.as_dict()
    names = {f.name for f in dataclasses.fields(kind)}
    method = settings_from(kind, {k: v for k, v in values.items() if k in names})
    run = RunSettings(**{f.name: values[f.name] for f in dataclasses.fields(RunSettings)})
    return method, run, namespace


def configs_first(arguments: Sequence[str]) -> list[str]:
    """The arguments, every --config before the others: jsonargparse reads a file where it stands,
    and would let it change what flags before it say."""
    configs: list[str] = []
    others: list[str] = []
    words = iter(arguments)
    for word in words:
        if word == "--config":
            configs += [word, *islice(words, 1)]
        else:
            (configs if word.startswith("--config=") else others).append(word)
    return configs + others


def settings_parser(kind: type[Method], preset: str | None) -> ArgumentParser:
    """A parser with every field of the method and of the run as a flag, the preset as defaults."""
    parser = ArgumentParser(exit_on_error=False, default_env=False)
    parser.add_argument("--config", action="config")
    parser.add_argument("--data", type=str | list[str], required=True)
    parser.add_argument("--target", type=str | None)
    parser.add_argument("--preset", type=str | None)
    parser.add_argument("--start", type=str | None)
    parser.add_argument("--out", type=str | None)
    parser.add_argument("--resume", action="store_true")
    parser.add_class_arguments(RunSettings)
    parser.add_class_arguments(kind)
    defaults: dict[str, Any] = dataclasses.asdict(kind.preset(preset))
    parser.set_defaults(defaults)
    return parser


def mistake(message: str, method: str) -> UserError:
    """What jsonargparse complains of, as one sentence that says what to do."""
    if match := re.search(r"Option '(\S+)' is not accepted", message):
        return unknown_flag(match[1], method)
    if match := re.match(r'Parser key "([\w.]+)":.* [Vv]alue: (.*)', message):
        return not_a_value(match[1], words_of(method, match[1]), match[2])
    return UserError(sentence(message, method))
