"""Small files that are whole: what is spoilt of each kind."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import safetensors.torch
import torch
import yaml
from PIL import Image
from scipy.io import savemat

from lookalike.methods import METHODS
from lookalike.methods.model_file import save_model
from lookalike.world.spec import WorldSpec
from lookalike.world.writer.layout import SPLITS

# Suffix → the modes that pillow writes it in
MODES = {
    "png": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "jpg": ("L", "RGB", "CMYK"),
    "gif": ("L", "P", "RGB"),
    "bmp": ("1", "L", "P", "RGB", "RGBA"),
    "tif": ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F", "LAB", "YCbCr"),
    "webp": ("RGB", "RGBA"),
    "ppm": ("RGB",),
    "pgm": ("L", "I;16"),
    "pfm": ("F",),
    "tga": ("L", "RGB", "RGBA"),
    "jp2": ("L", "LA", "RGB", "RGBA"),
}


@cache
def pictures() -> dict[str, bytes]:
    """Name of a file → one of every kind and mode."""
    noise = np.random.default_rng(0).integers(0, 255, (16, 8, 4), np.uint8)
    base, files = Image.fromarray(noise), {}
    for suffix, modes in MODES.items():
        for mode in modes:
            if mode in ("I;16", "I", "F"):
                kind = {"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]
                image = Image.fromarray(
                    (noise[..., 0] * (1 / 255 if mode == "F" else 250.0)).astype(kind)
                )
            elif mode in ("LAB", "YCbCr"):
                image = Image.frombytes(mode, (8, 16), noise[..., :3].tobytes())
            else:
                image = (base if "A" in mode else base.convert("RGB")).convert(mode)
            place = io.BytesIO()
            kind_of = {"jpg": "JPEG", "tif": "TIFF", "pgm": "PPM", "pfm": "PPM", "jp2": "JPEG2000"}
            image.save(place, kind_of.get(suffix, suffix.upper()))
            files[f"{mode.replace(';', '-')}.{suffix}"] = place.getvalue()
    return files


def npz(**arrays: Any) -> bytes:
    place = io.BytesIO()
    np.savez(place, **arrays)
    return place.getvalue()


def npy(array: Any) -> bytes:
    place = io.BytesIO()
    np.save(place, np.asarray(array), allow_pickle=True)
    return place.getvalue()


def mat(**values: Any) -> bytes:
    place = io.BytesIO()
    savemat(place, values)
    return place.getvalue()


def torch_file(content: Any, zipped: bool = True) -> bytes:
    place = io.BytesIO()
    torch.save(content, place, _use_new_zipfile_serialization=zipped)
    return place.getvalue()


LAYUMI = ("f", "label", "cam")  # features, persons and cameras in pytorch_result.mat


@cache
def features() -> dict[str, bytes]:
    rows = np.arange(12, dtype=np.float32).reshape(4, 3)
    one = {"features": rows, "pids": np.arange(4), "camids": np.arange(4) % 2}
    sides = ("query", "gallery")
    both = {f"{side}_{k}": v for side in sides for k, v in one.items()}
    ids = {k: v for k, v in both.items() if not k.endswith("features")}
    layumi = {f"{s}_{k}": v for s in sides for k, v in zip(LAYUMI, one.values(), strict=True)}
    batch = {"feats": torch.ones(4, 3), "pids": torch.arange(4), "camids": torch.arange(4) % 2}
    return {
        "features.npz": npz(**both, query_paths=np.array(list("abcd"))),
        "distances.npz": npz(**ids, distmat=np.ones((4, 4))),
        "pytorch_result.mat": mat(**layumi),
        "features.pt": torch_file({**{s: [batch, batch] for s in sides}}),
        "old.pth": torch_file({k: torch.from_numpy(v) for k, v in both.items()}, zipped=False),
    }


@cache
def listed() -> dict[str, bytes]:
    """Rows without names, and the list of who is on them."""
    return {"f.npy": npy(np.ones((4, 3), "f4")), "list.csv": b"pid,camid\n1,1\n2,1\n1,2\n2,2\n"}


@cache
def world() -> dict[str, bytes]:
    """A rendered world of one image a split, as far as it's read again."""
    spec = WorldSpec(people=3, cameras=2, images=1, height=16, width=16)
    files = {"world.json": json.dumps({"spec": spec.as_dict(), "versions": {}}).encode()}
    for number, split in enumerate(SPLITS, 1):
        name = f"{number:04d}_c1s1_000000_01"
        truth = {
            "size": np.array([16, 16]),
            "name": np.array([f"{name}.jpg"]),
            "keypoints2d": np.ones((1, 18, 3), "f4"),
            "keypoints3d": np.ones((1, 18, 3), "f4"),
            "boxes": np.ones((1, 4), "f4"),
            "yaws": np.zeros(1, "f4"),
            "kinds": np.array(["walk"]),
            "native_heights": np.ones(1, "f4"),
            "occluded": np.zeros(1, "f4"),
            "clothes": np.zeros(1, np.int64),
            "frames": np.zeros(1, np.int64),
            "pids": np.array([number]),
            "camids": np.zeros(1, np.int64),
            "masks": np.full((1, 32), 255, np.uint8),
            "amodal": np.full((1, 32), 255, np.uint8),
        }
        files[f"{split}/{name}.jpg"] = pictures()["RGB.jpg"]
        files[f"parts/{split}/{name}.png"] = png_of(np.zeros((16, 16), np.uint8))
        files[f"truth/{split}.npz"] = npz(**truth)
    return files


