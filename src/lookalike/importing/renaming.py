"""Authors' parameter names in ours: a table a file, every entry demanded, the rest reported."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lookalike.errors import UserError
from lookalike.importing.checkpoints import Checkpoint

Rows = Iterable[tuple[str, str]]
NUMBER = re.compile(r"\{(\d+)\.\.\}")
UNKNOWN = "unknown"
INDENT = " " * 9  # under the first word of a printed line


@dataclass(frozen=True)
class Layout:
    """One kind of the authors' files.

    marks: beginnings of names that only this kind has. names: (theirs, ours), beginnings of names;
    {3..} is any number from 3 on, and counts on the other side from where its partner there does.
    unused: (pattern, reason): the entries that the network of this file doesn't use.
    """

    marks: tuple[str, ...]
    names: tuple[tuple[str, str], ...]
    unused: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Report:
    """What came of a file's entries. count: how many were taken. rest: reason → names of others."""

    kind: str
    checkpoint: Checkpoint
    count: int
    rest: Mapping[str, list[str]]

    def __str__(self) -> str:
        entries = len(self.checkpoint.tensors) + len(self.checkpoint.others)
        lines = [f"{self.kind:<9}{self.checkpoint.path}: {entries} entries, {self.count} taken"]
        for why, keys in self.rest.items():
            text = f"left out, {why}: {', '.join(keys)}"
            lines += textwrap.wrap(
                text, 100, initial_indent=INDENT, subsequent_indent=INDENT, break_long_words=False
            )
        return "\n".join(lines)


def rename(name: str, rows: Rows) -> str | None:
    """`name` with the beginning that a row's left side describes replaced by its right side."""
    for left, right in rows:
        text = NUMBER.split(left)  # text, start, text, start, …, text
        pattern = r"(\d+)".join(re.escape(part) for part in text[::2])
        match = re.fullmatch(f"{pattern}(\\..+)", name)
        if match is None:
            continue
        *numbers, rest = match.groups()
        counts = [int(n) - int(start) for n, start in zip(numbers, text[1::2], strict=True)]
        if min(counts, default=0) >= 0:
            text = NUMBER.split(right)
            text[1::2] = [str(int(s) + n) for s, n in zip(text[1::2], counts, strict=True)]
            return "".join([*text, rest])
    return None


def take(
    kind: str, file: Checkpoint, layout: Layout, template: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], Report]:
    """The entries of `file` under our names, one for each of `template`; a report of the rest.

    template: our name → a tensor of the right shape. Raises UserError naming the first entry that
    is missing or, where none is, has another shape or holds a number that isn't finite.
    """
    tensors: dict[str, Tensor] = {}
    rest: dict[str, list[str]] = {}
    for name, value in file.tensors.items():
        reason = next((why for what, why in layout.unused if re.search(what, name)), None)
        ours = rename(name, layout.names)
        if reason is None and ours is not None and ours in template:
            tensors[ours] = value
        else:
            rest.setdefault(reason or UNKNOWN, []).append(name)
    if file.others:
        rest.setdefault(UNKNOWN, []).extend(file.others)

    backwards = [(ours, theirs) for theirs, ours in layout.names]
    needed = [
        (str(rename(ours, backwards)), tensors.get(ours), tuple(like.shape))
        for ours, like in template.items()
    ]
    check_entries(kind, file, needed)
    return tensors, Report(kind, file, len(tensors), rest)


def check_entries(
    kind: str, file: Checkpoint, needed: Sequence[tuple[str, Tensor | None, tuple[int, ...]]]
) -> None:
    """Checks every entry that the network `kind` needs: its name, its value and its shape.

    Missing ones come first: where one that tells a size is missing, others seem misshapen. Raises
    UserError as `check_entry`.
    """
    fits = all(value is None or value.shape == shape for _, value, shape in needed)
    for name, value, shape in needed:
        if value is None:
            check_entry(kind, file, name, None, shape if fits else None)
    for name, value, shape in needed:
        check_entry(kind, file, name, value, shape)


def check_entry(
    kind: str, file: Checkpoint, name: str, value: Tensor | None, shape: Sequence[int] | None
) -> Tensor:
    """`value`, the entry `name` of `file`, where it is what the network `kind` needs.

    shape: None where it can't be told. Raises UserError when the value is missing, has another
    shape, or holds a number that isn't finite.
    """
    if value is None:
        of = "" if shape is None else f" ({by(shape)})"
        raise UserError(
            f"{file.path} has no '{name}'{of}, which the {kind} network needs: it is "
            "incomplete or of another network."
        )
    if shape is not None and tuple(value.shape) != tuple(shape):
        raise UserError(
            f"{file.path} has '{name}' of shape {by(value.shape)}, but the {kind} network needs "
            f"{by(shape)}."
        )
    if not torch.isfinite(value).all():
        raise UserError(
            f"{file.path} has NaN or infinite numbers in '{name}': its training broke down; take "
            "an earlier step."
        )
    return value


def by(shape: Sequence[int]) -> str:
    """A shape in words, such as 64×3×7×7."""
    return "×".join(str(n) for n in shape) or "a single number"
