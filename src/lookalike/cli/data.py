"""`lookalike data info DATA`, `data check DATA` and `data poses FOLDER`."""

import json

from lookalike.cli.parser import Parser
from lookalike.data import READERS, parse_data
from lookalike.data.check import as_dicts, as_text, check
from lookalike.data.info import as_table, describe


def main(argv: list[str]) -> int:
    """Print what is in a benchmark, or what is wrong with it; 1 if `check` finds errors, else 0.

    `poses` estimates those of a folder of images.
    """
    if argv[:1] == ["poses"]:
        from lookalike.cli.data_poses import main as poses

        return poses(argv[1:])
    parser = Parser(
        "data",
        "Say what is in a benchmark (info), or what is wrong with it (check).",
        f"DATA is name:path[?option=value&…]; names are\n{', '.join(READERS)}.\n\n"
        "`lookalike data poses FOLDER` estimates the poses of images; its --help explains.",
    )
    parser.add_argument("verb", choices=["info", "check", "poses"])
    parser.add_argument("data", metavar="DATA", help="such as market1501:/data/Market-1501")
    parser.add_argument("--json", action="store_true", help="print JSON")
    args = parser.parse_args(argv)
    if args.verb == "poses":
        parser.error("poses comes first: lookalike data poses FOLDER")
    bench = parse_data(args.data)
    if args.verb == "info":
        info = describe(bench)
        print(json.dumps(info, indent=2) if args.json else as_table(info))
        return 0
    findings = check(bench)
    report = {"data": str(bench), "findings": as_dicts(findings)}
    print(json.dumps(report, indent=2, ensure_ascii=False) if args.json else as_text(findings))
    return int(any(finding.severity == "error" for finding in findings))
