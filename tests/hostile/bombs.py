"""Small files that would become large, and large ones: what must end soon and stay small."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import cycle
from pathlib import Path

import numpy as np
import torch
from hostile import whole
from hostile.damage import written
from hostile.doors import Case
from PIL import Image

GIB = 1 << 30
ZEROS = bytes(1 << 24)


def png(width: int, height: int, depth: int = 8, colour: int = 2, raw: bytes = b"\0") -> bytes:
    """A PNG whose header says those sizes, whatever its pixels are."""
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(raw)), (b"IEND", b"")]
    parts = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def png_with_text(kind: bytes, size: int) -> bytes:
    """A small PNG with a compressed text of `size` zeros."""
    whole_file = png(8, 16, raw=bytes(16 * 25))
    data = b"Raw profile type exif\0\0" + zlib.compress(bytes(size))
    if kind == b"iTXt":
        data = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(bytes(size))
    if kind == b"iCCP":
        data = b"icc\0\0" + zlib.compress(bytes(size))
    chunk = struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return whole_file[:33] + chunk + whole_file[33:]


@cache
def deflated(size: int, head: bytes = b"") -> bytes:
    """`head` and so many zeros as a raw deflate stream, whose blocks are made once and repeated."""
    squeezer = zlib.compressobj(1, zlib.DEFLATED, -15)
    first = squeezer.compress(head) + squeezer.flush(zlib.Z_FULL_FLUSH)
    block = squeezer.compress(ZEROS) + squeezer.flush(zlib.Z_FULL_FLUSH)
    return first + block * (size // len(ZEROS)) + squeezer.flush()


def zip_of(members: Mapping[str, tuple[bytes, int, bytes]]) -> bytes:
    """A zip file. members: name → deflated content, the size that it's said to have, and the whole
    content where its check sum is right."""
    body, directory = b"", b""
    for name, (content, size, raw) in members.items():
        total = zlib.crc32(raw)  # of the zeros behind it not: counting them takes seconds
        about = struct.pack(
            "<HHHHHIIIHH", 20, 0, 8, 0, 0x21, total, len(content), size, len(name), 0
        )
        entry = b"PK\x01\x02" + struct.pack("<H", 20) + about
        directory += entry + struct.pack("<HHHII", 0, 0, 0, 0, len(body)) + name.encode()
        body += b"PK\x03\x04" + about + name.encode() + content
    end = struct.pack("<HHHHIIH", 0, 0, len(members), len(members), len(directory), len(body), 0)
    return body + directory + b"PK\x05\x06" + end


def zipped(members: Mapping[str, int], head: bytes = b"") -> bytes:
    """A zip of files of so many zeros, `head` before the zeros of each."""
    content = {size: deflated(size, head) for size in set(members.values())}
    return zip_of({n: (content[s], s + len(head), head) for n, s in members.items()})


def npy_head(shape: tuple[int, ...], dtype: str = "<f4") -> bytes:
    text = (
        repr({"descr": dtype, "fortran_order": False, "shape": shape}).encode().ljust(117) + b"\n"
    )
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


@cache
def compressed_checkpoint(gigabytes: int) -> bytes:
    """A PyTorch file whose one tensor is compressed, as PyTorch's own never are."""
    count = gigabytes * GIB // 4
    source = zipfile.ZipFile(io.BytesIO(whole.torch_file({"conv1.weight": torch.zeros(8)})))
    members = {}
    for name in source.namelist():
        content = source.read(name)
        if name.endswith("data.pkl"):
            content = content.replace(b"K\x08", b"\x8a\x05" + struct.pack("<q", count)[:5])
        if name.endswith("data/0"):
            members[name] = (deflated(gigabytes * GIB), gigabytes * GIB, b"")
        else:
            squeezer = zlib.compressobj(1, zlib.DEFLATED, -15)
            members[name] = (squeezer.compress(content) + squeezer.flush(), len(content), content)
    return zip_of(members)


def safetensors_head(header: object, size: int | None = None, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if size is None else size) + text + data


def sparse(head: bytes, size: int, tail: bytes = b"") -> Callable[[Path], Path]:
    """A file of `size` bytes, of which only the head and the tail take room."""

    def make(folder: Path) -> Path:
        file = folder / "sparse"
        with file.open("wb") as out:
            out.write(head)
            out.seek(size - len(tail))
            out.write(tail)
            out.truncate(size)
        return file

    return make


def named(name: str, content: Callable[[], bytes]) -> Callable[[Path], Path]:
    return lambda folder: written(folder, name, content())


