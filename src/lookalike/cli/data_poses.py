"""`lookalike data poses FOLDER`: the poses of anybody's images, by MediaPipe's pose model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lookalike.cli.catalogue import catalogue
from lookalike.cli.parser import Parser, fraction, positive, tell_passed_over
from lookalike.files import writable_file
from lookalike.stopping import goes_on

if TYPE_CHECKING:
    from lookalike.data.poses.estimate import EstimationSummary

SHOWN = 10  # names of a list

HELP = """The table has a line an image: name:keypoints_y:keypoints_x:confidence:score.
A name is the path below FOLDER; the lists are the 18 joints' pixels (-1 where
missing) and visibilities from 0 to 1; the score is the mean visibility of arms
and legs, 0 where no pose was found. Beside the images, the table is found by
whatever trains on them.

Images that the table has are left out: stopped or killed, the same command goes
on, and new images are added. After another --model or --threshold, say --force.
The model is MediaPipe's pose_landmarker_full, downloaded once, or the file that
LOOKALIKE_POSE_MODEL names."""


def main(argv: list[str]) -> int:
    """Writes the table and says what was found; what was finished is kept when it is stopped."""
    args = poses_parser().parse_args(argv)
    out = writable_file(args.out) if args.out else None
    from lookalike.data.poses.estimate import estimate_folder

    goes_on(f"the same command {'without --force ' if args.force else ''}goes on")
    summary = estimate_folder(
        args.folder,
        out,
        args.model,
        threshold=args.threshold,
        workers=args.workers,
        force=args.force,
    )
    tell_passed_over(summary.passed_over)
    print(json.dumps(as_dict(summary), indent=2) if args.json else as_text(summary))
    return 0


def poses_parser() -> Parser:
    parser = Parser("data poses", "Estimate the poses of a folder of images of people.", HELP)
    parser.add_argument(
        "folder", metavar="FOLDER", help="The images' folder, searched to the bottom."
    )
    parser.flag("--out FILE", "The table to write. [FOLDER/poses.csv]")
    parser.flag("--model FILE|URL", "A pose_landmarker .task file.")
    threshold = catalogue().numbers["pose_threshold"]
    parser.flag(
        "--threshold X",
        f"A joint less visible than X is missing. [{threshold}]",
        type=fraction,
        default=threshold,
    )
    parser.flag("--workers N", "Processes at a time. [one a core]", type=positive, default=0)
    parser.switch("--force", "Begin anew, and replace the table whatever it is.")
    parser.switch("--json", "Print JSON, with all names.")
    return parser


def as_dict(summary: EstimationSummary) -> dict[str, object]:
    """The summary, ready for JSON."""
    return {
        "out": str(summary.out),
        "images": summary.images,
        "new": summary.new,
        "failed": summary.failed,
        "unreadable": summary.unreadable,
        "passed_over": dict(summary.passed_over),
        "seconds": round(summary.seconds, 1),
        "images_per_second": round(summary.new / summary.seconds, 1),
    }


def as_text(summary: EstimationSummary) -> str:
    """The summary as lines."""
    images = f"{summary.images:,} images" if summary.images > 1 else "1 image"
    new = f"{summary.new:,} of them new" if summary.new else "nothing new"
    speed = (
        f" in {summary.seconds:.3g} s ({summary.new / summary.seconds:.3g} a second)"
        if summary.new
        else ""
    )
    lines = [f"{images} in {summary.out}, {new}{speed}"]
    for names, what in ((summary.failed, "without a pose"), (summary.unreadable, "can't be read")):
        if names:
            share = f"{len(names):,} ({len(names) / summary.images:.1%}) {what}"
            more = ", … (all with --json)" if len(names) > SHOWN else ""
            lines.append(f"{share}: {', '.join(names[:SHOWN])}{more}")
    return "\n".join(lines)
