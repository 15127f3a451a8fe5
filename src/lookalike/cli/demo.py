"""`lookalike demo`: no data needed; render, train, test, paint, report."""

from __future__ import annotations

import sys

from lookalike.cli.parser import Parser, positive

ABOUT = """Render a small world of people, train a baseline and DG-Net on it, test both
there and at a second place, and write one report about all of it."""
TIMES = """About 8 minutes on two CPU cores, 3 GiB of memory, no network. Every part says
which command does the same. Ctrl-C stops it without losing what it did;
--resume goes on."""


def main(argv: list[str]) -> int:
    """Runs the demo; stopped by Ctrl-C it exits with 130 after saying how to go on."""
    parser = Parser("demo", ABOUT, TIMES)
    parser.add_argument("--out", default="runs/demo", help="the folder to write to [runs/demo]")
    parser.add_argument("--resume", action="store_true", help="go on with the demo in --out")
    parser.add_argument("--people", type=positive, default=100, metavar="N",
                        help="people of the first place [100]")  # fmt: skip
    parser.add_argument("--images", type=positive, default=4, metavar="N",
                        help="images of each by each of its six cameras [4]")  # fmt: skip
    parser.add_argument("--steps", type=positive, default=0, metavar="N",
                        help="stop each training after N steps, as a rehearsal")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, metavar="N",
                        help="other people, other cameras [0]")  # fmt: skip
    args = parser.parse_args(argv)

    from lookalike.demo.demo import DemoSettings, demo
    from lookalike.training.fit import Interrupted

    settings = DemoSettings(args.people, args.images, args.steps, args.seed)
    try:
        demo(args.out, settings, args.resume)
    except (Interrupted, KeyboardInterrupt):
        print("lookalike: stopped; the same command with --resume goes on.", file=sys.stderr)
        return 130
    return 0
