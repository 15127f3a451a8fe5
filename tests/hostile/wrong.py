"""Files that are whole, but hold what no reader of theirs can use, or what would run a program."""

from __future__ import annotations

import json
import os
import pickle
from collections import OrderedDict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import torch
from hostile import whole
from hostile.bombs import in_folder, named
from hostile.doors import Case


class Program:
    """What a pickle of it would do when it is read: leave a file behind."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch a-program-ran",)


def arrays() -> Iterator[Case]:
    rows, ids = np.ones((4, 3), np.float32), np.arange(4)
    side = {"features": rows, "pids": ids, "camids": ids % 2}
    both = {f"{s}_{k}": v for s in ("query", "gallery") for k, v in side.items()}
    objects = np.array([{"a": 1}] * 4, object)
    changes: dict[str, dict[str, Any]] = {
        "an array of objects": {"query_features": objects},
        "an array that would run a program": {"query_features": np.array([Program()], object)},
        "paths of objects": {"query_paths": objects},
        "texts for features": {"query_features": np.array([["a"]] * 4)},
        "one number for features": {"query_features": np.float32(3)},
        "features of three axes": {"query_features": rows[None]},
        "no features": {"query_features": rows[:0]},
        "features of no numbers": {"query_features": rows[:, :0]},
        "complex features": {"query_features": rows.astype(complex)},
        "yes and no for features": {"query_features": rows > 0},
        "dates for features": {"query_features": rows.astype("M8[s]")},
        "features of records": {"query_features": np.zeros((4, 3), "f4,f4")},
        "NaN": {"query_features": rows * np.nan},
        "infinite features": {"query_features": rows * np.inf},
        "numbers that float32 lacks": {"query_features": rows.astype(np.float64) * 1e300},
        "foreign byte order": {"query_features": rows.astype(">f8")},
        "too few persons": {"query_pids": ids[:2]},
        "persons with fractions": {"query_pids": ids + 0.5},
        "persons beyond int64": {"query_pids": np.full(4, 2**64 - 1, np.uint64)},
        "persons of two axes": {"gallery_pids": ids[:, None]},
        "persons as texts": {"gallery_pids": ids.astype(str)},
        "negative cameras": {"query_camids": ids - 7},
        "another width": {"gallery_features": rows[:, :2]},
        "steps of objects": {"steps": objects},
        "steps that would run a program": {"steps": np.array([Program()], object)},
        "steps of two axes": {"steps": np.array([["a"], ["b"]])},
    }
    for name, change in changes.items():
        yield Case("features", name, named("x.npz", lambda c=change: whole.npz(**{**both, **c})))
    for name in both:
        rest = {k: v for k, v in both.items() if k != name}
        yield Case("features", f"no {name}", named("x.npz", lambda r=rest: whole.npz(**r)))
    for name, value in {"one array": rows, "an object": Program(), "text": "x", "none": []}.items():
        yield Case("features", f"npy of {name}", named("x.npy", lambda v=value: whole.npy(v)))
        yield Case("import pg2", f"npy of {name}", named("x.npz", lambda v=value: whole.npy(v)))
    for name, value in {
        "objects": objects,
        "texts": np.array(["a"]),
        "dates": ids.astype("M8[s]"),
        "complex": rows.astype(complex),
        "uint16": ids.astype(np.uint16),
        "uint64": ids.astype(np.uint64),
        "foreign order": rows.astype(">f4"),
        "long doubles": rows.astype(np.longdouble),
        "yes and no": rows > 0,
        "a program": np.array([Program()], object),
        "NaN": rows * np.nan,
        "one number": np.float32(1),
        "no rows": rows[:0],
    }.items():
        variables = {"Pose_AE/G/Conv/weights": value}
        yield Case(
            "import pg2",
            f"a variable of {name}",
            named("x.npz", lambda v=variables: whole.npz(**v)),
        )
    for k in (1, 5, 7, 600):
        convs = {f"Pose_AE/G/Conv_{j}/weights": np.zeros((3, 3, 2, 2), "f4") for j in range(k)}
        yield Case(
            "import pg2", f"{k} convolutions", named("x.npz", lambda c=convs: whole.npz(**c))
        )
    far = {f"Pose_AE/G/Conv_{10**12 - 1}/weights": np.zeros((3, 3, 2, 2), "f4")}
    for shape in ((0, 0, 0, 0), (3, 3, 21, 0), (3, 3)):
        first = {
            "Pose_AE/G/Conv/weights": np.zeros(shape, "f4"),
            **{f"Pose_AE/G/Conv_{k}/weights": np.zeros((3, 3, 2, 2), "f4") for k in range(1, 24)},
            "Pose_AE/G/fully_connected/weights": np.zeros((128, 64), "f4"),
        }
        yield Case(
            "import pg2",
            f"a first convolution of shape {shape}",
            named("x.npz", lambda f=first: whole.npz(**f)),
        )
    yield Case("import pg2", "convolution 10¹²", named("x.npz", lambda: whole.npz(**far)))


def checkpoints() -> Iterator[Case]:
    tensor = torch.ones(2)
    loop: list[Any] = []
    loop.append(loop)
    contents: dict[str, Any] = {
        "nothing": None,
        "a number": 3,
        "a text": "x",
        "a list": [tensor],
        "a tensor": tensor,
        "an empty dictionary": {},
        "numbers as names": {3: tensor, (1, 2): tensor, None: tensor},
        "a dictionary of texts": {"a": "b"},
        "a wrap of a wrap": {"a": {"a": {"a": tensor}}},
        "a state_dict of nothing": {"state_dict": {}},
        "a state_dict of a list": {"state_dict": []},
        "a sparse tensor": {"conv1.weight": torch.eye(3).to_sparse()},
        "a meta tensor": {"conv1.weight": torch.ones(2, device="meta")},
        "texts": {"conv1.weight": "x", "b": b"y"},
        "a complex tensor": {"conv1.weight": tensor * 1j},
        "a quantized tensor": {"a": torch.quantize_per_tensor(tensor, 1.0, 0, torch.qint8)},
        "a nested tensor": {"a": torch.nested.nested_tensor([torch.ones(1), tensor])},
        "a list in itself": {"a": loop, "conv1.weight": tensor},
        "a name with a line's end": {"conv1\n.weight": tensor, "\x1b[2J": tensor},
        "NaN": {"conv1.weight": tensor * float("nan")},
        "float8": {"conv1.weight": tensor.to(torch.float8_e4m3fn)},
        "no elements": {"conv1.weight": torch.ones(0, 3)},
        "a whole network": torch.nn.Linear(2, 2),
        "a path": {"a": PurePosixPath("x")},
        "a program": {"a": Program()},
        "a program alone": Program(),
        "NumPy's scalars": {"state_dict": {"conv1.weight": tensor}, "best": np.float64(0.5)},
        "NumPy's arrays": {"state_dict": {"conv1.weight": tensor}, "map": np.arange(3)},
        "a decimal": {"conv1.weight": tensor, "x": Decimal("1.5")},
        "ordered": OrderedDict([("module.conv1.weight", tensor)]),
    }
    marks = {
        "import fdgan": {
            "base_model.base.conv1.weight": tensor,
            "embed_model.classifier.bias": tensor,
        },
        "import dgnet": {"classifier1.classifier.0.weight": tensor, "model.conv1.weight": tensor},
        "weights": {"conv1.weight": tensor},
    }
    for door, mark in marks.items():
        suffix = "pt" if door == "import dgnet" else "pth"
        for name, content in contents.items():
            yield Case(door, name, named(f"x.{suffix}", lambda c=content: whole.torch_file(c)))
        for name, value in contents.items():
            if isinstance(value, dict):
                mixed = {**mark, **value}
                yield Case(
                    door,
                    f"{name}, beside an encoder",
                    named(f"x.{suffix}", lambda c=mixed: whole.torch_file(c)),
                )
        for shape in ((), (0,), (3, 0, 2)):
            odd = {name: torch.zeros(shape) for name in mark}
            yield Case(
                door,
                f"entries of shape {shape}",
                named(f"x.{suffix}", lambda c=odd: whole.torch_file(c)),
            )
    for name in whole.FDGAN["40_net_G.pth"]:
        for shape in ((), (0,), (0, 0, 0, 0), (1, 1, 1, 1), (64, 64)):
            yield Case(
                "import fdgan",
                f"{name} of shape {shape}",
                lambda folder, n=name, s=shape: spoilt_entry(folder, "fdgan", n, s),
            )
    for name in (
        "enc_content.model.0.conv.weight",
        "mlp_w1.model.0.fc.weight",
        "cnns.0.0.conv.weight",
        "classifier1.classifier.0.weight",
    ):
        for shape in ((), (0,), (0, 0, 0, 0), (1, 1), (3, 1)):
            yield Case(
                "import dgnet",
                f"{name} of shape {shape}",
                lambda folder, n=name, s=shape: spoilt_entry(folder, "dgnet", n, s),
            )
    for name, content in YAML.items():
        yield Case(
            "import dgnet",
            f"config.yaml of {name}",
            lambda folder, c=content: with_config(folder, c),
        )


def doubling_yaml() -> bytes:
    lines = [b"ID_class: 751", b"a0: &a0 [x, x]"]
    lines += [b"a%d: &a%d [*a%d, *a%d]" % (k, k, k - 1, k - 1) for k in range(1, 60)]
    return b"\n".join([*lines, b"batch_size: *a59"])


# What no settings are
YAML: dict[str, bytes] = {
    "a program": b"!!python/object/apply:os.system ['touch a-program-ran']",
    "a list": b"- 1\n- 2\n",
    "a number": b"7",
    "not UTF-8": b"\xff\xfe\x00ID_class",
    "no colons": b"{{{",
    "deep": b"[" * 1000,
    "a NUL": b"ID_class: \0",
    "a text for a number": b"ID_class: 751\nbatch_size: many\n",
    "infinity for a number": b"ID_class: 751\nbatch_size: .inf\n",
    "a list for a number": b"ID_class: 751\nlr2: [1, 2]\n",
    "a zero": b"ID_class: 751\nwarm_scale: 0\n",
    "lists as names": b"ID_class: 751\n? [1, 2]\n: 3\n",
    "a date": b"ID_class: 2020-01-01\nlr2: 2020-01-01\n",
    "a negative size": b"ID_class: 751\ncrop_image_height: -5\n",
    "a far style": b"ID_class: 751\nteacher_style: -9\n",
    "a list of gen": b"ID_class: 751\ngen: [1]\n",
    "in itself": b"ID_class: &a\n  x: *a\n",
    "lists that double": doubling_yaml(),
    "an empty date": b"ID_class: 2020-99-99\n",
    "a date of a word": b"ID_class: !!timestamp x\n",
    "a truth of a word": b"ID_class: !!bool x\n",
    "a number of nothing": b"ID_class: !!int ''\n",
    "a long number": b"ID_class: " + b"9" * 5000,
    "a stride of a list": b"stride: [2]\nnclasses: {}\n",
}


def with_config(folder: Path, content: bytes) -> Path:
    for name, whole_file in {**whole.dgnet(), "config.yaml": content}.items():
        named(f"files/{name}", lambda c=whole_file: c)(folder)
    return folder / "files"


def spoilt_entry(folder: Path, method: str, entry: str, shape: tuple[int, ...]) -> Path:
    """The authors' files, where one entry has another shape."""
    for name, shapes in (whole.FDGAN if method == "fdgan" else whole.DGNET).items():
        changed = {k: shape if k == entry else v for k, v in shapes.items()}
        named(f"files/{name}", lambda c=changed: whole.torch_file(whole.hollow(c)))(folder)
    return folder / "files"


