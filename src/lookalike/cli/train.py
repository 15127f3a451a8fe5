"""`lookalike train METHOD --data DATA`."""

from __future__ import annotations

import os
from pathlib import Path

from lookalike.cli.catalogue import catalogue
from lookalike.cli.flags import check_flags, underscored, value_of
from lookalike.cli.parser import folded
from lookalike.errors import unknown
from lookalike.methods import METHODS
from lookalike.stopping import (
    MAIN,
    Interrupted,
    end_with_parent,
    goes_on,
    how_to_resume,
    is_main_process,
)

HELP = """usage: lookalike train METHOD --data NAME:PATH [--preset NAME] [--start MODEL]
                       [--out RUN] [--resume] [--SETTING VALUE …]
       lookalike train METHOD --help lists all settings of a method

{methods}

NAME is one of
{benchmarks}."""


def main(argv: list[str]) -> int:
    """Trains; a run that was stopped says how to go on."""
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
    out = Path(value_of("--out", flags) or f"runs/{name}")
    goes_on(lambda: how_to_go_on(out))
    if MAIN in os.environ:  # before the long import: nothing else hears that the run was ended
        end_with_parent()
    # From here on torch is imported.
    from lookalike.cli.settings_parser import parse_settings
    from lookalike.data import parse_data
    from lookalike.training.run import train_method

    method, settings, values = parse_settings(METHODS[name], preset, flags)
    data = values.data if isinstance(values.data, list) else [values.data]
    out = Path(values.out or out)
    try:
        train_method(
            method,
            [parse_data(text) for text in data],
            target=values.target and parse_data(values.target),
            preset=preset,
            start=values.start,
            out=values.out,
            resume=values.resume,
            settings=settings,
        )
    except Interrupted:
        if not is_main_process():  # Lightning kills the run for a helper's other code
            return 0
        raise
    return 0


def how_to_go_on(run: Path) -> str | None:
    """What is said of the run when it is stopped; nothing by a helper."""
    return how_to_resume(run / "config.yaml") if is_main_process() else None
