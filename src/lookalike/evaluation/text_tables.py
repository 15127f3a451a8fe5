"""An evaluation as the text that `lookalike evaluate` and a run print, at most 80 columns wide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import wrap

from lookalike.evaluation.evaluation import Evaluation
from lookalike.evaluation.scoring import Row
from lookalike.evaluation.steps import StepsRecord

WIDTH = 80  # columns of a table
COLUMNS = ("mAP", "rank1", "rank5", "rank10", "rank20", "mINP")
NUMBER = 7  # columns of a number: "100.00" and a space
PARTS = {
    "read": "reading",
    "adapt": "adapting",
    "steps": "steps",
    "embed": "embedding",
    "expand": "expanding",
    "rank": "ranking",
    "verify": "verifying",
    "rerank": "re-ranking",
    "verifier": "re-scoring",
    "bootstrap": "bootstrap",
    "generate": "generating",
    "score": "scoring",
    "sets": "comparing sets",
    "recognise": "recognising",
}  # what a `Stopwatch` measures, in words


def results_table(evaluation: Evaluation) -> str:
    """The results in percent, a feature's protocols together; then how they were computed."""
    rows = evaluation.rows
    names = names_of(rows)
    lines = ranking_lines(rows, names, has_density(rows))
    if "EER" in rows[0]:
        lines += ["", *rate_lines(rows, names)]
    for sentence in [*explanations(rows), *note_sentences(evaluation.notes)]:
        lines += folded(sentence)
    return "\n".join(lines)


def names_of(rows: Sequence[Row]) -> list[str]:
    """The column of features: shortened to what the numbers leave, "" where a name repeats."""
    protocols = {row["protocol"] for row in rows}
    several = len(protocols) > 1
    numbers = len(COLUMNS) + has_density(rows)
    room = WIDTH - NUMBER * numbers - (1 + max(map(len, protocols)) if several else 0)
    names, before = [], ""
    for row in rows:
        name = kind_of(row) or row["features"]
        short = name if len(name) <= room else name[: room - 1] + "…"
        names.append("" if several and name == before else short)
        before = name
    return names


def kind_of(row: Row) -> str:
    """What a row says instead of its feature, which stands above: "" for a plain one."""
    if row["rerank"] or row.get("verifier"):
        return "  re-ranked" if row["rerank"] else "  verified"
    return "  with steps" if row.get("steps") else ""


def has_density(rows: Sequence[Row]) -> bool:
    """Whether ID² has a column: no protocol changes it, and beside several there is no room."""
    return "ID2" in rows[0] and len({row["protocol"] for row in rows}) == 1


def ranking_lines(rows: Sequence[Row], names: Sequence[str], density: bool) -> list[str]:
    """A head and a line for each row, with its interval's ends below it. density: with ID²."""
    columns = [["features", *names]]
    if len({row["protocol"] for row in rows}) > 1:
        columns.append(["protocol", *(row["protocol"] for row in rows)])
    head, *lefts = (" ".join(cells) for cells in zip(*map(padded, columns), strict=True))
    lines = [head + "".join(f"{column:>{NUMBER}}" for column in (*COLUMNS, *["ID2"] * density))]
    for left, row in zip(lefts, rows, strict=True):
        moved = density and not row["rerank"]  # which moves no feature
        lines.append(left + percent(row) + (density_of(row) if moved else ""))
        if "intervals" in row:
            low, high = ({name: ends[i] for name, ends in row["intervals"].items()} for i in (0, 1))
            lines.append("  from".ljust(len(left)) + percent(low))
            lines.append("  to".ljust(len(left)) + percent(high))
    return lines


def rate_lines(rows: Sequence[Row], names: Sequence[str]) -> list[str]:
    """A head and a line for each feature: TPR at fixed FPRs, and EER."""
    rates = [name for name in rows[0] if name.startswith("TPR@") or name == "EER"]
    few = rows[0]["unmeasurable"]
    head, *lefts = padded(["features", *names])
    lines = [head + "".join(f"{rate + '*' * (rate in few):>10}" for rate in rates)]
    for left, name, row in zip(lefts, names, rows, strict=True):
        if name and "EER" in row:
            lines.append(left + "".join(f"{100 * row[rate]:10.2f}" for rate in rates))
    if few:
        lines.append("* fewer pairs of two people than the rate needs: before the nearest one")
    return lines