def png_of(pixels: Any) -> bytes:
    place = io.BytesIO()
    Image.fromarray(pixels).save(place, "PNG")
    return place.getvalue()


# What config.yaml says of a run, as far as it's compared when the run goes on
CONFIG: dict[str, Any] = {
    "format": 2,
    "method": "ide",
    "preset": "quick",
    "data": ["market1501:/x"],
    "people": ["751 people"],
    "settings": {"lr": 0.05, "milestones": [40]},
    "run": {"steps": 0},
    "seed": 1,
}


@cache
def run() -> dict[str, bytes]:
    """A run folder that is begun."""
    return {"config.yaml": yaml.safe_dump(CONFIG, sort_keys=False).encode(), "metrics.jsonl": LOG}


LOG = b"".join(b'{"stage": "learn", "step": %d, "losses": {"ce": 1.5}}\n' % k for k in (1, 2, 3))


@cache
def checkpoints() -> dict[str, bytes]:
    module = {"a.weight": torch.ones(2, 2), "a.bias": torch.zeros(2)}
    state = {"step": 3, "seconds": 1.5, "module": module, "optimizers": [{"state": {}}]}
    return {"last.ckpt": torch_file(state), "old.ckpt": torch_file(state, zipped=False)}


@cache
def pairs() -> dict[str, bytes]:
    names = [["1/a.jpg", "1/b.jpg"], ["2/c.jpg", "2/d.jpg"]]
    table = "from,to\n" + "".join(f"{one},{other}\n" for one, other in names)
    return {"pairs.csv": table.encode(), "p_pairs_x.p": pickle.dumps(names)}


@cache
def model() -> bytes:
    """A tiny model file of ours."""
    import tempfile
    from pathlib import Path

    import helpers.trunks  # noqa: F401

    settings = dict(STARTED, weights="none", stride_on="3x3")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.safetensors"
        save_model(METHODS["ide"].preset(None, **settings).model(2), file)
        return file.read_bytes()


# Settings of a method that may start from that model
STARTED: dict[str, Any] = dict(backbone="resnet10", height=32, width=16, head="bnneck")


@cache
def start() -> dict[str, torch.Tensor]:
    """What a run keeps of the model that it starts from."""
    parts = {"trunk.": "", "head.bn.": "neck."}
    return {
        new + name.removeprefix(old): value
        for name, value in safetensors.torch.load(model()).items()
        for old, new in parts.items()
        if name.startswith(old)
    }


NOTES = {"backbone": "resnet10", "pixel_norm": "imagenet", "stride_on": "3x3"}  # of that file


def hollow(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, torch.Tensor]:
    """Zeros of those shapes that take no room."""
    return {name: torch.zeros(()).expand(shape) for name, shape in shapes.items()}


# The beginnings of the authors' files: enough to be recognised, so an import ends at what lacks.
FDGAN = {
    "40_net_E.pth": {
        "base_model.base.conv1.weight": (64, 3, 7, 7),
        "embed_model.bn.weight": (2048,),
        "embed_model.classifier.bias": (2,),
    },
    "40_net_G.pth": {
        "en_conv1.weight": (64, 18, 4, 4),
        "de_avg.1.weight": (2432, 512, 8, 4),
        "en_avg.1.weight": (128, 512, 8, 4),
        "de_conv5.1.weight": (512, 512, 4, 4),
    },
    "40_net_Dp.pth": {"model.0.weight": (64, 21, 4, 4)},
}
DGNET = {
    "id_00100000.pt": {
        "classifier1.classifier.0.weight": (751, 512),
        "model.conv1.weight": (64, 3, 7, 7),
    },
    "gen_00100000.pt": {
        "enc_content.model.0.conv.weight": (16, 1, 7, 7),
        "mlp_w1.model.0.fc.weight": (512, 2048),
    },
    "dis_00100000.pt": {"cnns.0.0.conv.weight": (32, 3, 1, 1)},
    "net_last.pth": {"classifier.classifier.0.weight": (751, 512)},
}


