"""What the verbs' command lines share: mistakes as one sentence, and flags that several have."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import NoReturn

from lookalike.errors import UserError


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose mistakes are UserErrors; flags can't be shortened.

    usage: what follows the verb, where the flags alone don't say it. description, epilog: lines of
    at most 80 columns, shown as they are.
    """

    def __init__(
        self, verb: str, description: str, epilog: str | None = None, usage: str = ""
    ) -> None:
        super().__init__(prog=f"lookalike {verb}", description=description, epilog=epilog,
                         usage=f"%(prog)s {usage}" if usage else None, allow_abbrev=False,
                         formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip

    def error(self, message: str) -> NoReturn:
        message = message[0].upper() + message[1:].rstrip(".")
        raise UserError(f"{message}; `{self.prog} --help` explains.")


def positive(text: str) -> int:
    """The whole number from 1 that `text` is."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 1 up")
    return value


def add_model_flags(parser: Parser, batch: int) -> None:
    """--batch and --device, which every verb that runs a model has."""
    parser.add_argument(
        "--batch", type=positive, default=batch, metavar="N", help=f"images at a time [{batch}]"
    )
    parser.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto",
        help="where to compute; auto: the GPU if there is one",
    )  # fmt: skip


def writable(path: str) -> Path:
    """`path`, whose folder now exists: a long job must not find out at its end that it can't write.

    Raises UserError when that folder can't be made or written to.
    """
    file = Path(path)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"Can't make the folder {file.parent} ({error.strerror}).") from error
    if not os.access(file.parent, os.W_OK):
        raise UserError(f"The folder {file.parent} is not writable; choose another --out.")
    return file


def writable_file(path: str) -> Path:
    """As `writable`, for what can't be a folder."""
    if Path(path).is_dir():
        raise UserError(f"{path} is a folder: --out must be a file.")
    return writable(path)


def level(text: str) -> float:
    """The number between 0 and 1 that `text` is."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not between 0 and 1, as 0.95 is")
    return value
