"""The flags of a verb of `lookalike generate`: what all verbs share, and what a verb adds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from lookalike.cli.parser import (
    Parser,
    add_model_flags,
    benchmark,
    positive,
    seed,
    tell_passed_over,
)
from lookalike.errors import UserError

if TYPE_CHECKING:  # the flags alone need no torch
    from lookalike.data import Benchmark, People
    from lookalike.generation.verb import Conditions, Verb


class VerbFlags(ABC):
    """The command line of a verb: its flags, and the people and conditions that they ask for.

    A verb gives `name`, `purpose`, the `title` of its help, a `noun` for its conditions and the
    name of the `flag` that chooses them, `usage` and `epilog` of its help, `data_help`; `verb`,
    which draws; `add_flags`; `read_conditions` or `read`, and for data sets `conditions_of`. The
    people are those of --images, or the tested ones of --data.
    """

    name: ClassVar[str]
    purpose: ClassVar[str]  # what a model without its generator is told: "reposing"
    title: ClassVar[str]
    noun: ClassVar[str]
    flag: ClassVar[str]
    usage: ClassVar[str]
    epilog: ClassVar[str]
    data_help: ClassVar[str]  # what --data is for
    modes: ClassVar[tuple[str, ...]] = ("grid", "pairs", "sequence", "folder", "dataset")
    fps: ClassVar[int] = 5
    back_and_forth: ClassVar[bool] = False  # whether a GIF runs back to its start
    data_set_flags: ClassVar[tuple[str, ...]] = ("times", "seed", "format")
    """What a data set depends on beside its data; its folder remembers that."""

    @abstractmethod
    def verb(self, args: Namespace) -> Verb:
        """What draws."""

    @abstractmethod
    def add_flags(self, parser: Parser) -> None:
        """Adds what only this verb has."""

    def read_conditions(self, args: Namespace, bench: Benchmark | None) -> Conditions:
        """What the flags ask to draw people with."""
        raise NotImplementedError(f"{self.name} reads people and conditions together: see `read`")

    @abstractmethod
    def conditions_of(self, people: People) -> Conditions:
        """The condition of each of these crops, for others to be drawn with."""

    def check(self, parser: Parser, args: Namespace) -> None:
        """Refuses flags that don't go together."""
        conditions = getattr(args, self.flag)
        if args.mode == "dataset":
            if not args.data or args.images or conditions:
                parser.error(f"mode dataset takes its images and {self.noun}s from --data alone")
        elif args.data and args.images and conditions:
            parser.error(
                f"--data gives what --images or --{self.flag} don't: leave one of the three out"
            )
        elif not args.data and not (args.images and conditions):
            parser.error(f"give --images and --{self.flag}, or --data for what you leave out")

    def benchmark(self, args: Namespace) -> Benchmark | None:
        """The benchmark of --data."""
        from lookalike.data import parse_data

        return parse_data(args.data) if args.data else None

    def read(
        self, parser: Parser, args: Namespace, bench: Benchmark | None
    ) -> tuple[list[str], Conditions]:
        """The image files of people to draw, and what to draw them with.

        Raises UserError where the verb is of people and --data has nobody who is tested.
        """
        from lookalike.data.people import evenly
        from lookalike.generation.pictures import choose

        if args.images:
            passed_over: dict[str, list[str]] = {}
            people = choose(args.images, count_of(args), passed_over=passed_over)
            tell_passed_over(passed_over)
        else:
            assert bench is not None
            if self.verb(args).of_people and not len(bench.query):
                raise UserError(f"{bench} has no tested people to draw: give others by --images.")
            people = evenly(list(bench.query.paths), args.count)
        conditions = self.read_conditions(args, bench)
        if args.mode == "pairs" and len(people) != len(conditions):
            parser.error(
                f"mode pairs needs as many images as {self.noun}s, not {len(people)} and "
                f"{len(conditions)}"
            )
        return people, conditions

    def file_by(self, args: Namespace) -> Literal["person", "condition"]:
        """Whose identity a data set is filed by: the person's, or whose condition it is."""
        return "person"

    def places(self, args: Namespace, bench: Benchmark | None) -> dict[str, Any]:
        """Where people and conditions came from, as a folder remembers it."""
        paths = {name: resolved(getattr(args, name) or ()) for name in ("images", self.flag)}
        return {"data": str(bench or ""), **paths}

    def parser(self) -> Parser:
        """The parser of all flags."""
        parser = Parser(f"generate MODEL {self.name}", self.title, self.epilog, self.usage)
        parser.flag("--mode MODE", "What to make. [grid]", default="grid", choices=self.modes)
        self.add_flags(parser)
        parser.flag("--data NAME:PATH", self.data_help, type=benchmark)
        plural = f"{self.noun}s"
        for flag, kind, default, text in (
            ("count", positive, 7, "How many to take of a place with several, or pairs."),
            ("fps", positive, self.fps, "Pictures a second in a GIF."),
            ("times", positive, 1, f"Mode dataset: {plural} for each image."),
            ("seed", seed, 0, f"Seed of the draw of {plural}."),
        ):
            parser.flag(f"--{flag} N", f"{text} [{default}]", type=kind, default=default)
        parser.flag(
            "--format",
            "Format of the files in a folder. [jpg]",
            choices=("jpg", "png"),
            default="jpg",
        )
        parser.flag("--out PATH", "The .png or .jpg file to write, or the folder.", required=True)
        add_model_flags(parser, batch=32)
        return parser


def count_of(args: Namespace) -> int | None:
    """How many to take of a place that has several; None for all, as in mode folder."""
    return None if args.mode == "folder" else int(args.count)


def resolved(places: Sequence[str]) -> list[str]:
    return [str(Path(place).resolve()) for place in places]
