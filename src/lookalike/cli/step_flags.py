"""The flags of steps without training, which the verbs that use features share."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from lookalike.cli.parser import Parser, one_of, positive

if TYPE_CHECKING:
    from lookalike.evaluation.steps import Steps


def add_step_flags(parser: Parser) -> None:
    """--cameras and --neighbours; importing `lookalike.evaluation` would make --help slow."""
    parser.flag(
        "--cameras KIND",
        "Step: normalise features by their camera, with the statistics of all images here: mean, "
        "or deviation, which scales too. [deviation]",
        type=one_of("statistic of cameras", ("mean", "deviation")),
        nargs="?",
        const="deviation",
    )
    parser.flag(
        "--neighbours K",
        "Step: add to each feature those of its K nearest that have it among theirs. [2]",
        type=positive,
        nargs="?",
        const=2,
        default=0,
    )


def steps_of(args: Namespace) -> Steps:
    """The steps that the flags ask for."""
    from lookalike.evaluation.steps import Steps

    return Steps(args.cameras or "", args.neighbours, getattr(args, "adabn", False))
