"""`lookalike generate MODEL repose`: people drawn in other poses."""

import re
import sys
from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from lookalike.cli.parser import Parser, add_model_flags, positive, writable
from lookalike.data import Benchmark, parse_data
from lookalike.data.images import image_files
from lookalike.data.poses.with_poses import with_poses
from lookalike.devices import device_named
from lookalike.files import replacing
from lookalike.generation.poses import Targets, held_out, known_pairs, of_people, read_targets
from lookalike.generation.repose import (
    Job,
    Joints,
    data_set,
    dump,
    every_pose,
    repose_pairs,
    repose_sequence,
    repose_table,
)
from lookalike.generation.swap import evenly, picture_format, read_images, save_picture
from lookalike.methods import Model
from lookalike.report import save_gif
from lookalike.report.skeletons import skeletons

MODES = """modes:
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


def repose(flags: list[str]) -> Callable[[Model], int]:
    """Checks the flags of `repose`; gives what then makes its pictures with a model."""
    parser = repose_parser()
    args = parser.parse_args(flags)
    check(parser, args)
    device_named(args.device)
    out, suffix = writable(args.out), f".{args.format}"
    bench = parse_data(args.data) if args.data else None
    if bench is not None and not args.poses:
        bench = with_poses(bench)
    if args.mode == "dataset":
        assert bench is not None
        people = bench.train
        jobs = data_set(people, args.times, args.seed, suffix)
        about = {"mode": "dataset", "data": str(bench), "images": len(people)}
        about |= {name: getattr(args, name) for name in ("times", "seed", "format")}
        return partial(many, args=args, out=out, jobs=jobs, targets=of_people(people), about=about)
    images, targets = people_and_poses(parser, args, bench)
    if args.mode == "folder":
        about = {"mode": "folder", "format": args.format, "data": str(bench or "")}
        for name in ("images", "poses"):
            about[name] = [str(Path(p).resolve()) for p in getattr(args, name) or ()]
        jobs = every_pose(images, targets.labels, suffix)
        return partial(many, args=args, out=out, jobs=jobs, targets=targets, about=about)
    picture_format(out)
    return partial(one, args=args, out=out, images=images, targets=targets)


def check(parser: Parser, args: Namespace) -> None:
    """Refuses flags that don't go together."""
    if args.mode == "dataset":
        if not args.data or args.images or args.poses:
            parser.error("mode dataset takes its images and poses from --data alone")
    elif args.data and args.images and args.poses:
        parser.error("--data gives what --images or --poses don't: leave one of the three out")
    elif not args.data and not (args.images and args.poses):
        parser.error("give --images and --poses, or --data for what you leave out")
    if not args.poses and (args.names or args.pose_size):
        parser.error("--names and --pose-size are about --poses, which is missing")


def people_and_poses(
    parser: Parser, args: Namespace, bench: Benchmark | None
) -> tuple[list[str], Targets]:
    """The images of people to draw, and the poses to draw them in."""
    count = None if args.mode == "folder" else args.count
    if args.mode == "pairs" and bench is not None and not (args.images or args.poses):
        return known_pairs(bench, args.count, args.seed)
    images = choose(args.images, count) if args.images else []
    targets = None
    if args.poses:
        targets = read_targets(args.poses, args.names or (), count, args.pose_size)
    if bench is not None:
        images = images or evenly(list(bench.query.paths), args.count)
        targets = targets or held_out(bench, args.count)
    assert targets is not None
    if args.mode == "pairs" and len(images) != len(targets):
        parser.error(f"mode pairs needs as many images as poses, not {len(images)} and "
                     f"{len(targets)}")  # fmt: skip
    return images, targets


def choose(places: Sequence[str], count: int | None) -> list[str]:
    """The images of the places; of a folder `count` of them, evenly spaced, or all."""
    found = []
    for place in places:
        files = image_files([place])
        found += evenly(files, count) if count and Path(place).is_dir() else files
    return found