def models() -> Iterator[Case]:
    """Model files of ours whose description says something else."""
    import safetensors
    import safetensors.torch

    content = whole.model()
    tensors = safetensors.torch.load(content)
    size = int.from_bytes(content[:8], "little")
    about = json.loads(json.loads(content[8 : 8 + size])["__metadata__"]["lookalike"])

    def described(value: Any, weights: Any = tensors) -> bytes:
        text = value if isinstance(value, str) else json.dumps(value)
        return safetensors.torch.save(weights, {"lookalike": text})

    texts: dict[str, Any] = {
        "no JSON": "{",
        "a list": [],
        "null": None,
        "a number": 3,
        "deep lists": "[" * 100_000,
        "nothing": {},
        "the method alone": {"method": "ide"},
    }
    for key in about:
        for name, value in (
            ("null", None),
            ("-1", -1),
            ("a text", "x"),
            ("a list", [[]]),
            ("an object", {"a": 1}),
            ("10¹²", 10**12),
            ("10³⁰", 10**30),
            ("true", True),
            ("1.5", 1.5),
        ):
            texts[f"{key} of {name}"] = {**about, key: value}
        texts[f"no {key}"] = {k: v for k, v in about.items() if k != key}
    for key, old in about["settings"].items():
        for name, value in (
            ("null", None),
            ("-1", -1),
            ("a text", "x"),
            ("a list", [1]),
            ("10⁹", 10**9),
        ):
            if value != old:
                texts[f"setting {key} of {name}"] = {
                    **about,
                    "settings": {**about["settings"], key: value},
                }
    for door in ("model", "model to start"):
        for name, value in texts.items():
            yield Case(
                door,
                f"description: {name}",
                named("model.safetensors", lambda v=value: described(v)),
            )
    first = next(iter(tensors))
    changed = {
        "a weight less": {k: v for k, v in tensors.items() if k != first},
        "a weight more": {**tensors, "x": torch.ones(1)},
        "a weight of another shape": {**tensors, first: torch.ones(1)},
        "a weight of NaN": {**tensors, first: tensors[first] * float("nan")},
        "whole numbers for weights": {k: v.long() for k, v in tensors.items()},
    }
    for door in ("model", "model to start"):
        for name, weights in changed.items():
            place = named("model.safetensors", lambda w=weights: described(about, w))
            yield Case(door, name, place)


