"""What the authors' PG² calls its variables, what we call them, and how the numbers are turned.

TensorFlow keeps a convolution as height × width × in × out and a linear layer as in × out, and
flattens a feature map as (h, w, c); we keep out × in × height × width, out × in and (c, h, w).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from torch import Tensor

from lookalike.importing.checkpoints import Checkpoint
from lookalike.importing.renaming import UNKNOWN, Report, check_entries

KINDS = {"G1": "Pose_AE/", "G2": "UAEnoFC/", "D": "Discriminator."}
UNUSED = re.compile(
    r"(^|/)(Adam(_\d+)?|beta[12]_power(_\d+)?|(global_)?step|[gd]_lr)$"
)  # of the training: the optimisers' moments and powers, its counter, its learning rates
TRAINING = "known and unused (of the training)"


class Row(NamedTuple):
    """Their variable, its shape, our parameter, and its numbers from theirs."""

    theirs: str
    shape: tuple[int, ...]
    ours: str
    turn: Callable[[Tensor], Tensor]


def g1_layers(blocks: int) -> list[str]:
    """G1's convolutions in the order in which TensorFlow made them: 6 for each block."""
    last = blocks - 1
    names = ["encoder.inlet"]
    for i in range(blocks):
        names += [f"encoder.blocks.{i}.a", f"encoder.blocks.{i}.b"]
        names += [f"encoder.downs.{i}"] if i < last else []
    for i in range(blocks):
        names += [f"blocks.{i}.a", f"blocks.{i}.b"]
        names += [f"ups.{i}"] if i < last else []
    return [*names, "out"]


def g2_layers(blocks: int) -> list[str]:
    """G2's convolutions in the order in which TensorFlow made them: 5 for each block, and one."""
    names = ["inlet"]
    for i in range(blocks):
        names += [f"encoder.{i}.a", f"encoder.{i}.b"]
        names += [f"downs.{i}"] if i < blocks - 1 else []
    for i in range(blocks):
        names += [f"decoder.{i}.a", f"decoder.{i}.b"]
    return [*names, "out"]


def conv_rows(scope: str, layers: list[str], template: Mapping[str, Tensor]) -> Iterator[Row]:
    """Rows of the convolutions Conv, Conv_1, Conv_2, …"""
    for k, layer in enumerate(layers):
        theirs = f"{scope}Conv_{k}" if k else f"{scope}Conv"
        yield conv_row(f"{theirs}/weights", f"{layer}.weight", template)
        yield same(f"{theirs}/biases", f"{layer}.bias", template)


def conv_row(theirs: str, ours: str, template: Mapping[str, Tensor]) -> Row:
    out, into, height, width = template[ours].shape
    return Row(theirs, (height, width, into, out), ours, lambda w: w.permute(3, 2, 0, 1))


def same(theirs: str, ours: str, template: Mapping[str, Tensor]) -> Row:
    return Row(theirs, tuple(template[ours].shape), ours, lambda value: value)


def g1_rows(blocks: int, small: tuple[int, int], template: Mapping[str, Tensor]) -> list[Row]:
    """The rows of G1. small: height and width of the deepest feature map."""
    rows = list(conv_rows("Pose_AE/G/", g1_layers(blocks), template))
    code, flat = template["to_code.weight"].shape
    spread = template["from_code.weight"].shape[0]

    def to_code(w: Tensor) -> Tensor:
        return w.reshape(*small, -1, code).permute(3, 2, 0, 1).flatten(1)

    def from_code(w: Tensor) -> Tensor:
        return w.reshape(code, *small, -1).permute(3, 1, 2, 0).flatten(0, 2)

    def bias(b: Tensor) -> Tensor:
        return b.reshape(*small, -1).permute(2, 0, 1).flatten()

    first, second = "Pose_AE/G/fully_connected", "Pose_AE/G/fully_connected_1"
    return [
        *rows,
        Row(f"{first}/weights", (flat, code), "to_code.weight", to_code),
        same(f"{first}/biases", "to_code.bias", template),
        Row(f"{second}/weights", (code, spread), "from_code.weight", from_code),
        Row(f"{second}/biases", (spread,), "from_code.bias", bias),
    ]


def g2_rows(blocks: int, template: Mapping[str, Tensor]) -> list[Row]:
    """The rows of G2."""
    return list(conv_rows("UAEnoFC/G/", g2_layers(blocks), template))


def d_rows(layers: int, template: Mapping[str, Tensor]) -> list[Row]:
    """The rows of D, which flattens as we do, (c, h, w), and whose batch norms count no steps."""
    rows = []
    for i in range(1, layers + 1):
        theirs = f"Discriminator.{i}/Discriminator.{i}"
        rows += [
            conv_row(f"{theirs}.Filters", f"convs.{i - 1}.weight", template),
            same(f"{theirs}.Biases", f"convs.{i - 1}.bias", template),
        ]
    names = {
        "offset": "bias",
        "scale": "weight",
        "moving_mean": "running_mean",
        "moving_variance": "running_var",
    }
    for i in range(2, layers + 1):
        for theirs, ours in names.items():
            rows.append(same(f"Discriminator.BN{i}.{theirs}", f"norms.{i - 2}.{ours}", template))
    linear = template["out.weight"].shape[1]
    theirs = "Discriminator.Output/Discriminator.Output"
    return [
        *rows,
        Row(f"{theirs}.W", (linear, 1), "out.weight", lambda w: w.T),
        same(f"{theirs}.b", "out.bias", template),
    ]


def take(kind: str, file: Checkpoint, rows: list[Row]) -> tuple[dict[str, Tensor], Report]:
    """The variables of one network under our names, and the report of the rest of its scope.

    Raises UserError naming the first that is missing or, where none is, has another shape or isn't
    finite.
    """
    check_entries(
        kind, file, [(row.theirs, file.tensors.get(row.theirs), row.shape) for row in rows]
    )
    tensors: dict[str, Tensor] = {}
    for theirs, _, ours, turn in rows:
        tensors[ours] = turn(file.tensors[theirs].float()).contiguous()
    names = {row.theirs for row in rows}
    entries = [name for name in file.tensors if scope_of(name) == kind]
    rest: dict[str, list[str]] = {}
    for name in entries:
        if name not in names:
            rest.setdefault(TRAINING if UNUSED.search(name) else UNKNOWN, []).append(name)
    return tensors, Report(
        kind, Checkpoint(file.path, {n: file.tensors[n] for n in entries}, []), len(names), rest
    )


def scope_of(name: str) -> str | None:
    """Which network a variable belongs to, or None."""
    return next((kind for kind, scope in KINDS.items() if name.startswith(scope)), None)


def others(file: Checkpoint) -> Report:
    """The report of what belongs to no network."""
    tensors = {n: v for n, v in file.tensors.items() if scope_of(n) is None}
    rest: dict[str, list[str]] = {}
    for name in [*tensors, *file.others]:
        rest.setdefault(TRAINING if UNUSED.search(name) else UNKNOWN, []).append(name)
    return Report("other", Checkpoint(file.path, tensors, file.others), 0, rest)