def one(model: Model, args: Namespace, out: Path, images: list[str], targets: Targets) -> int:
    """Makes a picture, and of a sequence a GIF beside it."""
    model.to(device_named(args.device))
    people = read_images(model, images)
    joints = targets.poses.at(*model.size)
    sticks = skeletons(joints, *model.size)
    photos = [None if file is None else read_images(model, [file])[0] for file in targets.images]
    if args.mode == "pairs":
        table = repose_pairs(model, people, joints, sticks, photos, args.batch)
        print(save_picture(table, out))
        return 0
    if args.mode == "grid":
        shown = [s if p is None else p for s, p in zip(sticks, photos, strict=True)]
        print(save_picture(repose_table(model, people, joints, shown, args.batch), out))
        return 0
    strip, frames = repose_sequence(model, people, joints, sticks, args.batch)
    print(save_picture(strip, out))
    film = out.with_suffix(".gif")
    with replacing(film) as part:
        save_gif(frames, part, fps=args.fps)
    print(film)
    return 0


def many(
    model: Model,
    args: Namespace,
    out: Path,
    jobs: Sequence[Job],
    targets: Targets,
    about: dict[str, Any],
) -> int:
    """Makes a folder of pictures, or the rest of it; Ctrl-C says how to go on."""
    model.to(device_named(args.device))
    joints: Joints = targets.poses.at(*model.size)
    try:
        made = dump(model, jobs, joints, out, about, args.batch)
    except KeyboardInterrupt:
        print("lookalike: stopped; the same command goes on.", file=sys.stderr)
        return 130
    print(f"{len(jobs)} pictures in {out}, {made} of them new")
    return 0


def height_width(text: str) -> tuple[int, int]:
    """128x64 → (128, 64)."""
    match = re.fullmatch(r"([1-9]\d*)[x×]([1-9]\d*)", text)
    if match is None:
        raise ArgumentTypeError(f"'{text}' isn't a height and width such as 128x64")
    return int(match[1]), int(match[2])


def repose_parser() -> Parser:
    usage = (
        "--out PATH\n       (--images … --poses … | --data NAME:PATH\n       "
        "[--images … | --poses …])"
    )
    parser = Parser("generate MODEL repose", "People drawn in other poses.", MODES, usage)
    parser.add_argument("--mode", default="grid", help="what to make [grid]",
                        choices=("grid", "pairs", "sequence", "folder", "dataset"),
                        metavar="MODE")  # fmt: skip
    parser.add_argument("--images", nargs="+", metavar="IMAGE", help="people to draw")
    parser.add_argument("--poses", nargs="+", metavar="PLACE", help="poses to draw them in")
    parser.add_argument("--names", nargs="+", metavar="NAME",
                        help="of the poses to take from --poses, in order")  # fmt: skip
    parser.add_argument("--pose-size", type=height_width, metavar="HxW",
                        help="of the images that the poses were found in")  # fmt: skip
    parser.add_argument("--data", metavar="NAME:PATH", help="benchmark whose poses are known")
    parser.add_argument("--count", type=positive, default=7, metavar="N",
                        help="images or poses to take from a place, or pairs [7]")  # fmt: skip
    parser.add_argument("--fps", type=positive, default=5, metavar="N",
                        help="mode sequence: poses a second in the GIF [5]")  # fmt: skip
    parser.add_argument("--times", type=positive, default=1, metavar="N",
                        help="mode dataset: poses for each image [1]")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, metavar="N",
                        help="of the draw of poses in modes dataset and pairs [0]")  # fmt: skip
    parser.add_argument("--format", choices=("jpg", "png"), default="jpg",
                        help="of the files in a folder [jpg]")  # fmt: skip
    parser.add_argument("--out", required=True, metavar="PATH",
                        help="the .png or .jpg file to write, or the folder")  # fmt: skip
    add_model_flags(parser, batch=32)
    return parser
