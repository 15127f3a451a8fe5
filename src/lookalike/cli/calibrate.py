"""`lookalike calibrate`: which distance means the same person."""

import json
from argparse import Namespace
from pathlib import Path

from lookalike.cli.catalogue import catalogue
from lookalike.cli.parser import (
    Parser,
    add_feature_flags,
    add_model_flags,
    benchmark,
    feature_flags,
    one_of,
    rate,
)
from lookalike.cli.step_flags import add_step_flags, steps_of
from lookalike.files import writable_file

BATCH = 64
EPILOG = """The threshold is the distance below which two images count as the same person,
so that at most the rate --fpr of the pairs of two different people do. With the
steps --cameras and --neighbours it holds between features after them only. A
run folder gets calibration.json, and its report.html the drawing; otherwise say
--out, or --json to have it on stdout alone."""


def main(argv: list[str]) -> int:
    """Prints a table, or JSON; writes the JSON to --out or into the run folder."""
    parser = calibrate_parser()
    args = parser.parse_args(argv)
    folder = Path(args.model) if args.model and Path(args.model).is_dir() and not args.out else None
    place = checked_place(parser, args, folder)
    about_features = feature_flags(parser, args)
    out = writable_file(str(place)) if place else None

    from lookalike.data import parse_data
    from lookalike.devices import device_named
    from lookalike.evaluation.calibration import calibrate, calibrate_features, calibration_table
    from lookalike.evaluation.foreign_features import read_features
    from lookalike.files import replacing
    from lookalike.methods.model_file import load_model
    from lookalike.report import write_report

    device, steps = device_named(args.device), steps_of(args)
    if args.features:
        names = {"features": Path(args.features[0]).stem, "data": " ".join(args.features)}
        about = {"method": "", **names}
        features = read_features(args.features, **about_features)
        metric = args.metric or "cosine"
        result = calibrate_features(features, about, args.fpr, metric, device, steps)
    else:
        model, bench = load_model(args.model).to(device), parse_data(args.data)
        result = calibrate(model, bench, args.fpr, args.metric, args.batch or BATCH, steps)
    record = json.dumps(result.record(), indent=1, allow_nan=False)
    if out:
        with replacing(out) as part:
            part.write_text(record)
    if folder and (folder / "config.yaml").exists():
        write_report(folder)
    print(record if args.json else calibration_table(result))
    if out and not args.json:
        print(f"all of it in {out}")
    return 0


def checked_place(parser: Parser, args: Namespace, folder: Path | None) -> str | Path | None:
    """Where the JSON goes, if anywhere; refuses flags that don't go together."""
    if bool(args.features) == bool(args.model) or bool(args.model) != bool(args.data):
        parser.error("give either MODEL and --data, or --features")
    place = args.out or (folder / "calibration.json" if folder else None)
    if place is None and not args.json:
        parser.error("say where to write the result: --out FILE.json, or a run folder as MODEL")
    if args.features and args.batch:
        parser.error("--batch goes with MODEL: features are embedded already")
    return place


def calibrate_parser() -> Parser:
    parser = Parser(
        "calibrate",
        "Find the distance below which two images show the same person.",
        EPILOG,
        "(MODEL --data DATA | --features FILE [FILE]) …",
    )
    parser.add_argument("model", metavar="MODEL", nargs="?", help="A model file or a run folder.")
    parser.flag(
        "--data NAME:PATH", "A benchmark, such as market1501:/data/Market-1501.", type=benchmark
    )
    parser.flag(
        "--features FILE",
        "Anybody's features instead of MODEL and --data: the files of "
        "queries and gallery, or one of both, as `lookalike evaluate` takes them.",
        nargs="+",
        default=[],
    )
    add_feature_flags(parser)
    parser.flag(
        "--fpr RATE",
        "The false-positive rate: at most this share of the pairs of two "
        "people may count as one. [1e-3]",
        type=rate,
        default=1e-3,
    )
    parser.flag(
        "--metric NAME",
        "The distance: cosine or euclidean. [the model's own; cosine]",
        type=one_of("metric", catalogue().metrics),
    )
    add_step_flags(parser)
    parser.flag("--out FILE", "The .json file to write. [calibration.json in the run folder]")
    parser.switch("--json", "Print JSON.")
    add_model_flags(parser, batch=BATCH)
    parser.set_defaults(batch=None)  # to know whether it was given
    return parser
