"""`lookalike data poses FOLDER`: the poses of anybody's images, by MediaPipe's pose model."""

from __future__ import annotations

import argparse
import json
import sys

from lookalike.cli.parser import Parser, positive, writable_file
from lookalike.data.poses.estimate import EstimationSummary, estimate_folder
from lookalike.data.poses.estimate.pose import THRESHOLD

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
    parser = Parser("data poses", "Estimate the poses of a folder of images of people.", HELP)
    parser.add_argument("folder", metavar="FOLDER", help="searched to the bottom")
    parser.add_argument("--out", metavar="FILE", help="the table [FOLDER/poses.csv]")
    parser.add_argument("--model", metavar="FILE|URL", help="a pose_landmarker .task file")
    parser.add_argument("--threshold", type=share, default=THRESHOLD, metavar="X",
                        help=f"a joint less visible than X is missing [{THRESHOLD}]")  # fmt: skip
    parser.add_argument("--workers", type=positive, default=0, metavar="N",
                        help="processes [one a core]")  # fmt: skip
    parser.add_argument("--force", action="store_true",
                        help="begin anew, and replace the table whatever it is")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON, with all names")
    args = parser.parse_args(argv)
    out = writable_file(args.out) if args.out else None
    try:
        done = estimate_folder(args.folder, out, args.model, threshold=args.threshold,
                               workers=args.workers, force=args.force)  # fmt: skip
    except KeyboardInterrupt:
        same = "the same command without --force" if args.force else "the same command"
        print(f"lookalike: stopped; {same} goes on.", file=sys.stderr)
        return 130
    print(json.dumps(as_dict(done), indent=2) if args.json else as_text(done))
    return 0


def as_dict(done: EstimationSummary) -> dict[str, object]:
    """What was done, ready for JSON."""
    return {"out": str(done.out), "images": done.images, "new": done.new,
            "failed": done.failed, "unreadable": done.unreadable,
            "seconds": round(done.seconds, 1),
            "images_per_second": round(done.new / done.seconds, 1)}  # fmt: skip


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


def share(text: str) -> float:
    """The number from 0 to 1 that `text` is."""
    try:
        value = float(text)
    except ValueError:
        value = -1
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number from 0 to 1")
    return value
