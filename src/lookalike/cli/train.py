"""`lookalike train METHOD --data DATA`."""

from __future__ import annotations

import sys

from lookalike.cli.catalogue import catalogue
from lookalike.cli.flags import check_flags, underscored
from lookalike.cli.parser import folded
from lookalike.errors import unknown
from lookalike.methods import METHODS

HELP = """usage: lookalike train METHOD --data NAME:PATH [--preset NAME] [--out RUN]
                       [--resume] [--SETTING VALUE …]
       lookalike train METHOD --help lists all settings of a method

{methods}

NAME is one of
{benchmarks}."""


def main(argv: list[str]) -> int:
    """Trains; a run that Ctrl-C stopped exits with 130 after saying how to go on."""
    if not argv or argv[0] in ("-h", "--help"):
        rows = [f"  {method.name:<9}{method.title}" for method in catalogue().methods.values()]
        print(
            HELP.format(
                methods="\n".join(rows), benchmarks=folded(", ".join(catalogue().benchmarks))
            )
        )
        return 0
    name, flags = argv[0], [underscored(argument) for argument in argv[1:]]
    if name not in METHODS:
        raise unknown("method", name, METHODS)
    preset = check_flags(name, flags)

    # From here on torch is imported.
    from lookalike.cli.settings_parser import parse_settings
    from lookalike.data import parse_data
    from lookalike.training.fit import Interrupted
    from lookalike.training.processes import is_main_process
    from lookalike.training.run import train_method

    method, settings, values = parse_settings(METHODS[name], preset, flags)
    data = values.data if isinstance(values.data, list) else [values.data]
    try:
        train_method(
            method,
            [parse_data(text) for text in data],
            target=values.target and parse_data(values.target),
            preset=preset,
            out=values.out,
            resume=values.resume,
            settings=settings,
        )
    except (Interrupted, KeyboardInterrupt):
        if is_main_process():
            print("lookalike: stopped; the same command with --resume goes on.", file=sys.stderr)
        return 130
    return 0
