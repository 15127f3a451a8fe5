"""What users hand to a metric, checked once and turned into tensors."""

import warnings
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lookalike.errors import UserError

Array: TypeAlias = Tensor | NDArray[Any]


def device_of(x: Array, device: torch.device | str | None) -> torch.device:
    """Where to compute: `device` if given, else where `x` is."""
    if device is not None:
        return torch.device(device)
    return x.device if isinstance(x, Tensor) else torch.device("cpu")


def matrix(x: Array, name: str, device: torch.device) -> Tensor:
    """`x` as a 2-D tensor on `device`: float64 if it is float64 or integers, else float32.

    Copied only where its kind or its layout isn't that already. Raises ValueError unless `x` has
    two dimensions of real numbers, `UserError` if it has no rows or columns.
    """
    if not isinstance(x, Tensor):
        x = _tensor(np.asarray(x), name)
    if x.ndim != 2:
        raise ValueError(f"{name} must have 2 dimensions, got shape {tuple(x.shape)}.")
    if x.is_complex():
        raise ValueError(f"{name} must be real numbers, got {x.dtype}.")
    if 0 in x.shape:
        raise UserError(f"{name} of shape {tuple(x.shape)} are empty: there is nothing to rank.")
    double = x.dtype == torch.float64 or not x.is_floating_point()
    # Products of rows that don't lie one after the other would lay them out again every time.
    return x.detach().to(device, torch.float64 if double else torch.float32).contiguous()


def _tensor(a: NDArray[Any], name: str) -> Tensor:
    """The array as a tensor: of its own memory if it can be, which is only read."""
    if a.dtype.kind not in "fiub":
        raise ValueError(f"{name} must be real numbers, got {a.dtype}.")
    if a.dtype.itemsize > 8:
        a = a.astype(np.float64)
    a = np.ascontiguousarray(a, a.dtype.newbyteorder("="))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.from_numpy(a)


def ids(x: Array, name: str, length: int) -> NDArray[np.int64]:
    """`x` as `length` int64 on the CPU; raises ValueError on another shape or kind of number."""
    a = x.detach().cpu().numpy() if isinstance(x, Tensor) else np.asarray(x)
    if a.shape != (length,):
        raise ValueError(f"{name} must have shape ({length},), one per image, got {a.shape}.")
    if a.dtype.kind not in "iu":
        raise ValueError(f"{name} must be whole numbers, got {a.dtype}.")
    if a.dtype == np.uint64 and (a > np.iinfo(np.int64).max).any():
        raise ValueError(f"{name} must be below 2⁶³.")
    return a.astype(np.int64)


def refuse_rows(bad: Tensor, name: str, what: str) -> None:
    """Raises `UserError` that names the rows where the mask `bad` (N) is set, if there are any."""
    rows = bad.nonzero().flatten().tolist()
    if rows:
        listed = ", ".join(map(str, rows[:5])) + (", …" if len(rows) > 5 else "")
        raise UserError(
            f"{name} hold {what} in {len(rows)} of {len(bad)} rows ({listed}): "
            "check the model or the images that they come from."
        )
