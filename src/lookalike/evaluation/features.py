"""Features: embedded from images, written to a file; those of queries and a gallery together."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, repeat
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from lookalike.data import People
from lookalike.data.images import decoded
from lookalike.errors import UserError
from lookalike.evaluation.steps import StepsRecord
from lookalike.files import replacing
from lookalike.methods.model import Model

Ids = NDArray[np.int64]
SAME = 1e-3  # of the largest number: features of one image differ by less, in float16 too


@dataclass(frozen=True, eq=False)
class Features:
    """Features of queries (Q×D) and a gallery (G×D), with who is on them and which camera saw them.

    query, gallery: float32 or float64. pids and camids: Q and G whole numbers; −1 is junk, 0 a
    distractor. twins: for each of the gallery the query that is the same file, or −1; None where
    the files of one side or the other aren't known. clothes: of Q and G images, as numbers, if both
    are known. distances: Q×G, where they are known and not the features, which then are Q×0, G×0.
    """

    query: NDArray[Any]
    gallery: NDArray[Any]
    query_pids: Ids
    gallery_pids: Ids
    query_camids: Ids
    gallery_camids: Ids
    twins: Ids | None = None
    clothes: tuple[Ids, Ids] | None = None
    distances: NDArray[Any] | None = None
    steps: tuple[str, ...] = ()

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
    parts: list[Tensor] = []
    for images in image_batches(model, paths, repeat(batch), batch, "embed", broken):
        parts.append(model.embed(images).float().cpu())
    if not parts:
        raise UserError(f"None of the {len(paths)} images can be read.")
    return torch.cat(parts)


def image_batches(
    model: Model,
    paths: Sequence[str],
    sizes: Iterable[int],
    ahead: int,
    title: str,
    broken: list[int] | None = None,
) -> Iterator[Tensor]:
    """The image files at the model's size, in order, on its device: float B×3×H×W in [0, 1].

    sizes: how many images each batch has, if there are so many left. ahead: as in `decoded`. title:
    of the bar that shows how far it is. broken: as in `extract`.
    """
    device = next(model.parameters()).device
    hidden = not sys.stderr.isatty() or len(paths) < 1000
    images_of = decoded(paths, model.size, ahead, broken, model.resampling)
    with tqdm(total=len(paths), desc=title, unit="img", disable=hidden) as bar:
        for size in sizes:
            if not (images := list(islice(images_of, size))):
                return
            x = torch.from_numpy(np.stack(images)).to(device).permute(0, 3, 1, 2)
            yield x.float() / 255
            bar.update(len(images))


def save_features(
    path: Path,
    features: Tensor,
    paths: Sequence[str],
    people: People | None = None,
    names: Mapping[str, Sequence[str]] = MappingProxyType({}),
    steps: StepsRecord | None = None,
) -> Path:
    """Writes an .npz file, complete or not at all, of arrays with a row an image.

    features: N×D float32. paths: N texts. And of `people` from a benchmark or a folder: pids, N
    int64 (−1 junk, 0 distractor); camids, N int64 from 0. names: what persons and cameras are
    called, as "person_names" and "camera_names", N texts each, where the numbers are those of one
    file alone. steps: what was done to the features, as "steps", a text each, with the set that it
    saw in brackets. No array needs pickle to be read.
    """
    arrays: dict[str, Any] = {"features": features.numpy(), "paths": np.array(paths, np.str_)}
    if people is not None:
        arrays |= {"pids": people.pids, "camids": people.camids}
    arrays |= {name: np.array(texts, np.str_) for name, texts in names.items()}
    if steps:
        arrays["steps"] = np.array(steps.texts(), np.str_)
    with replacing(path) as part, part.open("wb") as file:
        np.savez(file, **arrays)
    return path


def same_images(
    query: Sequence[str],
    gallery: Sequence[str],
    query_feats: NDArray[Any] | None = None,
    gallery_feats: NDArray[Any] | None = None,
) -> Ids:
    """For each gallery image, the query that is the same file, or −1: G int64.

    Files are called by their whole paths. With features (Q×D, G×D) paths may be base names, which
    several cameras' images share: then only those with one name and one feature, up to rounding,
    are the same.
    """
    rows: dict[str, list[int]] = {}
    for row, path in enumerate(query):
        rows.setdefault(path, []).append(row)
    twins = np.full(len(gallery), -1)
    for j, path in enumerate(gallery):
        for i in rows.get(path, ()):
            if (
                query_feats is None
                or gallery_feats is None
                or _alike(query_feats[i], gallery_feats[j])
            ):
                twins[j] = i
                break
    return twins


def _alike(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Whether two features are of one image, embedded in batches that were cut differently."""
    return bool(np.abs(one - other).max(initial=0) <= SAME * np.abs(one).max(initial=0))