def explanations(rows: Sequence[Row]) -> list[str]:
    """What the rows come from and how, each a line that may need folding."""
    first = rows[0]
    rules = f"{first['protocol']}, " if len({row["protocol"] for row in rows}) == 1 else ""
    lines = [
        f"{rules}{first['metric']} distance{others(rows, 'metric', 'features')}, "
        f"{first['valid_queries']} of {first['queries']} queries valid"
        f"{others(rows, 'valid_queries', 'protocol', 'queries')}, {first['gallery']} gallery crops"
        f"{others(rows, 'gallery', 'protocol')}"
    ]
    lines += step_lines(rows)
    for k in [row["expand"] for row in rows if row["expand"]][:1]:
        lines.append(f"queries expanded with their {k} nearest gallery crops")
    for numbers in [row["rerank"] for row in rows if row["rerank"]][:1]:
        k1, k2, weight = numbers.values()
        lines.append(f"re-ranked with k1 {k1}, k2 {k2}, λ {weight:g}")
    # Rows of runs before there were verifiers don't have the key.
    for k in [row["verifier"] for row in rows if row.get("verifier")][:1]:
        lines.append(f"verified: a query's {k} nearest re-scored by the model's verifier")
    if "intervals" in first:
        lines.append(f"from, to: {100 * first['confidence']:g} % intervals over identities")
    return lines


def step_lines(rows: Sequence[Row]) -> list[str]:
    """Which steps were taken, and what ID² is, where it has no column with its numbers."""
    taken = next((row for row in rows if row.get("steps")), None)
    if taken is None:
        return []
    steps = StepsRecord(taken["steps"], taken["steps_set"]).texts()
    later = {"expanded": "expand", "re-ranked": "rerank"}
    after = " and ".join(word for word, key in later.items() if any(row[key] for row in rows))
    lines = [f"with steps: {', '.join(steps)}{f'; {after} after them' if after else ''}"]
    lines.append("ID2: a person's images from their mean, squared; less is denser")
    if not has_density(rows):
        numbers: dict[str, list[str]] = {}  # of each feature, before and after
        for row in rows:
            of_feature = numbers.setdefault(row["features"], [])
            if len(of_feature) <= bool(row["steps"]):
                of_feature.append(density_of(row).strip())
        each = ", ".join(f"{name} {' → '.join(both)}" for name, both in numbers.items())
        lines[-1] += f": {each}"
    return lines


def density_of(row: Row) -> str:
    """The column of ID², a dash where nobody's images count."""
    return f"{'–' if row['ID2'] is None else format(row['ID2'], '.3f'):>{NUMBER}}"


def others(rows: Sequence[Row], key: str, by: str, of: str = "") -> str:
    """In brackets, whose `key` is not the first row's, and what it is; "" if nobody's.

    by: what tells them apart. of: a key whose value follows where that isn't the first row's.
    """
    first, differences = rows[0], {}
    for row in rows:
        other = bool(of) and row[of] != first[of]
        if other or row[key] != first[key]:
            differences[row[by]] = f"{row[key]} of {row[of]}" if other else row[key]
    parts = ", ".join(f"{name} {value}" for name, value in differences.items())
    return f" ({parts})" if parts else ""


def note_sentences(notes: Mapping[str, str]) -> list[str]:
    """Each sentence once, behind the protocols that it is about."""
    about: dict[str, list[str]] = {}
    for protocol, note in notes.items():
        about.setdefault(note, []).append(protocol)
    return [f"{', '.join(protocols)}: {note}" for note, protocols in about.items()]


def timings(seconds: Mapping[str, float], images: int = 0) -> str:
    """How long each part took, in words; images: how many were embedded, for the speed of it."""
    parts = []
    for part, time in seconds.items():
        speed = f" ({images / time:.0f} images/s)" if part == "embed" else ""
        parts.append(f"{PARTS[part]} {time:.2f} s{speed}")
    return ", ".join(parts)


def folded(text: str) -> list[str]:
    """The text as lines of at most 80 columns, broken between words."""
    return wrap(text, WIDTH, subsequent_indent="  ", break_on_hyphens=False)


def padded(cells: Sequence[str]) -> list[str]:
    """The cells, all as wide as the widest."""
    width = max(map(len, cells))
    return [cell.ljust(width) for cell in cells]


def percent(numbers: Mapping[str, float]) -> str:
    """The columns in percent; a dash for one that rows of older runs don't have."""
    cells = [f"{100 * numbers[name]:.2f}" if name in numbers else "–" for name in COLUMNS]
    return "".join(f"{cell:>{NUMBER}}" for cell in cells)
