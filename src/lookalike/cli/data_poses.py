"""`lookalike data poses FOLDER`: the poses of anybody's images, by MediaPipe's pose model."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from lookalike.cli.catalogue import catalogue
from lookalike.cli.parser import Parser, fraction, positive, writable_file

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
    """Writes the table and says what was found; 130 after Ctrl-C, which keeps what was finished."""
    args = poses_parser().parse_args(argv)
    out = writable_file(args.out) if args.out else None
    from lookalike.data.poses.estimate import estimate_folder

    try:
        done = estimate_folder(
            args.folder,
            out,
            args.model,
            threshold=args.threshold,
            workers=args.workers,
            force=args.force,
        )
    except KeyboardInterrupt:
        same = "the same command without --force" if args.force else "the same command"
        print(f"lookalike: stopped; {same} goes on.", file=sys.stderr)
        return 130
    print(json.dumps(as_dict(done), indent=2) if args.json else as_text(done))
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


def as_dict(done: EstimationSummary) -> dict[str, object]:
    """What was done, ready for JSON."""
    return {
        "out": str(done.out),
        "images": done.images,
        "new": done.new,
        "failed": done.failed,
        "unreadable": done.unreadable,
        "seconds": round(done.seconds, 1),
        "images_per_second": round(done.new / done.seconds, 1),
    }


def as_text(done: EstimationSummary) -> str:
    """What was done, as lines."""
    images = f"{done.images:,} images" if done.images > 1 else "1 image"
    new = f"{done.new:,} of them new" if done.new else "nothing new"
    speed = f" in {done.seconds:.3g} s ({done.new / done.seconds:.3g} a second)" if done.new else ""
    lines = [f"{images} in {done.out}, {new}{speed}"]
    for names, what in ((done.failed, "without a pose"), (done.unreadable, "can't be read")):
        if names:
            share = f"{len(names):,} ({len(names) / done.images:.1%}) {what}"
            more = ", … (all with --json)" if len(names) > SHOWN else ""
            lines.append(f"{share}: {', '.join(names[:SHOWN])}{more}")
    return "\n".join(lines)
