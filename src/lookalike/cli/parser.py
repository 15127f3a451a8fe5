"""What the verbs' command lines share: mistakes as one sentence, and flags that several have."""

from __future__ import annotations

import argparse
import math
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from textwrap import fill
from typing import Any, NoReturn

from lookalike.cli.catalogue import catalogue
from lookalike.errors import UserError, printable, unknown

WIDTH = 80


class Formatter(argparse.RawDescriptionHelpFormatter):
    """Help that is at most 80 columns wide, however wide the terminal is."""

    def __init__(self, prog: str) -> None:
        columns = min(WIDTH, shutil.get_terminal_size().columns)
        super().__init__(prog, max_help_position=24, width=columns - 2)


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose mistakes are UserErrors; flags can't be shortened.

    usage: what follows the verb, where the flags alone don't say it. description, epilog: lines of
    at most 80 columns, shown as they are.
    """

    def __init__(
        self, verb: str, description: str, epilog: str | None = None, usage: str = ""
    ) -> None:
        super().__init__(
            prog=f"lookalike {verb}",
            description=description,
            epilog=epilog,
            usage=f"%(prog)s {usage}" if usage else None,
            allow_abbrev=False,
            formatter_class=Formatter,
            add_help=False,
        )
        self.add_argument("-h", "--help", action="help", help="Show this text.")

    def flag(self, words: str, text: str, **options: Any) -> None:
        """Adds the flag that `words` names, with what its value is called: "--count N"."""
        name, *metavar = words.split()
        self.add_argument(name, metavar=metavar[0] if metavar else None, help=text, **options)

    def switch(self, name: str, text: str) -> None:
        """Adds a flag without a value."""
        self.add_argument(name, action="store_true", help=text)

    def error(self, message: str) -> NoReturn:
        message = message[0].upper() + message[1:].rstrip(".")
        raise UserError(f"{message}; `{self.prog} --help` explains.")


def folded(text: str, indent: str = "") -> str:
    """The text in lines that fit anywhere in a help, broken between words only.

    indent: what all lines but the first begin with.
    """
    return fill(
        text, WIDTH - 2, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False
    )


def positive(text: str) -> int:
    """The whole number from 1 that `text` is."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 1 up")
    return value


def seed(text: str) -> int:
    """The whole number from 0 that `text` is: no generator takes a negative one."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 0 up")
    return int(text)


def number(text: str) -> float:
    """The number that `text` is; NaN, which lies in no range, if it is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def fraction(text: str) -> float:
    """The number from 0 to 1 that `text` is."""
    if not 0 <= number(text) <= 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number from 0 to 1")
    return number(text)


def rate(text: str) -> float:
    """The number from 0 to below 1 that `text` is."""
    if not 0 <= number(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a rate from 0 to below 1, such as 1e-3")
    return number(text)


def level(text: str) -> float:
    """The number between 0 and 1 that `text` is."""
    if not 0 < number(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not between 0 and 1, as 0.95 is")
    return number(text)


def one_of(kind: str, names: Sequence[str]) -> Callable[[str], str]:
    """What takes one of the names, and for another raises the UserError with the nearest."""

    def named(text: str) -> str:
        if text not in names:
            raise unknown(kind, text, names)
        return text

    return named


def benchmark(text: str) -> str:
    """NAME:PATH, whose name is a benchmark's; the rest is looked at when the data are read."""
    name, colon, _ = text.partition(":")
    return one_of("benchmark", catalogue().benchmarks)(name) + text[len(name) :] if colon else text


def add_model_flags(parser: Parser, batch: int) -> None:
    """--batch and --device, which every verb that runs a model has."""
    parser.flag("--batch N", f"Images at a time. [{batch}]", type=positive, default=batch)
    parser.flag(
        "--device",
        "Where to compute; auto: on the GPU if there is one.",
        choices=("auto", "cpu", "cuda"),
        default="auto",
    )


def tell_passed_over(passed_over: Mapping[str, Sequence[str]]) -> None:
    """Says on stderr what lay among the images and isn't read, by the reason: each path once."""
    for reason, paths in passed_over.items():
        first = printable(paths[0])
        print(
            f"lookalike: passed over {len({*paths}):,} {reason}, such as {first}.", file=sys.stderr
        )


def add_feature_flags(parser: Parser) -> None:
    """The flags that say what is in files of --features."""
    parser.flag("--keys OURS=THEIRS", "Names of arrays in them, as pids=labels.", nargs="+")
    parser.flag("--lists FILE", "Who is on their rows: .csv tables or lists of names.", nargs="+")
    parser.flag("--queries N", "The first N rows of one file are queries.", type=positive)
    parser.flag("--encoding NAME", "Of --lists that aren't UTF-8, such as gbk.")


def feature_flags(parser: Parser, args: argparse.Namespace) -> dict[str, Any]:
    """Their values as `read_features` takes them; refuses them without --features."""
    values = {
        "keys": args.keys or (),
        "lists": args.lists or (),
        "queries": args.queries or 0,
        "encoding": args.encoding or "",
    }
    if any(values.values()) and not args.features:
        parser.error("--keys, --lists, --queries and --encoding go with --features")
    return values
