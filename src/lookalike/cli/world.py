"""`lookalike world render OUT`, `world show OUT` and `world structures OUT`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from lookalike.cli.parser import Parser, positive
from lookalike.cli.world_show import DOMAIN_LINES, add_workers, show
from lookalike.errors import unknown
from lookalike.world.spec import WorldSpec, domain_named

HELP = """usage: lookalike world VERB …    `lookalike world VERB --help` lists the flags

People that never lived: rendered, with everything known about them.

  render      renders a world into a folder in Market-1501's layout, or goes on
              with one that was stopped
  show        writes a contact sheet of a rendered world, or of a domain
  structures  writes grey renders of a world's people, turned around"""

SPEC_FLAGS = {
    "people": "identities",
    "cameras": "cameras",
    "images": "images of each person by each camera",
    "clothes": "sets of clothes of a person; image k shows set k modulo this",
    "seed": "of everything",
    "site": "which place of the kind: other cameras, other people",
    "siblings": "share of people who dress in part like somebody else",
    "test_fraction": "share of people who are tested on",
    "height": "of an image, pixels",
    "width": "of an image, pixels",
}


def main(argv: list[str]) -> int:
    """Runs one of the three; 130 after Ctrl-C, which keeps what was finished."""
    if not argv or argv[0] in ("-h", "--help"):
        print(HELP)
        return 0
    if argv[0] not in VERBS:
        raise unknown("verb of world", argv[0], VERBS)
    try:
        return VERBS[argv[0]](argv[1:])
    except KeyboardInterrupt:
        print("lookalike: stopped; the same command goes on.", file=sys.stderr)
        return 130


def render(argv: list[str]) -> int:
    """Renders a world, or the rest of it, and says how much of it is there."""
    from lookalike.world.writer.render import render as render_world

    parser = Parser(
        "world render",
        "Render people into a folder in Market-1501's layout.",
        f"{DOMAIN_LINES}\nThe same flags give the same images. Stopped or killed, the same "
        "command\ngoes on. The shard that finds everybody rendered finishes the folder.",
    )
    parser.add_argument("out", metavar="OUT", help="a new folder, or one to go on with")
    parser.add_argument("--domain", default="plaza", help="kind of place [plaza]")
    for name, text in SPEC_FLAGS.items():
        value = getattr(WorldSpec(), name)
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value,
                            metavar="N", help=f"{text} [{value}]")  # fmt: skip
    add_workers(parser)
    parser.add_argument("--shard", type=shard, default=(1, 1), metavar="I/N",
                        help="the I-th of N parts of the people, for a machine each")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON")
    args = parser.parse_args(argv)
    values = {name: getattr(args, name) for name in SPEC_FLAGS}
    spec = WorldSpec(domain_named(args.domain), **values)
    start = time.perf_counter()
    done = render_world(spec, args.out, workers=args.workers, shard=args.shard)
    seconds = time.perf_counter() - start
    if args.json:
        report = {"out": str(done.out), "images": done.images, "made": done.new,
                  "missing": done.missing, "finished": done.finished,
                  "seconds": round(seconds, 1)}  # fmt: skip
        print(json.dumps(report, indent=2))
    elif not done.finished:
        print(f"{done.images - done.missing:,} of {done.images:,} images in {done.out}; "
              f"{done.missing:,} are for other shards")  # fmt: skip
    elif done.new:
        images = f"{done.images:,} images" if done.images > 1 else "1 image"
        print(f"{images} in {done.out}, {done.new:,} of them new "
              f"({done.new / seconds:.3g} a second)")  # fmt: skip
    else:
        print(f"{done.out} is finished: {done.images:,} images, nothing to do")
    return 0


def structures(argv: list[str]) -> int:
    """Writes the grey renders that aren't there yet and says how many that were."""
    parser = Parser(
        "world structures",
        "Write grey renders of a world's people, turned around.",
        "Files are OUT/structure/SPLIT/DEGREES/NAME.png, as big as the images. At 000 the\n"
        "outline is the image's.",
    )
    parser.add_argument("out", metavar="OUT", help="a rendered folder")
    parser.add_argument("--yaws", type=positive, default=8, metavar="N",
                        help="equal steps around a person [8]")  # fmt: skip
    add_workers(parser)
    args = parser.parse_args(argv)
    from lookalike.world.writer.structure_views import FOLDER, write_structures

    made = write_structures(args.out, args.yaws, workers=args.workers)
    print(f"{made:,} new views in {Path(args.out) / FOLDER}")
    return 0


def shard(text: str) -> tuple[int, int]:
    """The i and n of "i/n"."""
    part, slash, parts = text.partition("/")
    if not (slash and part.isdecimal() and parts.isdecimal()):
        raise argparse.ArgumentTypeError(f"'{text}' isn't I/N, such as 1/4")
    return int(part), int(parts)


VERBS = {"render": render, "show": show, "structures": structures}
