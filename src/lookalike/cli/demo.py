"""`lookalike demo`: no data needed; render, train, test, paint, report."""

from __future__ import annotations

from pathlib import Path

from lookalike.cli.parser import Parser, positive, seed
from lookalike.stopping import goes_on, how_to_resume

ABOUT = """Render a small world of people, train a baseline and DG-Net on it, test both
there and at a second place, and write one report about all of it."""
TIMES = """About 8 minutes on two CPU cores, 3 GiB of memory, no network. Every part says
which command does the same. Ctrl-C stops it without losing what it did;
--resume goes on."""


def main(argv: list[str]) -> int:
    """Runs the demo; stopped, it says how to go on."""
    parser = Parser("demo", ABOUT, TIMES)
    parser.flag("--out FOLDER", "The folder to write to. [runs/demo]", default="runs/demo")
    parser.switch("--resume", "Go on with the demo in --out.")
    parser.flag("--people N", "People of the first place. [100]", type=positive, default=100)
    parser.flag(
        "--images N", "Images of each by each of its six cameras. [4]", type=positive, default=4
    )
    parser.flag(
        "--steps N", "Stop each training after N steps, as a rehearsal.", type=positive, default=0
    )
    parser.flag(
        "--seed N", "Another number gives other people and other cameras. [0]", type=seed, default=0
    )
    args = parser.parse_args(argv)

    goes_on(lambda: how_to_resume(Path(args.out) / "demo.yaml"))
    from lookalike.demo.demo import DemoSettings, demo

    demo(args.out, DemoSettings(args.people, args.images, args.steps, args.seed), args.resume)
    return 0
