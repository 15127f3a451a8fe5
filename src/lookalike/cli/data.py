"""`lookalike data info DATA`, `data check DATA` and `data poses FOLDER`."""

import json

from lookalike.cli.catalogue import catalogue
from lookalike.cli.data_poses import main as poses
from lookalike.cli.parser import Parser, benchmark, folded
from lookalike.errors import UserError, unknown

HELP = """usage: lookalike data VERB …    `lookalike data VERB --help` lists the flags

  info   says what is in a benchmark
  check  says what is wrong with a benchmark
  poses  estimates the poses of a folder of images"""


def main(argv: list[str]) -> int:
    """Runs one of the three; 1 if `check` finds errors."""
    if not argv or argv[0] in ("-h", "--help"):
        print(HELP)
        return 0
    if argv[0].startswith("-"):
        raise UserError("The verb comes first, as in `lookalike data poses FOLDER`.")
    if argv[0] not in VERBS:
        raise unknown("verb of data", argv[0], VERBS)
    return VERBS[argv[0]](argv[1:])


def info(argv: list[str]) -> int:
    """Prints what is in a benchmark."""
    args = data_parser("info", "Say what is in a benchmark.").parse_args(argv)
    from lookalike.data import parse_data
    from lookalike.data.info import as_table, describe

    contents = describe(parse_data(args.data))
    print(json.dumps(contents, indent=2) if args.json else as_table(contents))
    return 0


def check(argv: list[str]) -> int:
    """Prints what is wrong with a benchmark; 1 if that are errors, else 0."""
    args = data_parser("check", "Say what is wrong with a benchmark.").parse_args(argv)
    from lookalike.data import check as checks
    from lookalike.data import parse_data

    bench = parse_data(args.data)
    findings = checks.check(bench)
    report = {"data": str(bench), "findings": checks.as_dicts(findings)}
    if args.json:
        print(json.dumps(report, indent=2, ensure_ascii=False))
    else:
        print(checks.as_text(findings))
    return int(any(finding.severity == "error" for finding in findings))


def data_parser(verb: str, description: str) -> Parser:
    names = folded(", ".join(catalogue().benchmarks))
    parser = Parser(
        f"data {verb}", description, f"DATA is name:path[?option=value&…]; names are\n{names}."
    )
    parser.add_argument(
        "data",
        type=benchmark,
        metavar="DATA",
        help="A benchmark, such as market1501:/data/Market-1501.",
    )
    parser.switch("--json", "Print JSON.")
    return parser


VERBS = {"info": info, "check": check, "poses": poses}
