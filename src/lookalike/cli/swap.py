"""`lookalike generate MODEL swap`: appearance × structure, in DG-Net's ways of showing it."""

import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from functools import partial
from math import isqrt
from pathlib import Path
from typing import Any

from lookalike.cli.parser import Parser, add_model_flags, positive, writable
from lookalike.data import parse_data
from lookalike.data.images import image_files
from lookalike.devices import device_named
from lookalike.files import replacing
from lookalike.generation.folder import Job, combinations, data_set, dump
from lookalike.generation.swap import (
    evenly,
    interpolation,
    pair_table,
    picture_format,
    read_images,
    save_picture,
    swap_table,
)
from lookalike.methods import Model
from lookalike.report import save_gif

MODES = """modes:
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


def swap(flags: list[str]) -> Callable[[Model], int]:
    """Checks the flags of `swap`; gives what then makes its pictures with a model."""
    parser = swap_parser()
    args = parser.parse_args(flags)
    if (args.mode == "dataset") != bool(args.data):
        parser.error("--data and --mode dataset go together")
    device_named(args.device)
    out, suffix = writable(args.out), f".{args.format}"
    if args.mode == "dataset":
        bench = parse_data(args.data)
        jobs = data_set(bench.train, args.times, args.by, args.seed, suffix)
        about = {"mode": "dataset", "data": str(bench), "images": len(bench.train)}
        about |= {name: getattr(args, name) for name in ("times", "by", "seed", "format")}
        return partial(many, args=args, out=out, jobs=jobs, about=about)
    appearance, structure = donors(parser, args)
    if args.mode == "folder":
        places = {k: [str(Path(p).resolve()) for p in getattr(args, k) or args.images]
                  for k in ("appearance", "structure")}  # fmt: skip
        jobs = combinations(appearance, structure, suffix, isqrt(args.batch) or 1)
        about = {"mode": "folder", "format": args.format, **places}
        return partial(many, args=args, out=out, jobs=jobs, about=about)
    picture_format(out)
    return partial(one, args=args, out=out, appearance=appearance, structure=structure)


def donors(parser: Parser, args: Namespace) -> tuple[list[str], list[str]]:
    """The files to take appearances from and those to take structures from."""
    both = args.appearance and args.structure
    if bool(args.images) == bool(both) or (args.images and (args.appearance or args.structure)):
        parser.error("give --images, or both --appearance and --structure")
    if args.images:
        images = choose(args.images, args, 2 if args.mode == "pairs" else 1)
        shared = {
            "pairs": (images[::2], images[1::2]),
            "appearance": (images[:2], images[2:] or images),
            "structure": (images[2:] or images, images[:2]),
        }
        appearance, structure = shared.get(args.mode, (images, images))
    else:
        appearance, structure = (
            choose(places, args) for places in (args.appearance, args.structure)
        )
    if args.mode == "pairs" and len(appearance) != len(structure):
        parser.error("mode pairs needs an even number of images, or as many --structure as "
                     "--appearance")  # fmt: skip
    ends = {"appearance": appearance, "structure": structure}.get(args.mode)
    if ends is not None and (len(ends) != 2 or args.steps < 2):
        parser.error(f"mode {args.mode} goes from one {args.mode} to another: it needs two images "
                     "and two --steps or more")  # fmt: skip
    return appearance, structure


def choose(places: Sequence[str], args: Namespace, each: int = 1) -> list[str]:
    """The images of the places; of a folder `each` times --count of them, evenly spaced."""
    found = []
    for place in places:
        files = image_files([place])
        if Path(place).is_dir() and args.mode != "folder":
            files = evenly(files, each * min(args.count, max(1, len(files) // each)))
        found += files
    return found


def one(
    model: Model, args: Namespace, out: Path, appearance: list[str], structure: list[str]
) -> int:
    """Makes a picture, and of an interpolation a GIF beside it."""
    model.to(device_named(args.device))
    looks = read_images(model, appearance)
    shapes = looks if structure == appearance else read_images(model, structure)
    if args.mode == "grid":
        print(save_picture(swap_table(model, looks, shapes, args.batch), out))
        return 0
    if args.mode == "pairs":
        print(save_picture(pair_table(model, looks, shapes, args.batch), out))
        return 0
    ends, held = (looks, shapes) if args.mode == "appearance" else (shapes, looks)
    strip, frames = interpolation(model, ends, held, args.mode, args.steps, args.batch)
    print(save_picture(strip, out))
    film = out.with_suffix(".gif")
    with replacing(film) as part:
        save_gif(frames, part, boomerang=True)
    print(film)
    return 0


def many(
    model: Model, args: Namespace, out: Path, jobs: Sequence[Job], about: dict[str, Any]
) -> int:
    """Makes a folder of pictures, or the rest of it; Ctrl-C says how to go on."""
    model.to(device_named(args.device))
    try:
        made = dump(model, jobs, out, about, args.batch)
    except KeyboardInterrupt:
        print("lookalike: stopped; the same command goes on.", file=sys.stderr)
        return 130
    print(f"{len(jobs)} pictures in {out}, {made} of them new")
    return 0


def swap_parser() -> Parser:
    usage = "--out PATH\n       (--images … | --appearance … --structure … | --data NAME:PATH)"
    text = "One person's appearance on another's structure."
    parser = Parser("generate MODEL swap", text, MODES, usage)
    parser.add_argument("--mode", default="grid", help="what to make [grid]",
                        choices=("grid", "pairs", "appearance", "structure", "folder", "dataset"),
                        metavar="MODE")  # fmt: skip
    for name, text in (("images", "to take both from"), ("appearance", "to take clothes from"),
                       ("structure", "to take posture from")):  # fmt: skip
        parser.add_argument(f"--{name}", nargs="+", metavar="IMAGE", help=text)
    parser.add_argument("--count", type=positive, default=7, metavar="N",
                        help="images, or pairs, to take from a folder [7]")  # fmt: skip
    parser.add_argument("--steps", type=positive, default=11, metavar="N",
                        help="pictures of an interpolation, its ends included [11]")  # fmt: skip
    parser.add_argument("--data", metavar="NAME:PATH", help="benchmark for mode dataset")
    parser.add_argument("--times", type=positive, default=1, metavar="N",
                        help="mode dataset: structures for each image [1]")  # fmt: skip
    parser.add_argument("--by", choices=("appearance", "structure"), default="appearance",
                        help="mode dataset: whose identity to file by [appearance]")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, metavar="N",
                        help="mode dataset: of the draw of structures [0]")  # fmt: skip
    parser.add_argument("--format", choices=("jpg", "png"), default="jpg",
                        help="of the files in a folder [jpg]")  # fmt: skip
    parser.add_argument("--out", required=True, metavar="PATH",
                        help="the .png or .jpg file to write, or the folder")  # fmt: skip
    add_model_flags(parser, batch=32)
    return parser