def starts() -> Iterator[Case]:
    """Files that a run kept of the model that it started from, which say something else."""
    import safetensors.torch

    notes, tensors = whole.NOTES, whole.start()
    said = {f"{key} of {v}": {**notes, key: v} for key in notes for v in ("", "x", "1x1", "half")}
    said |= {f"no {key}": {k: v for k, v in notes.items() if k != key} for key in notes}
    for name, note in said.items():
        content = safetensors.torch.save(tensors, note)
        yield Case("run start", name, named("start.safetensors", lambda c=content: c))
    for key in ("conv1.weight", "layer4.0.bn2.running_var", "neck.weight"):
        others = {"a shape more": tensors[key][None], "whole numbers": tensors[key].long(),
                  "no numbers": tensors[key][:0]}  # fmt: skip
        without = {k: v for k, v in tensors.items() if k != key}
        for name, weights in {
            f"no {key}": without,
            **{f"{key} of {name}": {**tensors, key: value} for name, value in others.items()},
        }.items():
            content = safetensors.torch.save(weights, notes)
            yield Case("run start", name, named("start.safetensors", lambda c=content: c))


def pickles() -> Iterator[Case]:
    loop: list[Any] = []
    loop.append(loop)
    values: dict[str, Any] = {
        "a program": Program(),
        "an object": PurePosixPath("x"),
        "a set": {1, 2},
        "nothing": None,
        "a list in itself": loop,
        "names of numbers": {1: [1, 2]},
        "a decimal": Decimal("1"),
        "an array of objects": np.array([{1: 2}], object),
        "dates": np.array(["2020"], "M8[Y]"),
        "records": np.zeros(2, "f4,f4"),
        "a scalar": np.float32(1),
        "a text": "x",
        "bytes": b"x",
        "complex": np.ones(2, complex),
        "no joints": {"a": []},
        "texts": {"a": ["x"] * 18},
        "ragged": {"a": [[1, 2, 3], [1]]},
        "large numbers": {"a": [[10**400, 1, 1]] * 18},
        "NaN": {"a": [[float("nan")] * 3] * 18},
        "a dictionary": {"a": {"b": 1}},
        "four axes": {"a": np.ones((18, 3, 1, 1))},
        "null": {"a": None},
    }
    for name, value in values.items():
        for door in ("pickle", "poses"):
            yield Case(door, f"pickle of {name}", named("x.pkl", lambda v=value: pickle.dumps(v)))
    opcodes = {
        "a persistent object": b"\x80\x02Px\n.",
        "an extension": b"\x80\x02\x82\x01.",
        "no value": b"\x80\x02.",
        "a mark": b"\x80\x02(.",
        "protocol 200": b"\x80\xc8N.",
        "a memo that isn't there": b"\x80\x02h\x07.",
        "builtins.eval": b"c__builtin__\neval\n(S'1'\ntR.",
        "a reduce of a text": b"\x80\x02X\x01\0\0\0xN\x86R.",
        "a build of a text": b"\x80\x02X\x01\0\0\0x}b.",
        "an append to a number": b"\x80\x02K\x01K\x02a.",
        "a bad number": b"Iabc\n.",
        "a list as a name": b"\x80\x02}]K\x01s.",
        "bytes of 10¹² zeros": b"\x80\x02cbuiltins\nbytes\n\x8a\x05\0\x10\xa5\xd4\x68\x85R.",
        "an array without a state": b"\x80\x02cnumpy\nndarray\n)R.",
        "a type without a name": b"\x80\x02cnumpy\ndtype\n)R.",
        "a list of a number": b"\x80\x02cbuiltins\nlist\nK\x01\x85R.",
    }
    for name, content in opcodes.items():
        for door in ("pickle", "poses"):
            yield Case(door, f"pickle with {name}", named("x.pkl", lambda c=content: c))


