"""What users may hand to a metric, and what is refused."""

import warnings

import numpy as np
import pytest
import torch

from lookalike.metrics import rank
from lookalike.metrics.inputs import ids, matrix

CPU = torch.device("cpu")
X = np.arange(12, dtype=np.float32).reshape(4, 3)


@pytest.mark.parametrize(
    "given",
    [
        X,
        X[::-1][::-1],
        np.asfortranarray(X),
        np.hstack([X, X])[:, :3],
        X.astype(">f4"),
        X.astype(np.float16),
        torch.from_numpy(X.copy()).requires_grad_(),
        torch.from_numpy(np.asfortranarray(X)),
    ],
    ids=["plain", "reversed twice", "fortran", "slice", "big endian", "half", "grad", "transposed"],
)
def test_any_layout_becomes_float32(given):
    found = matrix(given, "Features", CPU)
    assert found.dtype == torch.float32
    assert found.is_contiguous()
    assert not found.requires_grad
    np.testing.assert_array_equal(found.numpy(), X)


@pytest.mark.parametrize("kind", [np.float64, np.longdouble, np.int32, np.int64, np.uint8, ">f8"])
def test_wider_kinds_and_whole_numbers_become_float64(kind):
    found = matrix(X.astype(kind), "Features", CPU)
    assert found.dtype == torch.float64
    np.testing.assert_array_equal(found.numpy(), X)


def test_reversed_rows_and_read_only_maps_need_no_copying_by_the_user(tmp_path):
    np.save(tmp_path / "x.npy", X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mapped = matrix(np.load(tmp_path / "x.npy", mmap_mode="r"), "Features", CPU)
        np.testing.assert_array_equal(mapped.numpy(), X)
        np.testing.assert_array_equal(matrix(X[::-1], "Features", CPU).numpy(), X[::-1])


def test_contiguous_float32_is_not_copied():
    assert matrix(X, "Features", CPU).data_ptr() == X.ctypes.data


@pytest.mark.parametrize("given", [X.astype(complex), np.array([["a"]]), torch.ones(2, 2) * 1j])
def test_what_is_no_real_number_is_refused(given):
    with pytest.raises(ValueError, match="Features must be real numbers"):
        matrix(given, "Features", CPU)


def test_ids_beyond_int64_are_refused():
    with pytest.raises(ValueError, match="pids must be below"):
        ids(np.array([1, 2**64 - 1], np.uint64), "pids", 2)
    assert ids(np.array([1, 2**63 - 1], np.uint64), "pids", 2).tolist() == [1, 2**63 - 1]


def test_a_slice_ranks_as_its_copy():
    rng = np.random.default_rng(0)
    q, g = rng.standard_normal((9, 16)), rng.standard_normal((40, 16))
    who = rng.integers(1, 5, 9), rng.integers(1, 5, 40), np.zeros(9, int), np.ones(40, int)
    want = rank(q[:, :8].copy(), g[:, :8].copy(), *who)
    np.testing.assert_array_equal(rank(q[:, :8], g[:, :8], *who).ap, want.ap)
