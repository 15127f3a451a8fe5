"""The text of `lookalike quality`, at most 80 columns wide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from lookalike.evaluation.pictures.scores import PictureQuality
from lookalike.evaluation.text_tables import WIDTH, folded, padded


class Column(NamedTuple):
    """A metric: the key in a row, what stands above it, whether more is better, and digits."""

    key: str
    head: str
    higher: bool
    digits: int = 4
    factor: int = 1


COLUMNS = (
    Column("SSIM", "SSIM", True),
    Column("mask-SSIM", "mask-SSIM", True),
    Column("mask-SSIM-condition", "by source", True),
    Column("PSNR", "PSNR", True, 2),
    Column("L1", "L1", False, 2),
    Column("DSSIM", "DSSIM", False),
    Column("LPIPS", "LPIPS", False),
    Column("frechet-resnet50", "frechet-resnet50", False, 2),
    Column("FID", "FID", False, 2),
    Column("IS", "IS", True, 3),
    Column("mask-IS", "mask-IS", True, 3),
    Column("mask-IS-condition", "by source", True, 3),
    Column("diversity", "diversity", True),
    Column("rank1", "rank1", True, 2, 100),
    Column("mAP", "mAP", True, 2, 100),
)
GAP = 2


def picture_table(quality: PictureQuality) -> str:
    """The rows, in as many blocks of columns as the width asks for, and the notes."""
    rows = quality.rows
    columns = [c for c in COLUMNS if any(row.get(c.key) is not None for row in rows)]
    lines: list[str] = []
    for block in blocks(columns, rows):
        lines += ["", *block_lines(block, rows)] if lines else block_lines(block, rows)
    for sentence in [*how(rows), *quality.notes]:
        lines += folded(sentence)
    return "\n".join(lines)


def blocks(columns: Sequence[Column], rows: Sequence[dict[str, Any]]) -> list[list[Column]]:
    """The columns, as many at a time as fit beside the names; a kind that has another."""
    room = WIDTH - len(padded(names(rows))[0])
    lists: list[list[Column]] = [[]]
    taken = 0
    for column in columns:
        width = GAP + max(map(len, cells(column, rows)))
        if taken + width > room and lists[-1]:
            lists.append([])
            taken = 0
        lists[-1].append(column)
        taken += width
    return lists


def block_lines(columns: Sequence[Column], rows: Sequence[dict[str, Any]]) -> list[str]:
    """A head and a line for each row that has any of the columns; its interval's ends below."""
    table = [padded(names(rows))]
    for column in columns:
        texts = cells(column, rows)
        width = GAP + max(map(len, texts))
        table.append([cell.rjust(width) for cell in texts])
    head, *lines = ("".join(line) for line in zip(*table, strict=True))
    lines_shown = [head.rstrip()]
    for (row, end), line in zip(entries(rows), lines, strict=True):
        if any(value_of(row, end, column.key) is not None for column in columns):
            lines_shown.append(line.rstrip())
    return lines_shown


def entries(rows: Sequence[dict[str, Any]]) -> list[tuple[dict[str, Any], int | None]]:
    """Every row, followed by the two ends of its intervals where it has them."""
    lines: list[tuple[dict[str, Any], int | None]] = []
    for row in rows:
        lines.append((row, None))
        lines += [(row, 0), (row, 1)] if row.get("intervals") else []
    return lines


def names(rows: Sequence[dict[str, Any]]) -> list[str]:
    ends = ("  from", "  to")
    return ["pictures", *(r["pictures"] if e is None else ends[e] for r, e in entries(rows))]


def cells(column: Column, rows: Sequence[dict[str, Any]]) -> list[str]:
    """The column's head and its value in every entry."""
    texts = [f"{column.head} {'↑' if column.higher else '↓'}"]
    for row, end in entries(rows):
        value = value_of(row, end, column.key)
        text = "" if value is None else f"{column.factor * value:.{column.digits}f}"
        spread = row.get(f"{column.key}-deviation") if end is None else None
        texts.append(text if spread is None else f"{text} ±{spread:.3f}")
    return texts


def value_of(row: dict[str, Any], end: int | None, key: str) -> float | None:
    """A row's number, or an end of its interval; None where it has none."""
    if end is None:
        return row.get(key)
    ends = row["intervals"].get(key)
    return None if ends is None else float(ends[end])


def how(rows: Sequence[dict[str, Any]]) -> list[str]:
    """What the columns mean that a reader may not know."""
    keys = {key for row in rows for key in row}
    first = rows[0]
    count = f"{first['pairs']:,} pairs" if "pairs" in first else f"{first['images']:,} images"
    lines = [f"↑ more is better, ↓ less is; {count}"]
    if "SSIM" in keys:
        lines[0] += f", SSIM {first['ssim']}"
    if "mask-SSIM-condition" in keys:
        lines.append(
            "mask-SSIM: inside the target's mask; by source: inside the condition's, as PG²'s "
            "released scorer"
        )
    if "rank1" in first:
        crops = f"{first['gallery']:,} real gallery crops, {first['protocol']}"
        lines.append(
            f"rank1, mAP: the pictures as queries among {crops}; their person's crops from the "
            "source's camera don't count"
        )
    if first.get("confidence"):
        over = first["intervals_over"]
        lines.append(f"from, to: {100 * first['confidence']:g} % intervals over {over}")
    return lines
