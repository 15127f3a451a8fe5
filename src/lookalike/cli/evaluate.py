"""`lookalike evaluate (MODEL --data DATA | --features FILES)`: how well features rank."""

import argparse
import json

from lookalike.cli.parser import Parser, add_model_flags, level, positive
from lookalike.data import parse_data
from lookalike.devices import device_named
from lookalike.errors import unknown
from lookalike.evaluation.evaluation import evaluate, evaluate_features
from lookalike.evaluation.scoring import EvaluationOptions
from lookalike.evaluation.text_tables import folded, results_table, timings
from lookalike.methods.model_file import load_model
from lookalike.metrics import PROTOCOLS

LAYOUT = """--features takes what any model wrote: one .npz file with query_features,
gallery_features (N×D numbers), query_pids, gallery_pids, query_camids,
gallery_camids (N whole numbers; persons from 1, −1 junk, 0 distractors); or
two, QUERY.npz GALLERY.npz, each with features, pids, camids, as `lookalike
embed --data` writes them."""
BATCH = 64


def main(argv: list[str]) -> int:
    """Prints a line for the whole feature and for each of its parts, or JSON of the same."""
    if any(word == "--images" or word.startswith("--images=") for word in argv):
        from lookalike.cli.quality import main as judge_pictures

        return judge_pictures(argv)
    protocols = "\n".join(folded(f"Protocols: {', '.join(PROTOCOLS)}."))
    parser = Parser("evaluate", "Rank a benchmark: mAP, CMC and mINP.", f"{protocols}\n\n{LAYOUT}",
                    "(MODEL --data DATA | --features FILE [FILE]) [flags]")  # fmt: skip
    parser.add_argument("model", metavar="MODEL", nargs="?", help="a model file or a run folder")
    parser.add_argument("--data", help="NAME:PATH, such as market1501:/data/market")
    parser.add_argument("--features", nargs="+", metavar="FILE", help="features instead of a model")
    parser.add_argument("--protocol", metavar="NAME", help="one of those below, or all "
                        "[the benchmark's; for features market1501]")  # fmt: skip
    parser.add_argument("--metric", help="cosine or euclidean [the model's; for features cosine]")
    parser.add_argument("--rerank", action="store_true", help="re-rank as well (k-reciprocal)")
    parser.add_argument("--k1", type=positive, help="neighbours of a re-ranking [20]")
    parser.add_argument("--k2", type=positive, help="neighbours averaged by it [6]")
    parser.add_argument("--lambda", type=fraction, dest="weight", metavar="WEIGHT",
                        help="the first distance's weight in it [0.3]")  # fmt: skip
    parser.add_argument("--verify", type=positive, nargs="?", const=100, default=0, metavar="K",
                        help="its verifier re-scores the K nearest as well [100]")  # fmt: skip
    parser.add_argument("--expand", type=positive, default=0, metavar="K",
                        help="first expand each query with its K nearest")  # fmt: skip
    parser.add_argument("--rates", action="store_true", help="TPR at FPR 1e-2, 1e-3, 1e-4; EER")
    parser.add_argument("--confidence", type=level, default=0.0, metavar="LEVEL",
                        help="bootstrap intervals over identities, such as 0.95")  # fmt: skip
    parser.add_argument("--images", action="store_true", help="judge pictures instead: "
                        "`lookalike evaluate --images --help`")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_model_flags(parser, BATCH)
    parser.set_defaults(batch=None)
    args = parser.parse_args(argv)
    if bool(args.features) == bool(args.model) or bool(args.data) != bool(args.model):
        parser.error("give MODEL and --data, or --features")
    if args.protocol not in (None, "all", *PROTOCOLS):
        raise unknown("protocol", args.protocol, [*PROTOCOLS, "all"])
    if args.features and args.batch:
        parser.error("--batch goes with MODEL")
    if args.features and args.verify:
        parser.error("--verify goes with MODEL")
    if not args.rerank and (args.k1, args.k2, args.weight) != (None, None, None):
        parser.error("--k1, --k2 and --lambda go with --rerank")
    weight = 0.3 if args.weight is None else args.weight
    again = (args.k1 or 20, args.k2 or 6, weight) if args.rerank else None
    options = EvaluationOptions(again, args.expand, args.rates, args.confidence, args.verify)
    device = device_named(args.device)
    if args.features:
        protocol = list(PROTOCOLS) if args.protocol == "all" else args.protocol or "market1501"
        found = evaluate_features(
            args.features, protocol, args.metric or "cosine", options, device)  # fmt: skip
    else:
        model, bench = load_model(args.model).to(device), parse_data(args.data)
        protocol = args.protocol
        if protocol == "all":
            protocol = sorted(PROTOCOLS, key=lambda name: name != bench.protocol)  # its own first
        found = evaluate(model, bench, protocol, args.metric, False, args.batch or BATCH, options)
    if args.json:
        parts = {"rows": found.rows, "notes": found.notes, "seconds": found.seconds}
        print(json.dumps(parts, indent=1, allow_nan=False))
        return 0
    print(results_table(found))
    print("\n".join(folded(f"{timings(found.seconds, found.images)}, on {device}")))
    return 0


def fraction(text: str) -> float:
    """The number from 0 to 1 that `text` is."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number from 0 to 1")
    return value
