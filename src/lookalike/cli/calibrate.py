"""`lookalike calibrate`: which distance means the same person."""

import argparse
import json
from pathlib import Path

from lookalike.cli.parser import Parser, add_model_flags, writable_file
from lookalike.data import parse_data
from lookalike.devices import device_named
from lookalike.evaluation.calibration import calibrate, calibrate_features, calibration_table
from lookalike.evaluation.features import read_features
from lookalike.files import replacing
from lookalike.methods.model_file import load_model
from lookalike.report import write_report

BATCH = 64
EPILOG = """The threshold is the distance below which two images count as the same person,
so that at most the rate --fpr of the pairs of two different people do. A run
folder gets calibration.json, and its report.html the drawing; otherwise say
--out, or --json to have it on stdout alone."""


def main(argv: list[str]) -> int:
    """Prints a table, or JSON; writes the JSON to --out or into the run folder."""
    parser = Parser("calibrate", "Find the distance below which two images show the same person.",
                    EPILOG, "(MODEL --data DATA | --features FILE [FILE]) …")  # fmt: skip
    parser.add_argument("model", metavar="MODEL", nargs="?", help="a model file or a run folder")
    parser.add_argument("--data", help="NAME:PATH, such as market1501:/data/market")
    parser.add_argument("--features", nargs="+", metavar="FILE", default=[],
                        help="instead of MODEL and --data, anybody's features: the .npz files of "
                        "queries and gallery, or one of both")  # fmt: skip
    parser.add_argument("--fpr", type=rate, default=1e-3, metavar="RATE",
                        help="the false-positive rate: at most this share of the pairs of two "
                        "people may count as one [1e-3]")  # fmt: skip
    parser.add_argument("--metric", help="cosine or euclidean [the model's own; cosine]")
    parser.add_argument(
        "--out", metavar="FILE", help="the .json file to write [calibration.json in the run folder]"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_model_flags(parser, batch=BATCH)
    parser.set_defaults(batch=None)  # to know whether it was given
    args = parser.parse_args(argv)
    if bool(args.features) == bool(args.model) or bool(args.model) != bool(args.data):
        parser.error("give either MODEL and --data, or --features")
    folder = Path(args.model) if args.model and Path(args.model).is_dir() and not args.out else None
    place = args.out or (folder / "calibration.json" if folder else None)
    if place is None and not args.json:
        parser.error("say where to write the result: --out FILE.json, or a run folder as MODEL")
    if args.features and args.batch:
        parser.error("--batch goes with MODEL: features are embedded already")
    out = writable_file(str(place)) if place else None
    device = device_named(args.device)
    if args.features:
        names = {"features": Path(args.features[0]).stem, "data": " ".join(args.features)}
        about = {"method": "", **names}
        found = calibrate_features(read_features(args.features), about, args.fpr,
                                   args.metric or "cosine", device)  # fmt: skip
    else:
        model, bench = load_model(args.model).to(device), parse_data(args.data)
        found = calibrate(model, bench, args.fpr, args.metric, args.batch or BATCH)
    record = json.dumps(found.record(), indent=1, allow_nan=False)
    if out:
        with replacing(out) as part:
            part.write_text(record)
    if folder and (folder / "config.yaml").exists():
        write_report(folder)
    print(record if args.json else calibration_table(found))
    if out and not args.json:
        print(f"all of it in {out}")
    return 0


def rate(text: str) -> float:
    """The number from 0 to below 1 that `text` is."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a rate from 0 to below 1, such as 1e-3")
    return value
