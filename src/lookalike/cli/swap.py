"""`lookalike generate MODEL swap`: one person's appearance on another's structure."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any, Literal

from lookalike.cli.generate_flags import VerbFlags, count_of, resolved
from lookalike.cli.parser import Parser, positive, tell_passed_over

if TYPE_CHECKING:  # the flags alone need no torch
    from lookalike.data import Benchmark, People
    from lookalike.generation.verb import Conditions, Verb

CODES = ("appearance", "structure")


class SwapFlags(VerbFlags):
    """The people give the appearance, the conditions the structure."""

    name = "swap"
    purpose = "swapping"
    title = "One person's appearance on another's structure."
    noun = "structure"
    flag = "structure"
    usage = "--out PATH\n       (--images … | --appearance … --structure … | --data NAME:PATH)"
    modes = ("grid", "pairs", *CODES, "folder", "dataset")
    fps = 10
    back_and_forth = True
    data_help = "A benchmark, for mode dataset."
    data_set_flags = ("times", "by", "seed", "format")
    epilog = """modes:
  grid        a table: row i wears appearance i, column j has structure j
  pairs       a column a pair: both images, then each with the other's structure
  appearance  from one appearance to another, a row a structure; also as a GIF
  structure   from one structure to another, a row an appearance; also as a GIF
  folder      every appearance in every structure, a file each in folder --out
  dataset     the training images of --data, each in other, random structures: a
              folder an identity, which --data folder:OUT reads

IMAGE is a file, or a folder of which --count images are taken, evenly spaced
(all in mode folder). With --images, mode pairs takes them two by two; the first
two are the ends of an interpolation and the others give its rows.
Mode folder or dataset, once stopped, goes on by the same command."""

    def verb(self, args: Namespace) -> Verb:
        from lookalike.generation.swap import Interpolation, Swap

        return Interpolation(args.mode) if args.mode in CODES else Swap()

    def add_flags(self, parser: Parser) -> None:
        for name, text in (
            ("images", "Images to take both from."),
            ("appearance", "Images to take clothes from."),
            ("structure", "Images to take posture from."),
        ):
            parser.flag(f"--{name} IMAGE", text, nargs="+")
        parser.flag(
            "--steps N",
            "Pictures of an interpolation, its ends included. [11]",
            type=positive,
            default=11,
        )
        parser.flag(
            "--by",
            "Mode dataset: whose identity to file by. [appearance]",
            choices=CODES,
            default="appearance",
        )

    def check(self, parser: Parser, args: Namespace) -> None:
        if (args.mode == "dataset") != bool(args.data):
            parser.error("--data and --mode dataset go together")
        if args.data and (args.images or args.appearance or args.structure):
            parser.error("mode dataset takes its images from --data alone")

    def conditions_of(self, people: People) -> Conditions:
        from lookalike.generation.swap import Structures

        return Structures(list(people.paths))

    def file_by(self, args: Namespace) -> Literal["person", "condition"]:
        return "person" if args.by == "appearance" else "condition"

    def places(self, args: Namespace, bench: Benchmark | None) -> dict[str, Any]:
        return {code: resolved(getattr(args, code) or args.images) for code in CODES}

    def read(
        self, parser: Parser, args: Namespace, bench: Benchmark | None
    ) -> tuple[list[str], Conditions]:
        from lookalike.generation.swap import Structures, between

        appearance, structure = donors(parser, args)
        if args.mode == "pairs" and len(appearance) != len(structure):
            parser.error(
                "mode pairs needs an even number of images, or as many --structure as --appearance"
            )
        if args.mode not in CODES:
            return appearance, Structures(structure)
        people, ends = (
            (structure, appearance) if args.mode == "appearance" else (appearance, structure)
        )
        if len(ends) != 2 or args.steps < 2:
            parser.error(
                f"mode {args.mode} goes from one {args.mode} to another: it needs two "
                "images and two --steps or more"
            )
        return people, between(ends, args.steps)


def donors(parser: Parser, args: Namespace) -> tuple[list[str], list[str]]:
    """The files to take appearances from and those to take structures from."""
    both = args.appearance and args.structure
    if bool(args.images) == bool(both) or (args.images and (args.appearance or args.structure)):
        parser.error("give --images, or both --appearance and --structure")
    from lookalike.generation.pictures import choose

    count = count_of(args)
    passed_over: dict[str, list[str]] = {}
    if not args.images:
        sides = [choose(p, count, 1, passed_over) for p in (args.appearance, args.structure)]
        tell_passed_over(passed_over)
        return sides[0], sides[1]
    images = choose(args.images, count, 2 if args.mode == "pairs" else 1, passed_over)
    tell_passed_over(passed_over)
    splits = {
        "pairs": (images[::2], images[1::2]),
        "appearance": (images[:2], images[2:] or images),
        "structure": (images[2:] or images, images[:2]),
    }
    return splits.get(args.mode, (images, images))
