"""`lookalike methods`: what can be trained."""

import json

from lookalike.cli.parser import Parser
from lookalike.methods import METHODS


def main(argv: list[str]) -> int:
    """Prints the methods with their presets and verbs."""
    parser = Parser("methods", "List the methods, their presets and what they generate.")
    parser.add_argument("--json", action="store_true", help="print JSON")
    args = parser.parse_args(argv)
    rows = [
        {
            "method": name,
            "title": m.title,
            "presets": list(m.presets),
            "generates": list(m.model_type().verbs),
        }
        for name, m in METHODS.items()
    ]
    if args.json:
        print(json.dumps(rows, indent=1))
        return 0
    for row in rows:
        verbs = f"; generates: {', '.join(row['generates'])}" if row["generates"] else ""
        print(
            f"{row['method']:<9}{row['title']}\n{'':<9}presets: {', '.join(row['presets'])}{verbs}"
        )
    return 0
