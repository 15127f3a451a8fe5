"""Features: embedded from images, written to a file, and read from files, whoever wrote them."""

from __future__ import annotations

import sys
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from lookalike.data import People
from lookalike.data.images import Pixels, decoded
from lookalike.errors import UserError
from lookalike.files import replacing
from lookalike.methods.model import Model

Arrays = dict[str, NDArray[Any]]
Ids = NDArray[np.int64]
COLUMNS = ("features", "pids", "camids")  # of a side, as `lookalike embed --data` writes them
PATHS = "paths"
SHOWN = 8  # names of arrays in a message


@dataclass(frozen=True, eq=False)
class Features:
    """Features of queries (Q×D) and a gallery (G×D), with who is on them and which camera saw them.

    query, gallery: float32 or float64. pids and camids: Q and G whole numbers; −1 is junk, 0 a
    distractor. twins: for each of the gallery the query that is the same file, or −1; None where
    the files of one side or the other aren't known.
    """

    query: NDArray[Any]
    gallery: NDArray[Any]
    query_pids: Ids
    gallery_pids: Ids
    query_camids: Ids
    gallery_camids: Ids
    twins: Ids | None = None

    @property
    def ids(self) -> tuple[Ids, Ids, Ids, Ids]:
        """Pids and camids in the order of `lookalike.metrics.rank`."""
        return self.query_pids, self.gallery_pids, self.query_camids, self.gallery_camids


def extract(
    model: Model, paths: Sequence[str], batch: int = 64, broken: list[int] | None = None
) -> Tensor:
    """The features of all image files, in order: N×D float32 on the CPU.

    broken: collects the rows of files that can't be read, which the features then leave out.
    Raises UserError when a file can't be read and there is no `broken`, or nothing is left.
    """
    device = next(model.parameters()).device
    hidden = not sys.stderr.isatty() or len(paths) < 1000
    parts: list[Tensor] = []
    with tqdm(total=len(paths), desc="embed", unit="img", disable=hidden) as bar:
        for images in batches(decoded(paths, model.size, batch, broken), batch):
            x = torch.from_numpy(np.stack(images)).to(device).permute(0, 3, 1, 2)
            parts.append(model.embed(x.float() / 255).float().cpu())
            bar.update(len(images))
    if not parts:
        raise UserError(f"None of the {len(paths)} images can be read.")
    return torch.cat(parts)


def batches(images: Iterator[Pixels], size: int) -> Iterator[list[Pixels]]:
    """Lists of `size` images, the last one shorter."""
    while batch := list(islice(images, size)):
        yield batch


def save_features(
    path: Path, features: Tensor, paths: Sequence[str], people: People | None = None
) -> Path:
    """Writes an .npz file, complete or not at all, of arrays with a row an image.

    features: N×D float32. paths: N texts. And of `people` from a benchmark: pids, N int64 (−1 junk,
    0 distractor); camids, N int64 from 0. No array needs pickle to be read.
    """
    arrays: dict[str, Any] = {"features": features.numpy(), "paths": np.array(paths, np.str_)}
    if people is not None:
        arrays |= {"pids": people.pids, "camids": people.camids}
    with replacing(path) as part, part.open("wb") as file:
        np.savez(file, **arrays)
    return path


def read_features(files: Sequence[str | Path]) -> Features:
    """The `Features` in .npz files, none of which needs pickle.

    Two files are the queries and the gallery, each with features (N×D), pids and camids (N), as
    `lookalike embed --data` writes them. One file has both, as query_features, gallery_features,
    query_pids, … Where both sides have paths too (N texts), `Features.twins` follows from them.
    Other arrays are left alone. Raises UserError for another number of files, and
    where one can't be read, lacks an array or has one of the wrong shape or kind.
    """
    if len(files) == 1:
        sides = _sides(files[0], ("query_", "gallery_"))
    elif len(files) == 2:
        sides = [side for file in files for side in _sides(file, ("",))]
    else:
        raise UserError(f"Give one file of features, or two, not {len(files)}.")
    (query, *q, query_paths), (gallery, *g, gallery_paths) = sides
    if query.shape[1] != gallery.shape[1]:
        raise UserError(
            f"Query features have {query.shape[1]} numbers and gallery features "
            f"{gallery.shape[1]}: both must come from one model."
        )
    known = query_paths is not None and gallery_paths is not None
    twins = same_images(query_paths, gallery_paths) if known else None
    return Features(query, gallery, q[0], g[0], q[1], g[1], twins)


def same_images(query: Sequence[str], gallery: Sequence[str]) -> Ids:
    """For each gallery image, the query that is the same file, or −1: G int64."""
    at = {path: row for row, path in enumerate(query)}
    return np.array([at.get(path, -1) for path in gallery], np.int64)


def _sides(file: str | Path, prefixes: Sequence[str]) -> list[list[Any]]:
    """Features, pids, camids and, or None, paths under each of the prefixes."""
    names = [prefix + name for prefix in prefixes for name in COLUMNS]
    arrays = _read(file, names, [prefix + PATHS for prefix in prefixes])
    return [_side(arrays, file, prefix) for prefix in prefixes]


def _read(file: str | Path, names: Sequence[str], texts: Sequence[str]) -> Arrays:
    """The arrays of these names, and those of the `texts` that are arrays of texts."""
    try:
        saved = np.load(file, allow_pickle=False)
        if isinstance(saved, np.ndarray):
            raise UserError(f"{file} is one array without a name: write an .npz file of several.")
        with saved:
            missing = [name for name in names if name not in saved.files]
            if not missing:
                arrays = {name: np.asarray(saved[name]) for name in names}
                return arrays | {name: saved[name] for name in texts if _is_texts(saved, name)}
            present = ", ".join(saved.files[:SHOWN]) + (", …" if len(saved.files) > SHOWN else "")
    except FileNotFoundError:
        raise UserError(f"There is no features file {file}.") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error):
        raise UserError(f"{file} is not an .npz file of plain arrays.") from None
    raise UserError(f"{file} has no array '{missing[0]}'; it has {present or 'none'}.")


def _is_texts(saved: Any, name: str) -> bool:
    try:
        return name in saved.files and saved[name].dtype.kind == "U"
    except ValueError:  # pickled objects, which are left alone
        return False


def _side(arrays: Arrays, file: str | Path, prefix: str) -> list[Any]:
    names = [prefix + name for name in COLUMNS]
    features, *ids = (arrays[name] for name in names)
    if features.ndim != 2 or features.dtype.kind not in "fiu":
        raise UserError(
            f"'{names[0]}' in {file} must be N×D numbers, not {features.dtype} of {features.shape}."
        )
    for name, column in zip(names[1:], ids, strict=True):
        if column.shape != (len(features),) or column.dtype.kind not in "iu":
            raise UserError(
                f"'{name}' in {file} must be {len(features)} whole numbers, one per image, not "
                f"{column.dtype} of {column.shape}."
            )
    # Whatever wrote them: torch takes no foreign byte order and no long doubles.
    single = features.dtype.kind == "f" and features.dtype.itemsize <= 4
    features = features.astype(np.float32 if single else np.float64, copy=False)
    paths = arrays.get(prefix + PATHS)
    paths = paths.tolist() if paths is not None and paths.shape == (len(features),) else None
    return [features, *(column.astype(np.int64) for column in ids), paths]