@cache
def fdgan() -> dict[str, bytes]:
    return {name: torch_file(hollow(shapes), zipped=False) for name, shapes in FDGAN.items()}


@cache
def dgnet() -> dict[str, bytes]:
    files = {
        name: torch_file({"a": hollow(s)} if name.endswith(".pt") else hollow(s))
        for name, s in DGNET.items()
    }
    config = b"ID_class: 751\nbatch_size: 8\ngen:\n  dim: 16\n  mlp_dim: 512\nwarm_scale: 0.0005\n"
    return {**files, "config.yaml": config, "opts.yaml": b"stride: 2\nnclasses: 751\n"}


@cache
def pg2() -> dict[str, bytes]:
    zeros = np.zeros
    return {
        "pg2.npz": npz(
            **{
                "Pose_AE/G/Conv/weights": zeros((3, 3, 21, 2), np.float32),
                **{
                    f"Pose_AE/G/Conv_{k}/weights": zeros((3, 3, 2, 2), np.float32)
                    for k in range(1, 24)
                },
                "Pose_AE/G/fully_connected/weights": zeros((128, 64), np.float32),
                "global_step": np.int64(7),
            }
        )
    }


def safetensors_file(**tensors: torch.Tensor) -> bytes:
    return safetensors.torch.save(tensors)


@cache
def weights() -> dict[str, bytes]:
    tensors = {"conv1.weight": torch.ones(2, 3, 1, 1), "fc.bias": torch.ones(2)}
    return {
        "w.safetensors": safetensors_file(**tensors),
        "w.pth": torch_file(tensors),
        "old.pth": torch_file({"state_dict": tensors, "epoch": 3}, zipped=False),
    }


POINTS = [float(v) for joint in range(18) for v in (joint + 1, joint + 2, 1)]
LISTED = json.dumps(list(range(1, 19)))


@cache
def poses() -> dict[str, bytes]:
    people = {"people": [{"pose_keypoints_2d": POINTS}]}
    rows = [[r, r + 1, 1] for r in range(18)]
    annotations = [{"image_id": 1, "category_id": 1, "keypoints": POINTS[:51], "id": 1}]
    coco = {"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": annotations}
    results = [{"image_id": "a.jpg", "keypoints": POINTS[:51], "score": 0.9}]
    table = f"name:keypoints_y:keypoints_x\na.jpg:{LISTED}:{LISTED}\n"
    return {
        "a_keypoints.json": json.dumps(people).encode(),
        "lines.jsonl": (json.dumps({"name": "a.jpg", **people}) + "\n").encode() * 2,
        "coco.json": json.dumps(coco).encode(),
        "results.json": json.dumps(results).encode(),
        "poses.csv": table.encode(),
        "a.txt": b"".join(b"%d %d\n" % (j, j + 1) for j in range(18)),
        "poses.pkl": pickle.dumps({"a.jpg": rows}),
        "arrays.p": pickle.dumps({"a.jpg": np.array(rows)}, protocol=2),
    }


@cache
def pickles() -> dict[str, bytes]:
    value = {"a": [1, 2.5, "text", (3, None)], "b": np.arange(6).reshape(2, 3)}
    return {f"protocol-{k}.pkl": pickle.dumps(value, protocol=k) for k in (0, 2, 4)}


@cache
def cuhk03() -> bytes:
    names = np.empty((4, 1), dtype=object)
    names[:, 0] = ["1_001_1_01.png", "1_001_2_06.png", "1_002_1_01.png", "1_002_2_07.png"]
    return mat(
        filelist=names,
        labels=np.array([[5], [5], [9], [9]], np.uint16),
        train_idx=np.array([[1], [2]]),
        query_idx=np.array([[3]]),
        gallery_idx=np.array([[4]]),
    )


