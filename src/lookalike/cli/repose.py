"""`lookalike generate MODEL repose`: people drawn in other poses."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError, Namespace
from typing import TYPE_CHECKING

from lookalike.cli.generate_flags import VerbFlags, count_of
from lookalike.cli.parser import Parser

if TYPE_CHECKING:  # the flags alone need no torch
    from lookalike.data import Benchmark, People
    from lookalike.generation.verb import Conditions, Verb


class ReposeFlags(VerbFlags):
    name = "repose"
    purpose = "reposing"
    title = "People drawn in other poses."
    noun = "pose"
    flag = "poses"
    data_help = "A benchmark whose poses are known."
    usage = (
        "--out PATH\n       (--images … --poses … | --data NAME:PATH\n       "
        "[--images … | --poses …])"
    )
    epilog = """modes:
  grid      a table: row i draws person i, column j has pose j
  pairs     a row a pair: person, pose, and what the model makes of them step by
            step; with --data alone also the photograph in that pose
  sequence  every person through all poses, a row each; also as a GIF
  folder    every person in every pose, a file each in folder --out
  dataset   the training images of --data, each in other, random poses of the
            data: a folder an identity, which --data folder:OUT reads

IMAGE is a file or a folder. PLACE is a file or folder of poses in any known
format, or an image or folder of images beside which their poses lie, as
`lookalike data poses` leaves them. Of a place with several, --count are taken,
evenly spaced (all in mode folder). A pose counts in pixels of its image: that
lies beside it, or --pose-size says its size. What --images or --poses don't
give comes from the tested people of --data, --count of each.
Mode folder or dataset, once stopped, goes on by the same command."""

    def verb(self, args: Namespace) -> Verb:
        from lookalike.generation.repose import Repose

        return Repose()

    def add_flags(self, parser: Parser) -> None:
        parser.flag("--images IMAGE", "People to draw.", nargs="+")
        parser.flag("--poses PLACE", "Poses to draw them in.", nargs="+")
        parser.flag("--names NAME", "Names of the poses to take from --poses, in order.", nargs="+")
        parser.flag(
            "--pose-size HxW",
            "Size of the images that the poses were found in.",
            type=height_width,
        )

    def check(self, parser: Parser, args: Namespace) -> None:
        super().check(parser, args)
        if not args.poses and (args.names or args.pose_size):
            parser.error("--names and --pose-size are about --poses, which is missing")

    def benchmark(self, args: Namespace) -> Benchmark | None:
        from lookalike.data.poses.with_poses import with_poses

        bench = super().benchmark(args)
        return bench if bench is None or args.poses else with_poses(bench)

    def read(
        self, parser: Parser, args: Namespace, bench: Benchmark | None
    ) -> tuple[list[str], Conditions]:
        if args.mode == "pairs" and bench is not None and not (args.images or args.poses):
            from lookalike.generation.target_poses import known_pairs

            return known_pairs(bench, args.count, args.seed)
        return super().read(parser, args, bench)

    def read_conditions(self, args: Namespace, bench: Benchmark | None) -> Conditions:
        from lookalike.generation.target_poses import held_out, read_targets

        if args.poses:
            return read_targets(args.poses, args.names or (), count_of(args), args.pose_size)
        assert bench is not None
        return held_out(bench, args.count)

    def conditions_of(self, people: People) -> Conditions:
        from lookalike.generation.target_poses import of_people

        return of_people(people)


def height_width(text: str) -> tuple[int, int]:
    """128x64 → (128, 64)."""
    match = re.fullmatch(r"([1-9]\d*)[x×]([1-9]\d*)", text)
    if match is None:
        raise ArgumentTypeError(f"'{text}' isn't a height and width such as 128x64")
    return int(match[1]), int(match[2])
