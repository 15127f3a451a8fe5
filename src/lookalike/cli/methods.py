"""`lookalike methods`: what can be trained."""

import json

from lookalike.cli.catalogue import MethodEntry, catalogue
from lookalike.cli.parser import Parser, folded


def main(argv: list[str]) -> int:
    """Prints the methods with their presets, what they generate, and what they need."""
    parser = Parser("methods", "List the methods, their presets, what they generate and need.")
    parser.switch("--json", "Print JSON.")
    args = parser.parse_args(argv)
    methods = catalogue().methods.values()
    if args.json:
        print(json.dumps([as_dict(method) for method in methods], indent=1))
    else:
        print("\n".join(as_text(method) for method in methods))
    return 0


def as_dict(method: MethodEntry) -> dict[str, object]:
    """The method, ready for JSON."""
    return {
        "method": method.name,
        "title": method.title,
        "presets": list(method.presets),
        "generates": list(method.generates),
        "embeds": method.embeds,
        "needs": list(method.needs),
        "labels": method.labels,
        "control": method.control,
        "ablations": method.ablations,
    }


def as_text(method: MethodEntry) -> str:
    """The method as a line with its title, and indented lines with all else."""
    facts = {
        "presets": method.presets,
        "generates": method.generates,
        "needs": method.needs,
        "ablations": method.ablations,
    }
    lines = [f"{name}: {', '.join(values)}" for name, values in facts.items() if values]
    if method.control:
        settings = (f"--{name} {value}" for name, value in method.control.items())
        lines.append(f"control: {' '.join(settings)}")
    if not method.embeds:
        lines.append("embeds nobody")
    if not method.labels:
        lines.append("reads no identities")
    margin = " " * 9
    rows = [f"{method.name:<9}{method.title}", *(margin + line for line in lines)]
    return "\n".join(folded(row, indent=2 * margin) for row in rows)
