"""Inner products of many features with many features, some rows at a time: what all distances
here are made of."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor

CHUNK_ENTRIES = {"cpu": 1 << 22, "gpu": 1 << 26}  # numbers at a time: 16 MiB, 256 MiB


def chunks(rows: int, columns: int, device: torch.device) -> list[slice]:
    """Consecutive slices of `rows` rows with at most `CHUNK_ENTRIES` entries, or of one row."""
    step = max(1, CHUNK_ENTRIES["cpu" if device.type == "cpu" else "gpu"] // columns)
    return [slice(start, min(start + step, rows)) for start in range(0, rows, step)]


def products(rows: Tensor, columns: Tensor) -> Tensor:
    """The inner products of `rows` (C×D) with `columns` (G×D): C×G, in their own precision."""
    if rows.is_cuda:
        with no_tf32(), torch.autocast("cuda", enabled=False):
            return rows @ columns.T
    # On a CPU torch's matmul goes to MKL, which takes twice as long as oneDNN on AMD's.
    onednn = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    with torch.autocast(rows.device.type, enabled=False):  # oneDNN tensors can't be cast by it
        if onednn and rows.device.type == "cpu" and rows.dtype == torch.float32:
            return F.linear(rows.to_mkldnn(), columns).to_dense()
        return rows @ columns.T


@contextmanager
def no_tf32() -> Iterator[None]:
    """Products on CUDA keep float32's 24 bits, also where training was told to use TF32's 11."""
    matmul = torch.backends.cuda.matmul
    newer = hasattr(matmul, "fp32_precision")
    name, value = ("fp32_precision", "ieee") if newer else ("allow_tf32", False)
    before = getattr(matmul, name)
    setattr(matmul, name, value)
    try:
        yield
    finally:
        setattr(matmul, name, before)
