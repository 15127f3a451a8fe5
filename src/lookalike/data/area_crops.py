"""Crops of a random share of an image, cut from the image as it is in its file and resized once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from lookalike import parallel
from lookalike.data.erasing import Range, random_boxes
from lookalike.data.image_table import MEMORY_LIMIT, Cache
from lookalike.data.images import CHECK, RESAMPLINGS, Pixels, Resampling, image_size, read_image
from lookalike.data.people import Index
from lookalike.data.samplers import step_seed

ASPECT = (2.0, 3.0)  # height over width
TRIES = 10  # candidates before the whole image is taken


class AreaCrops:
    """What a random part of each image shows: a function of (seed, `parts`) and the images alone.

    Of every image a box is taken whose share of the image is uniform in `area` and whose height
    over width is uniform in [2, 3], at a uniform place, or the whole image if ten such boxes don't
    fit (open-reid's RandomSizedRectCrop, which FD-GAN has). It is resized to height×width.
    cache: "memory", or "auto" below 1 GiB, keeps all images at their own sizes; else each is
    decoded whenever it is asked for. Raises UserError when an image can't be read.
    """

    def __init__(
        self,
        paths: Sequence[str],
        height: int,
        width: int,
        area: Range,
        seed: int,
        resampling: Resampling = "bilinear",
        cache: Cache = "auto",
    ) -> None:
        self.paths, self.height, self.width = list(paths), height, width
        self.area, self.seed, self.resampling = area, seed, RESAMPLINGS[resampling]
        self._images: list[Pixels] | None = None
        with _threads() as pool:
            sizes = list(pool.map(lambda path: image_size(path, CHECK), self.paths))
            self.sizes = torch.tensor(sizes).view(-1, 2)
            fits = int(3 * self.sizes.prod(1).sum()) < MEMORY_LIMIT
            if cache == "memory" or (cache == "auto" and fits):
                self._images = list(pool.map(_pixels, self.paths))

    def __call__(self, index: Index, *parts: int | str) -> Tensor:
        """Crops of this process's rows of the global batch `index`: B×3×H×W uint8, channels_last.

        parts: what tells this draw from others: the name of the batch, the step.
        """
        sizes = self.sizes[torch.from_numpy(index)]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(step_seed(self.seed, *parts))
            height, width = sizes.T
            boxes, fits = random_boxes(
                len(index), (height, width), (height, width), self.area, ASPECT, TRIES
            )
        whole = torch.cat((torch.zeros_like(sizes), sizes), 1)
        rows = parallel.my_rows(len(index))
        boxes = torch.where(fits[:, None], boxes, whole)[rows]
        # Threads help, as pillow frees Python's lock; made anew, for a forked worker has none.
        with _threads() as pool:
            crops = list(pool.map(self._cut, index[rows].tolist(), boxes.tolist()))
        return torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2)

    def _cut(self, image: int, box: tuple[int, int, int, int]) -> Pixels:
        top, left, height, width = box
        pixels = _pixels(self.paths[image]) if self._images is None else self._images[image]
        part = Image.fromarray(pixels[top : top + height, left : left + width])
        return np.asarray(part.resize((self.width, self.height), self.resampling))


def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(min(os.cpu_count() or 1, 16))


def _pixels(path: str) -> Pixels:
    return np.asarray(read_image(path, CHECK))
