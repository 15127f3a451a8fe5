"""Matlab's files: what SciPy writes and reads, and files that it can't be trusted with."""

import struct
import time
import zlib

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from lookalike.data.matlab import read_matlab
from lookalike.errors import UserError

CELLS = np.empty((2, 3), object)
for i in range(6):
    CELLS[i % 2, i // 2] = ["1_001_1_01.png", "", np.eye(2), np.arange(3), 7.5, "人员"][i]
ARRAYS = {
    "double": np.random.default_rng(0).standard_normal((5, 4)),
    "single": np.arange(6, dtype=np.float32).reshape(2, 3),
    "long": np.array([[-1, 2**60]]),
    "byte": np.arange(24, dtype=np.uint8).reshape(2, 3, 4),
    "truths": np.array([[True, False], [False, False]]),
    "complex": np.array([[1 + 2j, 3.0]]),
    "text": "a text",
    "rows": np.array(["one", "three"]),
    "cells": CELLS,
    "nothing": np.zeros((0, 3)),
}


def same(one, other):
    if one.dtype == object:
        return one.shape == other.shape and all(map(same, one.ravel(), other.ravel()))
    if one.dtype.kind == "U":
        return one.ravel().tolist() == other.ravel().tolist()
    return one.shape == other.shape and one.dtype == other.dtype and np.array_equal(one, other)


@pytest.mark.parametrize("squeezed", [False, True])
def test_reads_what_scipy_reads(tmp_path, squeezed):
    savemat(tmp_path / "x.mat", ARRAYS, do_compression=squeezed)
    want, got = loadmat(tmp_path / "x.mat"), read_matlab(tmp_path / "x.mat")
    assert list(got) == list(ARRAYS)
    for name, array in got.items():
        if name == "truths":
            assert array.dtype == bool
            assert np.array_equal(array, want[name])
        else:
            assert same(array, want[name]), name


def test_what_is_no_array_is_left_out(tmp_path):
    savemat(tmp_path / "x.mat", {"a": {"b": 1}, "c": np.ones((1, 2))})
    assert list(read_matlab(tmp_path / "x.mat")) == ["c"]


@pytest.mark.parametrize("order", "<>")
def test_either_order_of_bytes_and_short_elements(tmp_path, order):
    def element(kind, content):
        tag = struct.pack(f"{order}II", kind, len(content))
        return tag + content + bytes(-len(content) % 8)

    short = struct.pack(f"{order}I", (1 << 16) | 1) + b"x\0\0\0"  # the name in the tag itself
    numbers = element(4, struct.pack(f"{order}3H", 7, 8, 999))  # doubles, written shorter
    flags = element(6, struct.pack(f"{order}II", 6, 0))
    sizes = element(5, struct.pack(f"{order}ii", 1, 3))
    content = element(14, flags + sizes + short + numbers)
    squeezed = zlib.compress(content)
    for body in (content, struct.pack(f"{order}II", 15, len(squeezed)) + squeezed):
        mark = b"IM" if order == "<" else b"MI"
        (tmp_path / "x.mat").write_bytes(b"MATLAB 5.0".ljust(124) + b"\0\1" + mark + body)
        got = read_matlab(tmp_path / "x.mat")["x"]
        assert got.dtype == np.float64
        assert got.tolist() == [[7, 8, 999]]


def test_what_unpacks_to_more_than_it_may(tmp_path):
    savemat(tmp_path / "x.mat", {"a": np.zeros((1000, 1000))}, do_compression=True)
    assert read_matlab(tmp_path / "x.mat")["a"].shape == (1000, 1000)
    with pytest.raises(UserError, match=r"'.*x.mat' would unpack to more than 0.00093 GiB"):
        read_matlab(tmp_path / "x.mat", 10**6)


def test_another_version_and_no_file(tmp_path):
    savemat(tmp_path / "x.mat", {"a": np.zeros((10, 10))}, format="4")
    with pytest.raises(ValueError, match="version 5 to 7"):
        read_matlab(tmp_path / "x.mat")
    with pytest.raises(FileNotFoundError):
        read_matlab(tmp_path / "y.mat")


def test_damage_is_told_and_crashes_nothing(tmp_path):
    """SciPy's reader ends the process at some of these."""
    rng = np.random.default_rng(0)
    refused = 0
    for squeezed in (False, True):
        savemat(tmp_path / "x.mat", ARRAYS, do_compression=squeezed)
        content = (tmp_path / "x.mat").read_bytes()
        for seed in range(150):
            changed = bytearray(content)
            for place in rng.integers(0, len(content), 1 + seed % 8):
                changed[place] = rng.integers(256)
            (tmp_path / "y.mat").write_bytes(changed[: len(content) - seed % 3 * seed])
            try:
                read_matlab(tmp_path / "y.mat")
            except ValueError:
                refused += 1
    assert refused > 100


def test_cells_in_cells_without_end(tmp_path):
    def element(kind, content):
        return struct.pack("<II", kind, len(content)) + content

    inner = element(14, b"")
    head = element(6, struct.pack("<II", 1, 0)) + element(5, struct.pack("<ii", 1, 1))
    for _ in range(3000):
        inner = element(14, head + element(1, b"") + inner)
    (tmp_path / "x.mat").write_bytes(b"MATLAB 5.0".ljust(124) + b"\0\1IM" + inner)
    with pytest.raises(ValueError, match="isn't a whole"):
        read_matlab(tmp_path / "x.mat")


@pytest.mark.parametrize(
    "content",
    [bytes(32 << 20), struct.pack("<II", 1, 0) * (4 << 20), struct.pack("<II", 14, 0) * (4 << 20)],
)
def test_millions_of_nothings_are_no_file(tmp_path, content):
    (tmp_path / "x.mat").write_bytes(b"MATLAB 5.0".ljust(124) + b"\0\1IM" + content)
    start = time.perf_counter()
    with pytest.raises(ValueError, match="isn't a whole"):
        read_matlab(tmp_path / "x.mat")
    assert time.perf_counter() - start < 30  # seconds, beside whatever else runs


def test_millions_of_empty_cells_are_no_file(tmp_path):
    def element(kind, content):
        return struct.pack("<II", kind, len(content)) + content

    head = element(6, struct.pack("<II", 1, 0)) + element(5, struct.pack("<ii", 1 << 11, 1 << 11))
    content = element(14, head + element(1, b"") + element(14, b"") * (1 << 22))
    (tmp_path / "x.mat").write_bytes(b"MATLAB 5.0".ljust(124) + b"\0\1IM" + content)
    with pytest.raises(ValueError, match="isn't a whole"):
        read_matlab(tmp_path / "x.mat")
