"""`lookalike evaluate MODEL --data DATA`: how well a trained model ranks a benchmark."""

import json

from lookalike.cli.parser import Parser, add_model_flags
from lookalike.data import parse_data
from lookalike.engine.embedding import device_named
from lookalike.engine.evaluation import evaluate, table
from lookalike.errors import unknown
from lookalike.methods.model_file import load_model
from lookalike.metrics import PROTOCOLS


def main(argv: list[str]) -> int:
    """Prints a line for the whole feature and for each of its parts, or JSON of the same."""
    parser = Parser("evaluate", "Rank a benchmark with a trained model: mAP, CMC and mINP.")
    parser.add_argument("model", metavar="MODEL", help="a model file or a run folder")
    parser.add_argument("--data", required=True, help="NAME:PATH, such as market1501:/data/market")
    parser.add_argument("--protocol", metavar="NAME",
                        help=f"{', '.join(PROTOCOLS)}, or all [the benchmark's]")  # fmt: skip
    parser.add_argument("--metric", help="cosine or euclidean [the model's own]")
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_model_flags(parser, batch=64)
    args = parser.parse_args(argv)
    if args.protocol not in (None, "all", *PROTOCOLS):
        raise unknown("protocol", args.protocol, [*PROTOCOLS, "all"])
    device = device_named(args.device)
    model, bench = load_model(args.model).to(device), parse_data(args.data)
    protocol = args.protocol
    if protocol == "all":
        protocol = sorted(PROTOCOLS, key=lambda name: name != bench.protocol)  # its own is first
    found = evaluate(model, bench, protocol, args.metric, lists=False, batch=args.batch)
    if args.json:
        print(json.dumps({"rows": found.rows, "seconds": found.seconds}, indent=1))
        return 0
    embed, rank = found.seconds["embed"], found.seconds["rank"]
    speed = (len(bench.query) + len(bench.gallery)) / embed
    print(table(found.rows))
    print(f"embedding took {embed:.1f} s ({speed:.0f} images/s), ranking {rank:.1f} s, on {device}")
    return 0
