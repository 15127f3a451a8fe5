"""`lookalike generate`, once its flags are checked: people and conditions, then pictures."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Sequence
from functools import partial
from math import isqrt
from pathlib import Path
from typing import Any

from lookalike.cli.generate_flags import VerbFlags
from lookalike.cli.parser import Parser
from lookalike.devices import device_named
from lookalike.files import replacing, writable
from lookalike.generation.folder import write_folder
from lookalike.generation.jobs import Job, combinations, data_set
from lookalike.generation.pictures import nobody, picture_format, read_images, save_picture
from lookalike.generation.verb import Conditions
from lookalike.methods import Model
from lookalike.report import save_gif
from lookalike.stopping import goes_on


def prepared(flags: VerbFlags, parser: Parser, args: Namespace) -> Callable[[Model], int]:
    """Reads what a verb's flags ask to draw; gives what then makes the pictures with a model."""
    device_named(args.device)
    out, suffix = writable(args.out), f".{args.format}"
    bench = flags.benchmark(args)
    if args.mode == "dataset":
        assert bench is not None
        conditions = flags.conditions_of(bench.train)
        by, names = flags.file_by(args), bench.pid_names
        jobs = data_set(bench.train, conditions, args.times, args.seed, suffix, by, names)
        about = {"mode": "dataset", "data": str(bench), "images": len(bench.train)}
        about |= {"folders": "names"} if names else {}  # earlier versions had numbers
        about |= {name: getattr(args, name) for name in flags.data_set_flags}
        return partial(many, flags, args, out, list(bench.train.paths), conditions, jobs, about)
    people, conditions = flags.read(parser, args, bench)
    if args.mode == "folder":
        jobs = combinations(people, conditions, suffix, isqrt(args.batch) or 1)
        about = {"mode": "folder", "format": args.format, **flags.places(args, bench)}
        return partial(many, flags, args, out, people, conditions, jobs, about)
    picture_format(out)
    return partial(one, flags, args, out, people, conditions)


def one(
    flags: VerbFlags,
    args: Namespace,
    out: Path,
    people: Sequence[str],
    conditions: Conditions,
    model: Model,
) -> int:
    """Makes a picture, and of a sequence a GIF beside it."""
    model.to(device_named(args.device))
    verb = flags.verb(args)
    images = read_images(model, people) if verb.of_people else nobody(model)
    if args.mode == "grid":
        print(save_picture(verb.grid(model, images, conditions, args.batch), out))
        return 0
    if args.mode == "pairs":
        print(save_picture(verb.pairs(model, images, conditions, args.batch), out))
        return 0
    strip, frames = verb.sequence(model, images, conditions, args.batch)
    print(save_picture(strip, out))
    film = out.with_suffix(".gif")
    with replacing(film) as part:
        save_gif(frames, part, fps=args.fps, boomerang=flags.back_and_forth)
    print(film)
    return 0


def many(
    flags: VerbFlags,
    args: Namespace,
    out: Path,
    people: Sequence[str],
    conditions: Conditions,
    jobs: Sequence[Job],
    about: dict[str, Any],
    model: Model,
) -> int:
    """Makes a folder of pictures, or the rest of it."""
    goes_on("the same command goes on")
    model.to(device_named(args.device))
    new = write_folder(flags.verb(args), model, people, conditions, jobs, out, about, args.batch)
    print(f"{len(jobs)} pictures in {out}, {new} of them new")
    return 0
