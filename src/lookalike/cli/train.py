"""`lookalike train METHOD --data DATA`."""

from __future__ import annotations

import dataclasses
import sys

from jsonargparse import ArgumentError

from lookalike.cli.flags import build_parser, preset_in, sentence, underscored
from lookalike.data import parse_data
from lookalike.errors import UserError, unknown
from lookalike.methods import METHODS
from lookalike.methods.model_file import settings_from
from lookalike.training import RunSettings, train
from lookalike.training.fit import Interrupted
from lookalike.training.processes import is_main_process

HELP = """usage: lookalike train METHOD --data NAME:PATH [--preset NAME] [--out RUN]
                       [--resume] [--SETTING VALUE …]
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
        given = parser.parse_args(rest)
    except ArgumentError as error:
        raise UserError(sentence(str(error.message), kind)) from error
    values = given.as_dict()
    names = {f.name for f in dataclasses.fields(kind)}
    method = settings_from(kind, {k: v for k, v in values.items() if k in names})
    settings = RunSettings(**{f.name: values[f.name] for f in dataclasses.fields(RunSettings)})
    try:
        train(method, parse_data(given.data), preset=given.preset, out=given.out,
              resume=given.resume, settings=settings)  # fmt: skip
    except (Interrupted, KeyboardInterrupt):
        if is_main_process():
            print("lookalike: stopped; the same command with --resume goes on.", file=sys.stderr)
        return 130
    return 0
