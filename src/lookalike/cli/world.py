"""`lookalike world render OUT`, `world show OUT` and `world structures OUT`."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from lookalike.cli.parser import Parser, positive, seed
from lookalike.cli.world_show import DOMAIN_LINES, add_workers, show
from lookalike.errors import unknown
from lookalike.stopping import goes_on
from lookalike.world.spec import WorldSpec, domain_named

HELP = """usage: lookalike world VERB …    `lookalike world VERB --help` lists the flags

People that never lived: rendered, with everything known about them.

  render      renders a world into a folder in Market-1501's layout, or goes on
              with one that was stopped
  show        writes a contact sheet of a rendered world, or of a domain
  structures  writes grey renders of a world's people, turned around"""

SPEC_FLAGS = {
    "people": "Identities.",
    "cameras": "Cameras.",
    "images": "Images of each person by each camera.",
    "clothes": "Sets of clothes of a person; image k shows set k modulo this.",
    "seed": "Another number gives another world.",
    "site": "Which place of the kind: other cameras, other people.",
    "siblings": "Share of people who dress in part like somebody else.",
    "test_fraction": "Share of people who are tested on.",
    "height": "Height of an image, pixels.",
    "width": "Width of an image, pixels.",
}


def main(argv: list[str]) -> int:
    """Runs one of the three; what was finished is kept when it is stopped."""
    if not argv or argv[0] in ("-h", "--help"):
        print(HELP)
        return 0
    if argv[0] not in VERBS:
        raise unknown("verb of world", argv[0], VERBS)
    if argv[0] != "show":
        goes_on("the same command goes on")
    return VERBS[argv[0]](argv[1:])


def render(argv: list[str]) -> int:
    """Renders a world, or the rest of it, and says how much of it is there."""
    args = render_parser().parse_args(argv)
    values = {name: getattr(args, name) for name in SPEC_FLAGS}
    spec = WorldSpec(domain_named(args.domain), **values)
    from lookalike.world.writer.render import render as render_world

    start = time.perf_counter()
    summary = render_world(spec, args.out, workers=args.workers, shard=args.shard)
    seconds = time.perf_counter() - start
    if args.json:
        report = {
            "out": str(summary.out),
            "images": summary.images,
            "made": summary.new,
            "missing": summary.missing,
            "finished": summary.finished,
            "seconds": round(seconds, 1),
        }
        print(json.dumps(report, indent=2))
    elif not summary.finished:
        print(
            f"{summary.images - summary.missing:,} of {summary.images:,} images in {summary.out}; "
            f"{summary.missing:,} are for other shards"
        )
    elif summary.new:
        images = f"{summary.images:,} images" if summary.images > 1 else "1 image"
        speed = f"{summary.new / seconds:.3g} a second"
        print(f"{images} in {summary.out}, {summary.new:,} of them new ({speed})")
    else:
        print(f"{summary.out} is finished: {summary.images:,} images, nothing to do")
    return 0


def render_parser() -> Parser:
    parser = Parser(
        "world render",
        "Render people into a folder in Market-1501's layout.",
        f"{DOMAIN_LINES}\nThe same flags give the same images. Stopped or killed, the same "
        "command\ngoes on. The shard that finds everybody rendered finishes the folder.",
    )
    parser.add_argument("out", metavar="OUT", help="A new folder, or one to go on with.")
    parser.flag("--domain NAME", "The kind of place. [plaza]", default="plaza")
    for name, text in SPEC_FLAGS.items():
        value = getattr(WorldSpec(), name)
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            type=seed if name == "seed" else type(value),
            default=value,
            metavar="N",
            help=f"{text} [{value}]",
        )
    add_workers(parser)
    parser.flag(
        "--shard I/N",
        "Only the I-th of N parts of the people, for a machine each.",
        type=shard,
        default=(1, 1),
    )
    parser.switch("--json", "Print JSON.")
    return parser


def structures(argv: list[str]) -> int:
    """Writes the grey renders that aren't there yet and says how many that were."""
    parser = Parser(
        "world structures",
        "Write grey renders of a world's people, turned around.",
        "Files are OUT/structure/SPLIT/DEGREES/NAME.png, as big as the images. At 000 the\n"
        "outline is the image's.",
    )
    parser.add_argument("out", metavar="OUT", help="A rendered folder.")
    parser.flag("--yaws N", "Equal steps around a person. [8]", type=positive, default=8)
    add_workers(parser)
    args = parser.parse_args(argv)
    from lookalike.world.writer.structure_views import FOLDER, write_structures

    count = write_structures(args.out, args.yaws, workers=args.workers)
    print(f"{count:,} new views in {Path(args.out) / FOLDER}")
    return 0


def shard(text: str) -> tuple[int, int]:
    """The i and n of "i/n"."""
    part, slash, parts = text.partition("/")
    if not (slash and part.isdecimal() and parts.isdecimal()):
        raise argparse.ArgumentTypeError(f"'{text}' isn't I/N, such as 1/4")
    return int(part), int(parts)


VERBS = {"render": render, "show": show, "structures": structures}
