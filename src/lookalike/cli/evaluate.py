"""`lookalike evaluate (MODEL --data DATA | --features FILES)`: how well features rank."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lookalike.cli.catalogue import catalogue
from lookalike.cli.parser import (
    Parser,
    add_feature_flags,
    add_model_flags,
    benchmark,
    feature_flags,
    folded,
    fraction,
    level,
    one_of,
    positive,
)
from lookalike.cli.step_flags import add_step_flags, steps_of

if TYPE_CHECKING:
    from lookalike.evaluation import Evaluation

LAYOUT = """--features takes what any model wrote (.npz, .npy, .mat, .pt): one file with
query_features, gallery_features (N×D numbers), query_pids, gallery_pids,
query_camids, gallery_camids (N whole numbers; persons from 1, −1 junk, 0
distractors), or distances (Q×G) instead of features; or two, QUERY GALLERY,
each with features, pids, camids, as `lookalike embed --data` writes them. The
names of torchreid, fast-reid and layumi are known, others with --keys."""
BATCH = 64


def main(argv: list[str]) -> int:
    """Prints a line for the whole feature and for each of its parts, or JSON of the same; of
    several benchmarks a table each."""
    parser = evaluate_parser()
    args = parser.parse_args(argv)
    check(parser, args)
    about_features = feature_flags(parser, args)
    from lookalike.data import parse_data
    from lookalike.devices import device_named
    from lookalike.evaluation.evaluation import evaluate, evaluate_features
    from lookalike.evaluation.scoring import EvaluationOptions
    from lookalike.evaluation.text_tables import results_table, timings
    from lookalike.methods.model_file import load_model

    protocols, protocol = catalogue().protocols, args.protocol
    weight = 0.3 if args.weight is None else args.weight
    again = (args.k1 or 20, args.k2 or 6, weight) if args.rerank else None
    options = EvaluationOptions(
        again, args.expand, args.rates, args.confidence, args.verify, steps_of(args)
    )
    device = device_named(args.device)
    if args.features:
        protocol = list(protocols) if protocol == "all" else protocol or "market1501"
        metric = args.metric or "cosine"
        result = evaluate_features(
            args.features, protocol, metric, options, device, **about_features
        )
        results = {"": result}
    else:
        model = load_model(args.model).to(device)
        results = {}
        for bench in [parse_data(text) for text in args.data]:
            choice = protocol
            if protocol == "all":  # its own first
                choice = sorted(protocols, key=lambda name: name != bench.protocol)
            results[str(bench)] = evaluate(
                model, bench, choice, args.metric, False, args.batch or BATCH, options
            )
    if args.json:
        print(json.dumps(in_one(results), indent=1, allow_nan=False))
        return 0
    for number, (data, result) in enumerate(results.items()):
        if len(results) > 1:
            print(data if number == 0 else f"\n{data}")
        print(results_table(result))
        print(folded(f"{timings(result.seconds, result.images)}, on {device}", indent="  "))
    return 0


def in_one(results: Mapping[str, Evaluation]) -> dict[str, Any]:
    """The results of all benchmarks for JSON; of several, notes are headed by their data."""
    rows = [row for result in results.values() for row in result.rows]
    notes: dict[str, str] = {}
    seconds: dict[str, float] = {}
    for data, result in results.items():
        head = f"{data} " if len(results) > 1 else ""
        notes |= {f"{head}{protocol}": note for protocol, note in result.notes.items()}
        for part, value in result.seconds.items():
            seconds[part] = seconds.get(part, 0.0) + value
    return {"rows": rows, "notes": notes, "seconds": seconds}


def check(parser: Parser, args: Namespace) -> None:
    """Refuses flags that don't go together."""
    if bool(args.features) == bool(args.model) or bool(args.data) != bool(args.model):
        parser.error("give MODEL and --data, or --features")
    if args.features and args.batch:
        parser.error("--batch goes with MODEL")
    if args.features and args.verify:
        parser.error("--verify goes with MODEL")
    if args.features and args.adabn:
        parser.error("--adabn goes with MODEL: features are embedded already")
    if not args.rerank and (args.k1, args.k2, args.weight) != (None, None, None):
        parser.error("--k1, --k2 and --lambda go with --rerank")


def evaluate_parser() -> Parser:
    names = catalogue().protocols
    protocols = folded(f"Protocols: {', '.join(names)}.", indent="  ")
    parser = Parser(
        "evaluate",
        "Rank a benchmark: mAP, CMC and mINP.",
        f"{protocols}\n\n{LAYOUT}",
        "(MODEL --data DATA | --features FILE [FILE]) [flags]",
    )
    parser.add_argument("model", metavar="MODEL", nargs="?", help="A model file or a run folder.")
    parser.flag(
        "--data NAME:PATH",
        "A benchmark, such as market1501:/data/Market-1501; given several times, a table each.",
        type=benchmark,
        action="append",
    )
    parser.flag("--features FILE", "Features instead of a model.", nargs="+")
    add_feature_flags(parser)
    parser.flag(
        "--protocol NAME",
        "One of those below, or all. [the benchmark's; for features market1501]",
        type=one_of("protocol", [*names, "all"]),
    )
    parser.flag(
        "--metric NAME",
        "The distance: cosine or euclidean. [the model's; for features cosine]",
        type=one_of("metric", catalogue().metrics),
    )
    parser.switch("--rerank", "Re-rank as well (k-reciprocal).")
    parser.flag("--k1 N", "Neighbours of a re-ranking. [20]", type=positive)
    parser.flag("--k2 N", "Neighbours that a re-ranking averages. [6]", type=positive)
    parser.flag(
        "--lambda WEIGHT",
        "The first distance's weight in a re-ranking. [0.3]",
        type=fraction,
        dest="weight",
    )
    parser.flag(
        "--verify K",
        "The model's own verifier (siamese, fdgan) re-scores the K nearest as well. [100]",
        type=positive,
        nargs="?",
        const=100,
        default=0,
    )
    parser.flag(
        "--expand K", "First expand each query with its K nearest.", type=positive, default=0
    )
    add_step_flags(parser)
    parser.switch(
        "--adabn", "Step: give the model's batch norm the statistics of queries and gallery."
    )
    parser.switch("--rates", "Give the TPR at FPR 1e-2, 1e-3, 1e-4, and the EER.")
    parser.flag(
        "--confidence LEVEL",
        "The level of bootstrap intervals over identities, such as 0.95.",
        type=level,
        default=0.0,
    )
    parser.switch("--json", "Print JSON.")
    add_model_flags(parser, BATCH)
    parser.set_defaults(batch=None)  # to know whether it was given
    return parser