def texts() -> Iterator[Case]:
    good = whole.POINTS
    people: dict[str, Any] = {
        "people of null": {"people": None},
        "people of a number": {"people": [1]},
        "no points": {"people": [{}]},
        "points of texts": {"people": [{"pose_keypoints_2d": ["x"] * 54}]},
        "points of null": {"people": [{"pose_keypoints_2d": [None] * 54}]},
        "a point too many": {"people": [{"pose_keypoints_2d": [*good, 1]}]},
        "nested points": {"people": [{"pose_keypoints_2d": [[1, 2, 3]] * 18}]},
        "ragged points": {"people": [{"pose_keypoints_2d": [[1, 2, 3], [1]]}]},
        "an object of points": {"people": [{"pose_keypoints_2d": {"a": 1}}]},
        "large points": {"people": [{"pose_keypoints_2d": [10**400] * 54}]},
        "infinite points": {"people": [{"pose_keypoints_2d": [float("inf")] * 54}]},
        "a name of a number": [{"name": 1, "people": []}],
        "an empty list": [],
        "a text": "x",
        "a list of null": [None],
        "names of null": {"a": None},
        "annotations of null": {"annotations": None},
        "annotations of a number": {"annotations": [1]},
        "images of null": {
            "images": None,
            "annotations": [{"keypoints": good[:51], "image_id": 1}],
        },
        "images of numbers": {
            "images": [1],
            "annotations": [{"keypoints": good[:51], "image_id": 1}],
        },
        "an id of a list": {"images": [{"id": [1]}], "annotations": [{"keypoints": good[:51]}]},
        "an image_id of a list": {"annotations": [{"keypoints": good[:51], "image_id": [1]}]},
        "a score of a text": [{"image_id": "a", "keypoints": good[:51], "score": "high"}] * 2,
        "a score of null": [{"image_id": "a", "keypoints": good[:51], "score": None}] * 2,
        "key points of null": [{"image_id": "a", "keypoints": None}],
        "key points of a text": [{"image_id": "a", "keypoints": "1 2 3"}],
        "categories of null": {"categories": None, "annotations": [{"keypoints": good[:51]}]},
        "names of numbers": {"categories": [{"id": 1, "keypoints": [1] * 17}], "annotations": []},
        "a category of a list": {
            "annotations": [{"keypoints": good[:51], "image_id": "a", "category_id": [1]}]
        },
        "a file name of a list": {
            "images": [{"id": 1, "file_name": ["a"]}],
            "annotations": [{"keypoints": good[:51], "image_id": 1}],
        },
    }
    for name, value in people.items():
        yield Case("poses", name, named("x.json", lambda v=value: json.dumps(v).encode()))
    tables = {
        "a header alone": "name:keypoints_y:keypoints_x\n",
        "no header": f"a:{whole.LISTED}\n",
        "one list": f"name:keypoints_y:keypoints_x\na:{whole.LISTED}\n",
        "lists of texts": 'name:keypoints_y:keypoints_x\na:["x"]:["y"]\n',
        "deep lists": "name:keypoints_y:keypoints_x\na:" + "[" * 100_000 + ":" + whole.LISTED,
        "nested lists": "name:keypoints_y:keypoints_x\na:[" + "[1]," * 17 + "[1]]:" + whole.LISTED,
        "large numbers": "name:keypoints_y:keypoints_x\na:[" + "9" * 5000 + "]:" + whole.LISTED,
        "columns twice": "name:name:keypoints_y:keypoints_x:keypoints_y\n::::\n",
    }
    for name, text in tables.items():
        yield Case("poses", f"table of {name}", named("x.csv", lambda t=text: t.encode()))
    lists = {
        "17 lines": "1 2\n" * 17,
        "19 lines": "1 2\n" * 19,
        "three numbers": "1 2 3\n" * 18,
        "NaN": "nan nan\n" * 18,
        "infinity": "inf -inf\n" * 18,
        "words": "a b\n" * 18,
    }
    for name, text in lists.items():
        yield Case("poses", f"text of {name}", named("x.txt", lambda t=text: t.encode()))

    rows = {
        "no column": "path,pid\na.jpg,1\n",
        "a column twice": "path,pid,camid,pid\na.jpg,1,1,2\n",
        "short lines": "path,pid,camid\na.jpg\n",
        "long lines": "path,pid,camid\na.jpg,1,1,1,1,1\n",
        "no lines": "path,pid,camid\n",
        "NUL": "path,pid,camid\na\0.jpg,1,1\n",
        "paths above it": "path,pid,camid\n../../../etc/passwd,1,1\n/etc/passwd,2,2\n",
        "persons beyond int64": "path,pid,camid\na.jpg,99999999999999999999,1\nb.jpg,1,2\n",
        "digits of another script": "path,pid,camid\na.jpg,٣,²\nb.jpg,①,1\n",
        "line ends in quotes": 'path,pid,camid\n"a\n\n.jpg",1,1\n',
        "a field of 200 kB": "path,pid,camid\n" + "x" * 200_000 + ",1,1\n",
        "another split": "path,pid,camid,split\na.jpg,1,1,testing\n",
        "Mac's line ends": "path,pid,camid\ra,1,1\r",
    }
    for name, text in rows.items():
        yield Case(
            "data folder",
            f"CSV of {name}",
            in_folder("data folder", "crops.csv", lambda t=text: t.encode()),
        )
    json_lists: dict[str, Any] = {
        "null": None,
        "a number": 1,
        "a text": "x",
        "nothing": {},
        "an empty list": [],
        "a list of null": [None],
        "identities of null": {"identities": None},
        "identities of numbers": {"identities": [1]},
        "identities of texts": {"identities": ["x"]},
        "names of numbers": {"identities": [[[1]]]},
        "names above it": {"identities": [[["../x"]]]},
        "splits of null": [{"trainval": None, "query": [], "gallery": []}],
        "splits of texts": [{"trainval": ["a"], "query": ["b"], "gallery": ["c"]}],
        "splits of lists": [{"trainval": [[0]], "query": [[1]], "gallery": [[1]]}],
        "splits of fractions": [{"trainval": [0.5], "query": [1e300], "gallery": [float("inf")]}],
        "splits of large numbers": [{"trainval": [10**30], "query": [1], "gallery": [1]}],
        "torchreid of texts": [{"train": ["x"], "test": ["x"], "query": ["x"]}],
        "torchreid of null": [{"train": [None], "test": None}],
        "torchreid of an empty path": [{"train": [["", 0, 0]], "query": [["x", 0, 0]]}],
        "torchreid of lists": [{"train": [1], "test": [[1]]}],
        "a spec of null": {"spec": None},
        "a spec of a list": {"spec": [1]},
        "a spec of texts": {"spec": {"domain": "plaza", "people": "many"}},
        "a spec of an unknown": {"spec": {"domain": {"name": "moon"}}},
    }
    files = [
        ("data openreid", "meta.json"),
        ("data openreid", "splits.json"),
        ("data viper", "splits.json"),
        ("data prid2011", "splits_single_shot.json"),
        ("data world", "world.json"),
    ]
    for door, file in files:
        for name, value in json_lists.items():
            yield Case(
                door,
                f"{file} of {name}",
                in_folder(door, file, lambda v=value: json.dumps(v).encode()),
            )
    config = "cuhk03_new_protocol_config_detected.mat"
    index = np.array([[1], [2]])
    parts = {
        "filelist": np.array([["1_001_1_01.png"]], object),
        "labels": index,
        "train_idx": index,
        "query_idx": index,
        "gallery_idx": index,
    }
    for key in parts:
        for name, value in (
            ("texts", np.array(["x"])),
            ("large numbers", index * 10**12),
            ("no rows", index[:0]),
            ("NaN", index * np.nan),
            ("zeros", index * 0),
        ):
            changed = {**parts, key: value}
            yield Case(
                "data cuhk03",
                f"{key} of {name}",
                in_folder("data cuhk03", config, lambda c=changed: whole.mat(**c)),
            )
        rest = {k: v for k, v in parts.items() if k != key}
        yield Case(
            "data cuhk03",
            f"no {key}",
            in_folder("data cuhk03", config, lambda r=rest: whole.mat(**r)),
        )


def cases() -> Iterator[Case]:
    for maker in (arrays, checkpoints, models, starts, pickles, texts):
        yield from maker()
