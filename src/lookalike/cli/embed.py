"""`lookalike embed MODEL IMAGES… --out feats.npz`: the features of image files."""

import sys

import numpy as np

from lookalike.cli.parser import Parser, add_model_flags, writable_file
from lookalike.data import parse_data
from lookalike.data.images import image_files
from lookalike.devices import device_named
from lookalike.errors import UserError
from lookalike.evaluation.features import extract, save_features
from lookalike.methods.model_file import load_model

LAYOUT = """FILE holds arrays with a row an image: `features`, N×D float32, whose plain
cosine or Euclidean distance ranks as `lookalike evaluate` does; `paths`, N
texts; and of a benchmark `pids` and `camids`, N int64."""


def main(argv: list[str]) -> int:
    """Writes the features; unreadable images end it, or are listed with --skip-broken."""
    parser = Parser("embed", "Write the features of images as an .npz file.", LAYOUT,
                    "MODEL --out FILE (IMAGES… | --data DATA --split SPLIT)")  # fmt: skip
    parser.add_argument("model", metavar="MODEL", help="a model file or a run folder")
    parser.add_argument("images", metavar="IMAGES", nargs="*",
                        help="image files, and folders to search")  # fmt: skip
    parser.add_argument("--data", help="NAME:PATH, a benchmark instead of IMAGES")
    parser.add_argument("--split", choices=("train", "query", "gallery"),
                        help="the benchmark's part")  # fmt: skip
    parser.add_argument("--out", required=True, help="the .npz file to write")
    parser.add_argument("--skip-broken", action="store_true",
                        help="leave out images that can't be read, and list them")  # fmt: skip
    add_model_flags(parser, batch=64)
    args = parser.parse_args(argv)
    if bool(args.images) == bool(args.data):
        parser.error("give either images and folders, or --data")
    if bool(args.data) != bool(args.split):
        parser.error("--data and --split (train, query or gallery) go together")
    if not args.out.endswith(".npz"):
        raise UserError(f"--out is an .npz file, not '{args.out}'.")
    out = writable_file(args.out)
    model = load_model(args.model).to(device_named(args.device))
    people = getattr(parse_data(args.data), args.split) if args.data else None
    paths = list(people.paths) if people is not None else image_files(args.images)

    broken: list[int] = []
    features = extract(model, paths, args.batch, broken if args.skip_broken else None)
    for row in broken:
        print(f"lookalike: left out {paths[row]}: can't be read.", file=sys.stderr)
    kept = np.setdiff1d(np.arange(len(paths)), broken)
    save_features(out, features, [paths[i] for i in kept],
                  None if people is None else people[kept])  # fmt: skip
    print(f"{len(kept)} features of {features.shape[1]} numbers in {out}")
    return 0
