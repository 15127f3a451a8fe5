"""What a run, a rendered world and files of features say of themselves, and what nobody wrote."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from hostile import whole
from hostile.bombs import GIB, compressed_checkpoint, mat_bomb, named, npy_head, zipped
from hostile.damage import written
from hostile.doors import Case
from hostile.wrong import YAML, Program

# What stands where something else should
VALUES: dict[str, Any] = {
    "null": None,
    "-1": -1,
    "a text": "x",
    "a list": [[]],
    "an object": {"a": {"a": 1}},
    "10⁴⁰⁰": 10**400,
    "true": True,
    "NaN": float("nan"),
}

FEW = {name: VALUES[name] for name in ("a text", "10⁴⁰⁰")}  # of values in values
DRAWN = ("text", "object", "10⁴⁰⁰")  # of values that a report is drawn of, which takes long


def in_place(door: str, name: str, content: Callable[[], bytes]) -> Callable[[Path], Path]:
    """The door's folder, one file of which has other content."""

    def make(folder: Path) -> Path:
        for path, whole_file in whole.folders()[door].items():
            written(folder / "f", path, whole_file)
        written(folder / "f", name, content())
        return folder / "f"

    return make


def changed(
    values: Mapping[str, Any], others: Mapping[str, Any] = VALUES
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Copies in which one value, also a nested one, is another or isn't there."""
    for key, old in values.items():
        for name, value in others.items():
            yield f"{key} of {name}", {**values, key: value}
        if others is VALUES:
            yield f"no {key}", {k: v for k, v in values.items() if k != key}
        if isinstance(old, Mapping):
            for name, inner in changed(old, FEW):
                yield f"{key}.{name}", {**values, key: inner}


def runs() -> Iterator[Case]:
    for name, content in YAML.items():
        yield Case(
            "run", f"config.yaml of {name}", in_place("run", "config.yaml", lambda c=content: c)
        )
        yield Case("run settings", f"a file of {name}", named("x.yaml", lambda c=content: c))
    for name, values in changed(whole.CONFIG):
        text = yaml.safe_dump(values).encode()
        yield Case("run", f"config.yaml: {name}", in_place("run", "config.yaml", lambda t=text: t))
        if not name.startswith("settings.") and name.endswith(DRAWN):
            place = in_place("run report", "config.yaml", lambda t=text: t)
            yield Case("run report", f"config.yaml: {name}", place)
    for name, values in changed({"preset": "quick", "lr_trunk": 0.1, "milestones": [1]}):
        text = yaml.safe_dump(values).encode()
        yield Case("run settings", name, named("x.yaml", lambda t=text: t))
    for name, values in changed({"stage": "learn", "step": 1, "losses": {"ce": 1.5}}):
        text = json.dumps(values).encode() + b"\n"
        door = "run report" if name.endswith(DRAWN) else "run"
        place = in_place(door, "metrics.jsonl", lambda t=text: whole.LOG + t)
        yield Case(door, f"metrics.jsonl: {name}", place)
    for name, text in {"deep lists": b"[" * 100_000, "a long number": b"7" * 100_000}.items():
        place = in_place("run", "metrics.jsonl", lambda t=text: whole.LOG + t)
        yield Case("run", f"metrics.jsonl of {name}", place)
        place = in_place("run note", "generated.json", lambda t=text: t)
        yield Case("run note", f"a note of {name}", place)
    for name, values in changed({"model": "x", "settings": {"lr": 1}}):
        text = json.dumps(values).encode()
        yield Case("run note", name, in_place("run note", "generated.json", lambda t=text: t))
    state = {"step": 3, "seconds": 1.5, "module": {"a": torch.ones(2)}, "optimizers": []}
    for name, values in changed(state):
        yield Case("run checkpoint", name, named("last.ckpt", lambda v=values: whole.torch_file(v)))
    for name, content in {
        "a program": lambda: whole.torch_file({**state, "module": Program()}),
        "another network": lambda: whole.torch_file(torch.nn.Linear(2, 2)),
        "a tensor that unpacks to 3 GiB": lambda: compressed_checkpoint(3),
    }.items():
        yield Case("run checkpoint", f"a file of {name}", named("last.ckpt", content))


def worlds() -> Iterator[Case]:
    file = "truth/query.npz"
    with np.load(io.BytesIO(whole.world()[file])) as arrays:
        columns = dict(arrays)
    others: dict[str, Any] = {
        "no rows": lambda a: a[:0],
        "two rows": lambda a: np.concatenate([a, a]),
        "one number": lambda a: np.float32(1),
        "texts": lambda a: a.astype("U9"),
        "objects": lambda a: a.astype(object),
        "NaN": lambda a: np.full(a.shape, np.nan),
        "far numbers": lambda a: np.full(a.shape, 2**62),
        "negative numbers": lambda a: np.full(a.shape, -5),
    }
    for key, column in columns.items():
        for name, change in others.items():
            content = {**columns, key: change(column)}
            place = in_place("world", file, lambda c=content: whole.npz(**c))
            yield Case("world", f"{key} of {name}", place)
        rest = {k: v for k, v in columns.items() if k != key}
        yield Case("world", f"no {key}", in_place("world", file, lambda r=rest: whole.npz(**r)))
    more = {**columns, "more": np.ones(1)}
    yield Case("world", "a column more", in_place("world", file, lambda: whole.npz(**more)))
    head = npy_head((3 * GIB // 4,))
    bomb = in_place("world", file, lambda: zipped({"size.npy": 3 * GIB}, head))
    yield Case("world", "truth of 3 GiB of zeros", bomb)
    part = next(name for name in whole.world() if name.startswith("parts/query"))
    for name, pixels in {
        "another size": np.zeros((8, 8), np.uint8),
        "colours": np.zeros((16, 16, 3), np.uint8),
        "no part": np.full((16, 16), 255, np.uint8),
    }.items():
        place = in_place("world", part, lambda p=pixels: whole.png_of(p))
        yield Case("world", f"a part map of {name}", place)
    spec = json.loads(whole.world()["world.json"])["spec"]
    for name, values in changed(spec):
        text = json.dumps({"spec": values}).encode()
        yield Case(
            "world", f"world.json: {name}", in_place("world", "world.json", lambda t=text: t)
        )


def features() -> Iterator[Case]:
    rows, ids = np.ones((4, 3), np.float32), np.arange(4)
    objects = np.array([{"a": 1}] * 4, object)
    kinds: dict[str, Any] = {
        "objects": objects,
        "a program": np.array([Program()], object),
        "texts": np.array(["a"] * 4),
        "dates": ids.astype("M8[s]"),
        "one number": np.float32(3),
        "no rows": rows[:0],
        "three axes": rows[None],
        "too many rows": np.ones((9, 3)),
        "fractions": ids + 0.5,
        "numbers beyond int64": np.full(4, 2**64 - 1, np.uint64),
        "complex": rows.astype(complex),
    }
    ours = {"f": rows, "p": ids, "c": ids % 2, "n": np.array(list("abcd"))}
    for key in ours:
        for name, value in kinds.items():
            content = {**ours, key: value}
            place = named("x.npz", lambda c=content: whole.npz(**c))
            yield Case("features by keys", f"{key} of {name}", place)
        rest = {k: v for k, v in ours.items() if k != key}
        yield Case("features by keys", f"no {key}", named("x.npz", lambda r=rest: whole.npz(**r)))
    sides = {f"{s}_{k}": ids for s in ("query", "gallery") for k in ("pids", "camids")}
    for name, value in {
        **kinds,
        "NaN": np.full((4, 4), np.nan),
        "a row less": np.ones((3, 4)),
    }.items():
        content = {**sides, "distmat": value}
        yield Case(
            "features", f"distances of {name}", named("x.npz", lambda c=content: whole.npz(**c))
        )
    lists = {
        "no head": "1,1\n2,2\n",
        "a head alone": "pid,camid\n",
        "no camera": "pid\n1\n2\n3\n4\n",
        "two columns of persons": "pid,pids,camid\n1,1,1\n" * 4,
        "words": "pid,camid\n" + "x,y\n" * 4,
        "far numbers": "pid,camid\n" + f"{10**30},1\n" * 4,
        "digits of another script": "pid,camid\n" + "٣,²\n" * 4,
        "short lines": "pid,camid\n" + "1\n" * 4,
        "too few lines": "pid,camid\n1,1\n",
        "names of nobody": "a.jpg\nb.jpg\n",
        "far names": f"{10**30}_c1s1.jpg\n" * 4,
        "a far camera": f"1_c{10**30}s1.jpg\n" * 4,
        "a long line": "x" * 5_000_000,
        "a field of 200 kB": "pid,camid\n" + "x" * 200_000 + ",1\n",
        "zeros": "\0" * 1000,
        "a quote": 'pid,camid\n"1,1\n',
        "empty lines": "\n" * 1000,
    }
    for name, text in lists.items():
        place = in_place("features with a list", "list.csv", lambda t=text: t.encode())
        yield Case("features with a list", name, place)
    far_rows = in_place("features with a list", "f.npy", lambda: npy_head((10**6, 10**6)))
    yield Case("features with a list", "a far claim", far_rows)
    yield Case("features", "a .mat that unpacks to 2 GiB", named("x.mat", mat_bomb))
    torch_bomb = named("x.pt", lambda: compressed_checkpoint(3))
    yield Case("features", "a .pt that unpacks to 3 GiB", torch_bomb)
    far = named("x.pt", lambda: whole.torch_file(whole.hollow({"features": (10**12,)})))
    yield Case("features", "a .pt that claims 10¹² numbers", far)
    loop: list[Any] = []
    loop.append(loop)
    contents: dict[str, Any] = {
        "a list in itself": {"features": loop},
        "deep lists": {"features": deep(200)},
        "ragged lists": {"features": [[1.0, 2.0], [1.0]]},
        "batches of other widths": {"features": [torch.ones(2, 3), torch.ones(2, 4)]},
        "numbers as names": {1: torch.ones(2), (1, 2): torch.ones(2)},
        "a sparse tensor": {"features": torch.eye(3).to_sparse()},
        "a meta tensor": {"features": torch.ones(2, device="meta")},
        "a program": {"features": Program()},
        "float8": {"features": torch.ones(2, 2).to(torch.float8_e4m3fn)},
        "a nested tensor": {"features": torch.nested.nested_tensor([torch.ones(1), torch.ones(2)])},
        "a whole network": torch.nn.Linear(2, 2),
        "nothing": None,
    }
    for name, value in contents.items():
        yield Case("features", f".pt of {name}", named("x.pt", lambda v=value: whole.torch_file(v)))
    cells = np.empty((4, 1), object)
    cells[:, 0] = [np.ones(3), np.ones(2), "x", np.zeros((0, 0))]
    for name, value in {
        "cells": cells,
        "texts": np.array(["a", "b"]),
        "a struct": {"a": {"b": 1}},
    }.items():
        place = named("x.mat", lambda v=value: whole.mat(gallery_f=v, query_f=v, gallery_label=v))
        yield Case("features", f".mat of {name}", place)


def deep(levels: int) -> list[Any]:
    value: list[Any] = [1.0]
    for _ in range(levels):
        value = [value]
    return value


def checks() -> Iterator[Case]:
    """Poses and pictures in a benchmark that is looked at whole."""
    paths = [p.split("/")[1] for p in whole.benchmarks()["market1501"]]

    def table(ys: object, xs: object) -> bytes:
        rows = [f"{path}:{json.dumps(ys)}:{json.dumps(xs)}\n" for path in paths]
        return ("name:keypoints_y:keypoints_x\n" + "".join(rows)).encode()

    for name, value in {
        "NaN": [float("nan")] * 18,
        "infinity": [float("inf")] * 18,
        "far numbers": [1e300] * 18,
        "farther numbers": [10**400] * 18,
        "missing joints": [-1] * 18,
        "zeros": [0] * 18,
        "truth values": [True] * 18,
        "texts": ["x"] * 18,
        "lists": [[1]] * 18,
        "null": [None] * 18,
        "shares": [0.5] * 18,
    }.items():
        yield Case("check", f"poses of {name}",
                   in_place("check", "poses/poses.csv", lambda v=value: table(v, v)))  # fmt: skip
    picture = next(iter(whole.benchmarks()["market1501"]))
    for kind, content in whole.pictures().items():
        yield Case("check", f"a crop of {kind}", in_place("check", picture, lambda c=content: c))
    for name in ("RGB.jpg", "I-16.png", "LA.png", "F.tif"):
        place = in_place("embed", f"1/x{name[-4:]}", lambda n=name: whole.pictures()[n])
        yield Case("embed", f"a crop of {name}", place)


def cases() -> Iterator[Case]:
    for maker in (runs, worlds, features, checks):
        yield from maker()