@cache
def benchmarks() -> dict[str, dict[str, bytes]]:
    """Reader → path → content of a benchmark of few people."""
    crop = pictures()["RGB.jpg"]
    market = [
        "bounding_box_train/0001_c1s1_000151_01.jpg",
        "bounding_box_train/0002_c2s1_1_01.jpg",
        "query/0003_c1s1_1_01.jpg",
        "bounding_box_test/0003_c2s1_1_01.jpg",
    ]
    line = "0000/0000_00{0}_0{1}_0303morning_0008_0.jpg 0\n"
    lists = {
        f"list_{name}.txt": line.format(k, k + 1).encode()
        for k, name in enumerate(("train", "val", "query", "gallery"))
    }
    pairs = [f"{camera}/{p:03d}_00.bmp" for camera in ("cam_a", "cam_b") for p in range(4)]
    viper = [
        {
            "train": [[f"x/{p:03d}_00.bmp", p, 0] for p in (0, 1)],
            "query": [[f"x/{p:03d}_00.bmp", p, 0] for p in (2, 3)],
        }
    ]
    shots = [
        f"single_shot/{camera}/person_{p:04d}.png"
        for camera in ("cam_a", "cam_b")
        for p in range(1, 5)
    ]
    meta = {"identities": [[[f"{p:08d}_{c:02d}_0000.jpg"] for c in (0, 1)] for p in range(4)]}
    split = [{"trainval": [0, 1], "query": [2, 3], "gallery": [2, 3]}]
    shop = [
        f"img/WOMEN/Dresses/id_0000000{p}/02_{k}_front.jpg" for p in range(1, 5) for k in (1, 2)
    ]
    parts = [
        f"{name} id_0000000{k // 2} {('train', 'train', 'query', 'gallery')[k % 4]}\n"
        for k, name in enumerate(shop)
    ]
    own = [f"crops/p{p}/c{c}_{c}.jpg" for p in range(4) for c in (1, 2)]
    rows = [f"{path},{path.split('/')[1]},c{path[-5]}\n" for path in own]
    world = {"spec": WorldSpec(people=4, cameras=2, images=1).as_dict()}
    return {
        "market1501": dict.fromkeys(market, crop),
        "dukemtmc": dict.fromkeys(market, crop),
        "msmt17": {**lists, "train/0000/x.jpg": crop, "test/0000/x.jpg": crop},
        "cuhk03": {
            "cuhk03_new_protocol_config_detected.mat": cuhk03(),
            "images_detected/1_001_1_01.png": crop,
        },
        "viper": {**dict.fromkeys(pairs, crop), "splits.json": json.dumps(viper).encode()},
        "prid450s": dict.fromkeys(pairs, crop),
        "prid2011": {
            **dict.fromkeys(shots, crop),
            "splits_single_shot.json": b'[{"train": [1, 2], "test": [3, 4]}]',
        },
        "openreid": {
            "meta.json": json.dumps(meta).encode(),
            "splits.json": json.dumps(split).encode(),
            "images/x.jpg": crop,
        },
        "deepfashion": {
            "Eval/list_eval_partition.txt": ("8\nimage item status\n" + "".join(parts)).encode(),
            **dict.fromkeys(shop, crop),
        },
        "folder": {
            **dict.fromkeys(own, crop),
            "crops.csv": ("path,pid,camid\n" + "".join(rows)).encode(),
        },
        "world": {**dict.fromkeys(market, crop), "world.json": json.dumps(world).encode()},
    }


SETTINGS = b"preset: quick\nlr_trunk: 0.1\nmilestones: [1, 2]\nseed: 3\n"


def singles() -> dict[str, Mapping[str, bytes]]:
    """Door → name → content of files, each of which is opened alone."""
    return {
        "picture": pictures(),
        "poses": poses(),
        "pickle": pickles(),
        "features": features(),
        "weights": weights(),
        "pairs": pairs(),
        "links": {"links.csv": b"a,b,same\n1/a.jpg,b.jpg,1\nc.jpg,1/a.jpg,0\n"},
        "run checkpoint": checkpoints(),
        "run settings": {"settings.yaml": SETTINGS},
        "import pg2": pg2(),
        "model": {"model.safetensors": model()},
        "model to start": {"model.safetensors": model()},
        "run start": {"start.safetensors": safetensors.torch.save(start(), NOTES)},
    }


def folders() -> dict[str, dict[str, bytes]]:
    """Door → path → content of what lies in a folder, and is no benchmark."""
    crops = {f"{p}/{c}.jpg": pictures()["RGB.jpg"] for p in (1, 2) for c in "ab"}
    note = json.dumps({"model": "x", "settings": {"lr": 1}}).encode()
    market = benchmarks()["market1501"]
    rows = [f"{path.split('/')[1]}:{LISTED}:{LISTED}\n" for path in market]
    table = "name:keypoints_y:keypoints_x\n" + "".join(rows)
    return {
        "import fdgan": fdgan(),
        "import dgnet": dgnet(),
        "embed": crops,
        "check": {**market, "poses/poses.csv": table.encode()},
        "world": world(),
        "run": run(),
        "run report": run(),
        "run note": {"generated.json": note},
        "features with a list": listed(),
    }
