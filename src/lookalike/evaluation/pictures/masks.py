"""The people whose pictures are judged, and the masks of their bodies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from lookalike.data import Benchmark, People
from lookalike.data.images import is_image, read_grey
from lookalike.data.posemaps import pose_mask
from lookalike.data.poses.with_poses import with_poses
from lookalike.errors import UserError

Rows = NDArray[np.int64]


def people_asked(bench: Benchmark, poses: bool) -> People:
    """The images of query and gallery, with their poses if these are asked for.

    Raises UserError as `with_poses` does.
    """
    if poses and bench.query.poses is None:
        bench = with_poses(bench)
    q, g = bench.query, bench.gallery
    return q + g if poses else replace(q + g, poses=None)


def with_known_targets(rows: Rows, people: People) -> Rows:
    """The pairs whose target has a known joint. Raises UserError if none has."""
    assert people.poses is not None
    known = rows[people.poses.known[rows[:, 1]] > 0]
    if not len(known):
        raise UserError("No target image of these pairs has a known pose.")
    return known


class Masks:
    """Where the body is in images of `people`, at height×width.

    source: "pose", "truth", "none", or a folder of grey images called as the images, white on the
    body. Raises UserError where there is no such folder, or no truth.
    """

    def __init__(self, people: People, size: tuple[int, int], source: str) -> None:
        self.people, self.size, self.source = people, size, source
        self.folder = {}
        if source == "truth":
            from lookalike.world.writer.annotations import truth_of

            self.truth = truth_of(people.paths)
        elif source not in ("pose", "none"):
            self.folder = images_by_stem(Path(source))

    def of(self, rows: Rows, device: torch.device) -> dict[str, Tensor]:
        """Of pairs (condition, target): "" → the targets' B×1×H×W in [0, 1], "-condition" → the
        conditions'. Nothing with "none". Raises UserError naming an image without a mask."""
        if self.source == "none":
            return {}
        return {"": self._of(rows[:, 1], device), "-condition": self._of(rows[:, 0], device)}

    def _of(self, rows: Rows, device: torch.device) -> Tensor:
        if self.source == "pose":
            poses = self.people.poses
            assert poses is not None
            joints = torch.from_numpy(poses[rows].at(*self.size))
            return pose_mask(joints.to(device), *self.size)
        if self.source == "truth":
            grey = [255 * mask.astype(np.uint8) for mask in self.truth[rows].masks]
            masks = [self._resized(Image.fromarray(mask)) for mask in grey]
        else:
            masks = [self._resized(self._read(self.people.paths[row])) for row in rows]
        return torch.from_numpy(np.stack(masks)[:, None]).to(device).float() / 255

    def _resized(self, mask: Image.Image) -> NDArray[np.uint8]:
        height, width = self.size
        if mask.size != (width, height):
            mask = mask.resize((width, height), Image.Resampling.NEAREST)
        return np.array(mask)

    def _read(self, path: str) -> Image.Image:
        if Path(path).stem not in self.folder:
            raise UserError(f"There is no mask of {path} in {self.source}.")
        return read_mask(self.folder[Path(path).stem])


def images_by_stem(folder: Path) -> dict[str, Path]:
    """The image files of a folder by their names without suffix.

    Raises UserError without any, and where two have one name.
    """
    images: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        if is_image(path.name):
            if path.stem in images:
                raise UserError(f"{images[path.stem]} and {path} have one name: whose mask is it?")
            images[path.stem] = path
    if not images:
        raise UserError(f"There are no images in the folder '{folder}'.")
    return images


def read_mask(path: Path) -> Image.Image:
    """The image as grey from 0 to 255. Raises UserError when it can't be read."""
    grey = read_grey(path, "mask")
    # Many tools write 0 and 1.
    return grey.point(lambda v: 255 * v) if grey.getextrema()[1] == 1 else grey