def renamed(name: str, make: Callable[[Path], Path]) -> Callable[[Path], Path]:
    return lambda folder: make(folder).rename(folder / name)


def in_folder(door: str, name: str, content: Callable[[], bytes]) -> Callable[[Path], Path]:
    """A benchmark, one file of which has other content."""

    def make(folder: Path) -> Path:
        for path, whole_file in whole.benchmarks()[door.removeprefix("data ")].items():
            written(folder, path, whole_file)
        written(folder, name, content())
        return folder

    return make


def large_tiff() -> bytes:
    """A TIFF of 20,000 × 20,000 pixels in one strip that isn't there."""
    place = io.BytesIO()
    Image.new("L", (8, 8)).save(place, "TIFF")
    return place.getvalue().replace(struct.pack("<I", 8), struct.pack("<I", 20000))


def cases() -> Iterator[Case]:
    pictures: dict[str, Callable[[], bytes]] = {
        "PNG of 2³¹ × 2³¹": lambda: png(2**31 - 1, 2**31 - 1),
        "PNG of 60000 × 60000": lambda: png(60000, 60000),
        "PNG of 0 × 0": lambda: png(0, 0),
        "PNG of 4000 × 4000 zeros": lambda: png(4000, 4000, raw=bytes(4000 * 12001)),
        "PNG with a text of 32 MB": lambda: png_with_text(b"zTXt", 32 << 20),
        "PNG with XMP of 32 MB": lambda: png_with_text(b"iTXt", 32 << 20),
        "PNG with a profile of 128 MB": lambda: png_with_text(b"iCCP", 128 << 20),
        "TIFF of 20000 × 20000": large_tiff,
        "BMP of 2³¹": lambda: whole.pictures()["RGB.bmp"].replace(
            struct.pack("<ii", 8, 16), struct.pack("<ii", 2**31 - 1, 2**31 - 1)
        ),
        "GIF of 65535 × 65535": lambda: b"GIF89a" + b"\xff" * 4 + b"\0\0\0;",
        "PPM of 10¹⁸ pixels": lambda: b"P6 1000000000 1000000000 255\n",
        "PPM with a comment of 20 MB": lambda: b"P6 #" + b"x" * (20 << 20) + b"\n8 8 255\n",
        "PFM of 40000²": lambda: b"Pf\n40000 40000\n-1.0\n",
        "PGM of a maximum of 0": lambda: b"P5 8 8 0\n" + bytes(64),
        "QOI of 2³²": lambda: b"qoif\xff\xff\xff\xff\xff\xff\xff\xff\x04\0",
    }
    for name, content in pictures.items():
        suffix = name.split()[0].lower()
        yield Case("picture", name, named(f"x.{suffix}", content))
    yield Case("picture", "512 MB of nothing", renamed("x.jpg", sparse(b"\xff\xd8", GIB // 2)))

    deep, wide = b"[" * 200_000, b'{"a":' * 200_000
    json_files: dict[str, Callable[[], bytes]] = {
        "deep lists": lambda: deep,
        "deep lists, closed": lambda: deep + b"]" * 200_000,
        "deep objects": lambda: wide + b"1" + b"}" * 200_000,
        "100 MB of one number": lambda: b"[" + b"7" * (100 << 20) + b"]",
        "100 MB of blanks": lambda: b"[" + b" " * (100 << 20) + b"]",
        "100 MB of one text": lambda: b'["' + b"x" * (100 << 20) + b'"]',
        "half a million empty lists": lambda: b"[" + b"[]," * (1 << 19) + b"[]]",
    }
    places = {
        "poses": "x.json",
        "data openreid": "meta.json",
        "data viper": "splits.json",
        "data prid2011": "splits_single_shot.json",
        "data world": "world.json",
    }
    others = cycle(list(places.items())[1:])  # all have one reader of JSON: each meets a few
    for name, content in json_files.items():
        for door, file in [("poses", places["poses"]), next(others)]:
            maker = named(file, content) if door == "poses" else in_folder(door, file, content)
            yield Case(door, f"{file} of {name}", maker)
    texts: dict[str, Callable[[], bytes]] = {
        "one line of 100 MB": lambda: b"path,pid,camid\n" + b"x" * (100 << 20),
        "a quote that never ends": lambda: b'path,pid,camid\n"' + b"x,\n" * 3_000_000,
        "a head of 100 MB": lambda: b"x" * (100 << 20),
        "5 million empty lines": lambda: b"\n" * 5_000_000,
        "5 million commas": lambda: b"," * 5_000_000,
        "zeros": lambda: bytes(32 << 20),
    }
    lists = {
        "data folder": "crops.csv",
        "data msmt17": "list_train.txt",
        "data deepfashion": "Eval/list_eval_partition.txt",
        "poses": "x.csv",
    }
    others = cycle(list(lists.items())[1:])
    for name, content in texts.items():
        for door, file in [("data folder", lists["data folder"]), next(others)]:
            maker = named(file, content) if door == "poses" else in_folder(door, file, content)
            yield Case(door, f"{file} of {name}", maker)
    yield Case("poses", "a text of a line of 100 MB", named("x.txt", lambda: b"1" * (100 << 20)))

    def claims(shape: tuple[int, ...]) -> Callable[[], bytes]:
        return lambda: npy_head(shape) + bytes(64)

    large = {
        "features": ("query_features", "query_pids"),
        "import pg2": ("Pose_AE/G/Conv/weights",),
    }
    for door, names in large.items():
        members = {f"{name}.npy": 3 * GIB for name in names}
        head = npy_head((3 * GIB // 4 // 4, 4))
        bomb = named("x.npz", lambda m=members, h=head: zipped(m, h))
        yield Case(door, f"npz of {len(names)} × 3 GiB of zeros", bomb)
        yield Case(door, "npy that claims 10¹² numbers", named("x.npz", claims((10**6, 10**6))))
        yield Case(door, "npy of a negative shape", named("x.npz", claims((-1, 4))))
        yield Case(
            door,
            "npz of 10,000 empty members",
            named("x.npz", many_members),
        )
        yield Case(
            door, "npy with a head of 60 kB", named("x.npz", lambda: npy_head((1,) * 20_000))
        )
    for door, suffix in (("weights", "pth"), ("import fdgan", "pth"), ("import dgnet", "pt")):
        yield Case(
            door,
            "a checkpoint that unpacks to 3 GiB",
            named(f"x.{suffix}", lambda: compressed_checkpoint(3)),
        )
        yield Case(
            door, "512 MB of nothing", renamed(f"x.{suffix}", sparse(b"PK\x03\x04", GIB // 2))
        )
        yield Case(
            door,
            "a pickle that asks for 10¹² bytes",
            named(f"x.{suffix}", lambda: b"\x80\x04\x8e" + struct.pack("<Q", 10**12)),
        )
        yield Case(
            door,
            "deep lists",
            named(
                f"x.{suffix}",
                lambda: (
                    whole.torch_file([], False)[:0]
                    + b"\x80\x02"
                    + b"]" * 100_000
                    + b"a" * 99_999
                    + b"."
                ),
            ),
        )
    wide_shapes = {
        "import dgnet": ("id_1.pt", {"classifier1.classifier.0.weight": (10**9, 512)}),
        "import fdgan": (
            "1_net_E.pth",
            {
                "embed_model.classifier.bias": (2,),
                "base_model.base.conv1.weight": (64, 3, 7, 7),
                "embed_model.bn.weight": (10**12,),
            },
        ),
    }
    for door, (file, shapes) in wide_shapes.items():
        yield Case(
            door,
            "tensors that claim 10¹² numbers",
            named(file, lambda s=shapes: whole.torch_file(whole.hollow(s))),
        )
    sizes = [("en_conv1.weight", 0), ("de_avg.1.weight", 0), ("en_avg.1.weight", 2)]
    for entry, axis in sizes:
        yield Case(
            "import fdgan",
            f"{entry} that says a size of 10⁹",
            lambda folder, e=entry, a=axis: huge_generator(folder, e, a),
        )
    for door in ("pickle", "poses"):
        yield Case(
            door,
            "pickle of deep lists",
            named("x.pkl", lambda: b"\x80\x02" + b"]" * 500_000 + b"a" * 499_999 + b"."),
        )
        yield Case(door, "pickle that doubles 60 times", named("x.pkl", doubling))
        yield Case(
            door,
            "pickle that asks for 10¹² bytes",
            named("x.pkl", lambda: b"\x80\x04\x8e" + struct.pack("<Q", 10**12)),
        )
        yield Case(
            door,
            "pickle with a memo at 2³⁰",
            named("x.pkl", lambda: b"\x80\x02]r" + struct.pack("<I", 1 << 30) + b"."),
        )
        yield Case(door, "pickle of an array of 10¹² numbers", named("x.pkl", large_array))
    for door in ("model", "model to start", "weights"):
        for name, content in safetensors_files().items():
            yield Case(door, name, named("x.safetensors", lambda c=content: c))
        yield Case(
            door,
            "a header of 2⁶³ bytes",
            renamed("x.safetensors", sparse(struct.pack("<Q", 1 << 63), 4096)),
        )
        yield Case(
            door,
            "a header of 90 MB of blanks",
            named("x.safetensors", lambda: safetensors_head(b"{" + b" " * (90 << 20) + b"}")),
        )
    yield Case(
        "data cuhk03",
        "a .mat that unpacks to 2 GiB",
        in_folder("data cuhk03", "cuhk03_new_protocol_config_detected.mat", mat_bomb),
    )


@cache
def many_members() -> bytes:
    return zipped({f"m{k}": 0 for k in range(10_000)})


def doubling() -> bytes:
    """[x, x] with x = [x, x] … 60 times: little in memory, 2⁶⁰ lists to whoever copies them."""
    value: list[object] = []
    for _ in range(60):
        value = [value, value]
    return pickle.dumps(value)


def large_array() -> bytes:
    """An array of few bytes that says a shape of 10¹² numbers."""
    return pickle.dumps(np.zeros(7, np.uint8), 2).replace(
        b"K\x07", b"\x8a\x05" + b"\0\x10\xa5\xd4\xe8"
    )


def huge_generator(folder: Path, entry: str, axis: int) -> Path:
    """FD-GAN's encoder and a generator one of whose entries says a size that nobody can have."""
    for name, shapes in whole.FDGAN.items():
        given = dict(shapes)
        if entry in given:
            shape = list(given[entry])
            shape[axis] = 10**9
            given[entry] = tuple(shape)
        written(folder / "files", name, whole.torch_file(whole.hollow(given)))
    return folder / "files"


@cache
def mat_bomb() -> bytes:
    """Matlab's file of one compressed element of zeros."""
    data = struct.pack("<II", 14, 0x7FFFFFF0) + zlib.compress(bytes(4), 1)
    squeezer = zlib.compressobj(1)
    data = squeezer.compress(struct.pack("<II", 14, 0x7FFFFFF0))
    data += b"".join(squeezer.compress(ZEROS) for _ in range(127)) + squeezer.flush()
    return b"MATLAB 5.0".ljust(124) + b"\x00\x01IM" + struct.pack("<II", 15, len(data)) + data


def safetensors_files() -> dict[str, bytes]:
    f4 = {"dtype": "F32", "shape": [4]}
    return {
        "overlapping tensors": safetensors_head(
            {"a": {**f4, "data_offsets": [0, 16]}, "b": {**f4, "data_offsets": [8, 24]}},
            data=bytes(24),
        ),
        "the same bytes twice": safetensors_head(
            {"a": {**f4, "data_offsets": [0, 16]}, "b": {**f4, "data_offsets": [0, 16]}},
            data=bytes(16),
        ),
        "offsets behind the end": safetensors_head(
            {"a": {**f4, "data_offsets": [10**9, 10**9 + 16]}}, data=bytes(16)
        ),
        "negative offsets": safetensors_head({"a": {**f4, "data_offsets": [-16, 0]}}),
        "offsets backwards": safetensors_head(
            {"a": {**f4, "data_offsets": [16, 0]}}, data=bytes(16)
        ),
        "a hole between tensors": safetensors_head(
            {"a": {**f4, "data_offsets": [8, 24]}}, data=bytes(24)
        ),
        "a shape that overflows": safetensors_head(
            {"a": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 16]}},
            data=bytes(16),
        ),
        "a shape of 10¹² numbers": safetensors_head(
            {"a": {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 4 * 10**12]}},
            data=bytes(16),
        ),
        "an unknown dtype": safetensors_head(
            {"a": {**f4, "dtype": "F31", "data_offsets": [0, 16]}}
        ),
        "a header that isn't JSON": safetensors_head(b"{]"),
        "a header of a list": safetensors_head([1, 2]),
        "a header that isn't text": safetensors_head(b"\xff\xfe{}"),
        "an empty header": safetensors_head(b""),
        "a deep header": safetensors_head(b'{"a":' * 50_000),
        "a header longer than the file": safetensors_head({}, size=10**6),
        "no tensors": safetensors_head({}),
        "metadata of numbers": safetensors_head({"__metadata__": {"lookalike": 3}}),
        "metadata of a list": safetensors_head({"__metadata__": []}),
        "stride_on of nothing": safetensors_head({"__metadata__": {"stride_on": ""}}),
        "a name of 1 MB": safetensors_head(
            {"a" * (1 << 20): {**f4, "data_offsets": [0, 16]}}, data=bytes(16)
        ),
        "one name twice": safetensors_head(
            b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},'
            b'"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}',
            data=bytes(8),
        ),
    }
