"""`lookalike embed MODEL IMAGES… --out feats.npz`: the features of image files."""

import sys
from argparse import Namespace

from lookalike.cli.parser import Parser, add_model_flags, benchmark
from lookalike.errors import UserError
from lookalike.files import writable_file

LAYOUT = """FILE holds arrays with a row an image: `features`, N×D float32, whose plain
cosine or Euclidean distance ranks as `lookalike evaluate` does; `paths`, N
texts; and of a benchmark `pids` and `camids`, N int64."""


def main(argv: list[str]) -> int:
    """Writes the features; unreadable images end it, or are listed with --skip-broken."""
    parser = embed_parser()
    args = parser.parse_args(argv)
    check(parser, args)
    out = writable_file(args.out)
    import numpy as np

    from lookalike.data import parse_data
    from lookalike.data.images import image_files
    from lookalike.devices import device_named
    from lookalike.evaluation.features import extract, save_features
    from lookalike.methods.model_file import load_model

    model = load_model(args.model).to(device_named(args.device))
    people = getattr(parse_data(args.data), args.split) if args.data else None
    paths = list(people.paths) if people is not None else image_files(args.images)

    broken: list[int] = []
    features = extract(model, paths, args.batch, broken if args.skip_broken else None)
    for row in broken:
        print(f"lookalike: left out {paths[row]}: can't be read.", file=sys.stderr)
    rows = np.setdiff1d(np.arange(len(paths)), broken)
    save_features(
        out,
        features,
        [paths[i] for i in rows],
        None if people is None else people[rows],
    )
    print(f"{len(rows)} features of {features.shape[1]} numbers in {out}")
    return 0


def check(parser: Parser, args: Namespace) -> None:
    """Refuses flags that don't go together."""
    if bool(args.images) == bool(args.data):
        parser.error("give either images and folders, or --data")
    if bool(args.data) != bool(args.split):
        parser.error("--data and --split (train, query or gallery) go together")
    if not args.out.endswith(".npz"):
        raise UserError(f"--out is an .npz file, not '{args.out}'.")


def embed_parser() -> Parser:
    parser = Parser(
        "embed",
        "Write the features of images as an .npz file.",
        LAYOUT,
        "MODEL --out FILE (IMAGES… | --data DATA --split SPLIT)",
    )
    parser.add_argument("model", metavar="MODEL", help="A model file or a run folder.")
    parser.add_argument(
        "images", metavar="IMAGES", nargs="*", help="Image files, and folders to search."
    )
    parser.flag("--data NAME:PATH", "A benchmark instead of IMAGES.", type=benchmark)
    parser.flag("--split", "Which part of the benchmark.", choices=("train", "query", "gallery"))
    parser.flag("--out FILE", "The .npz file to write.", required=True)
    parser.switch("--skip-broken", "Leave out images that can't be read, and list them.")
    add_model_flags(parser, batch=64)
    return parser
