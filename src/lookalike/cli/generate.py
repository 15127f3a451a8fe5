"""`lookalike generate MODEL VERB …`: pictures from a trained model."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import isqrt
from pathlib import Path
from typing import Any

from lookalike.cli.generate_flags import VerbFlags
from lookalike.cli.parser import writable
from lookalike.cli.repose import ReposeFlags
from lookalike.cli.swap import SwapFlags
from lookalike.devices import device_named
from lookalike.errors import UserError
from lookalike.files import replacing
from lookalike.generation.folder import write_folder
from lookalike.generation.jobs import Job, combinations, data_set
from lookalike.generation.pictures import nobody, picture_format, read_images, save_picture
from lookalike.generation.verb import Conditions
from lookalike.methods import METHODS, Model
from lookalike.methods.model_file import load_model
from lookalike.report import save_gif

VERBS: Mapping[str, VerbFlags] = {flags.name: flags for flags in (SwapFlags(), ReposeFlags())}

HELP = """usage: lookalike generate MODEL VERB … --out FILE
       lookalike generate MODEL VERB --help lists the flags of a verb

MODEL is a model file or a run folder. The verbs:
{verbs}

Verbs of the methods:
{methods}"""


def main(argv: list[str]) -> int:
    """Makes the pictures and prints where they are."""
    if not argv or {"-h", "--help"} & set(argv[:2]):
        titles = [f"  {name:<9}{flags.title}" for name, flags in VERBS.items()]
        methods = {name: method.model_type().verbs for name, method in METHODS.items()}
        offers = [f"  {name:<9}{', '.join(verbs)}" for name, verbs in methods.items() if verbs]
        print(HELP.format(verbs="\n".join(titles), methods="\n".join(offers)))
        return 0
    if len(argv) < 2 or argv[0].startswith("-"):
        raise UserError(
            "Say with what and what to generate, as in `lookalike generate MODEL swap "
            "--images FOLDER --out grid.png`."
        )
    path, verb, *rest = argv
    # What is wrong with the flags is found before the model is read.
    make = prepared(VERBS[verb], rest) if verb in VERBS else None
    model = load_model(path)
    for part in model.verbs.get(verb, ()):
        model.require(part, VERBS[verb].purpose)
    offered = model.generates
    if make is None or verb not in offered:
        can = f"it offers: {', '.join(offered)}" if offered else "it only embeds"
        raise UserError(f"{path} is a model of {model.method.name}, which has no {verb}; {can}.")
    return make(model)


def prepared(flags: VerbFlags, argv: list[str]) -> Callable[[Model], int]:
    """Checks a verb's flags; gives what then makes its pictures with a model."""
    parser = flags.parser()
    args = parser.parse_args(argv)
    flags.check(parser, args)
    device_named(args.device)
    out, suffix = writable(args.out), f".{args.format}"
    bench = flags.benchmark(args)
    if args.mode == "dataset":
        assert bench is not None
        conditions = flags.conditions_of(bench.train)
        jobs = data_set(bench.train, conditions, args.times, args.seed, suffix, flags.file_by(args))
        about = {"mode": "dataset", "data": str(bench), "images": len(bench.train)}
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
    verb, images = flags.verb(args), read_images(model, people) if people else nobody(model)
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
    """Makes a folder of pictures, or the rest of it; Ctrl-C says how to go on."""
    model.to(device_named(args.device))
    try:
        new = write_folder(
            flags.verb(args), model, people, conditions, jobs, out, about, args.batch
        )
    except KeyboardInterrupt:
        print("lookalike: stopped; the same command goes on.", file=sys.stderr)
        return 130
    print(f"{len(jobs)} pictures in {out}, {new} of them new")
    return 0
