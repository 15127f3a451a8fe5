"""Faults of a benchmark, and how they are told."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from lookalike.errors import printable

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
EXAMPLES = 5


@dataclass(frozen=True)
class Finding:
    """A fault: what it is, how many rows have it, up to five examples, what it means for a run."""

    severity: Severity
    what: str
    count: int
    examples: tuple[str, ...]
    means: str


def finding(
    severity: Severity, what: str, examples: Sequence[Any], means: str, count: int | None = None
) -> list[Finding]:
    """One finding, or none if there is nothing to show.

    examples: all rows that have the fault, of which the first are shown; or some of `count` rows.
    """
    count = len(examples) if count is None else count
    texts = tuple(str(example) for example in examples[:EXAMPLES])
    return [Finding(severity, what, count, texts, means)] if count else []


def as_dicts(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """The findings ready for JSON."""
    return [asdict(finding) for finding in findings]


def as_text(findings: Sequence[Finding]) -> str:
    """The findings as text, a paragraph each."""
    if not findings:
        return "Nothing found: every image decodes and every query can be answered."
    return "\n\n".join(
        f"{f.severity}: {f.what}: {f.count:,}\n"
        + textwrap.fill(f.means, 80, initial_indent="  ", subsequent_indent="  ")
        + "".join(f"\n    {printable(example)}" for example in f.examples)
        + ("\n    …" if f.count > len(f.examples) > 0 else "")
        for f in findings
    )
